# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed and size of Complete Pose, of Denoise Mocap, of Sample Poses, of lifting, and of fitting.

Each row runs in a process of its own, so that its peak memory is its own: the
whole process, interpreter and libraries included. Times are medians of warm runs.
Budgets are DESIGN's for 2 CPU cores with NumPy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.backends import BACKENDS, absent

ROOT = Path(__file__).resolve().parent.parent
HYPOTHESES = (1, 8, 64, 256, 1000)
FRAMES = (100, 1000, 10000)
SAMPLES = (1, 100, 10000)
LIFTS = (
    "lifter",
    "lifter_over_time",
    "diffpose",
    "diffpose_over_time",
    "gfpose_one_answer",
    "gfpose_10",
    "gfpose_200",
)
LIFTED_FRAMES = 81
FITS = {
    "an image": (1, 1),
    "100 frames, one view": (1, 100),
    "100 frames, two views": (2, 100),
    "100 frames, four views": (4, 100),
    "1000 frames, one view": (1, 1000),
    "1000 frames, four views": (4, 1000),
}
"""Views and frames."""

MANY = 1000
"""Poses from which on the first call is long enough to be timed itself."""

BLENDER = ROOT / ".venv" / "bpy-4.5" / "bin" / "python"

BUDGET_S = {("numpy", 8): 0.15}
BUDGET_DENOISE_S = {("numpy", 1000): 3.0}
BUDGET_ENABLE_S = 0.05
BUDGET_ZIP_MB = 25.0


def measure(repeats: int) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a row of the table; a row that cannot be measured says why."""
    for backend in BACKENDS:
        if reason := absent(backend):
            yield _unmeasured("complete_pose", "all", f"contrapposto-{backend}", reason)
            continue
        for hypotheses in HYPOTHESES:
            arguments = ["-m", "benchmarks.one_completion", backend, str(hypotheses), str(repeats)]
            found = _run([sys.executable, *arguments])
            yield {
                "task": "complete_pose",
                "case": "1 hypothesis" if hypotheses == 1 else f"{hypotheses} hypotheses",
                "method": f"contrapposto-{backend}",
                "seconds": found["seconds"],
                "ms_per_hypothesis": 1000 * found["seconds"] / hypotheses,
                "peak_mb": found["peak_mb"],
                "size_mb": "",
                "budget": _budget(BUDGET_S.get((backend, hypotheses))),
                "note": f"first call {found['first_seconds']:.2f} s",
            }
    archives = sorted((ROOT / "dist").glob("contrapposto-*.zip"), key=lambda file: file.stat().st_mtime)
    if not archives:
        yield _unmeasured("extension", "zip", "contrapposto", "no dist/contrapposto-*.zip; run make zip")
        return
    yield {
        "task": "extension",
        "case": "zip",
        "method": "contrapposto",
        "seconds": "",
        "ms_per_hypothesis": "",
        "peak_mb": "",
        "size_mb": archives[-1].stat().st_size / 1e6,
        "budget": f"{BUDGET_ZIP_MB:.0f} MB",
        "note": archives[-1].name,
    }
    if not BLENDER.is_file():
        yield _unmeasured(
            "extension", "enable", "contrapposto", "no Blender in .venv/bpy-4.5; run make test-blender-4.5"
        )
        return
    script = ROOT / "benchmarks" / "enable_extension.py"
    found = _run([str(BLENDER), str(script), str(archives[-1]), str(repeats)])
    yield {
        "task": "extension",
        "case": "enable",
        "method": "contrapposto",
        "seconds": found["seconds"],
        "ms_per_hypothesis": "",
        "peak_mb": "",
        "size_mb": "",
        "budget": _budget(BUDGET_ENABLE_S),
        "note": f"each start of {found['blender']}; {found['first_seconds']:.2f} s once, to unpack",
    }


def measure_denoise(repeats: int) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a length of clip and array library, for Denoise Mocap."""
    for backend in BACKENDS:
        if reason := absent(backend):
            yield {"task": "denoise", "case": "all", "method": f"contrapposto-{backend}", "note": reason}
            continue
        for frames in FRAMES:
            arguments = ["-m", "benchmarks.one_denoise", backend, str(frames), str(repeats)]
            found = _run([sys.executable, *arguments])
            yield {
                "task": "denoise",
                "case": f"{frames} frames",
                "method": f"contrapposto-{backend}",
                "seconds": found["seconds"],
                "cpu_seconds": found["cpu_seconds"],
                "cpu_ms_per_frame": 1000 * found["cpu_seconds"] / frames,
                "peak_mb": found["peak_mb"],
                "budget": _budget(BUDGET_DENOISE_S.get((backend, frames))),
                "note": f"first call {found['first_seconds']:.2f} s",
            }


