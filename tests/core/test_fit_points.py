# SPDX-License-Identifier: GPL-3.0-or-later
"""A body is turned until its points are where they were seen, in space or in images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing
from motions import filters_alone, joints_of

from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sets import SETS
from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics
from contrapposto.tasks.fit_points import fit_points, in_space, in_views
from contrapposto.tasks.reconstruct import reconstruct, smoothed

NAMES = SETS["body_25b"]
BODY = Body.standard(NAMES)


def disturbed(motion, radians: float = 0.2) -> Pose:
    """The motion with every joint turned at random and the body moved by a hand's breadth."""
    rng = np.random.default_rng(0)
    turn = from_rotvec(radians * rng.standard_normal((len(motion), 22, 3)))
    return Pose(motion.poses.rotations @ turn, motion.poses.transl + 0.1)


def off_mm(pose: Pose, points: np.ndarray) -> np.ndarray:
    world, joints = forward_kinematics(pose.rotations)
    return 1000 * np.linalg.norm(BODY.points(world, joints + pose.transl[:, None]) - points, axis=-1)


def observations(points: np.ndarray):
    sure = np.ones(points.shape[:2])
    cameras = four_cameras(3)
    return {
        "space": in_space(points, sure),
        "views": in_views(cameras, seen_by(cameras, points), np.tile(sure, (3, 1, 1))),
    }


@pytest.mark.parametrize("kind", ["space", "views"])
def test_points_are_found_from_a_disturbed_pose(kind):
    motion = swing(8)
    points = points_of(motion, "body_25b")
    start = disturbed(motion)
    assert off_mm(start, points).mean() > 50
    found = fit_points(BODY, observations(points)[kind], start, start.rotations, looseness=10.0)
    assert off_mm(found, points).mean() < 2


def test_a_body_that_is_only_elsewhere_arrives():
    """What looked at turns alone stopped after a step: a camera sees the depth little by little."""
    motion, cameras = swing(1), four_cameras(1)
    observe = in_views(cameras, seen_by(cameras, points_of(motion, "body_25b")), np.ones((1, 1, len(NAMES))))
    away = Pose(motion.poses.rotations, motion.poses.transl + 2.0 * cameras.rotation[0, 2])
    found = fit_points(BODY, observe, away, away.rotations, looseness=1e-4, steps=40)
    np.testing.assert_allclose(found.transl, motion.poses.transl, atol=5e-3)


@pytest.mark.parametrize("kind", ["space", "views"])
def test_the_pull_on_a_point_is_the_slope_of_a_cost_that_grows_away_from_where_it_was_seen(kind):
    points = points_of(swing(2), "body_25b")
    observe = observations(points)[kind]
    rng = np.random.default_rng(1)
    step = 1e-5 * rng.standard_normal(points.shape)
    held, pull = observe(points + step)
    np.testing.assert_allclose(pull, -(held @ step[..., None])[..., 0], rtol=1e-2, atol=1e-2)
    assert np.linalg.eigvalsh(held).min() > 0


def test_what_was_not_seen_stays_at_home():
    motion = swing(5)
    start = disturbed(motion)
    points = points_of(motion, "body_25b")
    nothing = in_space(np.full_like(points, np.nan), np.zeros(points.shape[:2]))
    found = fit_points(BODY, nothing, start, start.rotations, looseness=0.3)
    np.testing.assert_allclose(found.rotations, start.rotations, atol=1e-9)
    np.testing.assert_allclose(found.transl, start.transl, atol=1e-9)
    sure = np.ones(points.shape[:2])
    sure[:, [i for i, name in enumerate(NAMES) if name.startswith("left_") and "wrist" in name]] = 0
    held = fit_points(BODY, in_space(points, sure), start, start.rotations, looseness=0.3)
    turned = geodesic_angle(held.rotations, start.rotations)
    np.testing.assert_allclose(turned[:, JOINT_INDEX["left_elbow"]], 0, atol=1e-4)
    assert turned[:, JOINT_INDEX["right_elbow"]].max() > 0.1


