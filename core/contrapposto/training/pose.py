# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the pose prior: denoise poses of which a random part is known.

The forward pass is the very code that inference runs; only the examples and the
loss live here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from contrapposto.arrays import to_numpy
from contrapposto.networks import residual_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.pose import CONTEXT, STATE, Condition, PosePrior, save
from contrapposto.rotation import to_rot6d
from contrapposto.skeleton import DESCENDANTS, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.naturalness import QUANTILES, calibrated
from contrapposto.training import run
from contrapposto.training.augment import broaden, mirrored_half, recombine, turn_slightly
from contrapposto.training.broad import broad_poses
from contrapposto.training.corpus import Corpus
from contrapposto.training.masks import (
    HEIGHT_KNOWN,
    controls_only,
    known_joints,
    most_placed,
    placed_joints,
)

STD_FLOOR = 0.08
"""Joints that hardly ever move are scaled by this much, not blown up (6D units)."""

LEVERAGE_RANGE = (0.25, 3.0)
"""Bounds on the weight of a joint by how far it moves the body, relative to the mean."""

LOG_RATIO_MEAN, LOG_RATIO_STD = -0.2, 1.5
RATIO_RANGE = (0.01, 40.0)
"""Noise-to-signal ratios are drawn log-normally, within these bounds."""

VALIDATION_POSES = 2048
CALIBRATION_POSES = 2000

BROAD_FEWEST = 1000
"""At least so many broad poses, half as many as recorded ones where there are more."""


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings and what is done to its examples.

    Attributes:
        recombination: share of examples made of two poses.
        known_noise: radians by which known joints are turned, so that the prior
            tolerates what it has not seen.
        pose_noise: radians by which whole poses are turned.
        place_noise: metres by which placed joints are moved.
        broad: share of examples that nobody recorded, see ``training.broad``.
    """

    drop: float = 0.0
    recombination: float = 0.0
    known_noise: float = 0.01
    pose_noise: float = 0.0
    place_noise: float = 0.01
    broad: float = 0.08


def _leverage(std: np.ndarray) -> np.ndarray:
    """(22,) loss weight of each joint: how far its usual turns move what hangs on it."""
    _, positions = forward_kinematics(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)))
    arm = np.sum((positions[None] - positions[:, None]) ** 2, axis=-1)
    reach = np.sqrt(np.sum(arm * DESCENDANTS, axis=1)) * std
    return np.clip(reach / reach.mean(), *LEVERAGE_RANGE)


class Examples:
    """Draws training examples from a corpus, on the device.

    Args:
        corpus: the poses.
        settings: what is done to them.
        device: where they go.
        pool: (N, 22, 3, 3) broad poses that take the place of some when they are augmented; none if None.
    """

    def __init__(
        self, corpus: Corpus, settings: Settings, device: torch.device, pool: np.ndarray | None = None
    ) -> None:
        self.settings = settings
        self.rotations = torch.as_tensor(corpus.rotations, device=device)
        self.height = torch.as_tensor(corpus.height, device=device)
        self.cumulative = torch.as_tensor(np.cumsum(corpus.weight))
        self.pool = None if pool is None else torch.as_tensor(pool, device=device)
        self.device = device

    def _draw(self, generator: torch.Generator, batch: int) -> torch.Tensor:
        u = torch.rand(batch, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self.cumulative, u).clamp(max=len(self.cumulative) - 1).to(self.device)

    def _augmented(
        self, rotations: torch.Tensor, height: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch as training sees it, and its pelvis heights, NaN where a pose lost its own."""
        s = self.settings
        if self.pool is not None:
            rotations, height = broaden(rotations, height, self.pool, s.broad, generator)
        rotations = mirrored_half(rotations, generator)
        if s.recombination > 0:
            others = mirrored_half(self.rotations[self._draw(generator, len(rotations))], generator)
            rotations, own_legs = recombine(rotations, others, s.recombination, generator)
            height = torch.where(own_legs, height, torch.nan)
        if s.pose_noise > 0:
            rotations = turn_slightly(rotations, s.pose_noise, generator)
        return rotations, height

    def batch(
        self, generator: torch.Generator, batch: int, augment: bool = True
    ) -> tuple[torch.Tensor, Condition]:
        """Local rotations (batch, 22, 3, 3) to be found, and what is known of them."""
        s = self.settings
        index = self._draw(generator, batch)
        rotations, height = self.rotations[index], self.height[index]
        if augment:
            rotations, height = self._augmented(rotations, height, generator)
        known = known_joints(batch, generator)
        placed, oriented = placed_joints(batch, generator)
        controls_only(known, placed, oriented, generator)
        most_placed(known, placed, oriented, generator)
        known, placed, oriented = (mask.to(self.device) for mask in (known, placed, oriented))
        world, positions = forward_kinematics(rotations)
        if augment:
            noise = torch.randn(positions.shape, generator=generator).to(self.device)
            positions = positions + s.place_noise * noise
        height_known = (torch.rand(batch, generator=generator) < HEIGHT_KNOWN).to(self.device)
        seen = turn_slightly(rotations, s.known_noise, generator) if augment else rotations
        condition = Condition(
            rotations=seen,
            known=known,
            height=torch.where(height_known, height, torch.nan),
            positions=torch.where(placed[..., None], positions, torch.nan),
            orientations=torch.where(oriented[..., None, None], world, torch.nan),
        )
        return rotations, condition


