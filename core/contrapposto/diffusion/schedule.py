# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-VP noise schedule: how much signal and noise a state holds at time t.

``x_t = a(t) x_0 + s(t) z`` with ``z ~ N(0, I)`` and t in (0, 1].

Source: Song et al. 2021, "Score-Based Generative Modeling through Stochastic
Differential Equations", appendix B (sub-VP SDE).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from contrapposto.arrays import Array


class Schedule(Protocol):
    """What a sampler asks of any schedule."""

    def a(self, t: Array, /) -> Array:
        """Signal scale at times ``t``."""
        ...

    def s(self, t: Array, /) -> Array:
        """Standard deviation of the noise."""
        ...


@dataclass(frozen=True)
class SubVP:
    """Sub-VP SDE with ``beta(t) = beta_min + t (beta_max - beta_min)``.

    Unlike in the VP SDE, ``s = 1 - a**2`` itself is the standard deviation. The
    functions take floats or NumPy arrays of times.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def log_a(self, t: Array) -> Array:
        """Logarithm of the signal scale."""
        return -(t**2) * (self.beta_max - self.beta_min) / 4 - t * self.beta_min / 2

    def a(self, t: Array) -> Array:
        """Signal scale, 1 at t = 0."""
        return np.exp(self.log_a(t))

    def s(self, t: Array) -> Array:
        """Standard deviation of the noise; expm1 keeps its digits near t = 0."""
        return -np.expm1(2 * self.log_a(t))

    def beta(self, t: Array) -> Array:
        """Rate of the drift ``-beta x / 2``."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def g2(self, t: Array) -> Array:
        """Squared diffusion coefficient."""
        span = self.beta_max - self.beta_min
        return self.beta(t) * -np.expm1(-2 * self.beta_min * t - span * t**2)

    def time(self, ratio: float) -> float:
        """The time at which the noise-to-signal ratio ``s / a`` is ``ratio``.

        Raises:
            ValueError: unless the ratio is positive.
        """
        if not ratio > 0:
            raise ValueError(f"A noise-to-signal ratio must be positive, not {ratio}")
        # (sqrt(r^2 + 4) - r) / 2 without the cancellation at large r
        a = 2 / (math.hypot(ratio, 2) + ratio)
        p, q, r = (self.beta_max - self.beta_min) / 4, self.beta_min / 2, math.log(a)
        return (-q + math.sqrt(q * q - 4 * p * r)) / (2 * p)

    def ladder(self, steps: int, high: float = 20.0, low: float = 0.03, rho: float = 5.0) -> list[float]:
        """Falling times for a few-step sampler, dense where detail is decided.

        The ratios ``s / a`` run from ``high`` to ``low``, evenly in their
        ``1 / rho`` power.

        Source: Karras et al. 2022, "Elucidating the Design Space of
        Diffusion-Based Generative Models", equation 5.
        """
        ratios = np.linspace(high ** (1 / rho), low ** (1 / rho), steps) ** rho
        return [self.time(float(ratio)) for ratio in ratios]


EARLIEST = 1e-3
"""Where the papers' samplers end."""


def uniform_times(steps: int) -> list[float]:
    """Times that fall evenly from 1 to ``EARLIEST``, as the papers sample."""
    return [float(t) for t in np.linspace(1, EARLIEST, steps)]


@dataclass(frozen=True)
class Cosine:
    """The discrete cosine schedule; a time is an index from 0 to ``count - 1``, as a float.

    Variance preserving: ``a**2 + s**2 = 1``. Index 0 is as good as clean.

    Source: Nichol & Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models", equation 17.
    """

    count: int = 1000

    @cached_property
    def _signal(self) -> np.ndarray:
        """(count,) share of the signal in the variance, ``abar``."""
        u = np.arange(self.count + 1) / self.count
        f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.cumprod(1 - np.minimum(1 - f[1:] / f[:-1], 0.999))

    def a(self, t: Array) -> Array:
        """Signal scale."""
        return np.sqrt(self._signal[np.asarray(t, dtype=int)])

    def s(self, t: Array) -> Array:
        """Standard deviation of the noise."""
        return np.sqrt(1 - self._signal[np.asarray(t, dtype=int)])
