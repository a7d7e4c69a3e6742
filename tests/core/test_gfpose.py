# SPDX-License-Identifier: GPL-3.0-or-later
"""GFPose: outlines, its network and conditions, and its tasks with one set of weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lifting
import numpy as np
import pytest

from contrapposto.arrays import to_numpy
from contrapposto.diffusion.schedule import SubVP
from contrapposto.keypoints.outline import USUAL_NEARNESS, from_outline, nearness, shape_of, to_outline
from contrapposto.keypoints.sight import NUM_LIFTED, Sight, mirrored
from contrapposto.networks import group_norm_mlp
from contrapposto.priors import container, gfpose
from contrapposto.priors.gfpose import STATE, SUREST, TARGETS, Condition, GFPose
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.uncertain_start import pelvis_from
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks import gfpose as tasks

B = 5


def places(count: int = B, seed: int = 0) -> np.ndarray:
    """Bodies some metres before the camera, with noses."""
    rng = np.random.default_rng(seed)
    _, joints = forward_kinematics(from_rotvec(0.4 * rng.standard_normal((count, NUM_JOINTS, 3))))
    joints = joints * [1, -1, 1]
    nose = joints[:, [15]] + [0, -0.05, 0.1]
    return np.concatenate([joints, nose], axis=1) + [0.1, 0.0, 4.0]


def sight_of(there: np.ndarray, seed: int = 0) -> Sight:
    size = np.full(len(there), 0.12)
    points = to_outline(there, size)[..., :2]
    known = np.random.default_rng(seed).random(points.shape[:-1]) < 0.8
    up, turn = np.tile([0.0, -1.0, 0.0], (len(there), 1)), np.tile(np.eye(3), (len(there), 1, 1))
    return Sight(np.where(known[..., None], points, 0), known * 0.9, size, up, turn)


def untrained(target: str = "clean", seed: int = 0) -> GFPose:
    rng = np.random.default_rng(seed)
    sizes = gfpose.shapes(target, 32, 1)
    weights = {name: 0.1 * rng.standard_normal(shape) for name, shape in sizes.items()}
    points = places(20)
    spans = np.mean(np.sum((points[:, :, None] - points[:, None]) ** 2, axis=-1), axis=0)
    return GFPose(weights, spans, 32, 1, target)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_network_has_the_published_size() -> None:
    assert sum(np.prod(shape) for shape in group_norm_mlp.shapes(51, 1024, 2, 51).values()) == 12_504_627


def test_an_outline_gives_a_standard_body_back() -> None:
    there, size = places(), np.array([0.05, 0.1, 0.12, 0.2, 0.4])
    found = from_outline(to_outline(there, size), size)
    np.testing.assert_allclose(found, there - there[:, :1], atol=1e-9)


def test_the_guessed_distance_is_about_right_however_little_is_seen() -> None:
    there = places()
    spans = np.mean(np.sum((there[:, :, None] - there[:, None]) ** 2, axis=-1), axis=0)
    plane = there[..., :2] / there[..., 2:]
    for known in (
        np.ones(NUM_LIFTED, dtype=bool),
        np.arange(NUM_LIFTED) % 3 == 0,
        np.arange(NUM_LIFTED) > 15,
    ):
        shown = plane - plane[:, known].mean(axis=1, keepdims=True)
        size = np.sqrt(np.mean(np.sum(shown[:, known] ** 2, axis=-1), axis=1))
        sight = replace(sight_of(there), size=size, confidence=np.tile(known * 1.0, (B, 1)))
        assert (np.abs(np.log(nearness(sight, spans) * 4.0)) < 0.5).all()
    alone = replace(sight_of(there), confidence=np.tile((np.arange(NUM_LIFTED) == 3) * 1.0, (B, 1)))
    assert (nearness(alone, spans) == USUAL_NEARNESS).all()


def test_what_a_camera_sees_is_two_thirds_of_an_outline() -> None:
    there, size = places(), np.full(B, 0.1)
    nearer = there * 0.5  # the same picture
    np.testing.assert_allclose(to_outline(nearer, size)[..., :2], to_outline(there, size)[..., :2])


@pytest.mark.parametrize("target", TARGETS)
def test_state_and_expectations_agree(target: str) -> None:
    prior, there = untrained(target), places()
    outline = to_outline(there, np.full(B, 0.1))
    np.testing.assert_allclose(prior.decode(prior.encode(outline)), outline)
    ratio = np.array([0.05, 0.3, 1.0, 3.0, 20.0])
    x = prior.encode(outline) + ratio[:, None] * rng().standard_normal((B, STATE))
    x0hat, eps = prior.expect(x, ratio, prior.seen(sight_of(there)))
    np.testing.assert_allclose(x0hat + ratio[:, None] * eps, x, atol=1e-9)


def test_a_network_that_knows_nothing_believes_what_is_seen() -> None:
    prior, sight = untrained(), sight_of(places())
    silent = replace(prior, weights={name: 0 * value for name, value in prior.weights.items()})
    condition = silent.seen(sight)
    x = 20 * rng().standard_normal((B, STATE))
    found = silent.decode(silent.expect(x, np.full(B, 20.0), condition)[0])
    assert np.abs(found - condition.outline)[condition.known].max() < 0.01


def test_the_weight_makes_errors_those_of_the_networks_output() -> None:
    prior, sight = untrained(), sight_of(places())
    condition, ratio = prior.seen(sight), np.geomspace(0.05, 10, B)
    x = rng().standard_normal((B, STATE))
    louder = replace(prior, weights={**prior.weights, "out.b": prior.weights["out.b"] + 1.0})
    away = louder.expect(x, ratio, condition)[0] - prior.expect(x, ratio, condition)[0]
    np.testing.assert_allclose(away**2 * prior.weight(ratio, condition), 1.0)


def test_the_published_label_is_the_time_of_the_level() -> None:
    prior, schedule = untrained("noise"), SubVP()
    for t in (0.01, 0.2, 0.9):
        assert prior._time(np.array(schedule.a(t))) == pytest.approx(999 * t, rel=1e-6)


def test_the_published_condition_is_how_far_the_state_is_from_what_is_known() -> None:
    prior, there = untrained("noise"), places()
    sight = sight_of(there)
    condition = prior.seen(sight)
    state = prior.encode(condition.outline)
    assert (prior._difference(state, condition) == 0).all()
    away = prior._difference(state + 1, condition)
    np.testing.assert_allclose(away, condition.known.reshape(B, -1), atol=1e-9)


def test_what_is_unknown_does_not_reach_the_network() -> None:
    prior, there = untrained(), places()
    condition = prior.seen(sight_of(there))
    x, ratio = rng().standard_normal((B, STATE)), np.full(B, 0.5)
    before = prior.expect(x, ratio, condition)[0]
    elsewhere = np.where(condition.known, condition.outline, 7.0)
    after = prior.expect(x, ratio, Condition(elsewhere, *list(vars(condition).values())[1:]))[0]
    assert (before == after).all()
    hidden = condition.hidden(np.ones(B, dtype=bool))
    nothing = Condition.nothing(B, x)
    np.testing.assert_array_equal(prior.expect(x, ratio, hidden)[0], prior.expect(x, ratio, nothing)[0])


@pytest.mark.parametrize("target", TARGETS)
def test_torch_and_numpy_agree(target: str) -> None:
    torch = pytest.importorskip("torch")
    prior, sight = untrained(target), sight_of(places())
    ours = tasks.estimate(prior, sight, 3, rng())
    reference = torch.zeros((), dtype=torch.float64)
    theirs = tasks.estimate(prior.on(reference), sight.on(reference), 3, rng())
    np.testing.assert_allclose(to_numpy(theirs), ours, atol=1e-6)


def test_the_same_seed_gives_the_same_hypotheses() -> None:
    prior, sight = untrained(), sight_of(places())
    first, second = (tasks.estimate(prior, sight, 4, rng()) for _ in range(2))
    assert (first == second).all()
    assert first.shape == (4, B, NUM_LIFTED, 3)
    assert np.abs(first[0] - first[1]).max() > 1e-3
    assert (tasks.estimate_one(prior, sight) == tasks.estimate_one(prior, sight)).all()


def test_every_second_hypothesis_is_of_the_mirror_image() -> None:
    prior, sight = untrained(), sight_of(places())
    draws = rng()
    straight, turned = (tasks.sample(prior, prior.seen(one), 2, draws) for one in (sight, sight.mirrored()))
    found = tasks.estimate(prior, sight, 4, rng())
    near, turned_near = prior.seen(sight).nearness, prior.seen(sight.mirrored()).nearness
    np.testing.assert_allclose(found[[0, 2]], from_outline(straight, near))
    np.testing.assert_allclose(found[[1, 3]], mirrored(from_outline(turned, turned_near)))


def test_imputed_entries_are_what_was_known() -> None:
    prior, there = untrained(), places()
    outline = to_outline(there, np.full(B, 0.12))
    known = rng().random((B, NUM_LIFTED)) < 0.5
    condition = Condition.placed(outline, known, np.full(B, 0.12), np.zeros((B, 3)))
    found = tasks.sample(prior, condition, 1, rng(), tasks.published(rng(), impute=condition, steps=20))
    np.testing.assert_allclose(found[0][known], outline[known])


def test_completion_keeps_what_is_known() -> None:
    prior, there = untrained(), places()
    sight = sight_of(there)
    in_image = tasks.complete_2d(prior, sight, 2, rng())
    known = sight.confidence > 0
    assert (in_image[:, known] == sight.points[known]).all()
    in_space = tasks.complete_3d(prior, there, known | (np.arange(NUM_LIFTED) == 0), 2, rng())
    assert (in_space[:, known] == there[known]).all()
    assert np.isfinite(in_space).all()


def test_what_is_in_space_is_as_large_as_it_was_however_far_it_reaches() -> None:
    """A prior that believes what it is told puts no joint elsewhere, near the camera or far."""
    prior, there = untrained(), places()
    silent = replace(prior, weights={name: 0 * value for name, value in prior.weights.items()})
    known = np.ones((B, NUM_LIFTED), dtype=bool)
    near, up = tasks._far_away(there)
    outline = tasks._before_a_camera(there - there[:, :1])
    back = shape_of(tasks.sample(silent, Condition.placed(outline, known, near, up), 40, rng()), near)
    assert np.abs(back.mean(axis=0) - (there - there[:, :1])).max() < 0.05
    np.testing.assert_allclose(shape_of(outline, near), there - there[:, :1], atol=1e-9)


def test_joints_in_space_need_a_pelvis_and_metres() -> None:
    prior, there = untrained(), places()
    known = np.arange(NUM_LIFTED) != 0
    with pytest.raises(ValueError, match="pelvis"):
        tasks.complete_3d(prior, there, np.tile(known, (B, 1)), 1, rng())
    with pytest.raises(ValueError, match="give metres"):
        tasks.complete_3d(prior, 1000 * there, np.ones((B, NUM_LIFTED), dtype=bool), 1, rng())
    with pytest.raises(ValueError, match="give metres"):
        tasks.denoise(prior, 1000 * there, 0.05)


def on_a_lifter(weights: float = 0.0) -> tuple[GFPose, Sight]:
    """A prior that starts from a lifter's belief, and what it looks at."""
    sizes = gfpose.shapes("clean", 32, 1, lifted=True)
    draw = np.random.default_rng(3).standard_normal
    lifter = lifting.lifter(0.02)
    small = replace(lifter, mean=lifter.mean / 3)  # wholly before the camera
    prior = replace(
        untrained(),
        weights={name: weights * draw(shape) for name, shape in sizes.items()},
        lifting=Lifting(small, None).on(np.zeros(())),
    )
    return prior, Sight.of(lifting.seen(B)).on(np.zeros(()))


