# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose a few alternatives that stand for many samples.

Eight independent samples repeat each other and miss corners. Drawing more and
keeping the few that lie nearest to all of them covers the same distribution
better, while their mean is held where the mean of all samples is.
"""

from __future__ import annotations

import numpy as np

CENTRE_WEIGHT = 0.5
"""Metres of mean position error that count as one metre of mean distance to the kept."""

MAX_SWEEPS = 4

BLOCK = 192
"""Samples beyond this many are dealt into blocks of their own, so that the cost stays linear."""


def representatives(points: np.ndarray, count: int, centre_weight: float = CENTRE_WEIGHT) -> np.ndarray:
    """Indices of ``count`` samples that represent all of them.

    Minimises, over subsets S of the samples, the mean distance of a sample to the
    nearest member of S plus ``centre_weight`` times the distance between the mean
    of S and the mean of all: greedily, then by single swaps until none helps.

    Args:
        points: (M, K, 3) positions of K joints in M samples.
        count: how many to keep, at most M.
        centre_weight: see above; 0 gives k-medoids.

    Returns:
        (count,) int indices in order of choice, the most central sample of a block first.
    """
    M = len(points)
    if count >= M:
        return np.arange(M)
    blocks = -(-M // BLOCK)
    share = [count // blocks + (block < count % blocks) for block in range(blocks)]
    dealt = [np.arange(block, M, blocks) for block in range(blocks)]
    chosen = [
        rows[_representatives(points[rows], few, centre_weight)]
        for rows, few in zip(dealt, share, strict=True)
    ]
    return np.concatenate(chosen)


def _representatives(points: np.ndarray, count: int, centre_weight: float) -> np.ndarray:
    """``representatives`` of one block, at a cost of O(count * M * M) a sweep."""
    M = len(points)
    if count >= M:
        return np.arange(M)
    difference = points[:, None] - points[None]
    distance = np.sqrt(np.sum(difference**2, axis=-1)).mean(axis=-1)  # (M, M)
    centred = points - points.mean(axis=0)

    def cost(nearest: np.ndarray, total: np.ndarray, size: int) -> np.ndarray:
        """Cost of adding each sample to a set given by its nearest distances and sum."""
        coverage = np.minimum(nearest, distance).mean(axis=1)
        offset = np.sqrt(np.sum(((total + centred) / (size + 1)) ** 2, axis=-1)).mean(axis=-1)
        return coverage + centre_weight * offset

    far = np.full(M, np.inf)
    chosen: list[int] = []
    nearest, total = far, np.zeros_like(centred[0])
    for size in range(count):
        costs = cost(nearest, total, size)
        costs[chosen] = np.inf
        best = int(np.argmin(costs))
        chosen.append(best)
        nearest, total = np.minimum(nearest, distance[best]), total + centred[best]
    for _ in range(MAX_SWEEPS):
        changed = False
        for slot in range(count):
            others = chosen[:slot] + chosen[slot + 1 :]
            nearest = np.min(distance[others], axis=0) if others else far
            costs = cost(nearest, centred[others].sum(axis=0), count - 1)
            costs[others] = np.inf
            best = int(np.argmin(costs))
            if costs[best] < costs[chosen[slot]] - 1e-9:
                chosen[slot], changed = best, True
        if not changed:
            break
    return np.array(chosen)
