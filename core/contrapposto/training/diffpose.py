# SPDX-License-Identifier: GPL-3.0-or-later
"""Train DiffPose: find the true pose behind draws of what is believed of it.

The loss is the mean distance of the joints of the predicted h_0 at a random step, metres. The
paper regresses h_{k-1}; with one ``e`` a chain that is the same up to a factor that depends
on the step (``priors.diffpose``). No mixture is fitted in training: what is believed is
one already (``priors.uncertain_start``), and a fit to draws of it finds the same kernels.

The ablations are objectives of the same network: one pass from the middle of the belief, and
``STEPS`` passes with shared weights, each of which is told its number and answers for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from contrapposto.arrays import to_numpy
from contrapposto.keypoints.sight import Sight
from contrapposto.networks import pose_graph
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.diffpose import INPUTS, OBJECTIVES, STARTS, STEPS, DiffPose, save
from contrapposto.priors.lifter import NORMALISER, STATE, Estimate, Lifter
from contrapposto.priors.sequence_lifter import SequenceLifter
from contrapposto.priors.uncertain_start import Belief
from contrapposto.training import run
from contrapposto.training.sighted_clips import USUAL

VALIDATION_POSES = 1024
FRAMES_A_POSE = 3
"""Of clips, so many frames are looked at for each that is learnt from; neighbours are alike."""


class Source(Protocol):
    """What draws sights, of poses or of clips."""

    def batch(self, generator: torch.Generator, batch: int) -> tuple[Sight, torch.Tensor]:
        """Sights and their ``LIFTED``."""
        ...


@dataclass(frozen=True)
class Settings(run.Settings):
    """A run's settings.

    Attributes:
        objective: one of ``OBJECTIVES``.
        start: one of ``STARTS``.
    """

    width: int = 96
    blocks: int = 3
    batch: int = 192
    average: float = 0.999
    drop: float = 0.0
    objective: str = "diffusion"
    start: str = "gmm"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, choices in (
            ("objective", self.objective, OBJECTIVES),
            ("start", self.start, STARTS),
        ):
            if value not in choices:
                raise ValueError(f"DiffPose's {name} is one of {', '.join(choices)}, not '{value}'")


class DiffPoseTask:
    """What a run learns when it learns DiffPose; a ``run.Task``.

    Args:
        train, val: what draws sights that suit the lifter; ``val`` chooses the weights that are kept.
        lifter: whose answers are refined, NumPy; of single frames, or of clips.
        settings: see ``Settings``.
        device: a torch device.
        start: a DiffPose of the same size to begin from.

    Raises:
        ValueError: if ``start`` has another size than the settings and the lifter say.
    """

    def __init__(
        self,
        train: Source,
        val: Source,
        lifter: Lifter | SequenceLifter,
        settings: Settings,
        device: torch.device,
        *,
        start: DiffPose | None = None,
    ) -> None:
        self.settings, self.device, self.train, self.val = settings, device, train, val
        self.lifter = lifter.on(torch.zeros((), device=device))
        frame = lifter.frame if isinstance(lifter, SequenceLifter) else lifter
        generator = torch.Generator().manual_seed(settings.seed)
        shapes = pose_graph.shapes(INPUTS, frame.width, settings.width, settings.blocks)
        weights = run.initial_weights(shapes, generator)
        weights |= {name: 0.01 * weights[name] for name in ("out.own", "out.near")}
        if start is not None:
            weights = start.weights
        if {name: tuple(value.shape) for name, value in weights.items()} != shapes:
            raise ValueError("The DiffPose to start from has another size; train with its width and blocks")
        size, kind = (settings.width, settings.blocks), (settings.objective, settings.start)
        prior = DiffPose(weights, frame.mean, frame.scale, *size, *kind)
        self.prior = prior.on(torch.zeros((), device=device))
        self.initial = self.prior.weights
        self.normaliser = {name: getattr(self.prior, name) for name in NORMALISER}

    def loss(self, weights: run.Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of training poses in front of fresh cameras; nothing is dropped."""
        del drop
        return self._loss(weights, self.train, generator, self.settings.batch)

    def validation_loss(self, weights: run.Weights, generator: torch.Generator) -> torch.Tensor:
        """Of validation poses."""
        return self._loss(weights, self.val, generator, VALIDATION_POSES)

    def _loss(
        self, weights: run.Weights, source: Source, generator: torch.Generator, batch: int
    ) -> torch.Tensor:
        sight, estimate, positions = self._looked(source, generator, batch)
        prior = replace(self.prior, weights=weights)
        belief = Belief.of(sight, estimate)
        context = prior.told(sight, estimate, belief)
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        mixture = prior.mixture(belief)
        h_0 = positions.reshape(batch, STATE)
        if prior.objective != "diffusion":
            middle = (mixture.weight[..., None] * mixture.mean).sum(axis=1)
            passes = STEPS if prior.objective == "stacked" else 1
            answers = prior.passes(context, torch.as_tensor(middle).to(h_0), passes)
            return torch.stack([_distance(answer, h_0) for answer in answers]).mean()
        mu, deviation = mixture.of(mixture.chosen(rng.random((1, batch))))
        e = deviation[0] * rng.standard_normal((batch, STATE))
        k = rng.integers(1, prior.schedule.last + 1, batch)
        a, s = (torch.as_tensor(f(k)[:, None]).to(h_0) for f in (prior.schedule.a, prior.schedule.s))
        mu, e = torch.as_tensor(mu[0]).to(h_0), torch.as_tensor(e).to(h_0)
        h_k = mu + a * (h_0 - mu) + s * e
        return _distance(prior.h0hat(context, h_k, torch.as_tensor(k).to(h_0)), h_0)

    @torch.no_grad()
    def _looked(
        self, source: Source, generator: torch.Generator, batch: int
    ) -> tuple[Sight, Estimate, torch.Tensor]:
        """Sights, what the lifter makes of them, and their ``LIFTED``, ``batch`` frames each."""
        if isinstance(self.lifter, Lifter):
            sight, positions = source.batch(generator, batch)
            return sight, _full(self.lifter.estimate(sight)), positions
        sight, positions = source.batch(generator, -(-batch * FRAMES_A_POSE // USUAL))
        estimate = _full(self.lifter.estimate(sight))
        frame = torch.randperm(positions.shape[0] * positions.shape[1], generator=generator)[:batch]
        T = positions.shape[1]
        chosen = (frame // T).to(self.device), (frame % T).to(self.device)
        return sight[chosen], estimate[chosen], positions[chosen]


def _full(estimate: Estimate) -> Estimate:
    return Estimate(*(value.float() for value in vars(estimate).values()))


def _distance(found: torch.Tensor, h_0: torch.Tensor) -> torch.Tensor:
    off = (found.float() - h_0).unflatten(-1, (-1, 3))
    return torch.sqrt((off * off).sum(-1) + 1e-8).mean()


def export(trainer: run.Trainer, task: DiffPoseTask, path: Path, facts: Mapping[str, object]) -> None:
    """Write the weights that did best on ``val``, for inference."""
    normaliser = {name: to_numpy(value) for name, value in task.normaliser.items()}
    prior = replace(task.prior, weights=trainer.best_weights(), **normaliser)
    save(prior, path, {**trainer.facts(), **facts})
