# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheets of sampled poses, drawn by their own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_without_the_shared_rigs_one_sentence_says_where_they_are_looked_for(tmp_path):
    sheet = tmp_path / "sheet.png"
    done = subprocess.run(
        [sys.executable, str(ROOT / "demo" / "samples.py"), "unreal", "--output", str(sheet)],
        capture_output=True, text=True, check=False, timeout=300,
        env=dict(os.environ, PYTHONPATH=str(ROOT / "core"), CONTRAPPOSTO_SHARED=str(tmp_path)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"samples: There is no character at {tmp_path}")
    assert done.stderr.count("\n") == 1
    assert not sheet.exists()
