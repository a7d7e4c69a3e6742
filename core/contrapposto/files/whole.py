# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its final name and move it there when it is complete.

    Raises:
        OSError: if the folder cannot be written to; an existing file is then as it was.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
