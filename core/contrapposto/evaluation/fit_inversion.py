# SPDX-License-Identifier: GPL-3.0-or-later
"""Guided inversion of single images: the pose prior, and a body that is turned towards its keypoints.

The state is that of the pose prior; the heading and the place of the body, which the prior knows nothing
of, go along beside it. What the prior expects is moved towards the images by an implicit step: as far as
the keypoints ask, each rotation the less the smaller its spread among poses and the noise are.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.diffusion.invert_guide import Guide, invert_guide
from contrapposto.diffusion.sampler import Callback
from contrapposto.keypoints.footage import Footage
from contrapposto.motion import Pose
from contrapposto.priors.motion import SPREAD_6D
from contrapposto.priors.pose import Condition, PosePrior
from contrapposto.rotation import split_heading
from contrapposto.tasks.fit_points import fit_points
from contrapposto.tasks.fit_refine import observation
from contrapposto.tasks.fit_start import Start, misfit

RATIOS = tuple(np.geomspace(0.05, 0.6, 6).tolist())
"""Noise-to-signal ratios of the walk up and down."""

ROUNDS = 2
STEPS = 3
"""Of the solver, at each step down."""

LEAST_TURN = 0.02
"""Radians that a joint may turn at least, however little it differs among poses."""


class Turning:
    """A body beside the pose prior's state.

    Args:
        start: the body and where it begins.
        footage: what cameras saw of T frames, each for itself.
        prior: of poses.
    """

    def __init__(self, start: Start, footage: Footage, prior: PosePrior) -> None:
        self.body, self.footage, self.prior = start.body, footage, prior
        self.observe = observation(footage)
        self.pose = start.pose
        self.heading, _ = split_heading(start.pose.rotations[:, 0])
        self.spread = to_numpy(prior.std)[:, 0].astype(np.float64) / SPREAD_6D

    def state(self) -> Array:
        """(T, 132) of the pose as it is."""
        return self.prior.encode(like(self._upright(), self.prior.mean))

    def unconditional(self) -> Condition:
        """Nothing known of any joint."""
        there = like(self._upright(), self.prior.mean)
        return Condition.of(there, like(np.zeros(there.shape[:2]), self.prior.mean) > 0)

    def place(self, state: Array) -> None:
        """Turn the body as the state says."""
        rotations = to_numpy(self.prior.decode(state)).astype(np.float64)
        rotations[:, 0] = self.heading @ rotations[:, 0]
        self.pose = Pose(rotations, self.pose.transl)

    def proximal(self) -> Guide:
        """The implicit step towards the images."""

        def guide(x0hat: Array, ratio: float) -> tuple[Array, Array]:
            self.place(x0hat)
            footage = self.footage
            loss = misfit(footage.cameras, footage.points, footage.confidence, self.body, self.pose)
            looseness = np.maximum(ratio * self.spread, LEAST_TURN)
            home = self.pose.rotations
            self.pose = fit_points(self.body, self.observe, self.pose, home, looseness=looseness, steps=STEPS)
            self.heading, _ = split_heading(self.pose.rotations[:, 0])
            return self.state(), like(loss, x0hat)

        return guide

    def _upright(self) -> np.ndarray:
        rotations = self.pose.rotations.copy()
        _, rotations[:, 0] = split_heading(rotations[:, 0])
        return rotations


def inverted(start: Start, footage: Footage, prior: PosePrior, *, callback: Callback | None = None) -> Start:
    """The poses of T frames, each for itself, that a prior and cameras agree on.

    Args:
        start: where to begin.
        footage: what cameras saw.
        prior: of poses.
        callback: called with (step, steps); may raise to stop.
    """
    turning = Turning(start, footage, prior)
    times = [prior.schedule.time(ratio) for ratio in RATIOS]
    denoiser = prior.denoiser(turning.unconditional())
    invert_guide(
        denoiser,
        turning.state(),
        prior.schedule,
        times,
        turning.proximal(),
        rounds=ROUNDS,
        tolerance=0,
        callback=callback,
    )
    return Start(start.body, turning.pose)