def test_a_frames_fit_does_not_depend_on_the_frames_beside_it():
    motion = swing(6)
    points = points_of(motion, "body_25b")
    points += 0.05 * np.random.default_rng(1).standard_normal(points.shape)
    start, sure = disturbed(motion, 0.4), np.ones(points.shape[:2])
    together = fit_points(BODY, in_space(points, sure), start, start.rotations, looseness=0.3)
    for frame in range(6):
        row = slice(frame, frame + 1)
        one = Pose(start.rotations[row], start.transl[row])
        alone = fit_points(BODY, in_space(points[row], sure[row]), one, one.rotations, looseness=0.3)
        np.testing.assert_allclose(together.rotations[row], alone.rotations, atol=1e-9)
        np.testing.assert_allclose(together.transl[row], alone.transl, atol=1e-9)


def test_spots_move_to_where_points_are_seen_on_both_sides_alike():
    motion = swing(60)
    world, joints = forward_kinematics(motion.poses.rotations)[0], joints_of(motion)
    moved = Body(NAMES, BODY.offsets, BODY.places + np.array([0, 0.03, 0.01]))
    found = BODY.with_spots_moved(world, joints, moved.points(world, joints), np.ones((60, len(NAMES))))
    ratio = (found.places - BODY.places) / (moved.places - BODY.places + [1, 0, 0])
    np.testing.assert_allclose(ratio[:, 1:], 60 / (60 + 10), rtol=0.15)


def test_smoothing_keeps_a_parabola_and_steadies_noise():
    t = np.linspace(-1, 1, 60)[:, None]
    parabola = np.concatenate([t, t**2, 0 * t + 3], axis=1)
    np.testing.assert_allclose(smoothed(parabola, 30.0)[5:-5], parabola[5:-5], atol=1e-9)
    noise = np.random.default_rng(0).standard_normal((400, 2))
    assert smoothed(noise, 60.0).std() < 0.45
    assert len(smoothed(noise[:2], 60.0)) == 2


def test_a_motion_comes_back_from_its_points_with_gaps_and_noise():
    motion = swing(60)
    points = points_of(motion, "body_25b") + 0.005 * np.random.default_rng(0).standard_normal((60, 25, 3))
    sure = np.ones(points.shape[:2])
    sure[20:24] = 0
    sure[:, NAMES.index("nose")] = 0
    found = reconstruct(np.where(sure[..., None] > 0, points, np.nan), sure, NAMES, 30.0)
    assert np.isfinite(found.points).all()
    assert off_mm(found.motion.poses, points)[:18].mean() < 12
    assert off_mm(found.motion.poses, points)[:, 5:17].mean() < 16
    _, joints = forward_kinematics(found.motion.poses.rotations, found.body.offsets)
    joints = joints + found.motion.poses.transl[:, None]
    assert np.linalg.norm(joints - joints_of(motion), axis=-1).mean() < 0.015


def test_a_body_that_is_not_seen_for_long_keeps_facing_where_it_did():
    motion = swing(240)
    turn = from_rotvec(np.array([0.0, 2.4, 0.0]))
    rotations = motion.poses.rotations.copy()
    rotations[:] = rotations[:1]
    rotations[:, 0] = turn
    still = replace(motion, poses=Pose(rotations, np.tile([0.0, 0.92, 0.0], (240, 1))))
    sure = np.ones((240, len(NAMES)))
    sure[40:200] = 0
    found = reconstruct(points_of(still, "body_25b"), sure, NAMES, 30.0)
    away = np.degrees(geodesic_angle(found.motion.poses.rotations[:, 0], turn))
    assert away.max() < 15


@pytest.mark.parametrize(
    ("change", "fps", "sentence"),
    [
        (lambda points: points[:1], 30.0, "at least 2 frames"),
        (lambda points: points, 0.0, "frame rate must be between"),
        (lambda points: points, float("nan"), "frame rate must be between"),
        (lambda points: points * np.nan, 30.0, "is seen whole in any frame"),
        (lambda points: np.where(np.arange(25)[:, None] == 11, np.nan, points), 30.0, "never seen at once"),
    ],
)
def test_what_is_no_motion_is_told_in_a_sentence(change, fps, sentence):
    points = change(points_of(swing(4), "body_25b"))
    sure = np.isfinite(points[..., 0]).astype(float)
    with pytest.raises(ValueError, match=sentence):
        reconstruct(points, sure, NAMES, fps, prior=filters_alone())
