# SPDX-License-Identifier: GPL-3.0-or-later
"""Time one case of fitting a body: ``python -m benchmarks.one_fit BACKEND VIEWS FRAMES REPEATS``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time

import numpy as np

from benchmarks.backends import on_backend
from contrapposto.evaluation.fit_cases import scene
from contrapposto.priors import lifting, motion, pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.fit import fit


def main(backend: str, views: int, frames: int, repeats: int) -> None:
    """A body that sways on the spot, seen by virtual cameras with a detector's noise."""
    rng = np.random.default_rng(0)
    time_s = np.arange(frames)[:, None, None] / 30
    rotations = from_rotvec(0.3 * np.sin(2 * np.pi * rng.uniform(0.2, 1.0, (NUM_JOINTS, 3)) * time_s))
    seen = scene(rotations, np.tile([0.0, 0.9, 0.0], (frames, 1)), rng).views(views)
    priors = {
        "motion_prior": on_backend(motion.load(), backend),
        "pose_prior": on_backend(pose.load(), backend),
        "lifting": on_backend(lifting.of_images(), backend),
    }

    def run() -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        fit(seen.footage, seen.fps, **priors)
        return time.perf_counter() - began[0], time.process_time() - began[1]

    first = run()
    walls, cpus = zip(*([run() for _ in range(repeats)] or [first]), strict=True)
    found = {
        "seconds": statistics.median(walls),
        "cpu_seconds": statistics.median(cpus),
        "first_seconds": first[0],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }
    print("RESULT " + json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
