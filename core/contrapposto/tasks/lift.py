# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift: joints in space from one camera's keypoints, frame by frame or over a clip, with honest doubt.

A lifter answers first, DiffPose refines its answer if it is given; half of its draws look at the
mirror image, for a network errs otherwise there. Clips of any length go through the lifter over
time in windows that overlap and fade into each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.keypoints.sight import Seen, Sight, mirrored
from contrapposto.priors.diffpose import POSES, STEPS, DiffPose
from contrapposto.priors.lifter import Estimate, Lifter
from contrapposto.priors.sequence_lifter import SequenceLifter
from contrapposto.tasks.motion_windows import fading, window_starts

OVERLAP = 27
"""Frames that neighbouring windows share at least."""

CHUNK = 256
"""Frames that are refined at a time; their states stay in memory for all draws."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """Where joints are, as told by one camera.

    Attributes:
        positions: (B, 23, 3) ``LIFTED`` about the pelvis in the camera's axes, metres.
        covariance: (B, 23, 3, 3) of each joint's position as the lifter doubts it, square metres; few
            refined draws say less about how sure an answer is than that.
        hypotheses: (N, B, 23, 3) draws whose mean the positions are; of a lifter alone, itself.
    """

    positions: np.ndarray
    covariance: np.ndarray
    hypotheses: np.ndarray

    @property
    def deviation(self) -> np.ndarray:
        """(B, 23) metres, root mean square of a joint's deviations along any axis."""
        return np.sqrt(np.trace(self.covariance, axis1=-2, axis2=-1) / 3)


def lift(
    seen: Seen,
    lifter: Lifter | SequenceLifter,
    refine: DiffPose | None = None,
    *,
    seed: int = 0,
    poses: int = POSES,
    steps: int = STEPS,
    balanced: bool = True,
    fitted: bool = False,
    both_ways: bool = True,
    callback: Callback | None = None,
) -> Lifted:
    """Where the joints are that a camera saw.

    Args:
        seen: B frames; to a lifter over time they are one clip at 30 frames a second.
        lifter: on any array library.
        refine: DiffPose that was trained with this lifter, of the same library.
        seed: of its draws.
        poses, steps: its draws, and its sampler's steps.
        balanced, fitted: how its start is drawn, see ``DiffPose.sample``.
        both_ways: whether half of the draws look at the mirror image.
        callback: called with (step, steps) before each chunk of frames; may raise to stop.
    """
    sight = Sight.of(seen)
    frame = lifter.frame if isinstance(lifter, SequenceLifter) else lifter
    moved = sight.on(frame.mean)
    estimate = _estimated(lifter, moved)
    deviation = to_numpy(estimate.deviation).astype(np.float64)
    turn = sight.rotation[:, None]
    covariance = (turn * deviation[..., None, :] ** 2) @ np.swapaxes(turn, -1, -2)
    if refine is None:
        positions = sight.to_camera(to_numpy(estimate.positions).astype(np.float64))
        return Lifted(positions, covariance, positions[None])
    asked = {"steps": steps, "balanced": balanced, "fitted": fitted}
    turned_poses = poses // 2 if both_ways else 0
    found = _drawn(refine, moved, estimate, seed, poses - turned_poses, asked, callback)
    if turned_poses:
        turned = moved.mirrored()
        rest = _drawn(refine, turned, _estimated(lifter, turned), seed, turned_poses, asked, callback)
        found = np.concatenate([found, mirrored(rest)])
    hypotheses = sight.to_camera(found.astype(np.float64))
    return Lifted(hypotheses.mean(axis=0), covariance, hypotheses)


def _estimated(lifter: Lifter | SequenceLifter, sight: Sight) -> Estimate:
    return over_time(lifter, sight) if isinstance(lifter, SequenceLifter) else lifter.estimate(sight)


def _drawn(
    refine: DiffPose,
    sight: Sight,
    estimate: Estimate,
    seed: int,
    poses: int,
    asked: Mapping[str, Any],
    callback: Callback | None,
) -> np.ndarray:
    """(poses, B, 23, 3) draws in the sight's axes, with the same noise for all frames."""
    firsts = range(0, max(1, int(sight.size.shape[0])), CHUNK)
    some = []
    for number, first in enumerate(firsts):
        if callback is not None:
            callback(number, len(firsts))
        part = slice(first, first + CHUNK)
        rng = np.random.default_rng(seed)
        some.append(to_numpy(refine.sample(sight[part], estimate[part], rng, poses=poses, **asked)))
    return np.concatenate(some, axis=1)


def over_time(lifter: SequenceLifter, sight: Sight) -> Estimate:
    """A lifter's estimate of the T frames of a clip of any length.

    Args:
        lifter: on any array library.
        sight: (T) frames, of its library.
    """
    T = int(sight.size.shape[0])
    frames = min(T, lifter.frames)
    starts = window_starts(T, frames, OVERLAP)
    fade = fading(frames, OVERLAP)
    weight = np.zeros(T)
    total: list[np.ndarray] = []
    for start in starts:
        rows = slice(int(start), int(start) + frames)
        window = lifter.estimate(sight[None, rows])
        values = [to_numpy(value)[0].astype(np.float64) for value in vars(window).values()]
        total = total or [np.zeros((T, *value.shape[1:])) for value in values]
        weight[rows] += fade
        for sum_of, value in zip(total, values, strict=True):
            sum_of[rows] += fade.reshape(-1, *[1] * (value.ndim - 1)) * value
    mean = (value / weight.reshape(-1, *[1] * (value.ndim - 1)) for value in total)
    return Estimate(*(like(value, lifter.frame.mean) for value in mean))
