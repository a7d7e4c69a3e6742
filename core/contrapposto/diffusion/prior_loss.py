# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser's regulariser: pull a state towards what a denoiser makes of noisy copies of it.

    x_t   = a x_0 + s z
    L     = w(t) || x_0 - x0hat(x_t) ||^2,   x0hat held constant

so that no gradient runs through the network. Truncated timesteps keep the noise
where it corrects details without changing the pose.

Source: Lu et al., "DPoser-X", arXiv 2508.00599, equations 8 to 10; the weight from
the released code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import Array, like
from contrapposto.diffusion.sampler import Denoiser, ddim
from contrapposto.diffusion.schedule import EARLIEST, SubVP

KINDS = ("truncated", "released", "uniform", "fixed", "random")


@dataclass(frozen=True)
class Timesteps:
    """Which noise level each step of an optimisation uses.

    Attributes:
        t_max, t_min: the truncated range.
        kind: "truncated" falls from ``t_max`` to ``t_min`` (paper), "released" the
            same but 1/N short of ``t_max`` (code), "uniform" from 1 to 0, "fixed"
            stays in the middle of the range, "random" is anywhere from 0 to 1.
    """

    t_max: float
    t_min: float
    kind: str = "truncated"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There are no {self.kind} timesteps; choose one of {', '.join(KINDS)}")

    def at(self, step: int, steps: int, rng: np.random.Generator) -> float:
        """The time of one of ``steps`` steps; ``rng`` is only asked for random ones."""
        rest = 1 - step / max(steps - 1, 1)
        if self.kind == "truncated":
            return self.t_min + (self.t_max - self.t_min) * rest
        if self.kind == "released":
            return self.t_min + (self.t_max - self.t_min) * (steps - 1 - step) / steps
        if self.kind == "uniform":
            return EARLIEST + (1 - EARLIEST) * rest
        if self.kind == "fixed":
            return (self.t_max + self.t_min) / 2
        return float(rng.uniform(EARLIEST, 1))


def snr_weight(schedule: SubVP, t: float) -> float:
    """``w(t) = sqrt(1 + a / s) / 2``, the released code's weight of completion."""
    return 0.5 * math.sqrt(1 + float(schedule.a(t)) / float(schedule.s(t)))


def residual(
    denoiser: Denoiser, schedule: SubVP, x: Array, t: float, rng: np.random.Generator, steps: int = 1
) -> Array:
    """``x_0 - x0hat`` of a state (..., D), with fresh noise for every row and one time for all.

    Args:
        denoiser: of the prior.
        schedule: its noise schedule.
        x: (..., D) clean state.
        t: the time.
        rng: source of the noise.
        steps: DDIM steps from ``x_t`` to ``x0hat``; the paper's is 1.

    Returns:
        (..., D). The gradient of ``w ||x_0 - x0hat||^2`` is ``2 w`` times it.
    """
    z = like(rng.standard_normal(tuple(x.shape), dtype=np.float32), x)
    x_t = float(schedule.a(t)) * x + float(schedule.s(t)) * z
    times = np.linspace(t, EARLIEST, steps + 1)[:-1] if steps > 1 else [t]
    return x - ddim(denoiser, x_t, schedule, [float(time) for time in times])
