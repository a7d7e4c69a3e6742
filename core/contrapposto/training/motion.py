# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the motion prior: find clean windows behind damaged ones.

The forward pass is the very code that inference runs; only the examples and the
loss live here. Errors are counted in metres and radians relative to those of what is
observed, so that light and heavy damage weigh the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from contrapposto.arrays import to_numpy
from contrapposto.networks import window_transformer
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.motion import INPUTS, NORMALISER, OUTPUTS, MotionPrior, Observed, save
from contrapposto.rotation import split_heading, to_rot6d
from contrapposto.skeleton import BELOW, forward_kinematics, mirror
from contrapposto.tasks.drift import CALIBRATION
from contrapposto.training import run
from contrapposto.training.corruption import Example, corrupted, on
from contrapposto.training.drift import fit_drift
from contrapposto.training.windows import Windows

STD_FLOOR = 0.08
POSITION_FLOOR = 0.03
"""What hardly ever moves is scaled by this much, not blown up (6D units, metres)."""

VALIDATION_WINDOWS = 384
SHORTER = ((0.12, 2), (0.06, 4))
"""Shares of the batches whose windows are cut to a half and a quarter."""

LEAST_METRES = 0.008
LEAST_CHORD = 0.025
"""Errors of an observation below which it is as good as clean."""

SPEED_WEIGHT, TURN_WEIGHT, CONTACT_WEIGHT = 1.0, 0.5, 0.05
GAP_WEIGHT = 1.0
GAP_METRES = 0.003
"""Of what is missing by itself, relative to the curve over the gap; an error of the curve that is none."""
HEAD_WEIGHTS = (1.0, 0.15)
"""Of the positions that are told without bones: where positions were observed, and else."""


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings; ``batch`` counts windows, ``frames`` is the longest window."""

    width: int = 256
    blocks: int = 5
    batch: int = 16
    frames: int = 64
    lr: float = 8e-4
    average: float = 0.999
    drop: float = 0.0


class Examples:
    """Draws damaged windows."""

    def __init__(self, windows: Windows, device: torch.device) -> None:
        self.rotations = torch.as_tensor(windows.rotations)
        self.place = torch.as_tensor(windows.place)
        self.contacts = torch.as_tensor(windows.contacts)
        self.start = torch.as_tensor(windows.start)
        self.cumulative = torch.as_tensor(np.cumsum(windows.weight))
        self.frames, self.device = windows.frames, device

    def batch(self, generator: torch.Generator, batch: int, *, cut: bool = True) -> Example:
        """Examples of ``batch`` windows, half of them mirrored, now and then shorter ones."""
        u = torch.rand(batch, generator=generator, dtype=torch.float64)
        chosen = torch.searchsorted(self.cumulative, u).clamp(max=len(self.start) - 1)
        frames, kind = self.frames, float(torch.rand(1, generator=generator))
        for share, part in SHORTER if cut else ():
            if kind < share:
                frames = self.frames // part
            kind -= share
        index = self.start[chosen][:, None] + torch.arange(frames)
        rotations, place, contacts = self.rotations[index], self.place[index], self.contacts[index]
        flip = torch.rand(batch, generator=generator) < 0.5
        rotations = torch.where(flip[:, None, None, None, None], mirror(rotations), rotations)
        place = torch.where(flip[:, None, None], place * torch.tensor([-1.0, 1, 1]), place)
        contacts = torch.where(flip[:, None, None], contacts.flip(-1), contacts)
        with torch.autocast("cpu", enabled=False):  # geometry needs all its digits
            return on(corrupted(rotations, place, contacts, generator), self.device)


def _length(v: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((v * v).sum(-1) + 1e-10)


def _chord(A: torch.Tensor, B: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(((A - B) ** 2).sum((-2, -1)) + 1e-10)


def recovery_loss(prior: MotionPrior, example: Example, *, drop: Drop | None = None) -> torch.Tensor:
    """Mean error of the recovered windows relative to what was observed."""
    kind = example.rotations.device.type
    with torch.autocast(kind, enabled=False):
        prepared = prior.prepared(example.observed)
        features = prior.features(example.observed, prepared)
    output = window_transformer.forward(prior.weights, features, prior.blocks, drop=drop).float()
    with torch.autocast(kind, enabled=False):
        found = prior.told(example.observed, prepared, output)
        placed = example.placed[:, None, None]
        place = torch.where(placed, found.place, example.place)
        _, clean = forward_kinematics(example.rotations)
        _, body = forward_kinematics(found.rotations)
        by_positions = torch.isfinite(example.observed.position_level).any(-1).any(-1)
        shown_rotations, shown = prepared.body, prepared.shown
        unplaced = torch.isinf(example.observed.place_level)[..., None]
        shown_place = torch.where(unplaced, example.place, example.observed.place)

        scale = _length((shown + shown_place[:, :, None]) - (clean + example.place[:, :, None]))
        scale = scale.mean((1, 2)) + LEAST_METRES
        off = body + place[:, :, None] - clean - example.place[:, :, None]
        errors = (
            _length(off).mean((1, 2))
            + SPEED_WEIGHT * _length(off[:, 1:] - off[:, :-1]).mean((1, 2))
            + torch.where(by_positions, *HEAD_WEIGHTS) * _length(found.positions - clean).mean((1, 2))
        )
        turn = _chord(found.rotations, example.rotations).mean((1, 2))
        turn_scale = _chord(shown_rotations, example.rotations).mean((1, 2)) + LEAST_CHORD
        known = ~torch.isnan(example.contacts) & placed
        contact = torch.nn.functional.binary_cross_entropy_with_logits(
            found.contacts,
            torch.where(known, example.contacts, torch.zeros(1, device=off.device)),
            reduction="none",
        )
        contact = (contact * known).sum() / known.sum().clamp(min=1)
        bridge = shown + shown_place[:, :, None] - clean - example.place[:, :, None]
        gaps = _gap_error(off, bridge, example.observed)
    overall = (errors / scale + TURN_WEIGHT * turn / turn_scale).mean()
    return overall + GAP_WEIGHT * gaps + CONTACT_WEIGHT * contact


def _gap_error(off: torch.Tensor, bridge: torch.Tensor, observed: Observed) -> torch.Tensor:
    """Mean error of the joints that something missing moves, relative to that of a curve over it.

    A gap is a small part of a window: among all its joints and frames nothing would be heard of it.

    Args:
        off, bridge: (B, T, 22, 3) errors of the joints' places, ours and the curve's.
        observed: windows whose rotations are missing here and there.
    """
    gone = (torch.isinf(observed.rotation_level) & torch.isinf(observed.position_level)).float()
    moved = (gone @ torch.as_tensor(BELOW, dtype=gone.dtype, device=gone.device) > 0).float()
    ours, curve = ((_length(error) * moved).sum((1, 2)) for error in (off, bridge))
    count = moved.sum((1, 2))
    ratio = ours / (curve + GAP_METRES * count).clamp(min=GAP_METRES)
    return ratio.sum() / (count > 0).sum().clamp(min=1)


class MotionTask:
    """What a run learns when it learns the motion prior; a ``run.Task``.

    Args:
        train, val: windows; ``val`` chooses the weights that are kept.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
        start: a prior of the same size to begin from, with its normaliser.

    Raises:
        ValueError: if ``start`` has another size than the settings say.
    """

    def __init__(
        self,
        train: Windows,
        val: Windows,
        settings: Settings,
        device: torch.device | None = None,
        *,
        start: MotionPrior | None = None,
    ) -> None:
        self.settings, self.windows = settings, train
        self.device = device or run.best_device()
        self.train, self.val = Examples(train, self.device), Examples(val, self.device)
        if start is None:
            start = _random_prior(train, settings)
        elif (start.width, start.blocks, start.frames) != (settings.width, settings.blocks, settings.frames):
            raise ValueError(
                f"The weights to start from have width {start.width}, {start.blocks} blocks and windows of "
                f"{start.frames} frames; train with --width {start.width} --blocks {start.blocks} "
                f"--frames {start.frames}"
            )
        self.prior = start.on(torch.zeros((), device=self.device))
        self.initial = self.prior.weights
        self.normaliser = {name: getattr(self.prior, name) for name in NORMALISER}

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of damaged training windows."""
        example = self.train.batch(generator, self.settings.batch)
        prior = replace(self.prior, weights=weights)
        return recovery_loss(prior, example, drop=drop if self.settings.drop else None)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """Of damaged validation windows."""
        example = self.val.batch(generator, VALIDATION_WINDOWS, cut=False)
        return recovery_loss(replace(self.prior, weights=weights), example)


