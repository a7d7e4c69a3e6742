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


def representatives(
    points: np.ndarray, count: int, diversity: float = 0.0, *, across: bool = False
) -> np.ndarray:
    """Indices of ``count`` samples that represent all of them.

    Minimises, over subsets S of the samples, the mean distance of a sample to the
    nearest member of S, plus the distance between the mean of S and the mean of
    all, minus the mean distance between two members of S: greedily, then by single
    swaps until none helps. ``diversity`` weighs the last two.

    Args:
        points: (M, K, 3) positions of K joints in M samples.
        count: how many to keep, at most M.
        diversity: 0 keeps the mean, 1 spreads the few out, in between does some of both.
        across: a block keeps what the blocks before it have nothing like; otherwise each chooses by
            itself, and the same pose may be kept in several.

    Returns:
        (count,) int indices in order of choice, the most central sample of a block first.
    """
    M = len(points)
    if count >= M:
        return np.arange(M)
    blocks = -(-M // BLOCK)
    share = [count // blocks + (block < count % blocks) for block in range(blocks)]
    dealt = [np.arange(block, M, blocks) for block in range(blocks)]
    chosen = np.empty(0, dtype=int)
    for rows, few in zip(dealt, share, strict=True):
        others = points[chosen] if across else points[:0]
        chosen = np.concatenate([chosen, rows[_representatives(points[rows], few, diversity, others)]])
    return chosen


def _distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(M, N) mean distance of the joints of M samples and N others."""
    return np.sqrt(np.sum((points[:, None] - others[None]) ** 2, axis=-1)).mean(axis=-1)


def _representatives(points: np.ndarray, count: int, diversity: float, others: np.ndarray) -> np.ndarray:
    """``representatives`` of one block beside N others that are kept already, at O(count * M * M) a sweep."""
    M, N = len(points), len(others)
    if count >= M:
        return np.arange(M)
    distance = _distance(points, points)
    to_others = _distance(others, points)
    nearest_other, apart_from_others = to_others.min(axis=0, initial=np.inf), to_others.sum(axis=0)
    centred = points - points.mean(axis=0)
    centre_weight, spread_weight = CENTRE_WEIGHT * (1 - diversity), SPREAD_WEIGHT * diversity

    def cost(kept: list[int]) -> np.ndarray:
        """(M,) cost of adding each sample to these; infinite for these themselves."""
        near = np.minimum(nearest_other, distance[kept].min(axis=0, initial=np.inf))
        total = np.minimum(near, distance).mean(axis=1)
        mean = (centred[kept].sum(axis=0) + centred) / (len(kept) + 1)
        total += centre_weight * np.sqrt(np.sum(mean**2, axis=-1)).mean(axis=-1)
        all_kept = len(kept) + N
        if all_kept:  # what the others are apart from each other is the same for each
            apart = distance[np.ix_(kept, kept)].sum() / 2 + distance[kept].sum(axis=0)
            apart += apart_from_others[kept].sum() + apart_from_others
            total -= spread_weight * apart / (all_kept * (all_kept + 1) / 2)
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
