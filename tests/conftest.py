# SPDX-License-Identifier: GPL-3.0-or-later
"""What every lane shares: where the test data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of motion files, footage and rigs that is too large for the repository."""
    folder = Path(os.environ.get("CONTRAPPOSTO_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"no test data at {folder}; set CONTRAPPOSTO_SHARED to the folder that holds data/")
    return folder
