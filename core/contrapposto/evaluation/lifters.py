# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting networks and DiffPose as methods of ``evaluation.lifting``.

A method's first answer is what it would give a user: a lifter's own, or the mean of DiffPose's
draws, which follow as further hypotheses.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.evaluation.lift_cases import Method
from contrapposto.keypoints.sight import Seen, Sight
from contrapposto.priors.diffpose import POSES, STEPS, DiffPose
from contrapposto.priors.diffpose_released import ReleasedDiffPose
from contrapposto.priors.lifter import Lifter
from contrapposto.priors.sequence_lifter import SequenceLifter
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.lift import lift


def lifted_by(lifter: Lifter | SequenceLifter) -> Method:
    """The lifter's answer; of one over time, the frames are one clip."""

    def method(seen: Seen) -> np.ndarray:
        return lift(seen, lifter).positions[None, :, :NUM_JOINTS]

    return method


def refined_by(
    prior: DiffPose,
    lifter: Lifter | SequenceLifter,
    *,
    poses: int = POSES,
    steps: int = STEPS,
    balanced: bool = True,
    fitted: bool = False,
    both_ways: bool = True,
    seed: int = 0,
) -> Method:
    """The mean of DiffPose's draws, and the draws, on the lifter's answer."""

    def method(seen: Seen) -> np.ndarray:
        found = lift(
            seen,
            lifter,
            prior,
            seed=seed,
            poses=poses,
            steps=steps,
            balanced=balanced,
            fitted=fitted,
            both_ways=both_ways,
        )
        return np.concatenate([found.positions[None], found.hypotheses])[:, :, :NUM_JOINTS]

    return method


def refined_as_released(prior: ReleasedDiffPose, lifter: Lifter) -> Method:
    """What the released DiffPose makes of the lifter's answer."""

    def method(seen: Seen) -> np.ndarray:
        sight = Sight.of(seen)
        moved = sight.on(lifter.mean)
        found = to_numpy(prior.refine(moved, lifter.estimate(moved))).astype(np.float64)
        return sight.to_camera(found)[None, :, :NUM_JOINTS]

    return method
