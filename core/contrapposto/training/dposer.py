# SPDX-License-Identifier: GPL-3.0-or-later
"""Train DPoser: estimate the noise in whole poses, nothing known.

Source: Lu et al., "DPoser-X", arXiv 2508.00599, sections on training; what differs
from it (fewer and larger steps, mirrored poses) is the command's defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from contrapposto.arrays import to_numpy
from contrapposto.networks import group_norm_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.dposer import DPoser, body_of, save
from contrapposto.priors.space import Space
from contrapposto.training import run
from contrapposto.training.augment import mirrored_half
from contrapposto.training.corpus import Corpus

EARLIEST = 1e-5
"""Times are drawn from here to 1."""

VALIDATION_POSES = 4096


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings and the space that the prior works in.

    Attributes:
        representation, normalisation: see ``priors.space.Space``.
    """

    width: int = 1024
    blocks: int = 2
    batch: int = 1280
    lr: float = 5e-4
    weight_decay: float = 0.0
    average: float = 0.999
    drop: float = 0.1
    representation: str = "rotvec"
    normalisation: str = "zscore"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % group_norm_mlp.GROUPS:
            raise ValueError(f"DPoser's width is a multiple of {group_norm_mlp.GROUPS}, not {self.width}")


class DPoserTask:
    """What a run learns when it learns DPoser; a ``run.Task``.

    Args:
        train, val: the corpora; ``val`` chooses the weights that are kept.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
    """

    def __init__(
        self, train: Corpus, val: Corpus, settings: Settings, device: torch.device | None = None
    ) -> None:
        self.settings = settings
        self.device = device or run.best_device()
        space = Space.fit(
            body_of(train.rotations), train.weight, settings.representation, settings.normalisation
        )
        generator = torch.Generator().manual_seed(settings.seed)
        shapes = group_norm_mlp.shapes(space.size, settings.width, settings.blocks)
        weights = run.initial_weights(shapes, generator)
        prior = DPoser(weights, space, settings.width, settings.blocks)
        self.prior = prior.on(torch.zeros((), device=self.device))
        self.initial = self.prior.weights
        self.normaliser = {"mean": self.prior.space.mean, "scale": self.prior.space.scale}
        self.train, self.val = (
            torch.as_tensor(corpus.rotations, device=self.device) for corpus in (train, val)
        )
        self.cumulative = torch.as_tensor(np.cumsum(train.weight))

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Squared error of the noise estimate on training poses, half of them mirrored."""
        u = torch.rand(self.settings.batch, generator=generator, dtype=torch.float64)
        index = torch.searchsorted(self.cumulative, u).clamp(max=len(self.cumulative) - 1)
        rotations = mirrored_half(self.train[index.to(self.device)], generator)
        return self._noise_loss(weights, rotations, generator, drop)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """The same on validation poses."""
        index = torch.randint(len(self.val), (VALIDATION_POSES,), generator=generator)
        return self._noise_loss(weights, self.val[index.to(self.device)], generator, None)

    def _noise_loss(
        self,
        weights: run.Weights,
        rotations: torch.Tensor,
        generator: torch.Generator,
        drop: Drop | None,
    ) -> torch.Tensor:
        x0 = self.prior.space.encode(body_of(rotations))
        t = EARLIEST + (1 - EARLIEST) * torch.rand(len(x0), generator=generator).to(x0.device)
        z = torch.randn(x0.shape, generator=generator).to(x0.device)
        log_a = self.prior.schedule.log_a(t)[:, None]
        x_t = torch.exp(log_a) * x0 - torch.expm1(2 * log_a) * z
        eps = replace(self.prior, weights=weights).noise(x_t, t, drop=drop)
        return ((eps.float() - z) ** 2).mean()


def export(trainer: run.Trainer, task: DPoserTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, for inference."""
    space = task.prior.space
    space = replace(space, mean=to_numpy(space.mean), scale=to_numpy(space.scale), base=to_numpy(space.base))
    prior = replace(task.prior, weights=trainer.best_weights(), space=space)
    save(prior, path, {**trainer.facts(), "normalisation": task.settings.normalisation, **facts})
