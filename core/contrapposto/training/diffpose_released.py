# SPDX-License-Identifier: GPL-3.0-or-later
"""Train DiffPose as its released code has it: estimate the noise in seen and true positions.

The noise of the seen positions has their variance for a scale, as in the release, where it was
perhaps meant to have their deviation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from contrapposto.keypoints.sight import NUM_LIFTED
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.diffpose_released import (
    BLOCKS,
    CHANNELS,
    WIDTH,
    ReleasedDiffPose,
    network_shapes,
    save,
)
from contrapposto.priors.lifter import Lifter
from contrapposto.priors.uncertain_start import Belief
from contrapposto.training import run
from contrapposto.training.corpus import Corpus
from contrapposto.training.lifter import RATES
from contrapposto.training.sights import SightedPoses

VALIDATION_POSES = 1024


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings; the release trains in far smaller steps for far longer."""

    width: int = WIDTH
    blocks: int = BLOCKS
    batch: int = 192
    lr: float = 5e-4
    average: float = 0.999
    drop: float = 0.0


class ReleasedTask:
    """What a run learns when it learns the released DiffPose; a ``run.Task``.

    Args:
        train, val: the corpora; ``val`` chooses the weights that are kept.
        lifter: which says where points are that are not seen, NumPy.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
    """

    def __init__(
        self,
        train: Corpus,
        val: Corpus,
        lifter: Lifter,
        settings: Settings,
        device: torch.device | None = None,
    ) -> None:
        self.settings = settings
        self.device = device or run.best_device()
        self.train, self.val = (SightedPoses(corpus, RATES, self.device) for corpus in (train, val))
        self.lifter = lifter.on(torch.zeros((), device=self.device))
        generator = torch.Generator().manual_seed(settings.seed)
        weights = run.initial_weights(network_shapes(settings.width, settings.blocks), generator)
        # polynomials have as many inputs as terms times channels
        weights |= {name: w * w.shape[1] ** -0.5 for name, w in weights.items() if w.ndim == 3}
        identity = torch.eye(NUM_LIFTED)
        weights |= {name: identity.clone() for name in weights if name.endswith("graph")}
        prior = ReleasedDiffPose(weights, settings.width, settings.blocks)
        self.prior = prior.on(torch.zeros((), device=self.device))
        self.initial = self.prior.weights
        self.normaliser: run.Weights = {}

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of training poses in front of fresh cameras; nothing is dropped."""
        del drop
        return self._loss(weights, self.train, generator, self.settings.batch)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """Of validation poses."""
        return self._loss(weights, self.val, generator, VALIDATION_POSES)

    def _loss(
        self, weights: run.Weights, source: SightedPoses, generator: torch.Generator, batch: int
    ) -> torch.Tensor:
        sight, positions = source.batch(generator, batch)
        with torch.no_grad():
            belief = Belief.of(sight, self.lifter.estimate(sight))
        seen = torch.as_tensor(belief.seen).to(positions)
        variance = torch.as_tensor(belief.modes.deviation[:, 0].reshape(batch, NUM_LIFTED, 3) ** 2)
        scale = torch.cat([variance[..., :2].to(positions), torch.ones_like(positions)], dim=-1)
        e = scale * torch.randn(batch, NUM_LIFTED, CHANNELS, generator=generator).to(positions)
        last = self.prior.schedule.last
        k = torch.randint(1, last + 1, (batch // 2,), generator=generator)
        k = torch.cat([k, last + 1 - k]).to(self.device)  # antithetic, as in the release
        a, s = (
            torch.as_tensor(f(k.cpu().numpy()))[:, None, None].to(positions)
            for f in (self.prior.schedule.a, self.prior.schedule.s)
        )
        x = a * torch.cat([seen, positions], dim=-1) + s * e
        eps = replace(self.prior, weights=weights).noise(x, k.to(positions))
        return ((eps.float() - e) ** 2).sum((1, 2)).mean()


def export(trainer: run.Trainer, task: ReleasedTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, for inference."""
    save(replace(task.prior, weights=trainer.best_weights()), path, {**trainer.facts(), **facts})
