# SPDX-License-Identifier: GPL-3.0-or-later
"""The lane itself: whatever goes wrong in one file of tests is red, named, and reaches no other file."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).resolve().parent / "run.py"
LANE = runpy.run_path(str(RUN))
VERSIONS = ("4.2", "4.5", "5.0", "5.2")
PASSES = "def test_one():\n    pass\n"
SKIPS = "import pytest\ndef test_two():\n    pytest.skip('not here')\n"


def run(folder, **files):
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, str(RUN), str(folder)], capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stdout.splitlines()[-1]


def test_files_that_pass_are_counted_together(tmp_path):
    status, summary = run(tmp_path, a=PASSES, b=PASSES + SKIPS)
    assert status == 0
    assert summary.startswith("2 passed, 1 skipped in 2 files, ")
    assert ";" not in summary


def test_whatever_goes_wrong_in_a_file_is_red_and_named_and_the_next_file_runs(tmp_path):
    status, summary = run(
        tmp_path,
        crashes="import os, signal\ndef test_two():\n    os.kill(os.getpid(), signal.SIGSEGV)\n",
        does_not_load="import missing\n",
        fails=PASSES + "def test_two():\n    assert False\n",
        is_empty="",
        leaves_early="import os\ndef test_two():\n    os._exit(0)\n",
        passes=PASSES,
    )
    assert status == 1
    counted, *wrong = summary.split("; ")
    assert counted.startswith("1 error, 1 failed, 2 passed in 6 files, ")
    assert wrong == [
        "test_crashes.py crashed (SIGSEGV)",
        "test_does_not_load.py failed",
        "test_fails.py failed",
        "test_is_empty.py ended with 5",
        "test_leaves_early.py ended without a count",
    ]


def test_a_folder_without_tests_is_red(tmp_path):
    status, summary = run(tmp_path)
    assert status == 1
    assert summary.startswith("no tests in 0 files")


def test_every_file_runs_in_some_version_and_those_that_touch_blender_at_both_ends():
    paths = sorted(RUN.parent.glob("test_*.py"))
    names = {path.name for path in paths}
    named = {*LANE["ENOUGH_IN"], *(name for seams in LANE["SEAMS_IN"].values() for name in seams)}
    assert named <= names
    run_in = {version: {path.name for path in LANE["chosen"](paths, version)} for version in VERSIONS}
    assert set.union(*run_in.values()) == names
    assert run_in["4.2"] & run_in["5.2"] >= names - set(LANE["ENOUGH_IN"])
    assert all(run_in.values())
