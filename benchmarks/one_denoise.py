# SPDX-License-Identifier: GPL-3.0-or-later
"""Time one case of Denoise Mocap: ``python -m benchmarks.one_denoise BACKEND FRAMES REPEATS``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time

import numpy as np

from benchmarks.backends import on_backend
from contrapposto.motion import Motion, Pose
from contrapposto.priors import motion as motion_prior
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.denoise import denoise


def main(backend: str, frames: int, repeats: int) -> None:
    """A body that sways and wanders, with noise on every joint."""
    prior = on_backend(motion_prior.load(), backend)
    rng = np.random.default_rng(0)
    time_s = np.arange(frames)[:, None, None] / 30
    swing = 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 1.5, (NUM_JOINTS, 3)) * time_s)
    rotations = from_rotvec(swing + 0.05 * rng.standard_normal(swing.shape))
    place = np.stack([time_s[:, 0, 0], 0.9 + 0 * time_s[:, 0, 0], 0 * time_s[:, 0, 0]], axis=-1)
    clip = Motion(Pose(rotations, place), 30.0)

    def run() -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        denoise(clip, prior=prior)
        return time.perf_counter() - began[0], time.process_time() - began[1]

    first, _ = run()
    walls, cpus = zip(*(run() for _ in range(repeats)), strict=True)
    found = {
        "seconds": statistics.median(walls),
        "cpu_seconds": statistics.median(cpus),
        "first_seconds": first,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }
    print("RESULT " + json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
