# SPDX-License-Identifier: GPL-3.0-or-later
"""Time one case of Complete Pose: ``python -m benchmarks.one_completion BACKEND HYPOTHESES REPEATS``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time

import numpy as np

from benchmarks.backends import on_backend
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors import pose as pose_prior
from contrapposto.tasks.complete import complete_pose


def main(backend: str, hypotheses: int, repeats: int) -> None:
    """A crouch with one hand placed and the feet kept on the floor, the dearest common case."""
    prior = on_backend(pose_prior.load(), backend)
    pose = Pose(np.tile(np.eye(3), (22, 1, 1)), np.array([0.0, 0.6, 0.0]))
    hand = Target("left_wrist", np.array([0.3, 0.7, 0.5]))
    known = Known.of("pelvis", "head", targets=(hand,), height_known=True)

    def run(seed: int) -> float:
        began = time.perf_counter()
        complete_pose(pose, known, hypotheses=hypotheses, seed=seed, keep_feet_on_floor=True, prior=prior)
        return time.perf_counter() - began

    first = run(0)
    run(1)
    seconds = statistics.median(run(2 + i) for i in range(repeats))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print("RESULT " + json.dumps({"seconds": seconds, "first_seconds": first, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
