# SPDX-License-Identifier: GPL-3.0-or-later
"""Time one way to lift frames: ``python -m benchmarks.one_lift BACKEND METHOD FRAMES REPEATS``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.backends import on_backend
from contrapposto.evaluation import lift_gfpose
from contrapposto.evaluation.lift_cases import CASES, Method, look
from contrapposto.evaluation.lifters import lifted_by, refined_by
from contrapposto.priors import diffpose, gfpose, sequence_lifter
from contrapposto.tasks.sample import sample_poses

HYPOTHESES = {"gfpose_one_answer": 0, "gfpose_10": 10, "gfpose_200": 200}


def method_and_weights(name: str, backend: str) -> tuple[Method, list[Path]]:
    """A way to lift, and the files that its weights are in."""
    if name in HYPOTHESES:
        positions = on_backend(gfpose.load(), backend)
        count = HYPOTHESES[name]
        lift = lift_gfpose.hypotheses(positions, count) if count else lift_gfpose.one_answer(positions)
        return lift, [gfpose.WEIGHTS]
    over_time = on_backend(sequence_lifter.read(), backend)
    lifter = over_time if name.endswith("over_time") else over_time.frame
    if name.startswith("lifter"):
        return lifted_by(lifter), [sequence_lifter.WEIGHTS]
    weights = diffpose.WEIGHTS if lifter is not over_time else diffpose.SEQUENCE_WEIGHTS
    refine = on_backend(diffpose.read(weights), backend)
    return refined_by(refine, lifter), [sequence_lifter.WEIGHTS, weights]


def main(backend: str, name: str, frames: int, repeats: int) -> None:
    """Frames of poses that the pose prior draws, seen as COCO-17 by a noisy detector."""
    lift, weights = method_and_weights(name, backend)
    drawn = sample_poses(count=min(frames, 50), seed=0).poses.rotations
    poses = drawn[np.arange(frames) % len(drawn)]
    seen = look(poses, CASES["noisy"], "coco_17", np.random.default_rng(0)).seen

    def run() -> tuple[float, float]:
        began, cpu_began = time.perf_counter(), time.process_time()
        lift(seen)
        return time.perf_counter() - began, time.process_time() - cpu_began

    first = run()
    runs = [run() for _ in range(repeats)] or [first]
    seconds, cpu_seconds = (statistics.median(times) for times in zip(*runs, strict=True))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    result = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_mb": peak_mb,
        "size_mb": sum(file.stat().st_size for file in weights) / 1e6,
    }
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
