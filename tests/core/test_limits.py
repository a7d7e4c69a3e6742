# SPDX-License-Identifier: GPL-3.0-or-later
"""How far joints turn: what is beyond, what it is brought back to, what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto import limits
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, mirror


def turned(joint: str, degrees: tuple[float, float, float]) -> np.ndarray:
    """(22, 3, 3) the T-pose with one joint turned about an axis."""
    rotations = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    rotations[JOINT_INDEX[joint]] = from_rotvec(np.radians(degrees))
    return rotations


def wild(count: int, seed: int = 0) -> np.ndarray:
    return from_rotvec(1.2 * np.random.default_rng(seed).standard_normal((count, NUM_JOINTS, 3)))


@pytest.mark.parametrize(
    ("joint", "degrees"),
    [
        ("left_knee", (130, 0, 0)),
        ("right_elbow", (0, 140, 0)),
        ("left_shoulder", (0, 0, -85)),
        ("left_shoulder", (0, -100, 0)),
        ("right_hip", (-110, 0, 0)),
        ("left_hip", (0, 0, 45)),
        ("head", (0, 45, 0)),
        ("pelvis", (0, 0, 170)),
    ],
)
def test_what_people_do_is_within_the_limits(joint, degrees):
    assert not limits.beyond(turned(joint, degrees)).any()


@pytest.mark.parametrize(
    ("joint", "degrees", "by"),
    [
        ("left_knee", (-40, 0, 0), 32),
        ("right_knee", (0, 0, 40), 20),
        ("left_elbow", (0, 35, 0), 30),
        ("right_elbow", (0, -35, 0), 30),
        ("left_hip", (70, 0, 0), 28),
        ("head", (0, 90, 0), 40),
        ("left_shoulder", (0, 0, 150), 45),
    ],
)
def test_what_nobody_does_is_beyond_by_the_turn_that_is_too_much(joint, degrees, by):
    excess = np.degrees(limits.beyond(turned(joint, degrees)))
    assert excess[JOINT_INDEX[joint]] == pytest.approx(by, abs=1e-6)
    assert np.count_nonzero(excess) == 1


def test_a_clamped_pose_is_within_the_limits_and_as_near_as_told():
    rotations = wild(200)
    within = limits.clamp(rotations)
    assert limits.beyond(within).max() < 1e-9
    np.testing.assert_allclose(geodesic_angle(rotations, within), limits.beyond(rotations))
    assert np.any(limits.beyond(rotations) > 0.5)


def test_joints_within_their_limits_keep_every_bit():
    rotations = wild(50)
    inside = limits.beyond(rotations) == 0
    assert np.any(inside[:, 1:])
    assert np.array_equal(limits.clamp(rotations)[inside], rotations[inside])


def test_the_other_side_of_the_body_has_the_mirrored_limits():
    rotations = wild(100)
    np.testing.assert_allclose(limits.clamp(mirror(rotations)), mirror(limits.clamp(rotations)), atol=1e-12)


def test_drawn_poses_are_broad_and_within_the_limits():
    drawn = limits.sample(np.random.default_rng(3), 500)
    assert limits.beyond(drawn).max() < 1e-9
    np.testing.assert_allclose(drawn @ np.swapaxes(drawn, -1, -2), np.eye(3) + 0 * drawn, atol=1e-12)
    knee = np.degrees(geodesic_angle(drawn[:, JOINT_INDEX["left_knee"]], np.eye(3)))
    assert knee.min() < 20
    assert knee.max() > 140
    assert np.array_equal(drawn, limits.sample(np.random.default_rng(3), 500))


def test_being_beyond_grows_evenly():
    bends = np.radians(np.arange(-60, 10, 0.5))
    rotations = np.tile(np.eye(3), (len(bends), NUM_JOINTS, 1, 1))
    rotations[:, JOINT_INDEX["left_knee"]] = from_rotvec(bends[:, None] * np.array([1.0, 0, 0]))
    excess = limits.beyond(rotations)[:, JOINT_INDEX["left_knee"]]
    np.testing.assert_allclose(excess, np.maximum(0, np.radians(-8) - bends), atol=1e-9)


def test_single_precision_agrees_with_double():
    rotations = wild(50)
    single = limits.beyond(rotations.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, limits.beyond(rotations), atol=2e-3)
