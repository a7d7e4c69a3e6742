# SPDX-License-Identifier: GPL-3.0-or-later
"""A VPoser-like variational autoencoder, the mean-centred baseline that DPoser is compared with.

Fitted on the spot like the other baselines. Two hidden layers of 512, 32 latent
dimensions; completion optimises the latent from random starts. VPoser's mesh
loss is a loss on joint positions here.

Source: Pavlakos et al. 2019, "Expressive Body Capture", section 3.3.
"""

from __future__ import annotations

import numpy as np
import torch

from contrapposto.priors.dposer import body_of, with_root
from contrapposto.rotation import from_rot6d, to_rot6d
from contrapposto.skeleton import forward_kinematics
from contrapposto.training.corpus import Corpus

LATENT, WIDTH = 32, 512
KL_WEIGHT = 0.005
BATCH, LR = 512, 1e-3
FIT_STEPS, FIT_LR, LATENT_WEIGHT = 150, 0.1, 1e-3


class PoseVAE(torch.nn.Module):
    """p(21 rotations) as a decoder of a 32-dimensional normal latent."""

    def __init__(self) -> None:
        super().__init__()
        size = 21 * 6
        act = torch.nn.LeakyReLU(0.2)
        self.encoder = torch.nn.Sequential(
            torch.nn.Linear(size, WIDTH), act, torch.nn.Linear(WIDTH, WIDTH), act
        )
        self.mean, self.log_std = torch.nn.Linear(WIDTH, LATENT), torch.nn.Linear(WIDTH, LATENT)
        self.decoder = torch.nn.Sequential(
            torch.nn.Linear(LATENT, WIDTH),
            act,
            torch.nn.Linear(WIDTH, WIDTH),
            act,
            torch.nn.Linear(WIDTH, size),
        )

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """(..., 21, 3, 3) of (..., 32)."""
        return from_rot6d(self.decoder(latent).reshape(*latent.shape[:-1], 21, 6))


def fit(corpus: Corpus, steps: int, seed: int = 0) -> PoseVAE:
    """Train on a corpus, drawn with its weights."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = PoseVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    rotations = torch.as_tensor(body_of(corpus.rotations))
    cumulative = torch.as_tensor(np.cumsum(corpus.weight))
    for _ in range(steps):
        u = torch.rand(BATCH, generator=generator, dtype=torch.float64)
        R = rotations[torch.searchsorted(cumulative, u).clamp(max=len(cumulative) - 1)]
        h = model.encoder(to_rot6d(R).flatten(-2))
        mean, log_std = model.mean(h), model.log_std(h)
        found = model.decode(mean + torch.exp(log_std) * torch.randn(mean.shape, generator=generator))
        positions = (forward_kinematics(with_root(value))[1] for value in (found, R))
        joints = torch.linalg.vector_norm(torch.sub(*positions), dim=-1).sum(-1).mean()
        turns = ((found - R) ** 2).sum((-1, -2, -3)).mean()
        kl = 0.5 * (mean**2 + torch.exp(2 * log_std) - 2 * log_std - 1).sum(-1).mean()
        loss = 4 * joints + 2 * turns + KL_WEIGHT * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def complete(model: PoseVAE, rotations: np.ndarray, hidden: np.ndarray, count: int, seed: int) -> np.ndarray:
    """(N, B, 21, 3, 3) completions: the latent that explains the known joints, from N starts.

    Args:
        model: fitted.
        rotations: (B, 21, 3, 3).
        hidden: (21,) bool.
        count: N.
        seed: of the starts.
    """
    truth = torch.as_tensor(rotations, dtype=torch.float32)
    known = torch.as_tensor(~hidden)
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(count, len(truth), LATENT, generator=generator).requires_grad_()
    optimizer = torch.optim.Adam([latent], lr=FIT_LR)
    for _ in range(FIT_STEPS):
        away = ((model.decode(latent) - truth) ** 2)[:, :, known].mean((-1, -2, -3))
        loss = (away + LATENT_WEIGHT * (latent**2).mean(-1)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = model.decode(latent)
    return torch.where(known[:, None, None], truth, found).numpy()
