# SPDX-License-Identifier: GPL-3.0-or-later
"""The broad component holds bodies that nobody recorded and that a body could hold."""

from __future__ import annotations

import numpy as np

from contrapposto.limits import beyond
from contrapposto.rotation import from_rotvec, split_heading
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.training.broad import broad_poses, centre_of_mass, passes_through_itself

POSES = broad_poses(np.random.default_rng(0), 400)


def test_broad_poses_keep_within_the_joint_limits_and_out_of_themselves():
    assert POSES.shape == (400, NUM_JOINTS, 3, 3)
    assert beyond(POSES.astype(np.float64)).max() < 1e-2
    assert not passes_through_itself(forward_kinematics(POSES)[1]).any()


def test_broad_poses_have_no_heading():
    heading, _ = split_heading(POSES[:, 0].astype(np.float64))
    np.testing.assert_allclose(heading, np.broadcast_to(np.eye(3), heading.shape), atol=1e-5)


def test_most_broad_poses_stand_on_something_below_their_centre_of_mass():
    _, positions = forward_kinematics(POSES.astype(np.float64))
    aside = positions - centre_of_mass(positions)[:, None]
    level = np.sqrt(aside[..., 0] ** 2 + aside[..., 2] ** 2)
    rests = [("left_foot",), ("right_foot",), ("pelvis",)]
    on_one = np.min([level[:, JOINT_INDEX[joint]] for (joint,) in rests], axis=0) < 1e-4
    pairs = [("left_foot", "right_foot"), ("left_wrist", "right_wrist"), ("left_knee", "right_knee")]
    between = []
    for pair in pairs:
        middle = aside[:, [JOINT_INDEX[joint] for joint in pair]].mean(axis=1)
        between.append(np.sqrt(middle[:, 0] ** 2 + middle[:, 2] ** 2) < 1e-4)
    carried = on_one | np.any(between, axis=0)
    assert carried.mean() > 0.75
    head_down = positions[:, JOINT_INDEX["head"], 1] < positions[:, 0, 1]
    assert 0.05 < head_down.mean() < 0.6


def test_the_same_seed_gives_the_same_poses():
    np.testing.assert_array_equal(POSES, broad_poses(np.random.default_rng(0), 400))


def test_an_arm_through_the_chest_is_noticed():
    pose = np.tile(np.eye(3), (2, NUM_JOINTS, 1, 1))
    pose[1, JOINT_INDEX["left_shoulder"]] = from_rotvec(np.array([0, np.pi * 0.98, 0]))
    assert passes_through_itself(forward_kinematics(pose)[1]).tolist() == [False, True]


def test_the_centre_of_mass_of_a_straight_body_is_near_its_hips():
    _, positions = forward_kinematics(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)))
    x, y, z = centre_of_mass(positions)
    assert abs(x) < 1e-9
    assert -0.1 < y < 0.15
    assert abs(z) < 0.05
