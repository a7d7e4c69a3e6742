# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward kinematics against plain matrix products, its Jacobian against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from contrapposto.arrays import to_numpy
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import (
    DESCENDANTS,
    JOINT_NAMES,
    MIRROR,
    NUM_JOINTS,
    PARENTS,
    STANDARD_OFFSETS,
    forward_kinematics,
    mirror,
    mirror_points,
    position_jacobian,
    sole_height,
)


def random_pose(seed: int, *shape: int) -> np.ndarray:
    count = int(np.prod(shape, dtype=int)) * NUM_JOINTS
    return Rotation.random(count, random_state=seed).as_matrix().reshape(*shape, NUM_JOINTS, 3, 3)


def naive_kinematics(rotations: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Positions by walking 4x4 matrices from the root, one pose."""
    frames = []
    for joint, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = offsets[joint] if joint else 0
        frames.append(local if parent < 0 else frames[parent] @ local)
    return np.array([frame[:3, 3] for frame in frames])


@pytest.mark.parametrize("to_library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_positions_are_those_of_chained_matrices(to_library):
    rotations = random_pose(0, 4, 2)
    _, positions = forward_kinematics(to_library(rotations))
    for index in np.ndindex(4, 2):
        expected = naive_kinematics(rotations[index], STANDARD_OFFSETS)
        np.testing.assert_allclose(to_numpy(positions)[index], expected, atol=1e-12)


def test_every_pose_may_have_a_body_of_its_own():
    rotations, offsets = random_pose(1, 3), STANDARD_OFFSETS * np.array([1.0, 0.5, 2.0])[:, None, None]
    _, positions = forward_kinematics(rotations, offsets)
    for i in range(3):
        np.testing.assert_allclose(positions[i], naive_kinematics(rotations[i], offsets[i]), atol=1e-12)


@pytest.mark.parametrize("size", [1.0, 1e-9, np.pi - 1e-6], ids=["usual", "near zero", "near half a turn"])
def test_the_jacobian_is_what_finite_differences_say(size):
    rng = np.random.default_rng(2)
    axes = rng.standard_normal((NUM_JOINTS, 3))
    rotations = from_rotvec(size * axes / np.linalg.norm(axes, axis=1, keepdims=True))
    world, positions = forward_kinematics(rotations)
    J = position_jacobian(world, positions)
    step = 1e-6
    for joint in range(NUM_JOINTS):
        above = world[PARENTS[joint]] if joint else np.eye(3)
        for axis in range(3):
            moved = []
            for sign in (1, -1):
                turned = rotations.copy()
                turn = from_rotvec(sign * step * np.eye(3)[axis])
                turned[joint] = above.T @ turn @ above @ rotations[joint]
                moved.append(forward_kinematics(turned)[1])
            difference = (moved[0] - moved[1]) / (2 * step)
            np.testing.assert_allclose(J[:, :, joint, axis], difference, atol=1e-8)


def test_mirroring_twice_changes_no_bit():
    rotations = random_pose(3, 5)
    assert np.array_equal(mirror(mirror(rotations)), rotations)


def test_a_mirrored_pose_puts_every_joint_at_the_mirror_image():
    rotations = random_pose(4, 5)
    _, positions = forward_kinematics(rotations)
    _, mirrored = forward_kinematics(mirror(rotations))
    np.testing.assert_allclose(mirrored, mirror_points(positions), atol=1e-12)


def test_partners_and_descendants_fit_the_names():
    for joint, name in enumerate(JOINT_NAMES):
        side, _, part = name.partition("_")
        partner = JOINT_NAMES[MIRROR[joint]]
        expected = {"left": f"right_{part}", "right": f"left_{part}"}.get(side, name)
        assert partner == expected
        assert DESCENDANTS[joint, joint]
    assert {JOINT_NAMES[j] for j in np.flatnonzero(DESCENDANTS[JOINT_NAMES.index("left_elbow")])} == {
        "left_elbow",
        "left_wrist",
    }


def test_a_standing_body_has_both_soles_level_and_below_its_joints():
    _, positions = forward_kinematics(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)))
    left, right = sole_height(positions)
    assert left == pytest.approx(right)
    assert left < positions[:, 1].min()


def test_standing_on_the_toes_the_ball_is_the_lowest_point():
    rotations = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    rotations[JOINT_NAMES.index("left_ankle")] = from_rotvec(np.array([0.7, 0, 0]))
    _, positions = forward_kinematics(rotations)
    left, right = sole_height(positions)
    assert left < right
