# SPDX-License-Identifier: GPL-3.0-or-later
"""Sights: what networks see of keypoints, wherever a person stands in the image and whatever filmed them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contrapposto.evaluation.virtual import CLEAN, cameras_around, detect
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.sight import FEATURES, LIFTED, Seen, Sight
from contrapposto.rotation import from_rotvec, transpose
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics

COCO = SETS["coco_17"]


def some_poses(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    turns = 0.3 * np.random.default_rng(seed).standard_normal((count, NUM_JOINTS, 3))
    return forward_kinematics(from_rotvec(turns))


def seen_by(cameras: Camera, world: np.ndarray, joints: np.ndarray, place: np.ndarray) -> Seen:
    body = Body.standard(COCO)
    rng = np.random.default_rng(1)
    points, sure = detect(cameras, body, world, joints + place[:, None], rng, noise=CLEAN)
    return Seen(cameras, COCO, points, sure)


@pytest.fixture
def seen() -> Seen:
    world, joints = some_poses(6)
    place = np.tile([0.0, 1.0, 0.0], (6, 1))
    return seen_by(cameras_around(place, np.random.default_rng(0)), world, joints, place)


def test_what_is_known_has_unit_size_about_the_middle(seen: Seen) -> None:
    sight = Sight.of(seen)
    known = sight.confidence > 0
    for points, here in zip(sight.points, known, strict=True):
        assert np.sqrt(np.mean(np.sum(points[here] ** 2, axis=-1))) == pytest.approx(1)
        assert np.abs(points[here].mean(axis=0)).max() < 0.05
    assert sight.features().shape == (6, FEATURES)


def test_a_turned_camera_sees_the_same(seen: Seen) -> None:
    """Where in the image a person stands says nothing: turning the camera about its centre is but a roll."""
    cameras = seen.cameras
    turned = replace(cameras, rotation=from_rotvec(np.array([0.0, 0.2, 0.0])) @ cameras.rotation)
    world, joints = some_poses(6)
    other = Sight.of(seen_by(turned, world, joints, np.tile([0.0, 1.0, 0.0], (6, 1))))
    here = Sight.of(seen)
    assert np.allclose(np.linalg.norm(other.points, axis=-1), np.linalg.norm(here.points, axis=-1), atol=0.02)
    assert np.allclose(other.size, here.size, rtol=0.01)


def test_another_lens_sees_the_same(seen: Seen) -> None:
    wide = seen.cameras.intrinsics.copy()
    wide[:, 0, 0] *= 0.5
    wide[:, 1, 1] *= 0.5
    world, joints = some_poses(6)
    other = seen_by(replace(seen.cameras, intrinsics=wide), world, joints, np.tile([0.0, 1.0, 0.0], (6, 1)))
    assert np.allclose(Sight.of(other).points, Sight.of(seen).points, atol=1e-9)


def test_positions_go_to_the_camera_and_back(seen: Seen) -> None:
    sight = Sight.of(seen)
    assert np.allclose(sight.rotation @ transpose(sight.rotation), np.eye(3))
    assert np.allclose(np.linalg.det(sight.rotation), 1)
    there = np.random.default_rng(0).standard_normal((6, len(LIFTED), 3))
    assert np.allclose(sight.from_camera(sight.to_camera(there)), there)


def test_up_points_up_in_the_image(seen: Seen) -> None:
    assert (Sight.of(seen).up[:, 1] < -0.5).all()


def test_nothing_known_is_the_middle_of_the_image(seen: Seen) -> None:
    blind = Sight.of(replace(seen, points=np.full_like(seen.points, np.nan), confidence=0 * seen.confidence))
    assert (blind.confidence == 0).all()
    assert (blind.points == 0).all()
    assert np.isfinite(blind.features()).all()


def test_one_point_alone_is_finite(seen: Seen) -> None:
    sure = np.zeros_like(seen.confidence)
    sure[:, COCO.index("left_wrist")] = 1.0
    one = Sight.of(replace(seen, confidence=sure))
    assert np.isfinite(one.features()).all()
    assert ((one.confidence > 0).sum(axis=1) == 1).all()
