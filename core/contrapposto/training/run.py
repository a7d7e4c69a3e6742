# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run: optimiser, averaged weights, selection on val, checkpoint, log.

What is learnt is a ``Task``, a pair of losses over a dictionary of weights; a run
can be stopped at any time and taken up again to the bit.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from contrapposto.networks.residual_mlp import Drop

Weights = Mapping[str, torch.Tensor]

WARM_UP = 300
"""Steps over which the learning rate rises."""

LOWEST_RATE = 0.01
"""Share of the learning rate that is left at the end of the cosine."""


@dataclass(frozen=True)
class Settings:
    """What shapes any run; stored with the checkpoint and the card.

    Attributes:
        width, blocks: the network's size.
        batch: examples a step.
        minutes, steps: the run's length, whichever is given; steps win.
        lr, weight_decay: of AdamW, the rate falling along a cosine.
        average: horizon of the exponential average of the weights (EMA decay).
        drop: dropout in the blocks.
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
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.steps > 0 or self.minutes > 0):
            raise ValueError("A training run needs a length: minutes or steps above 0")


class Task(Protocol):
    """What a run learns."""

    @property
    def device(self) -> torch.device:
        """Where the examples and the weights are."""
        ...

    @property
    def initial(self) -> Weights:
        """The weights to begin with."""
        ...

    @property
    def normaliser(self) -> Weights:
        """Arrays fitted to the data, by which a checkpoint knows it again."""
        ...

    def loss(self, weights: Weights, generator: torch.Generator, drop: Drop) -> torch.Tensor:
        """Of a fresh batch of training examples."""
        ...

    def validation_loss(self, weights: Weights, generator: torch.Generator) -> torch.Tensor:
        """Of validation examples, the same ones for the same generator state."""
        ...


class Trainer:
    """A run that can be stopped at any time and taken up again.

    Args:
        task: what is learnt; its ``validation_loss`` chooses the weights that are kept.
        folder: where checkpoint, log and weights go.
        settings: a checkpoint in the folder must agree with them.
    """

    def __init__(self, task: Task, folder: Path, settings: Settings) -> None:
        self.task, self.folder, self.settings = task, folder, settings
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.weights = {name: value.clone().requires_grad_() for name, value in task.initial.items()}
        self.average = {name: value.detach().clone() for name, value in self.weights.items()}
        self.best = {name: value.clone() for name, value in self.average.items()}
        self.best_loss, self.best_step = math.inf, 0
        self.optimizer = torch.optim.AdamW(
            self.weights.values(),
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.99),
            fused=task.device.type in ("cpu", "cuda"),
        )
        self.bfloat16 = bfloat16_is_fast(task.device)
        self.step, self.seconds = 0, 0.0

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        if self.settings.steps:
            return self.step / self.settings.steps
        return self.seconds / (60 * self.settings.minutes)

    def run(self, report: Callable[[str], None], every: int = 500) -> None:
        """Train to the end of the run, saving and reporting every ``every`` steps.

        What ``report`` raises stops the run; the checkpoint is written before.
        """
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
                self.save()
                report(
                    f"{self.progress:6.1%}  step {self.step}  train {row['train_loss']:.4f}  "
                    f"val {val:.4f}  best {self.best_loss:.4f} at {self.best_step}  "
                    f"{self.step / self.seconds:.1f} steps/s"
                )
                since = time.monotonic()

    def _one_step(self) -> float:
        s = self.settings
        rate = min(1.0, (self.step + 1) / WARM_UP)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        rate *= LOWEST_RATE + (1 - LOWEST_RATE) * cosine
        for group in self.optimizer.param_groups:
            group["lr"] = s.lr * rate
        with torch.autocast(self.task.device.type, torch.bfloat16, enabled=self.bfloat16):
            loss = self.task.loss(self.weights, self.generator, self.drop)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(s.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.weights.items():
                self.average[name].lerp_(value, 1 - decay)
        return float(loss.detach())

    def drop(self, h: torch.Tensor) -> torch.Tensor:
        """Dropout from the run's own generator, so that a resumed run draws the same."""
        kept = torch.rand(h.shape, generator=self.generator) >= self.settings.drop
        return h * kept.to(h.device) / (1 - self.settings.drop)

    @torch.no_grad()
    def _validate(self) -> float:
        """Loss of the averaged weights on the same validation examples each time."""
        loss = float(self.task.validation_loss(self.average, torch.Generator().manual_seed(1)))
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
            "bfloat16": self.bfloat16,
            "normaliser": dict(self.task.normaliser),
            "weights": {name: value.detach() for name, value in self.weights.items()},
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
        state = torch.load(path, map_location=self.task.device, weights_only=True)
        free = ("minutes", "steps", "lr")
        now = {k: v for k, v in asdict(self.settings).items() if k not in free}
        then = {k: v for k, v in state["settings"].items() if k not in free}
        if now != then:
            changed = sorted(k for k in now.keys() | then.keys() if now.get(k) != then.get(k))
            raise ValueError(
                f"The checkpoint in {self.folder} was made with other settings ({', '.join(changed)}); "
                "choose another output folder or the same settings"
            )
        for name, value in self.task.normaliser.items():
            if not torch.allclose(value, state["normaliser"][name], atol=1e-5):
                raise ValueError(
                    f"The checkpoint in {self.folder} was made of other poses than these; "
                    "choose another output folder or the same data"
                )
        with torch.no_grad():
            for name, value in self.weights.items():
                value.copy_(state["weights"][name])
        self.average, self.best = state["average"], state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        self.step, self.seconds = state["step"], state["seconds"]
        self.best_loss, self.best_step = state["best_loss"], state["best_step"]
        self.bfloat16 = state["bfloat16"]
        return True

    def best_weights(self) -> dict[str, np.ndarray]:
        """The weights that did best on val, as float32 NumPy arrays."""
        return {name: value.float().cpu().numpy() for name, value in self.best.items()}

    def settled_weights(self) -> dict[str, np.ndarray]:
        """The mean of the best weights and the last ones, as float32 NumPy arrays.

        On few people the loss on val stops falling long before the completion of their
        poses stops improving; the mean has the reliability of the former and what the
        latter still learnt.
        """
        both = {name: (value + self.average[name]) / 2 for name, value in self.best.items()}
        return {name: value.float().cpu().numpy() for name, value in both.items()}

    def facts(self) -> dict[str, object]:
        """What the weights' file tells of their training."""
        found = {"best_step": self.best_step, "val_loss": self.best_loss, "bfloat16": self.bfloat16}
        return {"training": {**asdict(self.settings), **found}}


def best_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether the device has instructions of its own for products of bfloat16.

    Without them, every number is converted, which takes several times as long as float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):  # older torch does not tell
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16"))


def initial_weights(
    shapes: Mapping[str, tuple[int, ...]], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Fan-in normal matrices, the last ones of each residual path near zero, no biases."""
    return {name: _initial(name, shape, generator) for name, shape in shapes.items()}


def _initial(name: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    if name.endswith("scale"):
        return torch.ones(shape)
    if len(shape) == 1:
        return torch.zeros(shape)
    gain = 0.01 if name.endswith(("w2", "out.w")) else 1.0
    return gain * torch.randn(shape, generator=generator) / math.sqrt(shape[0])
