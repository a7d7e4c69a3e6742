# SPDX-License-Identifier: GPL-3.0-or-later
"""Soles: where they are on a rig, and how standing feet lie on the floor."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.motion import Pose
from contrapposto.observations import Known
from contrapposto.rig.soles import rig_soles
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import (
    JOINT_INDEX,
    JOINT_NAMES,
    NUM_JOINTS,
    PARENTS,
    STANDARD_OFFSETS,
    forward_kinematics,
)
from contrapposto.soles import ANKLES, TOES, Soles, laid_on_floor
from contrapposto.tasks.complete import complete_pose

FLAT = np.eye(3)


def turned(*degrees: float) -> np.ndarray:
    """About x (the heel rises), y (heading) and z (the foot rolls), in this order; (1, 3, 3)."""
    turns = [from_rotvec(np.radians(angle) * axis) for angle, axis in zip(degrees, np.eye(3), strict=True)]
    return (turns[1] @ turns[0] @ turns[2])[None]


def places_at_rest(ankle: float, toes: float | None) -> dict[str, np.ndarray]:
    """The standard body's rest pose with ankles and toes at these heights."""
    places = np.zeros((NUM_JOINTS, 3))
    for joint in range(1, NUM_JOINTS):
        places[joint] = places[PARENTS[joint]] + STANDARD_OFFSETS[joint]
    found = dict(zip(JOINT_NAMES, places, strict=True))
    for side in ("left", "right"):
        found[f"{side}_ankle"][1] = ankle
        if toes is None:
            del found[f"{side}_foot"]
        else:
            found[f"{side}_foot"][1] = toes
    return found


def soles_at_rest(ankle: float, toes: float | None) -> tuple[Soles, np.ndarray]:
    places = places_at_rest(ankle, toes)
    offsets = STANDARD_OFFSETS.copy()
    if toes is not None:
        offsets[list(TOES), 1] = toes - ankle
    return rig_soles(places, {}, np.tile(FLAT, (NUM_JOINTS, 1, 1)), offsets), offsets


@pytest.mark.parametrize(("ankle", "toes"), [(0.07, 0.015), (0.16, 0.03), (0.1, 0.0), (0.08, None)])
def test_the_soles_of_a_rig_that_stands_at_rest_are_on_the_floor_there(ankle, toes):
    soles, offsets = soles_at_rest(ankle, toes)
    world, positions = forward_kinematics(np.tile(FLAT, (NUM_JOINTS, 1, 1)), offsets)
    lift = ankle - positions[JOINT_INDEX["left_ankle"], 1]
    np.testing.assert_allclose(soles.heights(world, positions) + lift, 0, atol=1e-9)


@pytest.mark.parametrize(("ankle", "toes"), [(-0.9, -0.93), (1.4, 1.37), (0.05, 0.2)])
def test_a_rest_pose_that_does_not_stand_on_the_floor_says_nothing(ankle, toes):
    soles, offsets = soles_at_rest(ankle, toes)
    for name, value in vars(Soles.of(offsets)).items():
        np.testing.assert_array_equal(getattr(soles, name), value)


def test_a_foot_that_is_nearly_flat_is_laid_flat_and_keeps_its_heading():
    for pitch, roll in ((10, 0), (-30, 0), (0, 25), (5, -20)):
        ankle, toes, laid = laid_on_floor(turned(pitch, 50, roll), turned(pitch + 20, 50, 0))
        assert laid.all()
        np.testing.assert_allclose(ankle, toes)
        assert np.degrees(geodesic_angle(ankle, turned(0, 50, 0)))[0] < 0.5


def test_a_raised_heel_stays_raised_with_the_toes_on_the_floor():
    ankle, toes, laid = laid_on_floor(turned(40, -20, 15), turned(60, -20, 15))
    assert laid.all()
    np.testing.assert_allclose(toes, turned(0, -20, 0), atol=1e-9)
    np.testing.assert_allclose(ankle, turned(40, -20, 0), atol=1e-9)


@pytest.mark.parametrize("degrees", [(85, 0, 0), (130, 0, 0), (-60, 0, 0), (0, 0, 80)])
def test_a_foot_too_steep_to_stand_on_stays_as_it_is(degrees):
    before = turned(*degrees)
    ankle, toes, laid = laid_on_floor(before, before)
    assert not laid.any()
    assert np.array_equal(ankle, before)
    assert np.array_equal(toes, before)


@pytest.mark.parametrize("hips", [0.5, 0.8])
def test_standing_feet_lie_on_the_floor(hips):
    """The lower sole touches within a millimetre, and no toe dips into the floor."""
    soles, offsets = soles_at_rest(0.073, 0.0145)
    pose = Pose(np.tile(FLAT, (NUM_JOINTS, 1, 1)), np.array([0.0, hips, 0.0]))
    known = Known.of("pelvis", "head", height_known=True)
    poses = complete_pose(pose, known, offsets=offsets, soles=soles, keep_feet_on_floor=True).poses
    world, positions = forward_kinematics(poses.rotations, offsets)
    heights = soles.heights(world, positions) + poses.transl[:, 1:2]
    assert np.abs(heights.min(axis=1)).max() < 1e-3
    stands = heights < 1e-3
    tilt = np.degrees(np.arccos(np.clip(world[:, list(TOES), 1, 1], -1, 1)))
    feet = zip(ANKLES, TOES, strict=True)
    laid = np.stack([laid_on_floor(world[:, a], world[:, t])[2] for a, t in feet], axis=1)
    assert np.count_nonzero(stands & laid) >= len(heights)
    assert np.all(tilt[stands & laid] < 1), "toes that stand are level"


def test_toes_that_are_known_stay_to_the_bit_on_the_floor():
    rotations = np.tile(FLAT, (NUM_JOINTS, 1, 1))
    rotations[TOES[0]] = turned(-25, 0, 0)[0]
    known = Known.of("pelvis", "left_foot", height_known=True)
    pose = Pose(rotations, np.array([0.0, 0.7, 0.0]))
    poses = complete_pose(pose, known, keep_feet_on_floor=True).poses
    assert np.array_equal(poses.rotations[:, TOES[0]], np.tile(rotations[TOES[0]], (8, 1, 1)))