def measure_sample(repeats: int) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a number of poses and array library, for Sample Poses."""
    for backend in BACKENDS:
        if reason := absent(backend):
            yield {"task": "sample", "case": "all", "method": f"contrapposto-{backend}", "note": reason}
            continue
        for count in SAMPLES:
            runs = 0 if count >= MANY else repeats
            found = _run([sys.executable, "-m", "benchmarks.one_sample", backend, str(count), str(runs)])
            yield {
                "task": "sample",
                "case": "1 pose" if count == 1 else f"{count} poses",
                "method": f"contrapposto-{backend}",
                "seconds": found["seconds"],
                "cpu_seconds": found["cpu_seconds"],
                "poses_per_second": count / found["seconds"],
                "poses_per_cpu_second": count / found["cpu_seconds"],
                "peak_mb": found["peak_mb"],
                "note": f"first call {found['first_seconds']:.2f} s",
            }


def measure_lift(repeats: int) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a way to lift frames out of images and array library."""
    for backend in BACKENDS:
        if reason := absent(backend):
            yield {"task": "lift", "case": "all", "method": f"contrapposto-{backend}", "note": reason}
            continue
        for method in LIFTS:
            arguments = ["-m", "benchmarks.one_lift", backend, method, str(LIFTED_FRAMES), str(repeats)]
            found = _run([sys.executable, *arguments])
            yield {
                "task": "lift",
                "case": method,
                "method": f"contrapposto-{backend}",
                "frames": LIFTED_FRAMES,
                "seconds": found["seconds"],
                "frames_per_cpu_second": LIFTED_FRAMES / found["cpu_seconds"],
                "peak_mb": found["peak_mb"],
                "size_mb": found["size_mb"],
            }


def measure_fit(repeats: int) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case of fitting a body and array library."""
    for backend in BACKENDS:
        if reason := absent(backend):
            yield {"task": "fit", "case": "all", "method": f"contrapposto-{backend}", "note": reason}
            continue
        for case, (views, frames) in FITS.items():
            runs = 0 if frames >= MANY else repeats
            found = _run(
                [sys.executable, "-m", "benchmarks.one_fit", backend, *map(str, (views, frames, runs))]
            )
            yield {
                "task": "fit",
                "case": case,
                "method": f"contrapposto-{backend}",
                "seconds": found["seconds"],
                "cpu_seconds": found["cpu_seconds"],
                "frames_per_cpu_second": frames / found["cpu_seconds"],
                "peak_mb": found["peak_mb"],
                "budget": "1000 MB" if frames >= MANY else "",
                "note": f"first call {found['first_seconds']:.2f} s",
            }


def _budget(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds} s"


def _unmeasured(task: str, case: str, method: str, reason: str) -> dict[str, str | float | int]:
    blank = dict.fromkeys(("seconds", "ms_per_hypothesis", "peak_mb", "size_mb", "budget"), "")
    return {"task": task, "case": case, "method": method, **blank, "note": reason}


def _run(command: list[str]) -> dict[str, float]:
    """The JSON that the program prints last, on a line that starts with RESULT.

    Raises:
        RuntimeError: with its error output, if it fails.
    """
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(lines[-1].removeprefix("RESULT "))
