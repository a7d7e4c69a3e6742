# SPDX-License-Identifier: GPL-3.0-or-later
"""How much noise each value of a clip carries, estimated from the clip alone.

Bodies have little movement near the highest frequency that a frame rate can show;
white noise has as much there as anywhere. So the noise is what is left of the values
after differences of a high order: differences of order n enlarge white noise by
sqrt(binomial(2n, n)) and shrink a swing of f Hz by (2 sin(pi f / fps))^n. The median
makes it blind to spikes and to the few frames of an impact.
"""

from __future__ import annotations

from math import comb

import numpy as np

from contrapposto.rotation import to_rotvec, transpose

ORDER = 5
"""Of the differences; a 3 Hz swing at 30 frames a second counts 1/160 of its size as noise."""

MEDIAN_OF_NORMAL = 0.6745
"""Median of the absolute value of a standard normal."""

REACH = 45
"""Frames to each side by which an estimate may look around."""

SHRINK = 0.5
"""How far a local estimate gives way to that of the whole clip, as a share of logarithms."""


def high_frequencies(step: np.ndarray) -> np.ndarray:
    """High differences of values given by their steps (T - 1, ...); white noise keeps its deviation."""
    return np.diff(step, n=ORDER - 1, axis=0) / np.sqrt(comb(2 * ORDER, ORDER))


def rotation_noise(R: np.ndarray, reliable: np.ndarray) -> np.ndarray:
    """Deviation of the noise of rotations, by component of its vector.

    Args:
        R: (T, J, 3, 3) local rotations.
        reliable: (T, J) bool; what is not has no say.

    Returns:
        (T, J) radians around each frame; 0 where there is too little to tell by.
    """
    return local_deviation(to_rotvec(transpose(R[:-1]) @ R[1:]), reliable)


def point_noise(points: np.ndarray, reliable: np.ndarray) -> np.ndarray:
    """The same of points (T, J, 3), reliable (T, J): (T, J) in their unit."""
    return local_deviation(np.diff(points, axis=0), reliable)


def local_deviation(step: np.ndarray, reliable: np.ndarray) -> np.ndarray:
    """(T, J) noise around each frame, given steps (T - 1, J, 3) and which values are reliable (T, J)."""
    T = len(reliable)
    if T <= ORDER + 1:
        return np.zeros(reliable.shape)
    size = np.abs(high_frequencies(step))
    whole = np.asarray(np.stack([reliable[i : T - ORDER + i] for i in range(ORDER + 1)]).all(axis=0))
    size = np.where(whole[..., None], size, np.nan)
    centres = np.arange(0, len(size) + REACH, REACH)
    found = np.stack([_deviation(size[max(0, c - REACH) : c + REACH]) for c in centres])
    overall = _deviation(size)
    mixed = np.sqrt(np.where(np.isnan(found), overall, found) * overall) if SHRINK else found
    mixed = np.nan_to_num(mixed)
    at = np.clip((np.arange(T) - ORDER / 2) / REACH, 0, len(centres) - 1)
    before = np.minimum(at.astype(int), max(0, len(centres) - 2))
    after = np.minimum(before + 1, len(centres) - 1)
    share = (at - before)[:, None]
    return (1 - share) * mixed[before] + share * mixed[after]


def _deviation(size: np.ndarray) -> np.ndarray:
    """(J,) of absolute values (n, J, 3); NaN where none is finite."""
    rows = np.moveaxis(size, 1, 0).reshape(size.shape[1], -1)
    found = np.full(len(rows), np.nan)
    for joint, row in enumerate(rows):
        told = row[np.isfinite(row)]
        if len(told):
            found[joint] = np.median(told) / MEDIAN_OF_NORMAL
    return found
