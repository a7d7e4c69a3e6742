# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the pose prior: denoise poses of which a random part is known.

The forward pass is the very code that inference runs; only the loss, the
optimiser and the averaging of the weights live here.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from contrapposto.arrays import to_numpy
from contrapposto.networks import residual_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors.pose import CONTEXT, STATE, Condition, PosePrior, save
from contrapposto.rotation import to_rot6d
from contrapposto.skeleton import DESCENDANTS, NUM_JOINTS, forward_kinematics
from contrapposto.training.augment import mirrored_half, recombine, turn_slightly
from contrapposto.training.corpus import Corpus
from contrapposto.training.masks import HEIGHT_KNOWN, controls_only, known_joints, placed_joints

logger = logging.getLogger(__name__)

STD_FLOOR = 0.08
"""Joints that hardly ever move are scaled by this much, not blown up (6D units)."""

LEVERAGE_RANGE = (0.25, 3.0)
"""Bounds on the weight of a joint by how far it moves the body, relative to the mean."""

LOG_RATIO_MEAN, LOG_RATIO_STD = -0.2, 1.5
RATIO_RANGE = (0.01, 40.0)
"""Noise-to-signal ratios are drawn log-normally, within these bounds."""

VALIDATION_POSES = 2048


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a training run; stored with the checkpoint and the card.

    Attributes:
        width, blocks: the network's size.
        batch: examples a step.
        minutes, steps: the run's length, whichever is given; steps win.
        lr, weight_decay: of AdamW, the rate falling along a cosine.
        average: horizon of the exponential average of the weights (EMA decay).
        drop: dropout in the blocks.
        recombination: share of examples made of two poses.
        known_noise: radians by which known joints are turned, so that the prior
            tolerates what it has not seen.
        pose_noise: radians by which whole poses are turned.
        place_noise: metres by which placed joints are moved.
        seed: of every random draw.
    """

    width: int = 512
    blocks: int = 4
    batch: int = 512
    minutes: float = 50.0
    steps: int = 0
    lr: float = 1e-3
    weight_decay: float = 0.01
    average: float = 0.9995
    drop: float = 0.03
    recombination: float = 0.03
    known_noise: float = 0.03
    pose_noise: float = 0.01
    place_noise: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.steps > 0 or self.minutes > 0):
            raise ValueError("A training run needs a length: minutes or steps above 0")


def _leverage(std: np.ndarray) -> np.ndarray:
    """(22,) loss weight of each joint: how far its usual turns move what hangs on it."""
    _, positions = forward_kinematics(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)))
    arm = np.sum((positions[None] - positions[:, None]) ** 2, axis=-1)
    reach = np.sqrt(np.sum(arm * DESCENDANTS, axis=1)) * std
    return np.clip(reach / reach.mean(), *LEVERAGE_RANGE)


class Examples:
    """Draws training examples from a corpus, on the device."""

    def __init__(self, corpus: Corpus, settings: Settings, device: torch.device) -> None:
        self.settings = settings
        self.rotations = torch.as_tensor(corpus.rotations, device=device)
        self.height = torch.as_tensor(corpus.height, device=device)
        self.cumulative = torch.as_tensor(np.cumsum(corpus.weight))
        self.device = device

    def _draw(self, generator: torch.Generator, batch: int) -> torch.Tensor:
        u = torch.rand(batch, generator=generator, dtype=torch.float64)
        return torch.searchsorted(self.cumulative, u).clamp(max=len(self.cumulative) - 1).to(self.device)

    def batch(
        self, generator: torch.Generator, batch: int, augment: bool = True
    ) -> tuple[torch.Tensor, Condition]:
        """Local rotations (batch, 22, 3, 3) to be found, and what is known of them."""
        s = self.settings
        index = self._draw(generator, batch)
        rotations, height = self.rotations[index], self.height[index]
        if augment:
            rotations = mirrored_half(rotations, generator)
            others = mirrored_half(self.rotations[self._draw(generator, batch)], generator)
            rotations, own_legs = recombine(rotations, others, s.recombination, generator)
            height = torch.where(own_legs, height, torch.nan)
            rotations = turn_slightly(rotations, s.pose_noise, generator)
        known = known_joints(batch, generator)
        placed, oriented = placed_joints(batch, generator)
        controls_only(known, placed, oriented, generator)
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


class Trainer:
    """A run that can be stopped at any time and taken up again.

    Args:
        train, val: the corpora; ``val`` chooses the weights that are kept.
        folder: where checkpoint, log and weights go.
        settings: see ``Settings``; a checkpoint in the folder must agree with them.
        device: a torch device; CUDA where there is one if None.
        start: a prior of the same size to begin from, with its normaliser; random
            weights if None.
    """

    def __init__(
        self,
        train: Corpus,
        val: Corpus,
        folder: Path,
        settings: Settings,
        device: torch.device | None = None,
        *,
        start: PosePrior | None = None,
    ) -> None:
        self.folder, self.settings = folder, settings
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.train, self.val = (Examples(corpus, settings, self.device) for corpus in (train, val))
        self.generator = torch.Generator().manual_seed(settings.seed)
        if start is None:
            start = _random_prior(train, settings, self.generator)
        elif (start.width, start.blocks) != (settings.width, settings.blocks):
            raise ValueError(
                f"The weights to start from have width {start.width} and {start.blocks} blocks; "
                f"train with --width {start.width} --blocks {start.blocks}"
            )
        self.prior = start.on(torch.zeros((), device=self.device))
        weights = {name: value.clone().requires_grad_() for name, value in self.prior.weights.items()}
        self.prior = replace(self.prior, weights=weights)
        std = to_numpy(start.std)
        self.leverage = torch.as_tensor(
            np.repeat(_leverage(std[:, 0]), 6), dtype=torch.float32, device=self.device
        )
        self.average = {name: value.detach().clone() for name, value in weights.items()}
        self.best = {name: value.clone() for name, value in self.average.items()}
        self.best_loss, self.best_step = math.inf, 0
        self.optimizer = torch.optim.AdamW(
            weights.values(), lr=settings.lr, weight_decay=settings.weight_decay, betas=(0.9, 0.99)
        )
        self.step, self.seconds = 0, 0.0

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        if self.settings.steps:
            return self.step / self.settings.steps
        return self.seconds / (60 * self.settings.minutes)

    def run(self, report: Callable[[str], None], every: int = 500) -> None:
        """Train to the end of the run, reporting and saving every ``every`` steps."""
        self.folder.mkdir(parents=True, exist_ok=True)
        total, steps, since = 0.0, 0, time.monotonic()
        while self.progress < 1:
            total, steps = total + self._one_step(), steps + 1
            now = time.monotonic()
            self.seconds, since = self.seconds + now - since, now
            if self.step % every == 0 or self.progress >= 1:
                val = self._validate()
                row = {
                    "step": self.step,
                    "seconds": round(self.seconds, 1),
                    "train_loss": round(total / steps, 5),
                    "val_loss": round(val, 5),
                    "lr": self.optimizer.param_groups[0]["lr"],
                }
                total, steps = 0.0, 0
                with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
                    log.write(json.dumps(row) + "\n")
                report(
                    f"{self.progress:6.1%}  step {self.step}  train {row['train_loss']:.4f}  "
                    f"val {val:.4f}  best {self.best_loss:.4f} at {self.best_step}  "
                    f"{self.step / self.seconds:.1f} steps/s"
                )
                self.save()
                since = time.monotonic()

    def _one_step(self) -> float:
        s = self.settings
        rate = min(1.0, (self.step + 1) / 300)
        rate *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = s.lr * rate
        rotations, condition = self.train.batch(self.generator, s.batch)
        with torch.autocast(self.device.type, torch.bfloat16):
            loss = denoising_loss(
                self.prior,
                rotations,
                condition,
                self.leverage,
                self.generator,
                drop=self._drop,
            )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.prior.weights.values()), 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(s.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.prior.weights.items():
                self.average[name].lerp_(value, 1 - decay)
        return float(loss.detach())

    def _drop(self, h: torch.Tensor) -> torch.Tensor:
        """Dropout from the run's own generator, so that a resumed run draws the same."""
        kept = torch.rand(h.shape, generator=self.generator) >= self.settings.drop
        return h * kept.to(h.device) / (1 - self.settings.drop)

    @torch.no_grad()
    def _validate(self) -> float:
        """Loss of the averaged weights on the same validation examples each time."""
        generator = torch.Generator().manual_seed(1)
        rotations, condition = self.val.batch(generator, VALIDATION_POSES, augment=False)
        averaged = replace(self.prior, weights=self.average)
        loss = float(denoising_loss(averaged, rotations, condition, self.leverage, generator))
        if loss < self.best_loss:
            self.best_loss, self.best_step = loss, self.step
            self.best = {name: value.clone() for name, value in self.average.items()}
        return loss

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "settings": asdict(self.settings),
            "step": self.step,
            "seconds": self.seconds,
            "best_loss": self.best_loss,
            "best_step": self.best_step,
            "normaliser": {"mean": self.prior.mean, "std": self.prior.std},
            "weights": {name: value.detach() for name, value in self.prior.weights.items()},
            "average": self.average,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }
        temporary = self.folder / "checkpoint.pt.part"
        torch.save(state, temporary)
        temporary.replace(self.folder / "checkpoint.pt")

    def resume(self) -> bool:
        """Take up the checkpoint in the folder, if there is one.

        Raises:
            ValueError: if it was made with other settings than length and rate, or of other poses.
        """
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        free = ("minutes", "steps", "lr")
        now = {k: v for k, v in asdict(self.settings).items() if k not in free}
        then = {k: v for k, v in state["settings"].items() if k not in free}
        if now != then:
            changed = sorted(k for k in now if now[k] != then.get(k))
            raise ValueError(
                f"The checkpoint in {self.folder} was made with other settings ({', '.join(changed)}); "
                "choose another output folder or the same settings"
            )
        for name, value in state.get("normaliser", {}).items():
            if not torch.allclose(value, getattr(self.prior, name), atol=1e-5):
                raise ValueError(
                    f"The checkpoint in {self.folder} was made of other poses than these; "
                    "choose another output folder or the same data"
                )
        with torch.no_grad():
            for name, value in self.prior.weights.items():
                value.copy_(state["weights"][name])
        self.average, self.best = state["average"], state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        self.step, self.seconds = state["step"], state["seconds"]
        self.best_loss, self.best_step = state["best_loss"], state["best_step"]
        return True

    def export(self, path: Path, facts: dict[str, object]) -> None:
        """Write the weights that did best on ``val``, for inference."""
        prior = replace(
            self.prior,
            weights={name: value.float().cpu().numpy() for name, value in self.best.items()},
            mean=self.prior.mean.cpu().numpy(),
            std=self.prior.std.cpu().numpy(),
        )
        training = {**asdict(self.settings), "best_step": self.best_step, "val_loss": self.best_loss}
        save(prior, path, {"training": training, **facts})


def _random_prior(corpus: Corpus, settings: Settings, generator: torch.Generator) -> PosePrior:
    """Random weights, and the corpus' own normaliser."""
    d = to_rot6d(corpus.rotations).astype(np.float64)
    mean = np.average(d, axis=0, weights=corpus.weight)
    variance = np.average(((d - mean) ** 2).mean(axis=-1), axis=0, weights=corpus.weight)
    std = np.maximum(np.sqrt(variance), STD_FLOOR)[:, None]
    shapes = residual_mlp.shapes(STATE, CONTEXT, settings.width, settings.blocks)
    weights = {name: _initial(name, shape, generator) for name, shape in shapes.items()}
    return PosePrior(weights, mean, std, settings.width, settings.blocks)


def _initial(name: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Fan-in normal matrices, the last ones of each residual path near zero."""
    if name.endswith("scale"):
        return torch.ones(shape)
    if len(shape) == 1:
        return torch.zeros(shape)
    gain = 0.01 if name.endswith(("w2", "out.w")) else 1.0
    return gain * torch.randn(shape, generator=generator) / math.sqrt(shape[0])
