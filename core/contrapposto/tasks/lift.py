# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift: joints in space from one camera's keypoints, frame by frame or over a clip, with honest doubt.

A lifter answers first, DiffPose refines its answer if it is given. Clips of any length go
through the lifter over time in windows that overlap and fade into each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.keypoints.sight import Seen, Sight
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
        covariance: (B, 23, 3, 3) of each joint's position, square metres.
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
        callback: called with (step, steps) before each chunk of frames; may raise to stop.
    """
    sight = Sight.of(seen)
    frame = lifter.frame if isinstance(lifter, SequenceLifter) else lifter
    moved = sight.on(frame.mean)
    estimate = over_time(lifter, moved) if isinstance(lifter, SequenceLifter) else lifter.estimate(moved)
    deviation = to_numpy(estimate.deviation).astype(np.float64)
    found = to_numpy(estimate.positions)[None]
    if refine is not None:
        chunks = range(0, len(deviation), CHUNK)
        some = []
        for number, first in enumerate(chunks):
            if callback is not None:
                callback(number, len(chunks))
            part = slice(first, first + CHUNK)
            here = (moved[part], estimate[part], np.random.default_rng(seed))
            some.append(
                to_numpy(refine.sample(*here, poses=poses, steps=steps, balanced=balanced, fitted=fitted))
            )
        found = np.concatenate(some, axis=1) if some else found
    hypotheses = sight.to_camera(found.astype(np.float64))
    turn = sight.rotation[:, None]
    covariance = (turn * deviation[..., None, :] ** 2) @ np.swapaxes(turn, -1, -2)
    return Lifted(hypotheses.mean(axis=0), covariance, hypotheses)


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
