# SPDX-License-Identifier: GPL-3.0-or-later
"""A window through a bank of smoothing filters, and the mixture of them that a network chooses.

Every filter weighs frames by how far they are and by how precise they are, so that what
is missing has no say and is filled from what is known around it.

Source: Nadaraya 1964 and Watson 1964 (kernel regression); Shepard 1968 (the interpolating
kernel); the choice of a kernel's width by place is that of variable-bandwidth regression.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from contrapposto.arrays import Array, like, namespace

WIDTHS = (1.0, 2.0, 4.0, 8.0)
"""Deviations of the Gaussian kernels, frames."""

FILTERS = len(WIDTHS) + 2
"""The observation itself, the Gaussians, and what interpolates its neighbours."""

SMOOTH = 2
"""The filter that a network is shown beside the observation."""

PRECISE = 0.02
"""Level, in spreads, below which a value is no more precise for it."""

NOTHING = 1e-12
"""Weight below which a kernel has found no frame to go by."""


@lru_cache(maxsize=8)
def kernels(frames: int) -> np.ndarray:
    """(FILTERS - 1, frames, frames): the Gaussians and Shepard's."""
    apart = np.abs(np.arange(frames)[:, None] - np.arange(frames)[None])
    gauss = [np.exp(-0.5 * (apart / width) ** 2) for width in WIDTHS]
    return np.stack([*gauss, 1 / np.maximum(apart, 0.5) ** 3])


def suited_width(r: Array) -> Array:
    """Frames of the Gaussian that suits a level (...) in spreads; a filter's best by experience."""
    return 5 * r**0.55 * (r / (r + 0.05))


@dataclass(frozen=True, eq=False)
class Filtered:
    """A value through every filter.

    Attributes:
        values: FILTERS arrays (B, T, J, C).
        bias: (B, T, J, FILTERS) log-odds of the filters before the network has a say.
    """

    values: tuple[Array, ...]
    bias: Array

    @property
    def filled(self) -> Array:
        """The value itself, from its neighbours where it is missing."""
        return self.values[0]

    @property
    def smooth(self) -> Array:
        """The value moderately smoothed."""
        return self.values[SMOOTH]

    def mixed(self, choice: Array) -> Array:
        """(B, T, J, C) the mixture by log-odds (B, T, J, FILTERS)."""
        xp = namespace(choice)
        odds = choice + self.bias
        odds = xp.exp(odds - xp.max(odds, axis=-1, keepdims=True))
        odds = odds / xp.sum(odds, axis=-1, keepdims=True)
        total = odds[..., 0, None] * self.values[0]
        for number in range(1, FILTERS):
            total = total + odds[..., number, None] * self.values[number]
        return total


def filtered(x: Array, r: Array) -> Filtered:
    """A value (B, T, J, C) through every filter, by its level (B, T, J) in units of its spread."""
    xp = namespace(x)
    missing = xp.isinf(r)
    zero = xp.zeros_like(r)
    r = xp.where(missing, zero, r)
    precision = xp.where(missing, zero, 1 / (r * r + PRECISE**2))
    flat = xp.reshape(precision[..., None] * x, (*x.shape[:2], -1))
    bank = like(kernels(x.shape[1]), x)
    smoothed, found = [], []
    for number in range(FILTERS - 1):
        weight = bank[number] @ precision
        value = xp.reshape(bank[number] @ flat, tuple(x.shape))
        known = weight > NOTHING
        found.append(known)
        smoothed.append(value / xp.where(known, weight, xp.ones_like(weight))[..., None])
    between = xp.where(found[-1][..., None], smoothed[-1], xp.zeros_like(x))
    gauss = [
        xp.where(known[..., None], value, between)
        for known, value in zip(found[:-1], smoothed[:-1], strict=True)
    ]
    return Filtered((xp.where(missing[..., None], between, x), *gauss, between), _bias(r, missing))


def _bias(r: Array, missing: Array) -> Array:
    """(..., FILTERS) log-odds that favour the Gaussian that suits a level."""
    xp = namespace(r)
    wanted = xp.log2(suited_width(r) + 0.3)
    odds = [-2 * (wanted - float(np.log2(width + 0.3))) ** 2 for width in (0.0, *WIDTHS)]
    seen = xp.stack([*odds, -6 * xp.ones_like(r)], axis=-1)
    unseen = like([-4.0] * (FILTERS - 1) + [2.0], r)
    return xp.where(missing[..., None], unseen + xp.zeros_like(seen), seen)