def test_a_network_that_knows_nothing_answers_as_its_lifter() -> None:
    prior, sight = on_a_lifter()
    condition, estimate = prior.seen(sight), prior.lifting.estimate(sight)
    metre = condition.nearness * pelvis_from(sight, estimate)[:, 2]
    believed = shape_of(condition.mean, condition.nearness) * metre[:, None, None]
    np.testing.assert_allclose(believed, estimate.positions - estimate.positions[:, :1], atol=3e-3)
    assert (condition.deviation >= SUREST).all()
    x = 400 * rng().standard_normal((B, STATE))
    found = prior.decode(prior.expect(x, np.full(B, 400.0), condition)[0])
    assert (np.abs(found - condition.mean) < 0.1 * condition.deviation).all()


def test_draws_of_diffpose_are_believed_instead_of_its_lifter() -> None:
    prior, sight = on_a_lifter()
    refine = lifting.diffpose().on(np.zeros(()))
    refined = replace(prior, lifting=replace(prior.lifting, refine=refine))
    first, second = prior.lifting.estimate(sight), refined.lifting.estimate(sight)
    draws = refine.sample(sight, first, np.random.default_rng(0))
    np.testing.assert_allclose(second.positions, draws.mean(axis=0))
    np.testing.assert_allclose(second.deviation, first.deviation)
    assert np.abs(prior.seen(sight).mean - refined.seen(sight).mean).max() > 0.01


