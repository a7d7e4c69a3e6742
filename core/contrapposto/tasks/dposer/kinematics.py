# SPDX-License-Identifier: GPL-3.0-or-later
"""Inverse kinematics with DPoser as a regulariser: Adam from the rest pose to joint positions."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.adam import Adam
from contrapposto.diffusion.prior_loss import Timesteps, residual
from contrapposto.priors.dposer import DPoser
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.dposer.joints import Variable

LR = 0.05
ROUNDS, STEPS = 10, 30
START_SPREAD = 0.01
PARTIAL = Timesteps(0.20, 0.05)
NOISY = Timesteps(0.15, 0.05)


def inverse_kinematics(
    prior: DPoser, positions: Array, seen: np.ndarray, hypotheses: int, seed: int, *, noisy: bool = False
) -> Array:
    """Poses whose seen joints are where they were seen.

    Args:
        prior: in the array library of the positions.
        positions: (B, 22, 3) metres, relative to the pelvis, the root upright.
        seen: (22,) bool.
        hypotheses: N a pose, from as many starts.
        seed: of all draws.
        noisy: constant weights for noisy positions of the whole body, instead of a
            data term that grows while the prior fades.

    Returns:
        (N, B, 22, 3, 3), the root upright.
    """
    xp = namespace(positions)
    rng = np.random.default_rng(seed)
    variable, adam, denoiser = Variable.of(prior), Adam(LR), prior.denoiser()
    counts = like(seen, positions)[:, None]
    raw = variable.near(variable.of_rest(), (hypotheses, positions.shape[0]), rng, START_SPREAD)
    timesteps, total = NOISY if noisy else PARTIAL, ROUNDS * STEPS
    for step in range(total):
        it = step // STEPS
        world, found = forward_kinematics(variable.rotations(raw))
        data = 10.0 if noisy else 100.0 * (1 + it)
        by_positions = 2 * data * counts * (found - positions) / (3 * xp.sum(counts))
        t = timesteps.at(step, total, rng)
        away = residual(denoiser, prior.schedule, variable.normalised(raw), t, rng)
        weight = 0.5 * (0.1 if noisy else 0.1 / (1 + it)) / variable.scale.shape[0]
        gradient = variable.gradient(raw, world, found, by_positions)
        raw = adam.step(raw, gradient + 2 * weight * away / variable.scale)
    return variable.rotations(raw)
