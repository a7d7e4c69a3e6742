# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise schedules in K steps: ``x_k = a(k) x_0 + s(k) e`` with ``a^2 + s^2 = 1`` and k from 0 to K.

Source: Nichol & Dhariwal 2021, "Improved Denoising Diffusion Probabilistic Models" (cosine);
Ho et al. 2020, "Denoising Diffusion Probabilistic Models" (linear).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import Array

OFFSET = 0.008
LARGEST_BETA = 0.999


@dataclass(frozen=True, eq=False)
class Steps:
    """What is left of the signal after each of K steps.

    Attributes:
        abar: (K + 1,) squared signal scale, 1 at step 0.
    """

    abar: np.ndarray

    @classmethod
    def cosine(cls, steps: int) -> Steps:
        """The cosine schedule; next to nothing of the signal is left at the end."""
        u = np.arange(steps + 1) / steps
        f = np.cos((u + OFFSET) / (1 + OFFSET) * np.pi / 2) ** 2
        beta = np.minimum(1 - f[1:] / f[:-1], LARGEST_BETA)
        return cls(np.concatenate([[1.0], np.cumprod(1 - beta)]))

    @classmethod
    def linear(cls, steps: int, first: float, last: float) -> Steps:
        """Betas that rise evenly from ``first`` to ``last``."""
        return cls(np.concatenate([[1.0], np.cumprod(1 - np.linspace(first, last, steps))]))

    @property
    def last(self) -> int:
        """K."""
        return len(self.abar) - 1

    def a(self, k: Array) -> Array:
        """Signal scale at steps ``k``."""
        return np.sqrt(self.abar[np.asarray(k, dtype=int)])

    def s(self, k: Array) -> Array:
        """Standard deviation of the noise."""
        return np.sqrt(1 - self.abar[np.asarray(k, dtype=int)])

    def falling(self, count: int) -> list[float]:
        """``count`` steps that fall evenly from K, for a sampler that leaves out the others.

        Raises:
            ValueError: if there are not so many.
        """
        if not 0 < count <= self.last:
            raise ValueError(f"A sampler takes 1 to {self.last} steps, not {count}")
        return [float(k) for k in np.rint(self.last - np.arange(count) * self.last / count)]
