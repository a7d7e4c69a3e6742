# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifters and DiffPose: what is believed of poses, and answers to whatever a camera saw or did not."""

from __future__ import annotations

from dataclasses import replace

import lifting
import numpy as np
import pytest

from contrapposto.evaluation.lifters import lifted_by, refined_by
from contrapposto.evaluation.virtual import DetectorNoise
from contrapposto.keypoints.sight import LIFTED, NUM_LIFTED, Sight, mirrored
from contrapposto.networks import chebyshev_graph
from contrapposto.networks.chebyshev_graph import laplacian
from contrapposto.networks.pose_graph import bones
from contrapposto.priors import diffpose, lifter, sequence_lifter
from contrapposto.priors.container import WeightsError
from contrapposto.priors.lifter import Estimate
from contrapposto.priors.uncertain_start import LEAST, Belief, pelvis_from
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS
from contrapposto.tasks.lift import lift


def perfect(seen, wide: float = 0.1) -> tuple[Sight, Estimate]:
    """A sight, and an estimate that is right across the view and of no depth."""
    sight = Sight.of(seen)
    distance = 4.0
    plane = sight.points * sight.size[:, None, None] * distance
    positions = np.concatenate([plane - plane[:, :1], np.zeros((*plane.shape[:2], 1))], axis=-1)
    return sight, Estimate(positions, np.full(positions.shape, wide), np.zeros((len(plane), 1)))


def without(seen, names: tuple[str, ...]):
    gone = np.isin(seen.names, names)
    return replace(seen, confidence=np.where(gone, 0, seen.confidence))


def test_the_pelvis_is_found_where_the_points_agree_with_the_estimate():
    sight, estimate = perfect(lifting.seen())
    pelvis = pelvis_from(sight, estimate)
    assert pelvis[:, 2] == pytest.approx(4.0, rel=0.02)
    assert np.allclose(pelvis[:, :2], sight.points[:, 0] * sight.size[:, None] * pelvis[:, 2:], atol=0.02)


def test_what_was_seen_is_believed_and_what_was_not_is_wide():
    here = without(lifting.seen(), ("left_wrist",))
    sight, estimate = perfect(here)
    belief = Belief.of(sight, estimate)
    deviation = belief.modes.deviation.reshape(6, 4, NUM_LIFTED, 3)[:, 0]
    assert np.allclose(deviation[:, JOINT_INDEX["left_wrist"], :2], 0.1)
    assert (deviation[:, JOINT_INDEX["right_wrist"], :2] < 0.02).all()
    assert np.allclose(deviation[:, JOINT_INDEX["right_wrist"], 2], 0.1)
    assert np.allclose(deviation[:, 0], LEAST)
    known = sight.confidence > 0
    assert np.abs(belief.seen - estimate.positions[..., :2])[known].max() < 0.05


def test_less_confidence_is_more_doubt():
    here = lifting.seen()
    doubts = []
    for confidence in (0.95, 0.6):
        sight, estimate = perfect(replace(here, confidence=np.full_like(here.confidence, confidence)))
        doubts.append(Belief.of(sight, estimate).modes.deviation[:, 0, 3 * JOINT_INDEX["left_knee"]])
    assert (doubts[1] > 3 * doubts[0]).all()


def test_a_belief_has_a_kernel_with_the_arms_exchanged():
    sight, estimate = perfect(lifting.seen())
    mixture = Belief.of(sight, estimate).mixture(5, 1000, np.random.default_rng(0))
    left, right = (3 * JOINT_INDEX[f"{side}_wrist"] for side in ("left", "right"))
    usual = np.argmax(mixture.weight, axis=1)
    assert (mixture.weight.max(axis=1) > 0.8).all()
    for row in range(6):
        there = mixture.mean[row, usual[row], right]
        assert np.abs(mixture.mean[row, :, left] - there).min() < 0.03


