# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each file of tests in a Blender of its own, and sum up on one last line.

    python tests/blender/run.py           the files beside this one
    python tests/blender/run.py --all     also those that another version of Blender stands for
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
from importlib import metadata
from pathlib import Path

ENOUGH_IN = {
    # The scripts are programs around the same calls as the buttons: what may differ is at the ends.
    "test_batch_script.py": ("4.2", "5.2"),
    "test_denoise_mocap_script.py": ("4.2", "5.2"),
    "test_fit_script.py": ("4.2", "5.2"),
    "test_sample_script.py": ("4.2", "5.2"),
    # Many draws, damages, sizes or hours of what other files ask each Blender once.
    "test_benchmark_ik.py": ("4.5",),
    "test_demo_samples.py": ("4.5",),
    "test_denoise_mocap_damaged.py": ("4.5",),
    "test_endurance.py": ("4.5",),
    "test_real_input.py": ("4.5",),
    "test_real_rigify_denoise.py": ("4.5",),
    "test_rig_sizes.py": ("4.5",),
    # Nothing of Blender's is in what they test.
    "test_device.py": ("4.5",),
    "test_run.py": ("4.5",),
    "test_steps.py": ("4.5",),
    "test_stoppable.py": ("4.5",),
    "test_weights.py": ("4.5",),
}
"""The versions of Blender in which a file of tests says something new; all of them if it is not here."""

SEAMS_IN = {
    "5.0": (
        "test_clip_tracks.py",
        "test_complete_pose.py",
        "test_denoise_mocap.py",
        "test_denoise_mocap_takes.py",
        "test_imported_rigs.py",
        "test_naturalness.py",
        "test_pose_assets.py",
        "test_registration.py",
    ),
}
"""Of a version whose API is that of a tested one, the files that touch where the two could differ."""

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


def chosen(paths: list[Path], blender: str) -> list[Path]:
    """The files that say something new in a version of Blender, such as "4.5"."""
    seams = SEAMS_IN.get(blender, [path.name for path in paths])
    return [path for path in paths if path.name in seams and blender in ENOUGH_IN.get(path.name, (blender,))]


def main(folder: Path, *, everything: bool = True) -> int:
    """Run the files, one a processor at a time, and print what each said; the exit code."""
    start, total, wrong = time.monotonic(), Counter(), []
    paths = sorted(folder.glob("test_*.py"))
    left = 0
    if not everything:
        blender = ".".join(metadata.version("bpy").split(".")[:2])
        left = len(paths) - len(paths := chosen(paths, blender))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (output, counts, trouble) in zip(paths, pool.map(run_file, paths), strict=True):
            print(path.name, output, sep="\n", end="", flush=True)
            total += counts
            if trouble:
                wrong.append(f"{path.name} {trouble}")
    counted = ", ".join(f"{n} {outcome}" for outcome, n in sorted(total.items())) or "no tests"
    elsewhere = f" ({left} files are left to other versions)" if left else ""
    summary = [f"{counted} in {len(paths)} files, {time.monotonic() - start:.0f} s{elsewhere}", *wrong]
    print("; ".join(summary), flush=True)
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    HERE = Path(__file__).resolve().parent
    arguments = sys.argv[1:]
    folders = [Path(argument) for argument in arguments if argument != "--all"]
    sys.exit(main(folders[0] if folders else HERE, everything=bool(folders) or "--all" in arguments))
