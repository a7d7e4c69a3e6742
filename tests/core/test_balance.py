# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a body would fall over, by statics that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, STANDARD_OFFSETS, mirror
from contrapposto.soles import Soles
from contrapposto.tasks.balance import overhang


def turned(**turns_deg: tuple[float, float, float]) -> np.ndarray:
    """The T-pose, the named joints turned as said: (22, 3, 3)."""
    rotvec = np.zeros((NUM_JOINTS, 3))
    for name, turn in turns_deg.items():
        rotvec[JOINT_INDEX[name]] = np.radians(turn)
    return from_rotvec(rotvec)


def leaning(pitch_deg: float) -> np.ndarray:
    return turned(pelvis=(pitch_deg, 0, 0))


def over(rotations: np.ndarray) -> float:
    return float(overhang(rotations, Soles.of()))


def test_who_stands_upright_does_not_lean_over():
    assert -0.15 < over(leaning(0)) < -0.02


@pytest.mark.parametrize(("pitch_deg", "least", "most"), [(30, 0.2, 0.5), (-30, 0.4, 0.7), (60, 0.5, 0.9)])
def test_a_body_that_tips_like_a_board_leans_over_by_its_height_times_the_sine(pitch_deg, least, most):
    assert least < over(leaning(pitch_deg)) < most


def test_the_further_it_tips_the_further_it_leans_over():
    found = [over(leaning(pitch)) for pitch in (10, 20, 30, 40, 50)]
    assert np.all(np.diff(found) > 0.05)


def test_who_stands_on_one_leg_has_to_bring_the_weight_above_it():
    raised = {"left_hip": (-80.0, 0.0, 0.0), "left_knee": (80.0, 0.0, 0.0)}
    assert over(turned(**raised)) > over(leaning(0)) + 0.03
    assert over(turned(**raised, pelvis=(0, 0, 12))) < over(turned(**raised))


def test_who_lies_or_sits_does_not_fall():
    assert over(leaning(-90)) < 0
    assert over(leaning(-100)) <= 0
    legs = {
        f"{side}_{part}": (turn, 0.0, 0.0) for side in ("left", "right") for part, turn in (("hip", -90.0),)
    }
    assert over(turned(**legs, pelvis=(-20, 0, 0))) <= 0


def test_hands_on_the_floor_bear_a_plank():
    arms = {"left_shoulder": (0.0, -90.0, 0.0), "right_shoulder": (0.0, 90.0, 0.0)}
    pitches = np.arange(60, 81)
    assert min(over(turned(pelvis=(pitch, 0, 0), **arms)) for pitch in pitches) < 0
    assert min(over(leaning(pitch)) for pitch in pitches) > 0.3


def test_turning_or_mirroring_a_body_changes_nothing():
    rotvec = 0.3 * np.random.default_rng(0).standard_normal((20, NUM_JOINTS, 3))
    poses = from_rotvec(rotvec)
    there = overhang(poses, Soles.of())
    elsewhere = poses.copy()
    elsewhere[:, 0] = from_rotvec(np.array([0.0, np.pi / 2, 0.0])) @ poses[:, 0]
    np.testing.assert_allclose(overhang(elsewhere, Soles.of()), there, atol=1e-9)
    np.testing.assert_allclose(overhang(mirror(poses), Soles.of()), there, atol=1e-9)


def test_a_body_of_twice_the_size_leans_twice_as_far():
    offsets = 2 * STANDARD_OFFSETS
    small, large = over(leaning(30)), float(overhang(leaning(30), Soles.of(offsets), offsets))
    assert 1.8 * small < large < 2.2 * small