def export(trainer: run.Trainer, task: MotionTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, for inference, and how they tell drift."""
    normaliser = {name: to_numpy(value) for name, value in task.normaliser.items()}
    prior = replace(task.prior, weights=trainer.best_weights(), **normaliser)
    prior = replace(prior, calibration={CALIBRATION: fit_drift(prior, task.windows)})
    save(prior, path, {**trainer.facts(), **facts})


def _random_prior(windows: Windows, settings: Settings) -> MotionPrior:
    """Random weights, and the windows' own normaliser."""
    drawn = np.random.default_rng(0).choice(len(windows), 4000, p=windows.weight)
    R = windows.rotations[windows.start[drawn] + windows.frames // 2].astype(np.float64)
    R[:, 0] = split_heading(R[:, 0])[1]
    d, p = to_rot6d(R), forward_kinematics(R)[1]
    mean, position_mean = d.mean(0), p.mean(0)
    std = np.maximum(np.sqrt(((d - mean) ** 2).mean((0, 2))), STD_FLOOR)
    position_std = np.maximum(np.sqrt(((p - position_mean) ** 2).mean((0, 2))), POSITION_FLOOR)
    shapes = window_transformer.shapes(INPUTS, OUTPUTS, settings.width, settings.blocks, settings.frames)
    weights = run.initial_weights(shapes, torch.Generator().manual_seed(settings.seed))
    kernels = torch.as_tensor(window_transformer.kernels(settings.frames), dtype=torch.float32)
    weights |= {name: kernels.clone() for name in weights if name.endswith("distance")}
    return MotionPrior(
        weights,
        mean,
        std,
        position_mean,
        position_std,
        settings.width,
        settings.blocks,
        settings.frames,
    )
