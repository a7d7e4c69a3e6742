# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each file of tests in a Blender of its own, and sum up on one last line.

    python tests/blender/run.py           the files beside this one
    python tests/blender/run.py FOLDER    the files of another folder

Blender keeps windows, undo steps and caches of its own from one opened file to the next, and hundreds of
files opened in one process are a state that no animator is ever in: 4.2 has crashed there, in its own
importer. Here nothing of one file of tests reaches the next, and a Blender that crashes takes the rest of
its own file with it and no other. Nothing runs twice: a failure, a crash and a file that ends without a
count are all red.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

_COUNT = re.compile(r"(\d+) (failed|passed|skipped|xfailed|errors?)\b")


def run_file(path: Path) -> tuple[Counter[str], str]:
    """The counts of one file of tests, and what went wrong as a whole: empty if nothing did."""
    command = [sys.executable, "-m", "pytest", "-q", str(path)]
    line = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
    counts = Counter({outcome.removesuffix("s"): int(n) for n, outcome in _COUNT.findall(line)})
    if process.returncode < 0:
        return counts, f"crashed ({signal.Signals(-process.returncode).name})"
    if process.returncode > 0:
        return counts, "failed" if counts else f"ended with {process.returncode}"
    return counts, "" if counts else "ended without a count"


def main(folder: Path) -> int:
    start, total, wrong = time.monotonic(), Counter(), []
    paths = sorted(folder.glob("test_*.py"))
    for path in paths:
        print(path.name, flush=True)
        counts, trouble = run_file(path)
        total += counts
        if trouble:
            wrong.append(f"{path.name} {trouble}")
    counted = ", ".join(f"{n} {outcome}" for outcome, n in sorted(total.items())) or "no tests"
    summary = [f"{counted} in {len(paths)} files, {time.monotonic() - start:.0f} s", *wrong]
    print("; ".join(summary), flush=True)
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent))