def test_a_fit_to_draws_finds_the_belief_again():
    """Why neither training nor, by default, sampling fits mixtures."""
    sight, estimate = perfect(lifting.seen())
    belief = Belief.of(sight, estimate)
    mixture = belief.mixture(5, 1000, np.random.default_rng(0))
    for row in range(6):
        modes = belief.modes.mean[row, :3]
        apart = np.abs(mixture.mean[row][:, None] - modes).mean(axis=-1)
        kernel = apart.argmin(axis=0)
        assert apart.min(axis=0).max() < 0.03
        assert np.allclose(mixture.weight[row, kernel], belief.modes.weight[row, :3], atol=0.01)
    single, moments = belief.mixture(1, 4000, np.random.default_rng(0)), belief.gaussian()
    assert np.abs(single.mean - moments.mean).max() < 0.01
    assert np.abs(single.deviation / moments.deviation - 1).max() < 0.1


def test_bones_join_neighbours():
    table = bones()
    assert np.allclose(table.sum(axis=1), 1)
    assert table[LIFTED.index("nose"), LIFTED.index("head")] == 1
    assert table[JOINT_INDEX["left_knee"], JOINT_INDEX["left_hip"]] == pytest.approx(0.5)
    assert table[JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]] == 0


def test_the_released_network_has_the_published_size():
    table = chebyshev_graph.shapes(17, 5, 96, 5)
    assert sum(int(np.prod(shape)) for shape in table.values()) == 1_025_674


def test_the_laplacian_is_blind_to_what_all_joints_share():
    table = laplacian(np.ones((4, 4)) - np.eye(4))
    assert np.allclose(table @ np.ones(4), 0)
    assert np.allclose(np.diag(laplacian(np.zeros((3, 3)))), 0)


def test_a_silent_network_leaves_the_lifters_answer():
    here, network = lifting.seen(), lifting.lifter()
    first = lift(here, network)
    for objective in diffpose.OBJECTIVES:
        found = lift(here, network, lifting.diffpose(0.0, objective), both_ways=False)
        assert np.allclose(found.positions, first.positions, atol=1e-5)


