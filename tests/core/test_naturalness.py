# SPDX-License-Identifier: GPL-3.0-or-later
"""The score of naturalness, with the weights that ship: what it says of poses, and against whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contrapposto.priors import pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, MIRROR, NUM_JOINTS, mirror
from contrapposto.tasks.naturalness import QUANTILES, calibrated, naturalness, percent_less_natural


def standing(**turns_deg: tuple[float, float, float]) -> np.ndarray:
    """Arms hanging, the named joints turned as said: (22, 3, 3)."""
    arms = {"left_shoulder": (0, 0, -75), "right_shoulder": (0, 0, 75)}
    elbows = {"left_elbow": (0, -15, 0), "right_elbow": (0, 15, 0)}
    rotvec = np.zeros((NUM_JOINTS, 3))
    for name, turn in {**arms, **elbows, **turns_deg}.items():
        rotvec[JOINT_INDEX[name]] = np.radians(turn)
    return from_rotvec(rotvec)


def some_poses(count: int = 64) -> np.ndarray:
    turns = from_rotvec(0.15 * np.random.default_rng(0).standard_normal((count, NUM_JOINTS, 3)))
    return standing() @ turns


BROKEN = {
    "left_knee": (-60, 0, 0),
    "right_elbow": (0, -70, 0),
    "neck": (-95, 0, 0),
    "right_hip": (75, 0, 0),
}


@pytest.mark.parametrize("joint", BROKEN)
def test_a_joint_bent_the_wrong_way_scores_lowest_of_all_and_spoils_the_whole(joint):
    found = naturalness(np.stack([standing(), standing(**{joint: BROKEN[joint]})]))
    assert found.percentile[0] > 20
    assert found.percentile[1] < 5
    assert np.argmax(found.joint_energy[1]) == JOINT_INDEX[joint]
    assert found.joints[1, JOINT_INDEX[joint]] < 5 < found.joints[0, JOINT_INDEX[joint]]


def test_a_pose_that_gets_worse_scores_lower_also_beyond_every_real_pose():
    bends = np.stack([standing(left_knee=(-angle, 0, 0)) for angle in (0, 30, 60, 90)])
    energy = naturalness(bends).energy
    assert np.all(np.diff(energy) > 0)


def test_scores_are_percentages_of_the_shape_of_the_input():
    found = naturalness(some_poses().reshape(4, 16, NUM_JOINTS, 3, 3))
    assert found.percentile.shape == found.energy.shape == (4, 16)
    assert found.joints.shape == found.joint_energy.shape == (4, 16, NUM_JOINTS)
    for value in (found.percentile, found.joints):
        assert np.all((value >= 0) & (value <= 100))


def test_one_pose_scores_as_it_does_in_a_batch():
    poses = some_poses()[:5]
    one, many = naturalness(poses[3]), naturalness(poses)
    np.testing.assert_allclose(one.energy, many.energy[3], atol=1e-3)
    np.testing.assert_allclose(one.joint_energy, many.joint_energy[3], atol=1e-3)


def test_turning_the_character_changes_nothing():
    ahead = standing(pelvis=(10, 0, 5))
    turned = ahead.copy()
    turned[0] = from_rotvec(np.array([0.0, 2.0, 0.0])) @ turned[0]
    np.testing.assert_allclose(naturalness(turned).joints, naturalness(ahead).joints, atol=0.5)


def test_a_mirrored_pose_gets_the_mirrored_answer():
    bent = standing(left_knee=(-60, 0, 0), right_shoulder=(10, 30, 40))
    one, other = naturalness(bent), naturalness(mirror(bent))
    np.testing.assert_allclose(other.joint_energy, one.joint_energy[list(MIRROR)], atol=1e-3)
    np.testing.assert_allclose(other.joints, one.joints[list(MIRROR)], atol=0.1)
    np.testing.assert_allclose(other.energy, one.energy, atol=1e-3)


def test_without_a_calibration_nothing_is_said_in_percent():
    assert percent_less_natural(standing()) == naturalness(standing()).percentile
    assert percent_less_natural(standing(), prior=replace(pose.load(), calibration={})) is None


def test_the_poses_that_a_prior_is_calibrated_by_fill_the_scale_evenly():
    poses = some_poses(200)
    found = naturalness(poses, prior=calibrated(pose.load(), poses))
    both = np.concatenate(
        [found.joints, found.joints[:, list(MIRROR)]]
    )  # a joint is measured by its partner, too
    for level in (5, 25, 50, 75, 95):
        assert np.mean(found.percentile < level) == pytest.approx(level / 100, abs=0.02)
        np.testing.assert_allclose(np.mean(both < level, axis=0), level / 100, atol=0.02)


def test_a_calibration_is_written_and_read_with_the_weights(tmp_path):
    prior = calibrated(pose.load(), some_poses())
    pose.save(prior, tmp_path / "mine.npz", {})
    again = pose.read(tmp_path / "mine.npz")
    poses = some_poses()[:8]
    np.testing.assert_allclose(
        naturalness(poses, prior=again).percentile, naturalness(poses, prior=prior).percentile, atol=1.0
    )


def test_weights_that_were_never_calibrated_say_so():
    with pytest.raises(ValueError, match="contrapposto calibrate"):
        naturalness(standing(), prior=replace(pose.load(), calibration={}))


def test_too_few_poses_to_calibrate_by_are_refused():
    with pytest.raises(ValueError, match=f"At least {QUANTILES} poses"):
        calibrated(pose.load(), some_poses(8))


def test_what_is_no_pose_is_refused():
    with pytest.raises(ValueError, match=r"must be \(\.\.\., 22, 3, 3\)"):
        naturalness(np.zeros((21, 3, 3)))
    broken = standing()
    broken[3, 0, 0] = np.nan
    with pytest.raises(ValueError, match="not a finite number"):
        naturalness(broken)


def test_a_tremor_spoils_the_whole_though_no_joint_turns_far():
    still = standing()
    turns = 0.06 * np.random.default_rng(1).standard_normal((8, NUM_JOINTS, 3))
    turns[:, 0] = 0
    found = naturalness(np.concatenate([still[None], still @ from_rotvec(turns)]))
    assert found.percentile[0] > 20
    assert np.all(found.percentile[1:] < 3)


def test_toes_that_lie_on_the_floor_under_a_raised_heel_score_as_the_ankles():
    sides = ("left", "right")
    raised = {"hip": -20.0, "knee": 20.0, "ankle": 35.0}
    legs = {f"{side}_{part}": (turn, 0.0, 0.0) for side in sides for part, turn in raised.items()}
    in_line = standing(**legs)
    level = standing(**legs, left_foot=(-35.0, 0.0, 0.0), right_foot=(-35.0, 0.0, 0.0))
    curled = standing(**legs, left_foot=(80.0, 0.0, 0.0))
    scored = naturalness(np.stack([in_line, level, curled]))
    ankles, toes = ([JOINT_INDEX[f"{side}_{part}"] for side in sides] for part in ("ankle", "foot"))
    np.testing.assert_array_equal(scored.joint_energy[1, toes], scored.joint_energy[1, ankles])
    assert scored.percentile[1] > scored.percentile[0] / 2 > scored.percentile[2]
