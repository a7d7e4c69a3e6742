# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the lifter: where joints are behind what virtual cameras see of poses.

The loss is the mean distance of the joints, in metres, and a share of the negative logarithm
of the likelihood that the deviations give them. Alone, the likelihood would forgive an
uncertain joint any error; the distance keeps all of them honest from the first step on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from contrapposto.arrays import to_numpy
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.lifter import NORMALISER, Estimate, Lifter, network_shapes, save
from contrapposto.training import run
from contrapposto.training.corpus import Corpus
from contrapposto.training.sights import SightedPoses

RATES = (0.02, 0.06, 0.03)
"""Chance that a whole person, a part, and a joint is not seen."""

VALIDATION_POSES = 4096
NORMALISER_POSES = 8192

SCALE_FLOOR = 0.02
"""Metres; the pelvis never moves from where positions are measured."""

LIKELIHOOD_WEIGHT = 0.02
"""Metres of distance that a nat of a coordinate is worth."""


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings.

    Attributes:
        plain: whether it learns positions alone, the baseline without deviations.
    """

    width: int = 384
    blocks: int = 3
    average: float = 0.999
    drop: float = 0.0
    plain: bool = False


def lifting_loss(found: Estimate, positions: torch.Tensor, *, plain: bool) -> torch.Tensor:
    """Mean distance of ``LIFTED`` (..., 23, 3) from where they are, and how unlikely they are."""
    off = found.positions.float() - positions
    distance = torch.sqrt((off * off).sum(-1) + 1e-8).mean()
    if plain:
        return distance
    deviation = found.deviation.float()
    unlikely = (0.5 * (off / deviation) ** 2 + torch.log(deviation)).mean()
    return distance + LIKELIHOOD_WEIGHT * unlikely


class LifterTask:
    """What a run learns when it learns the lifter; a ``run.Task``.

    Args:
        train, val: the corpora; ``val`` chooses the weights that are kept.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
        start: a lifter of the same size to begin from, with its normaliser.

    Raises:
        ValueError: if ``start`` has another size than the settings say.
    """

    def __init__(
        self,
        train: Corpus,
        val: Corpus,
        settings: Settings,
        device: torch.device | None = None,
        *,
        start: Lifter | None = None,
    ) -> None:
        self.settings = settings
        self.device = device or run.best_device()
        self.train, self.val = (SightedPoses(corpus, RATES, self.device) for corpus in (train, val))
        if start is None:
            start = _random_lifter(self.train, settings)
        elif (start.width, start.blocks, start.plain) != (settings.width, settings.blocks, settings.plain):
            raise ValueError(
                f"The lifter to start from has width {start.width} and {start.blocks} blocks, and is "
                f"{'plain' if start.plain else 'not plain'}; train with the same"
            )
        self.lifter = start.on(torch.zeros((), device=self.device))
        self.initial = self.lifter.weights
        self.normaliser = {name: getattr(self.lifter, name) for name in NORMALISER}

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of training poses in front of fresh cameras."""
        sight, positions = self.train.batch(generator, self.settings.batch)
        found = replace(self.lifter, weights=weights).estimate(
            sight, drop=drop if self.settings.drop else None
        )
        return lifting_loss(found, positions, plain=self.settings.plain)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """Of validation poses."""
        sight, positions = self.val.batch(generator, VALIDATION_POSES)
        found = replace(self.lifter, weights=weights).estimate(sight)
        return lifting_loss(found, positions, plain=self.settings.plain)


def export(trainer: run.Trainer, task: LifterTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, for inference."""
    normaliser = {name: to_numpy(value) for name, value in task.normaliser.items()}
    lifter = replace(task.lifter, weights=trainer.best_weights(), **normaliser)
    save(lifter, path, {**trainer.facts(), **facts})


def _random_lifter(poses: SightedPoses, settings: Settings) -> Lifter:
    """Random weights, and the poses' own normaliser."""
    _, positions = poses.batch(torch.Generator().manual_seed(settings.seed), NORMALISER_POSES)
    mean = positions.mean(0)
    scale = ((positions - mean) ** 2).mean((0, 2)).sqrt().clamp(min=SCALE_FLOOR)
    shapes = network_shapes(settings.width, settings.blocks, plain=settings.plain)
    weights = run.initial_weights(shapes, torch.Generator().manual_seed(settings.seed))
    return Lifter(weights, mean, scale, settings.width, settings.blocks, settings.plain)
