# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixtures of Gaussians with diagonal covariance, many at once, and fitting them to draws.

Source: Dempster et al. 1977, "Maximum likelihood from incomplete data via the EM algorithm".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_SHARE = 1e-3
"""Of the draws' own deviation, that a kernel keeps at least; and of the draws, that it is worth at least."""


NARROW = 0.1
"""Of the draws' variance, that kernels begin with, so that at first each takes the draws nearest to it."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """B mixtures of M kernels in D dimensions.

    Attributes:
        weight: (B, M), summing to 1.
        mean, deviation: (B, M, D).
    """

    weight: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    def of(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation (N, B, D) of chosen kernels (N, B)."""
        rows = np.arange(len(self.weight))
        return self.mean[rows, kernel], self.deviation[rows, kernel]

    def chosen(self, u: np.ndarray) -> np.ndarray:
        """Kernels (N, B) by their weight, of uniform draws (N, B) or (N, 1)."""
        below = np.cumsum(self.weight, axis=1)[None] < np.asarray(u)[..., None]
        return np.minimum(below.sum(axis=-1), self.weight.shape[1] - 1)


def fit(draws: np.ndarray, start: np.ndarray, rounds: int = 8) -> Mixture:
    """The mixtures that explain draws best, by EM.

    Args:
        draws: (B, S, D) S of each of B distributions.
        start: (B, M, D) where the kernels' means begin.
        rounds: of expectation and maximisation.
    """
    centre = draws.mean(axis=1, keepdims=True)
    unit = np.sqrt(((draws - centre) ** 2).mean(axis=1, keepdims=True)) + 1e-9
    x = ((draws - centre) / unit).astype(np.float32)  # of unit size, where float32 has digits enough
    both = np.concatenate([x, x * x], axis=-1)
    mean = ((start - centre) / unit).astype(np.float32)
    D, kernels = mean.shape[-1], mean.shape[1]
    variance = np.full_like(mean, NARROW)
    weight = np.full(mean.shape[:2], 1 / kernels, dtype=x.dtype)
    for _ in range(rounds if kernels > 1 else 1):
        share = _responsibility(both, weight, mean, variance)
        count = share.sum(axis=-1) + LEAST_SHARE
        moments = (share @ both) / count[..., None]
        mean = moments[..., :D]
        variance = np.maximum(moments[..., D:] - mean**2, LEAST_SHARE**2)
        weight = count / count.sum(axis=1, keepdims=True)
    return Mixture(weight, centre + unit * mean, unit * np.sqrt(variance))


def _responsibility(
    both: np.ndarray, weight: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> np.ndarray:
    """(B, M, S) chance that a draw, told with its square, stems from each kernel."""
    sharp = 1 / variance
    constant = np.log(weight) - 0.5 * (np.log(variance) + mean**2 * sharp).sum(axis=-1)
    slope = np.concatenate([mean * sharp, -0.5 * sharp], axis=-1)
    score = slope @ np.swapaxes(both, 1, 2) + constant[..., None]
    share = np.exp(score - score.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)
