# SPDX-License-Identifier: GPL-3.0-or-later
"""DPS and MCG on DPoser's network: completion by gradients *through* the network.

Baselines only, and the one place that needs autograd at test time.

Source: Chung et al. 2023, "Diffusion Posterior Sampling"; 2022, "Manifold Constrained
Gradients"; as in DPoser's code, with the norm taken for each sample instead of over
the batch, so that the batch's size does not decide the strength.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch

from contrapposto.arrays import like
from contrapposto.diffusion.impute import replacement
from contrapposto.diffusion.sampler import EULER_MARUYAMA_STEPS, reverse_step
from contrapposto.diffusion.schedule import uniform_times
from contrapposto.priors.dposer import DPoser

STRENGTH = 1.0


def complete(
    prior: DPoser,
    rotations: torch.Tensor,
    hidden: np.ndarray,
    hypotheses: int,
    seed: int,
    *,
    replace: bool = False,
) -> torch.Tensor:
    """Completions by DPS, or by MCG (``replace``); arguments as ``tasks.dposer.completion.complete``."""
    rng = np.random.default_rng(seed)
    y = prior.space.encode(rotations)
    known = torch.as_tensor(np.repeat(~hidden, prior.space.size // len(hidden)))
    shape = (hypotheses, *y.shape)
    constrain = replacement(y.expand(shape), known, prior.schedule, rng)
    denoiser = prior.denoiser()
    x = like(rng.standard_normal(shape, dtype=np.float32), y)
    times = [*uniform_times(EULER_MARUYAMA_STEPS), 0.0]
    for t, t_next in itertools.pairwise(times):
        x = x.detach().requires_grad_()
        expected = denoiser(x, t)
        away = torch.where(known, y - expected, 0.0).norm(dim=-1).sum()
        (pull,) = torch.autograd.grad(away, x)
        with torch.no_grad():
            mean, deviation = reverse_step(x, expected, prior.schedule, t, t_next)
            noise = like(rng.standard_normal(shape, dtype=np.float32), y)
            x = mean + (deviation * noise if t_next > 0 else 0.0) - STRENGTH * pull
            if replace:
                x = constrain(x, t_next)
    found = prior.space.decode(x.detach())
    return torch.where(torch.as_tensor(hidden)[:, None, None], found, rotations)
