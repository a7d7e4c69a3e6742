# SPDX-License-Identifier: GPL-3.0-or-later
"""The naturalness protocol damages what it says and measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.evaluation import damage
from contrapposto.evaluation.naturalness import CASES, auc, evaluate, neighbourhood
from contrapposto.priors import pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, forward_kinematics


def some_poses(count: int = 20) -> np.ndarray:
    return from_rotvec(0.2 * np.random.default_rng(0).standard_normal((count, NUM_JOINTS, 3)))


def test_the_area_under_the_curve_is_the_chance_of_ranking_a_pair_right():
    assert auc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 0.0
    assert auc(np.array([1.0, 3.0]), np.array([2.0, 3.0])) == pytest.approx((1 + 0 + 1 + 0.5) / 4)


def test_next_to_a_joint_are_its_parent_and_its_children():
    spine3 = np.eye(NUM_JOINTS, dtype=bool)[JOINT_INDEX["spine3"]]
    near = {JOINT_NAMES[j] for j in np.flatnonzero(neighbourhood(spine3))}
    assert near == {"spine2", "spine3", "neck", "left_collar", "right_collar"}


@pytest.mark.parametrize("case", CASES)
def test_damage_turns_the_joints_that_it_names_and_no_others(case):
    poses = some_poses()
    found = CASES[case](poses, np.random.default_rng(1))
    turned = geodesic_angle(found.rotations, poses)
    assert np.all(turned[~found.joints] < 1e-9)
    if "noise" not in case:  # there, the root is left where it is
        assert np.all(turned[found.joints] > 0)


def test_trembling_moves_joints_by_so_many_millimetres():
    poses = some_poses()
    found = damage.trembling(40.0)(poses, np.random.default_rng(1)).rotations
    moved = np.linalg.norm(forward_kinematics(found)[1] - forward_kinematics(poses)[1], axis=-1)
    np.testing.assert_allclose(1000 * moved.mean(axis=1), 40, atol=0.1)


def test_gross_damage_is_told_from_real_poses_and_found(shared):
    data = shared / "data" / "mocap"
    records = {(r["case"], r["method"]): r for r in evaluate(data, "val", pose.load(), quick=True)}
    assert len(records) == 1 + 3 * len(CASES)
    for case in ("bent_joint", "swapped_arms", "twisted_spine"):
        found = records[case, "contrapposto"]
        assert found["auc"] > 0.9, case
        assert found["auc"] > records[case, "gaussian"]["auc"], case
        assert found["worst_joint_touched_or_next"] > 0.85, case
    assert 30 < records["real", "contrapposto"]["median_percentile"] < 70
