# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifting with GFPose: several hypotheses, their middle, and one answer without chance."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.evaluation.lift_cases import Method
from contrapposto.keypoints.sight import Seen, Sight
from contrapposto.priors.gfpose import GFPose
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.gfpose import Solver, estimate, estimate_one

ROWS = 4000
"""Poses that are sampled at a time."""


def hypotheses(prior: GFPose, count: int, *, seed: int = 0, solver: Solver | None = None) -> Method:
    """``count`` samples of each pose."""
    reference = next(iter(prior.weights.values()))

    def lift(seen: Seen) -> np.ndarray:
        sight = Sight.of(seen)
        rng = np.random.default_rng(seed)
        many = max(1, ROWS // len(seen.points))
        parts = [min(many, count - first) for first in range(0, count, many)]
        found = [to_numpy(estimate(prior, sight.on(reference), part, rng, solver)) for part in parts]
        return sight.to_camera(np.concatenate(found).astype(np.float64))[..., :NUM_JOINTS, :]

    return lift


def one_answer(prior: GFPose) -> Method:
    """The probability flow from the middle of the noise."""
    reference = next(iter(prior.weights.values()))

    def lift(seen: Seen) -> np.ndarray:
        sight = Sight.of(seen)
        found = to_numpy(estimate_one(prior, sight.on(reference))).astype(np.float64)
        return sight.to_camera(found)[None, :, :NUM_JOINTS]

    return lift
