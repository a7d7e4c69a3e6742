# SPDX-License-Identifier: GPL-3.0-or-later
"""A few samples that stand for many: they cover, they keep the mean, they are repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.tasks.select import BLOCK, representatives


def clusters(sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Points of one joint, in tight clusters 1 m apart."""
    rng = np.random.default_rng(seed)
    centres = np.eye(3)
    rows = [centres[i] + 0.01 * rng.standard_normal((n, 3)) for i, n in enumerate(sizes)]
    return np.concatenate(rows)[:, None]


def test_every_cluster_is_represented_once():
    kept = representatives(clusters((10, 3, 5)), 3, diversity=1.0)
    assert sorted(np.searchsorted([10, 13, 18], kept, side="right")) == [0, 1, 2]


def test_the_first_is_the_most_central_of_all():
    points = np.linspace(0, 1, 21)[:, None, None] * np.ones((1, 1, 3))
    assert representatives(points, 5)[0] == 10


def test_nobody_is_kept_twice_and_all_are_kept_when_all_are_wanted():
    points = clusters((6, 6, 6))
    kept = representatives(points, 9)
    assert len(set(kept.tolist())) == 9
    assert representatives(points, 18).tolist() == list(range(18))


def test_thousands_of_samples_are_dealt_into_blocks():
    points = np.random.default_rng(0).standard_normal((BLOCK * 3 + 7, 2, 3))
    kept = representatives(points, 101)
    assert len(set(kept.tolist())) == 101
    gap = np.linalg.norm(points[:, None] - points[kept][None], axis=-1).mean(axis=-1).min(axis=1).mean()
    first = np.linalg.norm(points[:, None] - points[:101][None], axis=-1).mean(axis=-1).min(axis=1).mean()
    assert gap < first


def test_blocks_that_choose_across_seldom_keep_what_another_keeps():
    blocks = 3
    points = np.repeat(np.random.default_rng(4).standard_normal((BLOCK, 2, 3)), blocks, axis=0)

    def different(across: bool) -> int:
        kept = representatives(points, 24, diversity=1.0, across=across)
        return len(np.unique(kept // blocks))

    assert different(across=False) == 24 // blocks
    assert different(across=True) > 2 * 24 // blocks


def test_representatives_lie_nearer_to_the_samples_than_the_first_few_do():
    points = np.random.default_rng(1).standard_normal((60, 4, 3))

    def coverage(kept: np.ndarray) -> float:
        gap = np.linalg.norm(points[:, None] - points[kept][None], axis=-1).mean(axis=-1)
        return float(gap.min(axis=1).mean())

    assert coverage(representatives(points, 8)) < 0.97 * coverage(np.arange(8))


def test_the_mean_of_the_kept_stays_near_the_mean_of_all():
    rng = np.random.default_rng(2)
    points = np.concatenate([rng.standard_normal((50, 2, 3)), 5 + rng.standard_normal((6, 2, 3))])

    def offset(diversity: float) -> float:
        kept = representatives(points, 8, diversity)
        return float(np.linalg.norm(points[kept].mean(axis=0) - points.mean(axis=0), axis=-1).mean())

    assert offset(0.0) < offset(1.0)
    assert offset(0.0) < 0.3


def test_more_diversity_keeps_samples_that_differ_more():
    points = np.random.default_rng(3).standard_normal((60, 4, 3))

    def spread(diversity: float) -> float:
        kept = points[representatives(points, 8, diversity)]
        return float(np.linalg.norm(kept[:, None] - kept[None], axis=-1).mean())

    assert spread(0.0) < spread(0.5) < spread(1.0)
    assert spread(1.0) > 1.15 * spread(0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_samples_does_not_change_who_is_kept(seed):
    points = np.random.default_rng(seed).standard_normal((30, 3, 3))
    shuffle = np.random.default_rng(seed + 10).permutation(30)
    kept = {tuple(p.ravel()) for p in points[representatives(points, 6)]}
    again = {tuple(p.ravel()) for p in points[shuffle][representatives(points[shuffle], 6)]}
    assert kept == again
