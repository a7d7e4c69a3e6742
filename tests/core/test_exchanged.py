# SPDX-License-Identifier: GPL-3.0-or-later
"""Arms and legs whose sides a detector exchanged are put back, and no others are touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing

from contrapposto.keypoints.exchanged import LIMBS, put_back
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.sets import SETS, mirrored

SET = "body_25b"
NAMES = SETS[SET]
FRAMES = 40
PARTNER = list(mirrored(NAMES))
ARMS, LEGS = ([i for i, name in enumerate(NAMES) if name.partition("_")[2] in parts] for parts in LIMBS)


def footage(views: int) -> Footage:
    cameras = four_cameras(views)
    points = seen_by(cameras, points_of(swing(FRAMES), SET))
    points = points + 4 * np.random.default_rng(0).standard_normal(points.shape)
    return Footage((), cameras, SET, NAMES, points, np.ones(points.shape[:-1]))


def exchanged(seen: Footage, view: int, frames: slice, limb: list[int]) -> Footage:
    points = seen.points.copy()
    points[view, frames, np.array(limb)[:, None]] = seen.points[
        view, frames, np.array(PARTNER)[limb][:, None]
    ]
    return replace(seen, points=points)


@pytest.mark.parametrize("views", [1, 2, 4])
def test_what_is_right_stays_as_it_is(views):
    seen = footage(views)
    found, where = put_back(seen)
    assert not where.any()
    np.testing.assert_array_equal(found.points, seen.points)


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("limb", [0, 1])
@pytest.mark.parametrize("frames", [slice(10, 11), slice(12, 20), slice(0, 6), slice(33, None)])
def test_an_exchange_of_arms_or_of_legs_is_found_and_put_back(views, limb, frames):
    seen = footage(views)
    found, where = put_back(exchanged(seen, views - 1, frames, (ARMS, LEGS)[limb]))
    expected = np.zeros((views, FRAMES, 2), dtype=bool)
    expected[views - 1, frames, limb] = True
    np.testing.assert_array_equal(where, expected)
    np.testing.assert_array_equal(found.points, seen.points)


def test_a_view_that_is_exchanged_all_along_is_found_by_the_others():
    seen = footage(3)
    found, where = put_back(exchanged(seen, 1, slice(None), LEGS))
    assert where[1, :, 1].all()
    assert where.sum() == FRAMES
    np.testing.assert_array_equal(found.points, seen.points)


def test_of_images_only_other_views_tell():
    seen = exchanged(footage(3), 1, slice(0, 5), LEGS)
    order = np.random.default_rng(0).permutation(FRAMES)
    shuffled = replace(seen, points=seen.points[:, order])
    _, where = put_back(shuffled, is_clip=False)
    assert where[1, order < 5, 1].sum() >= 4  # one knee is bent, the other is not
    assert where.sum() <= 5
    alone = replace(shuffled, cameras=seen.cameras[:1], points=shuffled.points[1:2])
    assert not put_back(replace(alone, confidence=seen.confidence[:1]), is_clip=False)[1].any()


def test_missing_points_are_no_exchange():
    seen = footage(2)
    sure = seen.confidence.copy()
    rng = np.random.default_rng(1)
    sure[rng.random(sure.shape) < 0.4] = 0
    sure[0, 15:25, ARMS + LEGS] = 0
    points = np.where(sure[..., None] > 0, seen.points, np.nan)
    _, where = put_back(replace(seen, points=points, confidence=sure))
    assert where.sum() <= 2
    _, where = put_back(replace(seen, points=np.nan * points, confidence=0 * sure))
    assert not where.any()
