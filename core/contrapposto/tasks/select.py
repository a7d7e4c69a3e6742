# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose a few alternatives that stand for many samples.

Eight independent samples repeat each other and miss corners. Drawing more and
keeping the few that lie nearest to all of them covers the same distribution
better. What else counts is the caller's: that the mean of the few is the mean of
all (the likeliest answers), or that the few differ (the most ideas).
"""

from __future__ import annotations

import numpy as np

CENTRE_WEIGHT = 0.5
"""How much the distance between the two means counts beside the mean distance to the kept, at diversity 0."""

SPREAD_WEIGHT = 0.5
"""How much the mean distance between two of the kept counts, at diversity 1. On val it doubles that
distance, while the best of ten errs no more than a tenth more."""

MAX_SWEEPS = 4

BLOCK = 192
"""Samples beyond this many are dealt into blocks of their own, so that the cost stays linear."""


def representatives(points: np.ndarray, count: int, diversity: float = 0.0) -> np.ndarray:
    """Indices of ``count`` samples that represent all of them.

    Minimises, over subsets S of the samples, the mean distance of a sample to the
    nearest member of S, plus the distance between the mean of S and the mean of
    all, minus the mean distance between two members of S: greedily, then by single
    swaps until none helps. ``diversity`` weighs the last two.

    Args:
        points: (M, K, 3) positions of K joints in M samples.
        count: how many to keep, at most M.
        diversity: 0 keeps the mean, 1 spreads the few out, in between does some of both.

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
        rows[_representatives(points[rows], few, diversity)] for rows, few in zip(dealt, share, strict=True)
    ]
    return np.concatenate(chosen)


def _representatives(points: np.ndarray, count: int, diversity: float) -> np.ndarray:
    """``representatives`` of one block, at a cost of O(count * M * M) a sweep."""
    M = len(points)
    if count >= M:
        return np.arange(M)
    difference = points[:, None] - points[None]
    distance = np.sqrt(np.sum(difference**2, axis=-1)).mean(axis=-1)  # (M, M)
    centred = points - points.mean(axis=0)
    centre_weight, spread_weight = CENTRE_WEIGHT * (1 - diversity), SPREAD_WEIGHT * diversity

    def cost(kept: list[int]) -> np.ndarray:
        """(M,) cost of adding each sample to these; infinite for these themselves."""
        near = np.min(distance[kept], axis=0) if kept else np.full(M, np.inf)
        total = np.minimum(near, distance).mean(axis=1)
        mean = (centred[kept].sum(axis=0) + centred) / (len(kept) + 1)
        total += centre_weight * np.sqrt(np.sum(mean**2, axis=-1)).mean(axis=-1)
        if kept:
            apart = distance[np.ix_(kept, kept)].sum() / 2 + distance[kept].sum(axis=0)
            total -= spread_weight * apart / (len(kept) * (len(kept) + 1) / 2)
        total[kept] = np.inf
        return total

    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int(np.argmin(cost(chosen))))
    for _ in range(MAX_SWEEPS):
        changed = False
        for slot in range(count):
            costs = cost(chosen[:slot] + chosen[slot + 1 :])
            best = int(np.argmin(costs))
            if costs[best] < costs[chosen[slot]] - 1e-9:
                chosen[slot], changed = best, True
        if not changed:
            break
    return np.array(chosen, dtype=int)
