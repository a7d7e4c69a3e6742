# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys, with a bound on what is lost.

Keys are added where the curve through those there are is furthest off, until it is near enough everywhere.
Between two keys runs a cubic with the slopes of the dense curve: in Blender a Bezier segment whose handles
are a third of the way long, so that what is measured here is what Blender plays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Error = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(M, c) fitted and (M, c) true values of the channels to (M,) errors, in the unit of the bound."""


def slopes_of(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(T, c) slopes of a dense curve: central differences, one-sided at the ends."""
    return np.gradient(values, times, axis=0) if len(times) > 1 else np.zeros_like(values)


def needed_keys(
    times: np.ndarray, values: np.ndarray, candidates: np.ndarray, error: Error, bound: float
) -> np.ndarray:
    """Which samples have to be keys for the cubics between them to stay within the bound.

    Args:
        times: (T,) rising.
        values: (T, c) the channels at those times.
        candidates: indices of the samples that may be keys; the first and last of them are.
        error: how far fitted values are from true ones.
        bound: the most that it may be.

    Returns:
        Indices into ``times``, rising. All candidates if the bound cannot be kept with fewer.
    """
    slopes = slopes_of(times, values)
    chosen = np.zeros(len(times), dtype=bool)
    chosen[[candidates[0], candidates[-1]]] = True
    free = np.zeros(len(times), dtype=bool)
    free[candidates] = True
    inside = np.arange(candidates[0], candidates[-1] + 1)
    while True:
        keys = np.flatnonzero(chosen)
        if len(keys) < 2:
            return keys
        off = error(cubic(times, values, slopes, keys, times[inside]), values[inside])
        segment = np.clip(np.searchsorted(keys, inside, side="right") - 1, 0, len(keys) - 2)
        # What is within the bound stays so: more keys change nothing but the segments that they divide.
        failing = np.isin(segment, segment[~(off <= bound)])
        inside, segment, off = inside[failing], segment[failing], off[failing]
        left = free[inside] & ~chosen[inside]
        if not left.any():
            return np.flatnonzero(chosen)
        # Of the samples of each segment that may be keys, the one that is furthest off becomes one.
        order = np.lexsort((np.where(np.isfinite(off), off, np.inf)[left], segment[left]))
        last = np.flatnonzero(np.diff(segment[left][order], append=-1))
        chosen[inside[left][order[last]]] = True


def cubic(
    times: np.ndarray, values: np.ndarray, slopes: np.ndarray, keys: np.ndarray, at: np.ndarray
) -> np.ndarray:
    """(M, c) the curve through the keys with their slopes, at the times ``at`` (M,) between them."""
    i = np.clip(np.searchsorted(times[keys], at, side="right") - 1, 0, len(keys) - 2)
    a, b = keys[i], keys[i + 1]
    width = (times[b] - times[a])[:, None]
    u = (at - times[a])[:, None] / width
    return (
        (1 + 2 * u) * (1 - u) ** 2 * values[a]
        + u * (1 - u) ** 2 * width * slopes[a]
        + u**2 * (3 - 2 * u) * values[b]
        + u**2 * (u - 1) * width * slopes[b]
    )
