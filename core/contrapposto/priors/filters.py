# SPDX-License-Identifier: GPL-3.0-or-later
"""A window through a bank of smoothing filters, and the mixture of them that a network chooses.

A kernel weighs frames by how far they are and by how precise they are, so that what is
missing has no say; it is filled by the curve that leaves what is known around it with its own speed.

Source: Nadaraya 1964 and Watson 1964 (kernel regression); the choice of a kernel's width
by place is that of variable-bandwidth regression. Cubic Hermite curves over gaps, their tangents
shortened as the gap grows (the "tension" of Kochanek and Bartels 1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from contrapposto.arrays import Array, like, namespace

WIDTHS = (1.0, 2.0, 4.0, 8.0)
"""Deviations of the Gaussian kernels, frames."""

FILTERS = len(WIDTHS) + 2
"""The observation itself, the Gaussians, and the curve between its neighbours."""

SMOOTH = 2
"""The filter that a network is shown beside the observation."""

PRECISE = 0.02
"""Level, in spreads, below which a value is no more precise for it."""

WIDEST = 5.0
"""Width that suits a level of one spread, frames."""

CLOSE = 1e-6
"""Frames by which even a value itself is away, so that one divides by no zero."""

SWING = 45.0
"""Frames of a gap over which a movement hardly goes on as it began."""

UNSURE = 8.0
"""Frames from the known values around a gap at which the curve over it may be off by half a spread."""

NOTHING = 1e-12
"""Weight below which a kernel has found no frame to go by."""


@lru_cache(maxsize=8)
def kernels(frames: int) -> np.ndarray:
    """(FILTERS - 2, frames, frames) the Gaussians."""
    apart = np.abs(np.arange(frames)[:, None] - np.arange(frames)[None])
    return np.stack([np.exp(-0.5 * (apart / width) ** 2) for width in WIDTHS])


def suited_width(r: Array) -> Array:
    """Frames of the Gaussian that suits a level (...) in spreads; a filter's best by experience."""
    return WIDEST * r**0.55 * (r / (r + 0.05))


@dataclass(frozen=True, eq=False)
class Filtered:
    """A value through every filter.

    Attributes:
        values: FILTERS arrays (B, T, J, C).
        bias: (B, T, J, FILTERS) log-odds of the filters before the network has a say.
        doubt: (B, T, J) how far the curve over a gap may be off, in spreads: 0 where known, 1 far from it.
    """

    values: tuple[Array, ...]
    bias: Array
    doubt: Array

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
    for kernel in (bank[number] for number in range(len(WIDTHS))):
        weight = kernel @ precision
        value = xp.reshape(kernel @ flat, tuple(x.shape))
        known = weight > NOTHING
        found.append(known[..., None])
        smoothed.append(value / xp.where(known, weight, xp.ones_like(weight))[..., None])
    bias = _bias(r, missing)
    # what is missing lies on a curve between the nearest known values, smoothed as suits them
    suited = Filtered((x, *smoothed, x), _odds(r), zero)
    between, away = bridged(suited.mixed(xp.zeros_like(bias)), missing)
    gauss = [xp.where(known, value, between) for known, value in zip(found, smoothed, strict=True)]
    return Filtered(
        (xp.where(missing[..., None], between, x), *gauss, between), bias, 1 - 1 / (1 + away / UNSURE)
    )


def bridged(x: Array, missing: Array) -> tuple[Array, Array]:
    """Values with curves where missing, and how far from the known ones they are.

    Args:
        x: (B, T, J, C) values.
        missing: (B, T, J) bool.

    Returns:
        (B, T, J, C) values, constant where only one side is known, zero where all of a row is missing; and
        (B, T, J) frames: half the harmonic mean of those to either side, 0 where known, infinite where all
        is missing.
    """
    xp = namespace(x)
    before, leaving, since = _last_known(x, missing, range(x.shape[1]))
    after, arriving, until = _last_known(x, missing, range(x.shape[1] - 1, -1, -1))
    near, far = 1 / (since + CLOSE), 1 / (until + CLOSE)
    total = near + far
    some = xp.where(total > 0, total, xp.ones_like(total))
    away = xp.where(missing, xp.where(total > 0, 1 / some, xp.inf * some), xp.zeros_like(total))
    near, far = (near / some)[..., None], (far / some)[..., None]
    line = near * before + far * after
    length = since + until
    inside = missing & ~xp.isinf(length)
    length = xp.where(inside, length, xp.ones_like(length))
    tension = xp.where(inside, length * xp.exp(-((length / SWING) ** 2)), xp.zeros_like(length))[..., None]
    straight = (after - before) / length[..., None]
    bend = near * (leaving - straight) + far * (arriving + straight)
    return line + tension * near * far * bend, away


def _last_known(x: Array, missing: Array, order: Sequence[int]) -> tuple[Array, Array, Array]:
    """What was known last, going through the frames in order.

    Returns:
        (B, T, J, C) the value, (B, T, J, C) by how much it changed in its last frame, and (B, T, J) how
        many frames ago that was.
    """
    xp = namespace(x)
    value, change = xp.zeros_like(x[:, 0]), xp.zeros_like(x[:, 0])
    age = xp.inf * xp.ones_like(x[:, 0, :, 0])
    values, changes, ages = [None] * x.shape[1], [None] * x.shape[1], [None] * x.shape[1]
    for frame in order:
        gone = missing[:, frame]
        moved = xp.where((age == 0)[..., None], x[:, frame] - value, xp.zeros_like(value))
        change = xp.where(gone[..., None], change, moved)
        value = xp.where(gone[..., None], value, x[:, frame])
        age = xp.where(gone, age + 1, xp.zeros_like(age))
        values[frame], changes[frame], ages[frame] = value, change, age
    return xp.stack(values, axis=1), xp.stack(changes, axis=1), xp.stack(ages, axis=1)


def _bias(r: Array, missing: Array) -> Array:
    """(..., FILTERS) log-odds: of the Gaussian that suits a level, of the curve where missing."""
    unseen = like([-4.0] * (FILTERS - 1) + [2.0], r)
    return namespace(r).where(missing[..., None], unseen, _odds(r))


def _odds(r: Array) -> Array:
    """(..., FILTERS) log-odds that favour the Gaussian that suits a level."""
    xp = namespace(r)
    wanted = xp.log2(suited_width(r) + 0.3)
    odds = [-2 * (wanted - float(np.log2(width + 0.3))) ** 2 for width in (0.0, *WIDTHS)]
    return xp.stack([*odds, -6 * xp.ones_like(r)], axis=-1)
