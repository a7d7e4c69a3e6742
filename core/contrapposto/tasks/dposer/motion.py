# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise clips of joint positions, frame by frame poses held together by a temporal term.

Whole bodies with noise on every joint, or clean bodies of which one part is unseen.
Both terms are mean distances between joints, un-squared (the released code's form, on the
paper's joints).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.adam import Adam
from contrapposto.diffusion.prior_loss import Timesteps, residual, snr_weight
from contrapposto.priors.dposer import DPoser
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.dposer.joints import Variable, distance_gradient

LR = 0.03
ROUNDS = 3
START_SPREAD = 0.01


@dataclass(frozen=True)
class Recipe:
    """How strongly each term counts; ``it`` is the round, from 0.

    Attributes:
        timesteps: noise levels of the regulariser.
        steps: optimiser steps a round.
        data: weight of the distance to the observations.
        data_fades: whether it is divided by ``1 + it**2``.
        temporal: weight of the distance between consecutive frames, times ``1 + it``.
        temporal_from: the first round that has it.
        prior: weight of the regulariser, times ``1 + it``; 0 for none.
        snr: whether the regulariser counts ``sqrt(1 + a/s) / 2`` or only 1/2.
    """

    timesteps: Timesteps
    steps: int
    data: float = 100.0
    data_fades: bool = True
    temporal: float = 10.0
    temporal_from: int = 0
    prior: float = 0.1
    snr: bool = False


NOISY = {
    20: Recipe(Timesteps(0.20, 0.05), 40),
    40: Recipe(Timesteps(0.20, 0.05), 60),
    100: Recipe(Timesteps(0.20, 0.10), 80),
}
"""By the noise's standard deviation in mm."""

PARTIAL = {
    "legs": Recipe(Timesteps(0.20, 0.01), 80, 100.0, False, 20.0, 2, 0.4, True),
    "left_arm": Recipe(Timesteps(0.30, 0.01), 80, 100.0, False, 20.0, 2, 0.2, True),
}
"""By the part that is unseen."""


def denoise(
    prior: DPoser,
    observed: Array,
    recipe: Recipe,
    seed: int,
    *,
    seen: np.ndarray | None = None,
) -> Array:
    """Poses that explain observed joint positions.

    Args:
        prior: in the array library of the observations.
        observed: (B, T, 22, 3) metres, relative to the pelvis.
        recipe: see ``Recipe``.
        seed: of all draws.
        seen: (22,) bool, joints that were observed; all if None.

    Returns:
        (B, T, 22, 3, 3), the root upright.
    """
    xp = namespace(observed)
    rng = np.random.default_rng(seed)
    variable, adam, denoiser = Variable.of(prior), Adam(LR), prior.denoiser()
    counts = like(np.ones(NUM_JOINTS) if seen is None else seen, observed)
    everywhere = xp.ones_like(counts)
    raw = variable.near(variable.mean, tuple(observed.shape[:2]), rng, START_SPREAD)
    total = ROUNDS * recipe.steps
    for step in range(total):
        it = step // recipe.steps
        world, positions = forward_kinematics(variable.rotations(raw))
        data = recipe.data / (1 + it**2 if recipe.data_fades else 1)
        by_positions = data * distance_gradient(positions, observed, counts)
        if it >= recipe.temporal_from:
            between = distance_gradient(positions[:, 1:], positions[:, :-1], everywhere)
            still = xp.zeros_like(between[:, :1])
            pull = xp.concat([still, between], axis=1) - xp.concat([between, still], axis=1)
            by_positions = by_positions + recipe.temporal * (1 + it) * pull
        gradient = variable.gradient(raw, world, positions, by_positions)
        if recipe.prior > 0:
            t = recipe.timesteps.at(step, total, rng)
            away = residual(denoiser, prior.schedule, variable.normalised(raw), t, rng)
            weight = snr_weight(prior.schedule, t) if recipe.snr else 0.5
            gradient = gradient + recipe.prior * (1 + it) * weight * 2 * away / variable.scale
        raw = adam.step(raw, gradient)
    return variable.rotations(raw)


def smooth(positions: Array, window: int, sigma: float, kept: int) -> Array:
    """Gaussian smoothing over time (B, T, ...) that leaves ``kept`` frames at each end alone."""
    xp = namespace(positions)
    reach = window // 2
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    frames = positions.shape[1]
    total = xp.zeros_like(positions)
    for offset, value in zip(offsets, kernel, strict=True):
        index = np.clip(np.arange(frames) + offset, 0, frames - 1)
        total = total + float(value) * positions[:, index.tolist()]
    return xp.concat(
        [positions[:, :kept], total[:, kept : frames - kept], positions[:, frames - kept :]], axis=1
    )
