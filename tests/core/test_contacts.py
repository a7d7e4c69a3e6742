# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stand are held, by legs that bend as legs do."""

from __future__ import annotations

import numpy as np
import pytest
from motions import swinging

from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.contacts import LEGS, hold_feet, runs, standing

LEFT_TOES = JOINT_INDEX["left_foot"]


def crouching(frames: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """A body with bent knees whose pelvis trembles over feet that slide with it."""
    rotvec = np.zeros((frames, NUM_JOINTS, 3))
    for side in ("left", "right"):
        rotvec[:, JOINT_INDEX[f"{side}_hip"], 0] = -0.5
        rotvec[:, JOINT_INDEX[f"{side}_knee"], 0] = 1.0
        rotvec[:, JOINT_INDEX[f"{side}_ankle"], 0] = -0.5
    place = np.tile([0.0, 0.8, 0.0], (frames, 1))
    place += 0.01 * np.sin(np.arange(frames)[:, None] * [0.7, 0.0, 1.1])
    return from_rotvec(rotvec), place


def toes_of(R: np.ndarray, place: np.ndarray) -> np.ndarray:
    return forward_kinematics(R)[1][:, LEFT_TOES] + place


def test_a_held_foot_stays_and_keeps_its_direction():
    R, place = crouching()
    stand = np.zeros((60, 2), dtype=bool)
    stand[20:40, 0] = True
    held, contacts = hold_feet(R, place, stand, 30.0)
    np.testing.assert_array_equal(contacts, stand)
    toes = toes_of(held, place)[20:40]
    np.testing.assert_allclose(
        toes, np.broadcast_to(np.median(toes_of(R, place)[20:40], axis=0), toes.shape), atol=1e-5
    )
    ankle = JOINT_INDEX["left_ankle"]
    before, after = (forward_kinematics(value)[0][:, ankle] for value in (R, held))
    assert geodesic_angle(before, after).max() < 1e-6
    others = [j for j in range(NUM_JOINTS) if j not in LEGS[0][:3]]
    np.testing.assert_array_equal(held[:, others], R[:, others])


def test_a_leg_eases_in_and_out_without_a_pop():
    R, place = crouching()
    stand = np.zeros((60, 2), dtype=bool)
    stand[20:40, 0] = True
    held, _ = hold_feet(R, place, stand, 30.0)
    np.testing.assert_array_equal(held[:10], R[:10])
    np.testing.assert_array_equal(held[50:], R[50:])
    knee = JOINT_INDEX["left_knee"]
    assert np.degrees(geodesic_angle(held[1:, knee], held[:-1, knee])).max() < 3


def test_no_strength_and_no_contact_change_nothing():
    R, place = crouching()
    stand = np.ones((60, 2), dtype=bool)
    held, contacts = hold_feet(R, place, stand, 30.0, strength=(0.0, 0.0))
    np.testing.assert_array_equal(held, R)
    assert not contacts.any()
    held, _ = hold_feet(R, place, ~stand, 30.0)
    np.testing.assert_array_equal(held, R)


def test_a_foot_that_slides_on_purpose_is_let_go():
    R, place = crouching()
    place[:, 2] += np.linspace(0, 1, 60)
    held, contacts = hold_feet(R, place, np.ones((60, 2), dtype=bool), 30.0)
    assert not contacts.any()
    np.testing.assert_array_equal(held, R)


def test_a_straight_leg_out_of_reach_does_not_break():
    R, place = crouching()
    R[:] = np.eye(3)
    place[:, 1] += 0.04 * np.sin(np.arange(60))
    held, _ = hold_feet(R, place, np.ones((60, 2), dtype=bool), 30.0)
    assert np.isfinite(held).all()
    assert np.degrees(geodesic_angle(held, R)).max() < 40


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_a_foot_stands_where_it_is_likely_and_slow(fps):
    frames = round(2 * fps)
    probability = np.zeros((frames, 2))
    probability[frames // 4 : frames // 2, 0] = 0.9
    probability[frames // 3, 0] = 0.1
    probability[:, 1] = 0.9
    toes = np.zeros((frames, 2, 3))
    toes[:, 1, 2] = np.arange(frames) / fps * 2.0
    found = standing(probability, toes, fps)
    assert runs(found[:, 0]) == [(frames // 4, frames // 2)]
    assert not found[:, 1].any()


def test_swinging_legs_that_are_held_move_no_knee_by_much():
    clip = swinging(90)
    R, place = clip.poses.rotations, clip.poses.transl
    stand = np.zeros((90, 2), dtype=bool)
    stand[10:20, 0] = stand[50:56, 1] = True
    held, _ = hold_feet(R, place, stand, 30.0)
    assert np.isfinite(held).all()
