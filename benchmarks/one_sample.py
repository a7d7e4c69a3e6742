# SPDX-License-Identifier: GPL-3.0-or-later
"""Time one case of Sample Poses: ``python -m benchmarks.one_sample BACKEND POSES REPEATS``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time

from benchmarks.backends import on_backend
from contrapposto.priors import pose as pose_prior
from contrapposto.tasks.sample import sample_poses


def main(backend: str, count: int, repeats: int) -> None:
    """Free samples as the button makes them: spread out, on the floor, each with its naturalness."""
    prior = on_backend(pose_prior.load(), backend)

    def run(seed: int) -> tuple[float, float]:
        began, cpu_began = time.perf_counter(), time.process_time()
        sample_poses(count=count, seed=seed, prior=prior)
        return time.perf_counter() - began, time.process_time() - cpu_began

    first = run(0)
    runs = [run(1 + i) for i in range(repeats)] or [first]
    seconds, cpu_seconds = (statistics.median(times) for times in zip(*runs, strict=True))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    result = {"seconds": seconds, "cpu_seconds": cpu_seconds, "first_seconds": first[0], "peak_mb": peak_mb}
    print("RESULT " + json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