def denoising_loss(
    prior: PosePrior,
    rotations: torch.Tensor,
    condition: Condition,
    leverage: torch.Tensor,
    generator: torch.Generator,
    *,
    drop: Drop | None = None,
) -> torch.Tensor:
    """Mean squared error of the expected clean state, of equal weight at every noise level."""
    batch = len(rotations)
    x0 = prior.encode(rotations)
    seen, known = prior.known_state(condition)
    log_ratio = LOG_RATIO_MEAN + LOG_RATIO_STD * torch.randn(batch, generator=generator)
    ratio = torch.exp(log_ratio).clamp(*RATIO_RANGE).to(x0.device)
    x = x0 + ratio[:, None] * torch.randn(x0.shape, generator=generator).to(x0.device)
    embedded = residual_mlp.embed_context(prior.weights, prior.context(condition))
    expected = prior.expect(x, ratio, torch.where(known, seen, x0), known, embedded, drop=drop)
    weight = (~known) * leverage
    error = (expected.float() - x0) ** 2 * (1 + 1 / ratio**2)[:, None]
    return ((error * weight).sum(-1) / (weight.sum(-1) + 1)).mean()


class PoseTask:
    """What a run learns when it learns the pose prior; a ``run.Task``.

    Args:
        train, val: the corpora; ``val`` chooses the weights that are kept.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
        start: a prior of the same size to begin from, with its normaliser; random
            weights if None.

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
        start: PosePrior | None = None,
    ) -> None:
        self.settings = settings
        self.device = device or run.best_device()
        self.train = Examples(train, settings, self.device, _broad_pool(train, settings))
        self.val = Examples(val, settings, self.device)
        if start is None:
            start = _random_prior(train, settings)
        elif (start.width, start.blocks) != (settings.width, settings.blocks):
            raise ValueError(
                f"The weights to start from have width {start.width} and {start.blocks} blocks; "
                f"train with --width {start.width} --blocks {start.blocks}"
            )
        self.prior = start.on(torch.zeros((), device=self.device))
        self.initial = self.prior.weights
        self.normaliser = {"mean": self.prior.mean, "std": self.prior.std}
        self.leverage = torch.as_tensor(
            np.repeat(_leverage(to_numpy(start.std)[:, 0]), 6), dtype=torch.float32, device=self.device
        )

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Denoising loss of a fresh batch of training examples."""
        rotations, condition = self.train.batch(generator, self.settings.batch)
        prior = replace(self.prior, weights=weights)
        return denoising_loss(prior, rotations, condition, self.leverage, generator, drop=drop)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """Denoising loss of validation poses, not augmented."""
        rotations, condition = self.val.batch(generator, VALIDATION_POSES, augment=False)
        prior = replace(self.prior, weights=weights)
        return denoising_loss(prior, rotations, condition, self.leverage, generator)


def export(trainer: run.Trainer, task: PoseTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the settled weights, for inference, with ``val`` as the measure of naturalness.

    With too few validation poses to measure by, the weights do everything but score naturalness.
    """
    prior = replace(
        task.prior,
        weights=trainer.settled_weights(),
        mean=to_numpy(task.prior.mean),
        std=to_numpy(task.prior.std),
    )
    real = to_numpy(task.val.rotations)
    if len(real) >= QUANTILES:
        chosen = np.linspace(0, len(real) - 1, min(CALIBRATION_POSES, len(real))).astype(int)
        prior = calibrated(prior, real[chosen])
    save(prior, path, {**trainer.facts(), **facts})


def _broad_pool(corpus: Corpus, settings: Settings) -> np.ndarray | None:
    """The broad poses that a run draws from; it takes some seconds to make them."""
    if settings.broad == 0:
        return None
    return broad_poses(np.random.default_rng(settings.seed), max(BROAD_FEWEST, len(corpus) // 2))


def _random_prior(corpus: Corpus, settings: Settings) -> PosePrior:
    """Random weights, and the corpus' own normaliser."""
    d = to_rot6d(corpus.rotations).astype(np.float64)
    mean = np.average(d, axis=0, weights=corpus.weight)
    variance = np.average(((d - mean) ** 2).mean(axis=-1), axis=0, weights=corpus.weight)
    std = np.maximum(np.sqrt(variance), STD_FLOOR)[:, None]
    shapes = residual_mlp.shapes(STATE, CONTEXT, settings.width, settings.blocks)
    generator = torch.Generator().manual_seed(settings.seed)
    return PosePrior(run.initial_weights(shapes, generator), mean, std, settings.width, settings.blocks)
