# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol measures what it says, the baselines do what they are called."""

from __future__ import annotations

import json

import numpy as np
import pytest

from contrapposto.__main__ import main
from contrapposto.evaluation.baselines import Gaussian, nearest
from contrapposto.evaluation.cases import CASES
from contrapposto.evaluation.metrics import hypothesis_errors_mm
from contrapposto.files.table import format_table
from contrapposto.rotation import from_rotvec, to_rotvec
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS


def test_errors_are_millimetres_and_the_best_is_chosen_per_sample():
    true = np.zeros((2, 3, 3))
    estimated = np.zeros((2, 2, 3, 3))
    estimated[0, 0, :, 0], estimated[1, 0, :, 0] = 0.010, -0.030
    estimated[0, 1, :, 1], estimated[1, 1, :, 1] = 0.020, 0.004
    errors = hypothesis_errors_mm(estimated, true)
    assert errors["mpjpe_min_mm"] == pytest.approx((10 + 4) / 2)
    assert errors["mpjpe_mean_mm"] == pytest.approx((10 + 30 + 20 + 4) / 4)
    assert errors["mpjpe_of_mean_mm"] == pytest.approx((10 + 12) / 2)
    assert errors["spread_mm"] == pytest.approx((40 + 16) / 2)


def test_the_nearest_training_pose_is_the_pose_itself():
    rng = np.random.default_rng(0)
    rotations = from_rotvec(rng.standard_normal((40, NUM_JOINTS, 3)))
    features = rotations[:, :5].reshape(40, -1)
    found = nearest(features, rotations, features[7:9], 3)
    np.testing.assert_array_equal(found[0], rotations[7:9])


def test_the_gaussian_finds_a_linear_rule():
    """The left knee follows the right one at half its size."""
    rng = np.random.default_rng(1)
    rotvec = 0.02 * rng.standard_normal((4000, NUM_JOINTS, 3))
    left, right = JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]
    rotvec[:, right, 0] = rng.uniform(0, 1, 4000)
    rotvec[:, left, 0] = 0.5 * rotvec[:, right, 0] + 0.01 * rng.standard_normal(4000)
    gaussian = Gaussian(from_rotvec(rotvec), np.zeros((4000, 0)))
    test = np.zeros((1, NUM_JOINTS, 3))
    test[0, right, 0] = 0.8
    hidden = np.zeros(NUM_JOINTS, dtype=bool)
    hidden[left] = True
    mean, samples = gaussian.conditional(from_rotvec(test), hidden, np.zeros((1, 0)), 500, rng)
    assert to_rotvec(mean)[0, left, 0] == pytest.approx(0.4, abs=0.01)
    assert np.std(to_rotvec(samples)[:, 0, left, 0]) == pytest.approx(0.01, rel=0.2)
    assert np.array_equal(samples[:, 0, right], np.tile(from_rotvec(test)[0, right], (500, 1, 1)))


def test_the_cases_hide_what_their_names_say():
    hidden = {case.name: {JOINT_NAMES[j] for j in np.flatnonzero(case.hidden)} for case in CASES}
    assert hidden["left_leg"] == {"left_hip", "left_knee", "left_ankle", "left_foot"}
    assert len(hidden["both_legs"]) == len(hidden["both_arms"]) == 8
    assert hidden["trunk"] == {"spine1", "spine2", "spine3", "left_shoulder", "right_shoulder"}
    assert {"pelvis", "head", "left_wrist", "right_foot"}.isdisjoint(hidden["ends"])
    assert hidden["ends_placed"] == set(JOINT_NAMES) - {"pelvis"}


def test_joints_that_cannot_move_are_left_out_of_the_moving_error():
    moving = {case.name: {JOINT_NAMES[j] for j in np.flatnonzero(case.moving)} for case in CASES}
    assert moving["left_leg"] == {"left_knee", "left_ankle", "left_foot"}
    assert moving["trunk"] == {"spine2", "spine3", "left_shoulder", "right_shoulder"}
    assert "left_wrist" not in moving["ends_placed"]
    assert {"left_elbow", "right_knee", "spine3"} <= moving["ends_placed"]


def test_the_command_prints_a_table_and_writes_flat_records(tmp_path, capsys, shared):
    path = tmp_path / "records.json"
    data = str(shared / "data" / "mocap")
    command = ["evaluate", "completion", "--data", data, "--split", "val", "--quick", "--json", str(path)]
    assert main(command) == 0
    table = capsys.readouterr().out
    records = json.loads(path.read_text())
    assert len(records) == 5 * len(CASES)
    summary, _, all_records = table.partition("\n\n")
    assert len(summary.splitlines()) == len(CASES) + 1
    assert "both arms" in summary
    assert len(all_records.splitlines()) == len(records) + 1
    for record in records:
        assert record["task"] == "completion"
        assert all(isinstance(value, (str, int, float)) for value in record.values())
    error = {(r["case"], r["method"]): r["mpjpe_min_mm"] for r in records}
    for case in CASES:
        rivals = min(error[case.name, "nearest"], error[case.name, "gaussian"])
        assert error[case.name, "contrapposto"] < rivals, case.name
    spread = {(r["case"], r["method"]): r["spread_mm"] for r in records}
    assert spread["left_leg", "contrapposto_diverse"] > 1.2 * spread["left_leg", "contrapposto"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "nowhere"], "There is no nowhere"),
        (["--data", "nowhere", "--weights", "none.npz"], "'none.npz' is missing"),
    ],
)
def test_bad_input_gives_one_sentence_and_exit_code_1(capsys, arguments, sentence):
    assert main(["evaluate", "completion", *arguments]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


def test_a_table_has_one_line_a_record_below_its_header():
    table = format_table([{"case": "a", "mpjpe_min_mm": 12.345}, {"case": "longer", "mpjpe_min_mm": 7.0}])
    assert table.splitlines() == ["case    mpjpe_min_mm", "a               12.3", "longer             7"]
