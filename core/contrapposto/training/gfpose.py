# SPDX-License-Identifier: GPL-3.0-or-later
"""Train GFPose: find the joints' positions behind noise, told any part of them.

Source: Ci et al. 2023, "GFPose", sections 3.2 and 3.3, and its released code, whose shares of
conditions in space and of masks are the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from contrapposto.evaluation.filmed import with_nose
from contrapposto.keypoints.outline import to_outline
from contrapposto.keypoints.sight import NUM_LIFTED
from contrapposto.networks import group_norm_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.gfpose import TARGETS, Condition, GFPose, save, shapes
from contrapposto.priors.lifter import Lifter
from contrapposto.priors.lifting import Lifting
from contrapposto.skeleton import forward_kinematics
from contrapposto.training import run
from contrapposto.training.corpus import Corpus
from contrapposto.training.sights import SightedPoses

IN_SPACE = 0.1
"""Share of the examples whose condition is points in space."""

EARLIEST = 1e-5
"""For ``noise``, times are drawn from here to 1."""

LOG_RATIO_MEAN, LOG_RATIO_STD = -0.8, 1.4
RATIO_RANGE = (0.01, 40.0)
"""For ``clean``, noise-to-signal ratios are drawn log-normally, within these bounds."""

LARGEST = 3.0
"""Outlines that reach further, metres, are not learnt."""

VALIDATION_POSES = 1024
SPAN_POSES = 4000


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings.

    Attributes:
        target: see ``priors.gfpose``.
        masks: chance, in tenths, that a condition lacks the whole person, a part, and a joint.
    """

    width: int = 512
    blocks: int = 4
    batch: int = 256
    lr: float = 8e-4
    weight_decay: float = 0.0
    average: float = 0.999
    drop: float = 0.0
    target: str = "clean"
    masks: str = "111"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target not in TARGETS:
            raise ValueError(f"GFPose estimates {' or '.join(TARGETS)}, not '{self.target}'")
        if len(self.masks) != 3 or not self.masks.isdigit():
            raise ValueError(f"Masks are three digits such as 111, not '{self.masks}'")
        if self.width % group_norm_mlp.GROUPS:
            raise ValueError(f"GFPose's width is a multiple of {group_norm_mlp.GROUPS}, not {self.width}")

    @property
    def rates(self) -> tuple[float, float, float]:
        """Chance that a condition lacks the whole person, a part, and a joint."""
        person, part, joint = (int(digit) / 10 for digit in self.masks)
        return person, part, joint


class GFPoseTask:
    """What a run learns when it learns GFPose; a ``run.Task``.

    Args:
        train, val: the corpora; ``val`` chooses the weights that are kept.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
        lifter: what a ``clean`` prior starts from, NumPy; what is seen alone if None.
    """

    def __init__(
        self,
        train: Corpus,
        val: Corpus,
        settings: Settings,
        device: torch.device | None = None,
        *,
        lifter: Lifter | None = None,
    ) -> None:
        self.settings = settings
        self.device = device or run.best_device()
        if lifter is not None and settings.target == "noise":
            raise ValueError("The published GFPose starts from no lifter; train the clean one with it")
        sizes = shapes(settings.target, settings.width, settings.blocks, lifted=lifter is not None)
        weights = run.initial_weights(sizes, torch.Generator().manual_seed(settings.seed))
        lifting = None if lifter is None else Lifting(lifter, None)
        prior = GFPose(weights, _spans(train), settings.width, settings.blocks, settings.target, lifting)
        self.prior = prior.on(torch.zeros((), device=self.device))
        self.initial = self.prior.weights
        self.normaliser = {"spans": self.prior.spans}
        _, part, joint = settings.rates
        self.train, self.val = (
            SightedPoses(corpus, (0.0, part, joint), self.device) for corpus in (train, val)
        )

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of training poses."""
        drop_or_not = drop if self.settings.drop else None
        return self._loss(weights, self.train, self.settings.batch, generator, drop_or_not)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """The same of validation poses."""
        return self._loss(weights, self.val, VALIDATION_POSES, generator, None)

    def _loss(
        self,
        weights: run.Weights,
        poses: SightedPoses,
        batch: int,
        generator: torch.Generator,
        drop: Drop | None,
    ) -> torch.Tensor:
        prior = replace(self.prior, weights=weights)
        condition, outline = self._example(poses, batch, generator)
        x0 = prior.encode(outline)
        ratio = self._ratio(batch, generator)
        z = torch.randn(x0.shape, generator=generator).to(x0.device)
        x0hat, eps = prior.expect(x0 + ratio[:, None] * z, ratio, condition, drop=drop)
        # of whom only a foreshortened bone is seen, the distance is guessed wildly
        usual = (outline.abs().amax((1, 2)) < LARGEST).float()[:, None]
        if prior.target == "noise":
            return ((eps.float() - z) ** 2 * usual).mean()
        return ((x0hat.float() - x0) ** 2 * (usual * prior.weight(ratio, condition))).mean()

    def _example(
        self, poses: SightedPoses, batch: int, generator: torch.Generator
    ) -> tuple[Condition, torch.Tensor]:
        """What is known of poses, and their outlines."""
        sight, places = poses.placed(generator, batch)
        with torch.no_grad():
            condition = self.prior.seen(sight)
        near = condition.nearness
        outline = to_outline(places, near)
        person, part, joint = self.settings.rates
        chance = torch.rand(batch, 2 + NUM_LIFTED, generator=generator).to(self.device)
        in_space = chance[:, 0] < IN_SPACE
        placed = Condition.placed(outline, chance[:, 2:] >= part + joint, near, sight.up)
        fields = zip(vars(condition).values(), vars(placed).values(), strict=True)
        chosen = (torch.where(in_space.view(-1, *[1] * (a.ndim - 1)), b, a) for a, b in fields)
        return Condition(*chosen).hidden(chance[:, 1] < person), outline

    def _ratio(self, batch: int, generator: torch.Generator) -> torch.Tensor:
        """Noise-to-signal ratios to learn at."""
        if self.settings.target == "noise":
            t = EARLIEST + (1 - EARLIEST) * torch.rand(batch, generator=generator)
            log_a = self.prior.schedule.log_a(t)
            return (-torch.expm1(2 * log_a) / torch.exp(log_a)).to(self.device)
        log_ratio = LOG_RATIO_MEAN + LOG_RATIO_STD * torch.randn(batch, generator=generator)
        return torch.exp(log_ratio).clamp(*RATIO_RANGE).to(self.device)


def _spans(corpus: Corpus) -> np.ndarray:
    """(23, 23) mean squared distances between the points of a corpus' poses, square metres."""
    chosen = np.random.default_rng(0).choice(len(corpus), min(SPAN_POSES, len(corpus)), p=corpus.weight)
    points = with_nose(*forward_kinematics(corpus.rotations[chosen].astype(np.float64)))
    return np.mean(np.sum((points[:, :, None] - points[:, None]) ** 2, axis=-1), axis=0)


def export(trainer: run.Trainer, task: GFPoseTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, for inference."""
    prior = replace(task.prior.on(np.zeros(())), weights=trainer.best_weights())
    save(prior, path, {**trainer.facts(), **facts})
