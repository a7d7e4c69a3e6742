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
from contrapposto.priors import gfpose
from contrapposto.tasks.sample import sample_poses

HYPOTHESES = {"gfpose_one_answer": 0, "gfpose_10": 10, "gfpose_200": 200}


def method_and_weights(name: str, backend: str) -> tuple[Method, Path]:
    """A way to lift, and the file that its weights are in."""
    prior = on_backend(gfpose.load(), backend)
    count = HYPOTHESES[name]
    lift = lift_gfpose.hypotheses(prior, count) if count else lift_gfpose.one_answer(prior)
    return lift, gfpose.WEIGHTS


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
        "size_mb": weights.stat().st_size / 1e6,
    }
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
