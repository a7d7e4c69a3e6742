# SPDX-License-Identifier: GPL-3.0-or-later
"""Core is tested with torch and without it, as in a bare Blender: there, files that need torch stay out."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for armatures.py and the other helpers here

HAS_TORCH = find_spec("torch") is not None
NEEDS_TORCH = re.compile(r"^(import|from) torch\b", re.MULTILINE)


def needs_torch(path: Path) -> bool:
    """Whether a test file imports torch at its top."""
    return path.name.startswith("test_") and bool(NEEDS_TORCH.search(path.read_text(encoding="utf-8")))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out, where torch is not installed, the files that import it."""
    if not HAS_TORCH and collection_path.suffix == ".py" and needs_torch(collection_path):
        return True
    return None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which files were left out."""
    if HAS_TORCH:
        return "torch: installed"
    left_out = sorted(path.name for path in Path(__file__).parent.glob("test_*.py") if needs_torch(path))
    return f"torch: not installed, left out: {', '.join(left_out)}"
