# SPDX-License-Identifier: GPL-3.0-or-later
"""The inverse kinematics protocol hides what it says and scores what it should."""

from __future__ import annotations

import numpy as np
import pytest
from people import gaussian_prior, write_people

from contrapposto.evaluation import ik
from contrapposto.evaluation.metrics import mgeo_rad
from contrapposto.evaluation.poses import poses_of
from contrapposto.files.mocap import read_split
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, forward_kinematics

CASES = {case.name: case for case in ik.CASES}
REST = np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1))


def names(mask):
    return {JOINT_NAMES[joint] for joint in np.flatnonzero(mask)}


def bent(angle, *joints):
    rotvec = np.zeros((1, NUM_JOINTS, 3))
    rotvec[:, [JOINT_INDEX[joint] for joint in joints], 0] = angle
    return from_rotvec(rotvec)


def test_mgeo_is_the_mean_turn_of_the_21_body_joints():
    assert mgeo_rad(bent(0.42, "left_knee"), REST) == pytest.approx(0.42 / 21)
    assert mgeo_rad(bent(0.42, "left_knee", "right_knee"), REST) == pytest.approx(2 * 0.42 / 21)
    assert mgeo_rad(bent(0.42, "pelvis"), REST) == 0


def test_the_unseen_joints_are_those_that_a_case_leaves_to_the_method():
    unseen = {name: names(case.unseen) for name, case in CASES.items()}
    assert unseen["left_leg"] == {"left_knee", "left_ankle", "left_foot"}  # the hip follows from the pelvis
    assert unseen["left_arm_hand"] == {"left_shoulder", "left_elbow", "left_wrist"}
    assert unseen["right_shoulder_upper_arm"] == {"right_shoulder", "right_elbow"}
    placed = {"spine3", "left_wrist", "right_wrist", "left_ankle", "right_ankle"}
    follows = {"pelvis", "left_hip", "right_hip", "spine1"}
    assert unseen["five_points"] == set(JOINT_NAMES) - placed - follows
    assert unseen["five_points_tilt"] == unseen["five_points"] | {"left_hip", "right_hip"}
    assert unseen["all_joints"] == unseen["all_joints_noisy"] == set()


def test_a_problem_gives_away_no_more_than_its_case_says():
    true = bent(0.5, "pelvis", "left_hip", "left_knee")
    for case in ik.CASES:
        problem = ik.Problem.of(case, true, np.random.default_rng(0))
        assert names(~np.isnan(problem.positions[0]).any(axis=-1)) == {JOINT_NAMES[j] for j in case.placed}
        assert np.array_equal(problem.pelvis, true[:, 0] if case.pelvis_known else REST[:, 0])


def test_noise_has_the_standard_deviation_that_is_named():
    true = np.repeat(REST, 400, axis=0)
    problem = ik.Problem.of(CASES["all_joints_noisy"], true, np.random.default_rng(1))
    _, positions = forward_kinematics(true)
    assert np.std((problem.positions - positions)[:, 1:]) == pytest.approx(ik.NOISE, rel=0.03)


def test_the_truth_scores_zero_and_hypotheses_are_told_apart():
    true, wrong = bent(0.0, "left_hip"), bent(0.6, "left_hip")
    problem = ik.Problem.of(CASES["left_leg"], true, np.random.default_rng(0))
    score = ik.score(problem, np.stack([wrong, true]), true)
    one = ik.score(problem, wrong[None], true)
    assert score["unseen_mpjpe_mm"] == one["unseen_mpjpe_mm"] > 100
    assert score["unseen_mpjpe_min_mm"] == 0
    assert score["unseen_mpjpe_mean_mm"] == pytest.approx(one["unseen_mpjpe_mm"] / 2)
    half = ik.score(problem, bent(0.3, "left_hip")[None], true)  # the mean of the two rotations
    assert score["unseen_mpjpe_of_mean_mm"] == pytest.approx(half["unseen_mpjpe_mm"])
    assert score["mgeo_rad"] == pytest.approx(0.6 / 21)
    assert score["mgeo_of_mean_rad"] == pytest.approx(0.3 / 21)
    assert score["mpjpe_mm"] == pytest.approx(one["unseen_mpjpe_mm"] * 3 / 21)
    assert score["target_mm"] == 0  # a leg that nobody placed is no target


def test_a_missed_target_is_told_in_millimetres():
    true = bent(0.0, "left_hip")
    problem = ik.Problem.of(CASES["five_points"], true, np.random.default_rng(0))
    found = bent(0.5, "left_knee")
    _, there = forward_kinematics(found)
    miss = np.linalg.norm((there - forward_kinematics(true)[1])[0, JOINT_INDEX["left_ankle"]])
    assert ik.score(problem, found[None], true)["target_mm"] == pytest.approx(1000 * miss / 5)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def records(people):
    truth = poses_of(read_split(people, "val"), ik.TEST_STRIDE)
    methods = {"truth": lambda problem, rng: truth[None, : len(problem)]}
    found = ik.evaluate(people, "val", gaussian_prior(), poses=12, methods=methods)
    return {(record["case"], record["method"]): record for record in found}


def test_every_method_gets_every_case_of_the_same_poses(records):
    methods = {
        "contrapposto",
        "contrapposto_one",
        "dls_rest",
        "dls_mean",
        "nearest",
        "gaussian_mean",
        "truth",
    }
    assert set(records) == {(case, method) for case in CASES for method in methods}
    for (_, method), record in records.items():
        assert record["poses"] == 12
        assert record["hypotheses"] == (10 if method in {"contrapposto", "nearest"} else 1)
        assert all(np.isfinite(value) for value in record.values() if not isinstance(value, str))


def test_only_cases_with_unseen_joints_report_their_error(records):
    for (case, _), record in records.items():
        assert ("unseen_mpjpe_mm" in record) == bool(CASES[case].unseen.any())


def test_the_truth_has_no_error_but_for_the_noise_of_its_targets(records):
    for case in CASES:
        record = records[case, "truth"]
        assert record["mpjpe_mm"] < 1e-3
        noise = 1000 * ik.NOISE * np.sqrt(8 / np.pi)  # mean length of three normal numbers
        assert record["target_mm"] == pytest.approx(noise * (case == "all_joints_noisy"), rel=0.1, abs=1e-3)


def test_every_method_reaches_targets_that_are_exact(records):
    for (case, method), record in records.items():
        if case != "all_joints_noisy":
            assert record["target_mm"] < 1, (case, method)


def test_what_is_hidden_keeps_the_pose_that_least_squares_started_from(records, people):
    """Nothing pulls at a hidden leg: from rest it stays straight."""
    true = poses_of(read_split(people, "val"), ik.TEST_STRIDE)[:12]
    problem = ik.Problem.of(CASES["left_leg"], true, np.random.default_rng(0))
    found = ik.from_pose(REST[0])(problem, np.random.default_rng(0))[0]
    leg = [JOINT_INDEX[joint] for joint in ("left_hip", "left_knee", "left_ankle", "left_foot")]
    assert np.all(geodesic_angle(found[:, leg], REST[:, leg]) == 0)
    assert np.array_equal(found[:, 0], problem.pelvis)


def test_the_nearest_training_pose_finds_a_training_pose_again(people):
    train = poses_of(read_split(people, "train"), ik.TRAIN_STRIDE)
    problem = ik.Problem.of(CASES["left_leg"], train[5:9], np.random.default_rng(0))
    found = ik.from_nearest(train)(problem, np.random.default_rng(0))
    assert ik.score(problem, found, train[5:9])["mpjpe_mm"] < 1e-3
    assert len(found) == ik.HYPOTHESES
