# SPDX-License-Identifier: GPL-3.0-or-later
"""Samplers: from noise to data in a number of steps, given a denoiser.

A denoiser is any function of ``(x_t, t)`` that gives ``x0hat``, the clean state it
expects. The noise estimate follows as ``eps = (x_t - a x0hat) / s`` and the score
as ``-eps / s``. Every sampler takes falling ``times``, returns the last ``x0hat``
or mean, and calls ``callback(step, steps)`` before each step; an exception raised
there stops it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from contrapposto.arrays import Array, like
from contrapposto.diffusion.schedule import Schedule, SubVP

Denoiser = Callable[[Array, float], Array]
Callback = Callable[[int, int], None]
Constrain = Callable[[Array, float], Array]
"""What happens to a state after each step, given the time that the step has reached (0 at the end)."""


EULER_MARUYAMA_STEPS = 1000
"""As many as the papers take."""


def _tell(callback: Callback | None, step: int, steps: int) -> None:
    if callback is not None:
        callback(step, steps)


def part_of(callback: Callback | None, part: int, parts: int) -> Callback | None:
    """What one of several parts calls, so that the steps of all of them count up."""
    if callback is None:
        return None
    return lambda step, steps: callback(part * steps + step, parts * steps)


def ddim(
    denoiser: Denoiser,
    x: Array,
    schedule: Schedule,
    times: Sequence[float],
    callback: Callback | None = None,
) -> Array:
    """Deterministic first-order sampler: ``x' = a' x0hat + s' eps``.

    Source: Song et al. 2021, "Denoising Diffusion Implicit Models", equation 12
    with eta = 0, written for any pair (a, s).
    """
    x0hat = x
    for step, t in enumerate(times):
        _tell(callback, step, len(times))
        x0hat = denoiser(x, t)
        if step + 1 < len(times):
            a, s = float(schedule.a(t)), float(schedule.s(t))
            a_next, s_next = float(schedule.a(times[step + 1])), float(schedule.s(times[step + 1]))
            x = a_next * x0hat + (s_next / s) * (x - a * x0hat)
    return x0hat


def dpm_solver(
    denoiser: Denoiser,
    x: Array,
    schedule: SubVP,
    times: Sequence[float],
    callback: Callback | None = None,
) -> Array:
    """Deterministic second-order multistep sampler, one denoiser call a step.

    Source: Lu et al. 2022, "DPM-Solver++", algorithm 2 (2M), with
    ``lambda = log(a / s)``.
    """

    def log_snr(t: float) -> float:
        return float(schedule.log_a(t) - np.log(schedule.s(t)))

    x0hat = previous = None
    for step, t in enumerate(times):
        _tell(callback, step, len(times))
        x0hat = denoiser(x, t)
        if step + 1 < len(times):
            t_next = times[step + 1]
            h = log_snr(t_next) - log_snr(t)
            D = x0hat
            if previous is not None:
                r = (log_snr(t) - log_snr(times[step - 1])) / h
                D = (1 + 1 / (2 * r)) * x0hat - 1 / (2 * r) * previous
            s, s_next = float(schedule.s(t)), float(schedule.s(t_next))
            x = (s_next / s) * x - float(schedule.a(t_next)) * math.expm1(-h) * D
            previous = x0hat
    return x0hat


def reverse_step(x: Array, x0hat: Array, schedule: SubVP, t: float, t_next: float) -> tuple[Array, float]:
    """Mean, and standard deviation of each entry, of a state one small step down the reverse SDE."""
    dt = t - t_next
    a, s = float(schedule.a(t)), float(schedule.s(t))
    g2, beta = float(schedule.g2(t)), float(schedule.beta(t))
    score = (a * x0hat - x) / s**2
    return x + (beta / 2 * x + g2 * score) * dt, math.sqrt(g2 * dt)


def euler_maruyama(
    denoiser: Denoiser,
    x: Array,
    schedule: SubVP,
    times: Sequence[float],
    *,
    rng: np.random.Generator,
    callback: Callback | None = None,
    constrain: Constrain | None = None,
) -> Array:
    """The reverse SDE in uniform small steps; the last step returns the mean.

    Slow (hundreds of steps) and the reference for the others.

    Source: Song et al. 2021, "Score-Based Generative Modeling …", section 4.
    """
    mean = x
    for step, t in enumerate(times):
        _tell(callback, step, len(times))
        t_next = times[step + 1] if step + 1 < len(times) else 0.0
        mean, deviation = reverse_step(x, denoiser(x, t), schedule, t, t_next)
        noise = rng.standard_normal(tuple(x.shape), dtype=np.float32)
        x = mean + deviation * like(noise, x)
        if constrain is not None:
            x = constrain(x, t_next)
    return mean if constrain is None else constrain(mean, 0.0)
