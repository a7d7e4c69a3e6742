# SPDX-License-Identifier: GPL-3.0-or-later
"""Placed joints get where they belong, or as near as the body allows."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS, forward_kinematics
from contrapposto.tasks.reach import Placement, reach

WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]


def poses(count: int, size: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return from_rotvec(size * rng.standard_normal((count, NUM_JOINTS, 3)))


def all_but(*names: str) -> np.ndarray:
    free = np.ones(NUM_JOINTS, dtype=bool)
    free[[JOINT_INDEX[name] for name in names]] = False
    return free


def test_what_another_pose_reaches_is_reached_within_a_millimetre():
    start, goal = poses(32, 0.3, 0), poses(32, 0.3, 1)
    start[:, 0] = goal[:, 0]
    _, there = forward_kinematics(goal)
    joints = WRISTS + ANKLES
    placement = Placement(joints, there[:, joints], np.ones((4, 3)), {})
    found, gap = reach(start, all_but("pelvis"), placement)
    _, positions = forward_kinematics(found)
    away = np.linalg.norm(positions[:, joints] - there[:, joints], axis=-1)
    assert np.max(away) < 1e-3
    np.testing.assert_allclose(gap, away.max(axis=1), atol=1e-9)


def test_the_result_is_made_of_rotations():
    start = poses(8, 0.4, 2)
    placement = Placement(WRISTS, np.array([[0.2, 0.5, 0.4], [-0.3, 0.2, 0.3]]), np.ones((2, 3)), {})
    found, _ = reach(start, all_but("pelvis"), placement)
    np.testing.assert_allclose(
        found @ np.swapaxes(found, -1, -2), np.broadcast_to(np.eye(3), found.shape), atol=1e-9
    )
    assert np.all(np.linalg.det(found) > 0)


def test_joints_that_are_not_free_keep_every_bit():
    start = poses(4, 0.4, 3)
    free = np.zeros(NUM_JOINTS, dtype=bool)
    free[[JOINT_INDEX["left_shoulder"], JOINT_INDEX["left_elbow"]]] = True
    placement = Placement(WRISTS[:1], np.array([[0.3, 0.4, 0.3]]), np.ones((1, 3)), {})
    found, _ = reach(start, free, placement)
    assert np.array_equal(found[:, ~free], start[:, ~free])
    assert not np.array_equal(found[:, free], start[:, free])


def test_a_hand_also_takes_the_direction_that_is_asked_for():
    start = poses(6, 0.3, 4)
    turn = from_rotvec(np.array([0.5, -1.0, 0.3]))
    wrist = WRISTS[0]
    placement = Placement([wrist], np.array([[0.35, 0.45, 0.25]]), np.ones((1, 3)), {wrist: turn})
    found, gap = reach(start, all_but("pelvis"), placement)
    world, _ = forward_kinematics(found)
    assert np.max(gap) < 1e-3
    assert np.max(geodesic_angle(world[:, wrist], turn)) < 1e-5


def test_out_of_reach_the_arm_stretches_towards_the_target():
    start = poses(4, 0.1, 5)
    start[:, 0] = np.eye(3)
    free = np.zeros(NUM_JOINTS, dtype=bool)
    free[[JOINT_INDEX["left_shoulder"], JOINT_INDEX["left_elbow"]]] = True
    target = np.array([[2.0, 0.5, 1.0]])
    found, gap = reach(start, free, Placement(WRISTS[:1], target, np.ones((1, 3)), {}))
    _, positions = forward_kinematics(found)
    shoulder = positions[:, PARENTS[PARENTS[WRISTS[0]]]]
    arm, wanted = positions[:, WRISTS[0]] - shoulder, target - shoulder
    cosine = np.sum(arm * wanted, axis=1) / np.linalg.norm(arm, axis=1) / np.linalg.norm(wanted, axis=1)
    assert np.min(cosine) > 0.99
    assert np.min(np.linalg.norm(arm, axis=1)) > 0.54
    assert np.min(gap) > 1.0


def test_a_pose_that_is_there_already_is_left_alone():
    start = poses(3, 0.3, 6)
    _, positions = forward_kinematics(start)
    found, gap = reach(start, all_but("pelvis"), Placement(WRISTS, positions[:, WRISTS], np.ones((2, 3)), {}))
    np.testing.assert_allclose(found, start, atol=1e-12)
    assert np.max(gap) < 1e-9


def test_a_free_axis_does_not_count():
    start = poses(3, 0.2, 7)
    _, positions = forward_kinematics(start)
    axes = np.array([[0.0, 1.0, 0.0]])
    target = positions[:, ANKLES[:1]] + np.array([0.5, 0.1, 0.5])
    found, _ = reach(start, all_but("pelvis"), Placement(ANKLES[:1], target, axes, {}))
    _, moved = forward_kinematics(found)
    np.testing.assert_allclose(moved[:, ANKLES[0], 1], target[:, 0, 1], atol=1e-3)
    assert np.max(np.abs(moved[:, ANKLES[0], [0, 2]] - positions[:, ANKLES[0], [0, 2]])) < 0.3


@pytest.mark.parametrize("count", [1, 5])
def test_no_target_means_no_change(count):
    start = poses(count, 0.3, 8)
    found, gap = reach(start, all_but(), Placement([], np.zeros((0, 3)), np.zeros((0, 3)), {}))
    assert np.array_equal(found, start)
    assert np.array_equal(gap, np.zeros(count))
