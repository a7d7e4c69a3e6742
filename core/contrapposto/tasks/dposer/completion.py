# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete poses with an unconditional prior: by DPoser's regulariser, or by replacement."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.adam import Adam
from contrapposto.diffusion.impute import replacement
from contrapposto.diffusion.prior_loss import Timesteps, residual, snr_weight
from contrapposto.diffusion.sampler import EULER_MARUYAMA_STEPS, euler_maruyama
from contrapposto.diffusion.schedule import uniform_times
from contrapposto.priors.dposer import DPoser

TIMESTEPS = Timesteps(0.15, 0.05)
ROUNDS, STEPS = 2, 100
LR, BETAS = 0.1, (0.9, 0.99)
DATA, PRIOR = 100.0, 0.1
"""Weights of the data and the prior term, divided and multiplied by the round's number."""


def _entries(prior: DPoser, rotations: Array, hidden: np.ndarray) -> tuple[Array, Array]:
    """The clean state (B, D) and which of its entries are known, (D,) bool."""
    xp = namespace(rotations)
    known = np.repeat(~hidden, prior.space.size // len(hidden))
    return prior.space.encode(rotations), like(known, xp.zeros_like(rotations[..., 0, 0, 0])) > 0


def complete(
    prior: DPoser,
    rotations: Array,
    hidden: np.ndarray,
    hypotheses: int,
    seed: int,
    *,
    timesteps: Timesteps = TIMESTEPS,
    shared_init: bool = True,
    denoising_steps: int = 1,
) -> Array:
    """Completions by DPoser.

    Args:
        prior: in the array library of the poses.
        rotations: (B, 21, 3, 3) body joints, read where not hidden.
        hidden: (21,) bool.
        hypotheses: N a pose.
        seed: of all draws.
        timesteps: noise levels of the regulariser.
        shared_init: whether all hypotheses of a pose begin from the same draw, as
            in the released code.
        denoising_steps: DDIM steps inside the regulariser; the paper's is 1.

    Returns:
        (N, B, 21, 3, 3), known joints as given.
    """
    xp = namespace(rotations)
    rng = np.random.default_rng(seed)
    y, known = _entries(prior, rotations, hidden)
    shape = (hypotheses, *y.shape)
    start = rng.standard_normal((1 if shared_init else hypotheses, *y.shape), dtype=np.float32)
    x = xp.where(known, y, xp.broadcast_to(like(start, y), shape))
    adam, denoiser, total = Adam(LR, BETAS), prior.denoiser(), ROUNDS * STEPS
    for step in range(total):
        round_number = step // STEPS
        t = timesteps.at(step, total, rng)
        pull = residual(denoiser, prior.schedule, x, t, rng, denoising_steps)
        weight = PRIOR * (1 + round_number) * snr_weight(prior.schedule, t)
        data = DATA / (1 + round_number) * xp.where(known, x - y, xp.zeros_like(x))
        x = adam.step(x, 2 * (data + weight * pull) / y.shape[-1])
    return _pasted(prior, x, rotations, hidden)


def complete_by_replacement(
    prior: DPoser, rotations: Array, hidden: np.ndarray, hypotheses: int, seed: int
) -> Array:
    """Completions by ScoreSDE's replacement on the same network; arguments as ``complete``."""
    xp = namespace(rotations)
    rng = np.random.default_rng(seed)
    y, known = _entries(prior, rotations, hidden)
    shape = (hypotheses, *y.shape)
    x = euler_maruyama(
        prior.denoiser(),
        like(rng.standard_normal(shape, dtype=np.float32), y),
        prior.schedule,
        uniform_times(EULER_MARUYAMA_STEPS),
        rng=rng,
        constrain=replacement(xp.broadcast_to(y, shape), known, prior.schedule, rng),
    )
    return _pasted(prior, x, rotations, hidden)


def _pasted(prior: DPoser, x: Array, rotations: Array, hidden: np.ndarray) -> Array:
    """The decoded states with the known joints as they were given."""
    xp = namespace(rotations)
    free = like(hidden, xp.zeros_like(rotations[..., 0, 0, 0]))[:, None, None] > 0
    return xp.where(free, prior.space.decode(x), rotations)
