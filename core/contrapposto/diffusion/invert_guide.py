# SPDX-License-Identifier: GPL-3.0-or-later
"""Guided inversion: a clean state is noised as the denoiser sees it, and led by observations on its way back.

Rounds of two walks. Up: deterministic inversion takes the state to a small noise level. Down:
the deterministic sampler takes it back, and at each step what the denoiser expects, ``x0hat``, is
moved towards the observations, the less the lower the noise is:

    explicit    x0hat' = x0hat - rho (s / a)^2 dL/dx0hat                        (``gradient``)
    implicit    x0hat' = argmin L(x_0) + |x_0 - x0hat|^2 / (2 rho (s / a)^2)    (``proximal`` solvers)

The first is ScoreHMR's guidance: with the noise ``e`` that the network sees held constant, its
``e + rho s (dL/dx0hat) / a`` has this clean state. The second is where the first leads if it is
followed in small steps; it needs no step size, and a solver that knows the curvature of L makes it
in a few steps. Both are ways to move ``x0hat``, so both are a ``Guide`` here.

Source: Stathopoulos, Han & Metaxas 2024, "Score-Guided Diffusion for 3D Human Recovery", section 3.3
and supplement; Song et al. 2021, "Denoising Diffusion Implicit Models", section 4.3 (inversion).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

from contrapposto.arrays import Array, namespace
from contrapposto.diffusion.sampler import Callback, Denoiser

ROUNDS = 10
"""Walks up and down that ScoreHMR takes for images and clips; 2 for several views."""

TOLERANCE = 1e-5
"""Relative change of a sample's loss between two steps at which it has arrived."""


class Schedule(Protocol):
    """How much signal and noise a state holds at a time."""

    def a(self, t: Array) -> Array:
        """Signal scale."""
        ...

    def s(self, t: Array) -> Array:
        """Standard deviation of the noise."""
        ...


Guide = Callable[[Array, float], tuple[Array, Array]]
"""Of an expected clean state (B, ..., D) and the noise-to-signal ratio ``s / a``: the state moved towards
the observations, and the loss (B,) of each sample before that."""

Loss = Callable[[Array], tuple[Array, Array]]
"""Of clean states (B, ..., D): the loss (B,) of each sample, and its derivative (B, ..., D)."""


def gradient(loss: Loss, rho: float = 1.0) -> Guide:
    """ScoreHMR's guidance by the gradient of a loss, ``rho`` times as strong.

    Args:
        loss: tells (B,) and its derivative by the clean states.
        rho: 1 in the paper.
    """

    def guide(x0hat: Array, ratio: float) -> tuple[Array, Array]:
        value, slope = loss(x0hat)
        return x0hat - rho * ratio**2 * slope, value

    return guide


def invert(denoiser: Denoiser, x: Array, schedule: Schedule, times: Sequence[float]) -> Array:
    """The state at the last time that the deterministic sampler would bring back to ``x`` at the first.

    Args:
        denoiser: of the prior.
        x: (..., D) at ``times[0]``.
        schedule: of the denoiser.
        times: rising.
    """
    for t, later in pairwise(times):
        x = _walk(x, denoiser(x, t), schedule, t, later)
    return x


def invert_guide(
    denoiser: Denoiser,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    guide: Guide,
    *,
    rounds: int = ROUNDS,
    tolerance: float = TOLERANCE,
    callback: Callback | None = None,
) -> Array:
    """Clean states near ``x`` that agree with a prior and with observations.

    Args:
        denoiser: of the prior.
        x: (B, ..., D) clean states to begin from.
        schedule: of the denoiser.
        times: rising, from one at which a state is as good as clean to the highest.
        guide: moves expected clean states towards what was observed.
        rounds: walks up and down.
        tolerance: a sample whose loss changes by less, relatively and between consecutive steps down of
            one walk, keeps the clean state that it has then; 0 to go on to the end.
        callback: called with (step, steps) before each evaluation of the denoiser; may raise to stop.

    Returns:
        (B, ..., D) the last expected clean states, as they were moved.

    Cost: ``2 (len(times) - 1)`` evaluations of the denoiser a round.
    """
    xp = namespace(x)
    walk, steps = len(times) - 1, 2 * (len(times) - 1) * rounds
    told = denoiser if callback is None else _counted(denoiser, callback, steps)
    result, arrived = x, None
    for _ in range(rounds):
        x, before = invert(told, x, schedule, times), None
        for k in range(walk, 0, -1):
            t, earlier = times[k], times[k - 1]
            ratio = float(schedule.s(t)) / float(schedule.a(t))
            moved, loss = guide(told(x, t), ratio)
            x = _walk(x, moved, schedule, t, earlier)
            here = xp.zeros_like(loss) > 1 if arrived is None else arrived
            result = xp.where(xp.reshape(here, (-1, *[1] * (x.ndim - 1))), result, moved)
            if before is not None:
                one = xp.ones_like(loss)
                scale = xp.maximum(xp.maximum(before, loss), one)
                here = here | (xp.abs(before - loss) / scale < tolerance)
            arrived, before = here, loss
            if bool(xp.all(arrived)):
                return result
    return result


def _walk(x: Array, x0hat: Array, schedule: Schedule, t: float, to: float) -> Array:
    """The state at another time, given the expected clean one."""
    eps = (x - float(schedule.a(t)) * x0hat) / float(schedule.s(t))
    return float(schedule.a(to)) * x0hat + float(schedule.s(to)) * eps


def _counted(denoiser: Denoiser, callback: Callback, steps: int) -> Denoiser:
    """The denoiser, which tells how often it was asked."""
    count = iter(range(steps))

    def counted(x: Array, t: float) -> Array:
        callback(next(count), steps)
        return denoiser(x, t)

    return counted
