# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(*paths: Path) -> Iterator[list[Path]]:
    """Give temporary names beside ``paths``; they take the final ones together, once all are written.

    Raises:
        OSError: if a folder cannot be written to; existing files are then as they were.
    """
    temporaries = [path.with_name(f".{os.getpid()}.{path.name}") for path in paths]
    try:
        yield temporaries
        for path in paths:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        for temporary, path in zip(temporaries, paths, strict=True):
            temporary.replace(path)
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its final name and move it there when it is complete.

    Raises:
        OSError: as ``whole``.
    """
    with whole(path) as (temporary,):
        temporary.write_bytes(content)
