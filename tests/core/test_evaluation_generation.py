# SPDX-License-Identifier: GPL-3.0-or-later
"""Distances between sets of poses have their known values; the protocol tells good samplers from bad."""

from __future__ import annotations

import numpy as np
import pytest
from people import SPREAD, gaussian_prior, write_people

from contrapposto.evaluation import generation
from contrapposto.evaluation.baselines import Gaussian
from contrapposto.evaluation.metrics import (
    apd_cm,
    frechet_distance,
    mean_and_covariance,
    nearest_distance_rad,
    precision_recall,
)
from contrapposto.evaluation.poses import poses_of
from contrapposto.files.mocap import read_split
from contrapposto.rotation import from_rotvec, to_rotvec
from contrapposto.skeleton import NUM_JOINTS


def test_the_frechet_distance_of_shifted_gaussians_is_the_square_of_the_shift():
    shift = np.array([3.0, 0.0, -4.0])
    assert frechet_distance(np.zeros(3), np.eye(3), shift, np.eye(3)) == pytest.approx(25)


def test_the_frechet_distance_of_a_gaussian_twice_as_wide_is_its_dimension():
    zero = np.zeros(63)
    assert frechet_distance(zero, np.eye(63), zero, 4 * np.eye(63)) == pytest.approx(63)


def test_the_frechet_distance_of_turned_gaussians_agrees_with_the_matrix_root():
    linalg = pytest.importorskip("scipy.linalg", reason="SciPy is the oracle; development has it")
    A, B = np.random.default_rng(0).standard_normal((2, 6, 6))
    C1, C2 = A @ A.T, B @ B.T
    expected = np.trace(C1 + C2 - 2 * linalg.sqrtm(C1 @ C2).real)
    assert frechet_distance(np.zeros(6), C1, np.zeros(6), C2) == pytest.approx(expected)


def test_the_frechet_distance_to_itself_is_zero_though_some_joints_never_move():
    rows = np.random.default_rng(1).standard_normal((50, 8)) * ([1.0] * 5 + [0.0] * 3)
    fitted = mean_and_covariance(rows)
    assert frechet_distance(*fitted, *fitted) == pytest.approx(0, abs=1e-10)


def test_the_covariance_is_the_unbiased_one():
    _, covariance = mean_and_covariance(np.array([[0.0, 0.0], [2.0, 4.0]]))
    np.testing.assert_allclose(covariance, [[2, 4], [4, 8]])


def test_a_set_has_precision_and_recall_one_against_itself():
    rows = np.random.default_rng(2).standard_normal((300, 5))
    assert precision_recall(rows, rows) == (1.0, 1.0)


def test_samples_far_away_have_no_precision_and_no_recall():
    rows = np.random.default_rng(3).standard_normal((300, 5))
    assert precision_recall(rows, rows + 100) == (0.0, 0.0)


def test_samples_of_one_mode_are_precise_but_cover_half():
    rng = np.random.default_rng(4)
    left, right, made = rng.standard_normal((3, 200, 2)) + [[[-50, 0]], [[50, 0]], [[-50, 0]]]
    precision, recall = precision_recall(np.concatenate([left, right]), made)
    assert precision > 0.9
    assert 0.4 < recall <= 0.5


def test_the_pairwise_distance_leaves_a_pose_out_of_its_own_pairs():
    positions = np.zeros((2, NUM_JOINTS, 3))
    positions[1, :, 0] = 0.07
    assert apd_cm(positions) == pytest.approx(7)
    assert apd_cm(np.concatenate([positions, positions])) == pytest.approx(7 * 8 / 12)


def test_the_nearest_training_pose_is_measured_in_summed_radians_whatever_the_sign_of_a_quaternion():
    train = np.zeros((3, NUM_JOINTS, 3))
    train[0, 5, 0], train[1, 5, 0], train[2, 7, 2] = 3.0, 1.0, 2.0
    made = np.zeros((1, NUM_JOINTS, 3))
    made[0, 5, 0] = -3.1  # 0.183 rad from 3.0, the short way round
    made[0, 0, 1] = 2.0  # the root does not count
    expected = 2 * np.pi - 6.1
    assert nearest_distance_rad(from_rotvec(made), from_rotvec(train)) == pytest.approx(expected, abs=1e-6)


def test_the_gaussian_draws_what_it_was_fitted_to():
    rng = np.random.default_rng(5)
    rotvec = 0.2 * rng.standard_normal((6000, NUM_JOINTS, 3))
    rotvec[:, 4] = 0.5 * rotvec[:, 3]
    gaussian = Gaussian(from_rotvec(rotvec), np.zeros((6000, 0)))
    made = to_rotvec(gaussian.sample(6000, rng))
    np.testing.assert_allclose(made.std(axis=0)[1:], rotvec.std(axis=0)[1:], rtol=0.06)
    np.testing.assert_allclose(made[:, 4], 0.5 * made[:, 3], atol=0.01)


@pytest.mark.parametrize(
    ("method", "tolerance"), [("contrapposto", 0.15), ("euler_maruyama_1000", 0.05), ("ddim_10", 0.25)]
)
def test_samplers_draw_from_the_distribution_that_the_prior_knows(method, tolerance):
    """Few steps cost width: ten uniform ones lose a fifth of the spread, the shipped eight add a tenth."""
    sample = generation.samplers(gaussian_prior())[method]
    made = to_rotvec(sample(1200, np.random.default_rng(7)))
    assert made.shape == (1200, NUM_JOINTS, 3)
    np.testing.assert_allclose(made.mean(axis=(0, 1)), 0, atol=0.003)
    np.testing.assert_allclose(made.std(axis=(0, 1)), SPREAD, rtol=tolerance)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """The rows of a quick run by method; two methods are brought along."""
    data = write_people(tmp_path_factory.mktemp("people"))
    seen = poses_of(read_split(data, "train"), 1)
    methods = {"copy": lambda count, rng: seen[rng.permutation(len(seen))[:count]], "still": _still}

    def run():
        found = generation.evaluate(data, "val", gaussian_prior(), quick=True, samples=200, methods=methods)
        return {record["method"]: record for record in found}

    return run(), run()


def _still(count, _):
    return np.tile(np.eye(3), (count, NUM_JOINTS, 1, 1))


def test_real_poses_stand_beside_the_samples(records):
    found, _ = records
    assert list(found) == [
        *("contrapposto", "euler_maruyama_1000", "ddim_10", "copy", "still"),
        *("gaussian", "val", "train", "train_weighted"),
    ]
    for record in found.values():
        assert record["task"] == "generation"
        assert record["samples"] == (120 if record["method"] == "val" else 200)
        assert all(isinstance(value, (str, int, float)) for value in record.values())


def test_a_copy_of_the_training_poses_scores_as_one(records):
    copy = records[0]["copy"]
    assert copy["fid"] < 0.5 * records[0]["contrapposto"]["fid"]
    assert copy["precision"] > 0.8
    assert copy["dnn_rad"] < 0.8 * records[0]["val"]["dnn_rad"]


def test_a_sampler_that_always_makes_one_pose_has_no_diversity_and_covers_nothing(records):
    still = records[0]["still"]
    assert still["apd_cm"] == 0
    assert still["recall"] == 0
    trace = (4 * 3 + 3) * 0.3**2  # four ball joints and three hinges: second moments about the rest pose
    assert still["fid"] == pytest.approx(trace, rel=0.15)


def test_the_same_seed_gives_the_same_rows(records):
    first, second = records
    for method, record in first.items():
        assert {**record, "seconds": 0} == {**second[method], "seconds": 0}
