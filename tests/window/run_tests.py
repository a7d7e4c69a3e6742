# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a file of tests/blender in this Blender itself, which has more than the one that pip installs.

    blender -b -P tests/window/run_tests.py -- FOLDER FILE

verdict.txt in the folder says what came of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER, FILE = sys.argv[sys.argv.index("--") + 1 :]
sys.path += [str(wheel) for wheel in (ROOT / "wheels").glob("array_api_compat-*.whl")]  # core needs it


class Verdict:
    """How many tests passed, failed and were skipped, and at the end what that means."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("passed", "failed", "skipped"), 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what ends, and what does not begin."""
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Tell it; the lane's own conftest ends the process right after."""
        has_passed = exitstatus == 0 and self.counts["passed"] and not self.counts["skipped"]
        told = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items() if count)
        Path(FOLDER, "verdict.txt").write_text(
            f"{'passed' if has_passed else 'failed'}: Blender {bpy.app.version_string}, "
            f"{Path(FILE).name}: {told or 'no test ran'}\n",
            encoding="utf-8",
        )


sys.exit(pytest.main(["-q", FILE], plugins=[Verdict()]))