@pytest.mark.parametrize("start", diffpose.STARTS)
def test_the_same_seed_draws_the_same_hypotheses(start):
    here, network, prior = lifting.seen(), lifting.lifter(), lifting.diffpose(start=start)
    a, b, other = (lift(here, network, prior, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a.hypotheses, b.hypotheses)
    assert not np.allclose(a.hypotheses, other.hypotheses)
    assert a.hypotheses.shape == (5, 6, NUM_LIFTED, 3)
    assert np.allclose(a.positions, a.hypotheses.mean(axis=0))


def test_a_fitted_mixture_is_sampled_too():
    network, prior = lifting.lifter(), lifting.diffpose()
    sight = Sight.of(lifting.seen()).on(network.mean)
    found = prior.sample(sight, network.estimate(sight), np.random.default_rng(0), fitted=True)
    assert np.isfinite(found).all()


def test_more_steps_and_draws_are_a_matter_of_asking():
    found = lift(lifting.seen(), lifting.lifter(), lifting.diffpose(), poses=3, steps=50)
    assert found.hypotheses.shape == (3, 6, NUM_LIFTED, 3)
    with pytest.raises(ValueError, match="steps"):
        lift(lifting.seen(), lifting.lifter(), lifting.diffpose(), steps=0)


def test_a_method_gives_its_answer_first():
    here = lifting.seen()
    assert lifted_by(lifting.lifter())(here).shape == (1, 6, NUM_JOINTS, 3)
    found = refined_by(lifting.diffpose(), lifting.lifter(), poses=4)(here)
    assert found.shape == (5, 6, NUM_JOINTS, 3)
    assert np.allclose(found[0], found[1:].mean(axis=0))


@pytest.mark.parametrize("frames", [1, 5, lifting.FRAMES, 40])
def test_clips_of_any_length_are_lifted(frames):
    here = lifting.seen(frames)
    found = lift(here, lifting.over_time(), lifting.diffpose())
    assert found.positions.shape == (frames, NUM_LIFTED, 3)
    assert np.isfinite(found.positions).all()
    assert found.deviation.shape == (frames, NUM_LIFTED)


@pytest.mark.parametrize("network", [lifting.lifter(), lifting.over_time()])
def test_one_point_or_nothing_at_all_is_a_finite_answer(network):
    here = lifting.seen(3)
    only_nose = replace(here, confidence=np.where(np.array(here.names) == "nose", here.confidence, 0))
    nothing = replace(here, points=np.full_like(here.points, np.nan), confidence=0 * here.confidence)
    for what in (only_nose, nothing):
        found = lift(what, network, lifting.diffpose())
        assert all(np.isfinite(value).all() for value in vars(found).values())
        assert (found.deviation > 0).all()


def test_no_frames_are_an_answer_of_none():
    here = lifting.seen(2)
    none = replace(here, cameras=here.cameras[:0], points=here.points[:0], confidence=here.confidence[:0])
    for refine in (None, lifting.diffpose()):
        assert lift(none, lifting.lifter(), refine).positions.shape == (0, NUM_LIFTED, 3)


def test_wrong_numbers_of_points_are_refused():
    here = lifting.seen()
    with pytest.raises(ValueError, match="17 points"):
        lift(replace(here, points=here.points[:, 1:], confidence=here.confidence[:, 1:]), lifting.lifter())


def test_covariances_turn_with_the_camera_and_stay_as_large():
    here, network = lifting.seen(noise=DetectorNoise()), lifting.lifter()
    sight = Sight.of(here)
    deviation = network.estimate(sight.on(network.mean)).deviation
    found = lift(here, network)
    assert np.allclose(found.deviation, np.sqrt((deviation**2).mean(axis=-1)), rtol=1e-4)
    assert (np.linalg.eigvalsh(found.covariance) > 0).all()


def test_weights_come_back_from_files(tmp_path):
    cases = (
        (lifter, lifting.lifter()),
        (lifter, lifting.lifter(plain=True)),
        (sequence_lifter, lifting.over_time()),
        (diffpose, lifting.diffpose(start="gaussian")),
    )
    for number, (kind, prior) in enumerate(cases):
        path = tmp_path / f"{number}.npz"
        kind.save(prior, path, {"training": {}})
        back = kind.read(path)
        assert back.weights.keys() == prior.weights.keys()
        assert all(np.allclose(back.weights[name], prior.weights[name], atol=1e-2) for name in prior.weights)
        whole = replace(prior, width=prior.width + 1)
        kind.save(whole, path, {})
        with pytest.raises(WeightsError, match="do not fit"):
            kind.read(path)


def test_a_mirror_shows_what_the_mirrored_body_would_show():
    here = lifting.seen()
    sight = Sight.of(here)
    swapped = [here.names.index(name) for name in here.names]
    other = {"left": "right", "right": "left"}
    for index, name in enumerate(here.names):
        side, _, part = name.partition("_")
        if side in other:
            swapped[index] = here.names.index(f"{other[side]}_{part}")
    width = 2 * here.cameras.intrinsics[:, 0, 2]
    points = here.points[:, swapped] * [-1, 1] + np.stack([width, 0 * width], axis=-1)[:, None]
    flip = np.diag([-1.0, 1.0, 1.0])
    cameras = replace(here.cameras, rotation=flip @ here.cameras.rotation @ flip)
    seen = Sight.of(replace(here, cameras=cameras, points=points, confidence=here.confidence[:, swapped]))
    for found, expected in zip(vars(sight.mirrored()).values(), vars(seen).values(), strict=True):
        assert np.allclose(found, expected, atol=1e-6)
    positions = np.random.default_rng(0).standard_normal((6, NUM_LIFTED, 3))
    there = mirrored(sight.to_camera(positions))
    assert np.allclose(sight.mirrored().to_camera(mirrored(positions)), there)


def test_half_of_the_draws_look_at_the_mirror_image():
    here, network, prior = lifting.seen(), lifting.lifter(), lifting.diffpose()
    one, both = (lift(here, network, prior, both_ways=both) for both in (False, True))
    assert one.hypotheses.shape == both.hypotheses.shape
    sight = Sight.of(here)
    straight = lift(here, network, prior, poses=3, both_ways=False).hypotheses
    assert np.allclose(both.hypotheses[:3], straight)
    turned = sight.mirrored().on(network.mean)
    rest = prior.sample(turned, network.estimate(turned), np.random.default_rng(0), poses=2)
    assert np.allclose(
        both.hypotheses[3:], sight.to_camera(mirrored(np.asarray(rest, dtype=float))), atol=1e-5
    )
