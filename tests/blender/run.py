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

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_COUNT = re.compile(r"(\d+) (failed|passed|skipped|xfailed|errors?)\b")


def run_file(path: Path) -> tuple[str, Counter[str], str]:
    """Output and counts of one file of tests, and what went wrong as a whole: empty if nothing did."""
    command = [sys.executable, "-m", "pytest", "-q", str(path)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    last = done.stdout.rstrip().rpartition("\n")[2]
    counts = Counter({outcome.removesuffix("s"): int(n) for n, outcome in _COUNT.findall(last)})
    if done.returncode < 0:
        trouble = f"crashed ({signal.Signals(-done.returncode).name})"
    elif done.returncode > 0:
        trouble = "failed" if counts else f"ended with {done.returncode}"
    else:
        trouble = "" if counts else "ended without a count"
    return done.stdout, counts, trouble


def main(folder: Path) -> int:
    """Run every file, one a processor at a time, and print what each said; the exit code."""
    start, total, wrong = time.monotonic(), Counter(), []
    paths = sorted(folder.glob("test_*.py"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (output, counts, trouble) in zip(paths, pool.map(run_file, paths), strict=True):
            print(path.name, output, sep="\n", end="", flush=True)
            total += counts
            if trouble:
                wrong.append(f"{path.name} {trouble}")
    counted = ", ".join(f"{n} {outcome}" for outcome, n in sorted(total.items())) or "no tests"
    summary = [f"{counted} in {len(paths)} files, {time.monotonic() - start:.0f} s", *wrong]
    print("; ".join(summary), flush=True)
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent))
