# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the lifter over time: what other frames tell about a lifter's answers.

The lifter itself is trained before and stays as it is. The loss is its loss, and a share of
the distance of the joints' moves from frame to frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from contrapposto.arrays import to_numpy
from contrapposto.files.mocap import Clip
from contrapposto.networks import window_transformer
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.lifter import NORMALISER, Estimate, Lifter
from contrapposto.priors.sequence_lifter import SMOOTH, SequenceLifter, save, shapes
from contrapposto.training import run
from contrapposto.training.lifter import lifting_loss
from contrapposto.training.sighted_clips import LENGTHS, SightedClips
from contrapposto.training.windows import Windows

FRAMES = max(frames for frames, _ in LENGTHS)

VALIDATION_CLIPS = 48
SPEED_WEIGHT = 0.5


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings; ``batch`` counts clips of ``sighted_clips.USUAL`` frames."""

    width: int = 192
    blocks: int = 4
    batch: int = 12
    average: float = 0.999
    drop: float = 0.0


class SequenceLifterTask:
    """What a run learns when it learns the lifter over time; a ``run.Task``.

    Args:
        train, val: windows as long as the shortest clips; ``val`` chooses the weights that are kept.
        frame: the lifter, NumPy.
        settings: see ``Settings``.
        device: a torch device; CUDA where there is one if None.
    """

    def __init__(
        self,
        train: Windows,
        val: Windows,
        frame: Lifter,
        settings: Settings,
        device: torch.device | None = None,
    ) -> None:
        self.settings = settings
        self.device = device or run.best_device()
        self.train, self.val = SightedClips(train, self.device), SightedClips(val, self.device)
        weights = run.initial_weights(
            shapes(settings.width, settings.blocks, FRAMES), torch.Generator().manual_seed(settings.seed)
        )
        kernels = torch.as_tensor(window_transformer.kernels(FRAMES), dtype=torch.float32)
        weights |= {name: kernels.clone() for name in weights if name.endswith("distance")}
        weights |= {"smooth": torch.full_like(weights["smooth"], math.log(SMOOTH))}
        lifter = SequenceLifter(weights, frame, settings.width, settings.blocks, FRAMES)
        self.lifter = lifter.on(torch.zeros((), device=self.device))
        self.initial = self.lifter.weights
        self.normaliser = {name: getattr(self.lifter.frame, name) for name in NORMALISER}

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of training clips in front of fresh cameras."""
        sight, positions = self.train.batch(generator, self.settings.batch)
        lifter = replace(self.lifter, weights=weights)
        with torch.autocast(self.device.type, enabled=False):  # positions need all their digits
            with torch.no_grad():
                first = lifter.frame.estimate(sight)
            smooth = lifter.smoothed(sight, first)
        found = lifter.corrected(sight, first, smooth, drop=drop if self.settings.drop else None)
        return _clip_loss(found, positions)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """Of validation clips."""
        sight, positions = self.val.batch(generator, VALIDATION_CLIPS)
        return _clip_loss(replace(self.lifter, weights=weights).estimate(sight), positions)


def _clip_loss(found: Estimate, positions: torch.Tensor) -> torch.Tensor:
    off = found.positions.float() - positions
    moved = off[:, 1:] - off[:, :-1]
    speed = torch.sqrt((moved * moved).sum(-1) + 1e-8).mean()
    return lifting_loss(found, positions, plain=False) + SPEED_WEIGHT * speed


def export(trainer: run.Trainer, task: SequenceLifterTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, and the lifter's, for inference."""
    frame = task.lifter.frame
    frame = replace(
        frame,
        weights={name: to_numpy(value) for name, value in frame.weights.items()},
        **{name: to_numpy(value) for name, value in task.normaliser.items()},
    )
    save(
        replace(task.lifter, weights=trainer.best_weights(), frame=frame), path, {**trainer.facts(), **facts}
    )


def windows_of(train: list[Clip], val: list[Clip]) -> tuple[Windows, Windows]:
    """Windows to train on and to choose by, as ``SequenceLifterTask`` wants them."""
    shortest = min(frames for frames, _ in LENGTHS)
    return Windows.of(train, shortest), Windows.of(val, shortest, speeds=(1.0,))