def test_a_prior_on_a_lifter_comes_back_from_its_file_and_runs_on_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    prior, sight = on_a_lifter(0.1)
    gfpose.save(prior, tmp_path / "gfpose.npz", {})
    back = gfpose.read(tmp_path / "gfpose.npz").on(np.zeros(()))
    ours = tasks.estimate(back, sight, 2, rng())
    reference = torch.zeros((), dtype=torch.float64)
    theirs = tasks.estimate(back.on(reference), sight.on(reference), 2, rng())
    np.testing.assert_allclose(to_numpy(theirs), ours, atol=1e-6)
    np.testing.assert_allclose(ours, tasks.estimate(prior, sight, 2, rng()), atol=0.05)


def test_little_noise_changes_little_and_none_is_refused() -> None:
    prior, there = untrained(), places()
    found = tasks.denoise(prior, there, 1e-4)
    assert np.abs(found - there).max() < 0.02
    with pytest.raises(ValueError, match="above 0"):
        tasks.denoise(prior, there, 0.0)


def test_poses_from_nothing_are_as_large_as_a_body() -> None:
    found = tasks.generate(untrained(), 8, rng(), np.zeros((), dtype=np.float64))
    assert found.shape == (8, NUM_LIFTED, 3)
    assert (found[:, 0] == 0).all()
    assert np.isfinite(found).all()


def test_weights_survive_the_file_and_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gfpose.npz"
    gfpose.save(untrained(), path, {"card": "none"})
    prior = gfpose.read(path)
    assert (prior.width, prior.blocks, prior.target) == (32, 1, "clean")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(container.WeightsError, match="damaged"):
        gfpose.read(path)
    with pytest.raises(container.WeightsError, match="missing"):
        gfpose.read(tmp_path / "other.npz")
