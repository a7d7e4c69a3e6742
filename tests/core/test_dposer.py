# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser as published: its network, its regulariser, its recipes, on both array libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from contrapposto.arrays import to_numpy
from contrapposto.diffusion.impute import replacement
from contrapposto.diffusion.prior_loss import Timesteps, residual, snr_weight
from contrapposto.diffusion.sampler import euler_maruyama
from contrapposto.diffusion.schedule import SubVP
from contrapposto.networks import group_norm_mlp
from contrapposto.priors import container, dposer
from contrapposto.priors.dposer import NUM_BODY_JOINTS, DPoser, with_root
from contrapposto.priors.space import NORMALISATIONS, SIZES, Space
from contrapposto.rotation import from_rotvec, geodesic_angle, left_jacobian, to_rotvec
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics, position_gradient, position_jacobian
from contrapposto.tasks.dposer import kinematics
from contrapposto.tasks.dposer.completion import complete, complete_by_replacement
from contrapposto.tasks.dposer.joints import Variable, distance_gradient
from contrapposto.tasks.dposer.kinematics import inverse_kinematics
from contrapposto.tasks.dposer.motion import NOISY, PARTIAL, denoise, smooth


def poses(count: int, size: float = 0.4, joints: int = NUM_BODY_JOINTS, seed: int = 0) -> np.ndarray:
    return from_rotvec(size * np.random.default_rng(seed).standard_normal((count, joints, 3)))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def untrained(representation: str = "rotvec", seed: int = 0) -> DPoser:
    rotations = poses(200)
    space = Space.fit(rotations, np.full(200, 1 / 200), representation, "zscore")
    draw = np.random.default_rng(seed)
    shapes = group_norm_mlp.shapes(space.size, 32, 1)
    weights = {name: 0.2 * draw.standard_normal(shape) for name, shape in shapes.items()}
    return DPoser(weights, space, 32, 1)


class Gaussian:
    """The exact denoiser of N(0, 1) entries: ``x0hat = a x_t / (a^2 + s^2)``."""

    schedule = SubVP()

    def __call__(self, x_t, t):
        a, s = float(self.schedule.a(t)), float(self.schedule.s(t))
        return a * x_t / (a * a + s * s)


def test_the_network_has_the_published_size():
    assert sum(np.prod(shape) for shape in group_norm_mlp.shapes(63, 1024, 2).values()) == 7_227_967


def test_the_level_embedding_has_the_published_values():
    class Identity(dict):
        def __getitem__(self, name):
            return np.eye(512) if name.endswith("w") else np.zeros(512)

    e = group_norm_mlp.embed_level(Identity(), np.array(99.9))
    published = {0: -0.589924, 1: 0.858979, 255: 0.009990, 256: 0.807459, 511: 0.999950}
    wave = np.array(list(published.values()))
    np.testing.assert_allclose(e[list(published)], wave / (1 + np.exp(-wave)), atol=2e-6)  # after SiLU


@pytest.mark.parametrize("representation", SIZES)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_a_space_gives_rotations_back(representation, normalisation):
    rotations = poses(50)
    space = Space.fit(rotations, np.full(50, 1 / 50), representation, normalisation)
    np.testing.assert_allclose(space.decode(space.encode(rotations)), rotations, atol=1e-9)
    if normalisation == "zscore":
        x = space.encode(rotations)
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-6)


def test_a_space_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no euler space"):
        Space.fit(poses(5), np.full(5, 0.2), "euler", "zscore")


@pytest.mark.parametrize("representation", SIZES)
def test_a_gradient_by_turns_reaches_the_state(representation):
    """Against central differences of a function of the joint positions."""
    prior = untrained(representation)
    variable = Variable.of(prior)
    draw = rng()
    wanted = draw.standard_normal((3, NUM_JOINTS, 3))
    raw = variable.mean + 0.5 * variable.scale * draw.standard_normal((3, prior.space.size))

    def value(raw):
        _, positions = forward_kinematics(variable.rotations(raw))
        return np.sqrt(((positions - wanted) ** 2).sum(axis=-1)).mean(axis=-1).sum()

    world, positions = forward_kinematics(variable.rotations(raw))
    by_positions = distance_gradient(positions, wanted, np.ones(NUM_JOINTS))
    gradient = variable.gradient(raw, world, positions, by_positions)
    for entry in draw.integers(0, prior.space.size, 20):
        step = np.zeros_like(raw)
        step[1, entry] = 1e-6
        numeric = (value(raw + step) - value(raw - step)) / 2e-6
        assert gradient[1, entry] == pytest.approx(numeric, abs=1e-7)


def test_the_position_gradient_is_the_transposed_jacobian():
    world, positions = forward_kinematics(poses(4, joints=NUM_JOINTS))
    g = rng().standard_normal(positions.shape)
    J = position_jacobian(world, positions)
    np.testing.assert_allclose(position_gradient(positions, g), np.einsum("bkijl,bki->bjl", J, g), atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-3, 0.049, 0.051, 1.0, 3.1])
def test_the_left_jacobian_is_the_derivative_of_exp(size):
    v = size * np.array([0.6, -0.64, 0.48])
    for axis in np.eye(3):
        turned = from_rotvec(v + 1e-6 * axis) @ from_rotvec(v - 1e-6 * axis).T
        np.testing.assert_allclose(left_jacobian(v) @ axis, to_rotvec(turned) / 2e-6, atol=2e-6)


@pytest.mark.parametrize(("t", "value"), [(0.05, 2.9356), (0.1, 1.5912), (0.15, 1.1376), (0.3, 0.7146)])
def test_the_weight_has_the_published_values(t, value):
    assert snr_weight(SubVP(), t) == pytest.approx(value, abs=1e-4)


def test_timesteps_follow_their_schedule():
    draw = rng()
    falling = [Timesteps(0.2, 0.05).at(i, 4, draw) for i in range(4)]
    np.testing.assert_allclose(falling, [0.2, 0.15, 0.1, 0.05])
    assert Timesteps(0.2, 0.05, "released").at(0, 4, draw) == pytest.approx(0.05 + 0.15 * 3 / 4)
    assert [Timesteps(0.2, 0.1, "fixed").at(i, 4, draw) for i in (0, 3)] == pytest.approx([0.15, 0.15])
    uniform = [Timesteps(0.2, 0.05, "uniform").at(i, 4, draw) for i in (0, 3)]
    assert uniform == pytest.approx([1, 1e-3])
    drawn = [Timesteps(0.2, 0.05, "random").at(0, 4, draw) for _ in range(200)]
    assert max(drawn) > 0.9
    assert min(drawn) < 0.1
    with pytest.raises(ValueError, match="no steep timesteps"):
        Timesteps(0.2, 0.05, "steep")


def test_the_regulariser_pulls_towards_what_the_prior_knows():
    """With the exact denoiser of N(0, 1) the expected pull is proportional to the state."""
    x = np.full((20_000, 1), 3.0, dtype=np.float32)
    pull = residual(Gaussian(), SubVP(), x, 0.2, np.random.default_rng(0))
    a, s = float(SubVP().a(0.2)), float(SubVP().s(0.2))
    assert float(pull.mean()) == pytest.approx(3 * s * s / (a * a + s * s), rel=0.02)


def test_replacement_moves_the_unknown_towards_what_the_known_implies():
    """Two correlated entries, one known: the other follows, though less than it should (its bias)."""
    schedule, rho = SubVP(), 0.8
    C = np.array([[1, rho], [rho, 1]])

    def denoiser(x, t):
        a, s = float(schedule.a(t)), float(schedule.s(t))
        gain = a * C @ np.linalg.inv(a * a * C + s * s * np.eye(2))
        return x @ gain.T

    draw = rng()
    clean, known = np.tile([1.5, 0.0], (4000, 1)), np.array([True, False])
    x = euler_maruyama(
        denoiser,
        draw.standard_normal((4000, 2)),
        schedule,
        [float(t) for t in np.linspace(1, 1e-3, 400)],
        rng=draw,
        constrain=replacement(clean, known, schedule, draw),
    )
    assert np.all(x[:, 0] == 1.5)
    assert 0.5 < x[:, 1].mean() < rho * 1.5
    assert np.sqrt(1 - rho**2) < x[:, 1].std() < 1


def test_completion_keeps_what_is_known_to_the_bit_and_repeats_itself():
    prior, truth = untrained(), poses(3)
    hidden = np.zeros(NUM_BODY_JOINTS, dtype=bool)
    hidden[[0, 3]] = True
    for method in (complete, complete_by_replacement):
        found = method(prior, truth, hidden, 2, 7)
        assert found.shape == (2, 3, NUM_BODY_JOINTS, 3, 3)
        assert np.all(found[:, :, ~hidden] == truth[:, ~hidden])
        assert not np.allclose(found[:, :, hidden], truth[:, hidden])
        np.testing.assert_array_equal(found, method(prior, truth, hidden, 2, 7))


def test_numpy_and_torch_complete_alike():
    prior, truth = untrained(), poses(2)
    hidden = np.arange(NUM_BODY_JOINTS) < 4
    on_torch = prior.on(torch.zeros((), dtype=torch.float64))
    found = complete(prior, truth, hidden, 2, 3)
    again = complete(on_torch, torch.as_tensor(truth), hidden, 2, 3)
    np.testing.assert_allclose(to_numpy(again), found, atol=1e-5)


def quiet_prior(representation: str = "rotvec") -> DPoser:
    """A prior that expects the mean pose whatever it sees: its noise estimate is the state itself."""
    prior = untrained(representation)
    return DPoser({k: np.zeros_like(v) for k, v in prior.weights.items()}, prior.space, 32, 1)


def test_denoising_comes_near_the_truth_under_noise():
    truth = np.repeat(poses(1, 0.3)[:, None], 12, axis=1)
    _, clean = forward_kinematics(with_root(truth))
    noisy = clean + 0.04 * np.random.default_rng(1).standard_normal(clean.shape)
    found = denoise(quiet_prior(), noisy, NOISY[40], seed=0)
    _, positions = forward_kinematics(found)
    error = np.linalg.norm(positions - clean, axis=-1).mean()
    assert error < 0.7 * np.linalg.norm(noisy - clean, axis=-1).mean()


def test_partial_denoising_follows_the_seen_joints():
    truth = np.repeat(poses(1, 0.3)[:, None], 8, axis=1)
    _, clean = forward_kinematics(with_root(truth))
    seen = np.ones(NUM_JOINTS, dtype=bool)
    seen[[18, 20]] = False
    found = denoise(quiet_prior(), clean, PARTIAL["left_arm"], seed=0, seen=seen)
    _, positions = forward_kinematics(found)
    assert np.linalg.norm(positions - clean, axis=-1)[..., seen].mean() < 0.015


def test_smoothing_keeps_the_ends_and_a_still_clip():
    clip = np.random.default_rng(0).standard_normal((1, 20, 2, 3))
    found = smooth(clip, 5, 3.0, 2)
    np.testing.assert_array_equal(found[:, [0, 1, 18, 19]], clip[:, [0, 1, 18, 19]])
    assert np.abs(np.diff(found[:, 3:17], axis=1)).mean() < np.abs(np.diff(clip[:, 3:17], axis=1)).mean()
    still = np.ones((1, 9, 2, 3))
    np.testing.assert_allclose(smooth(still, 5, 3.0, 2), still)


@pytest.mark.parametrize("representation", SIZES)
def test_inverse_kinematics_starts_near_the_rest_pose(representation, monkeypatch):
    monkeypatch.setattr(kinematics, "ROUNDS", 0)
    _, positions = forward_kinematics(with_root(poses(4, 0.3)))
    seen = np.ones(NUM_JOINTS, dtype=bool)
    found = inverse_kinematics(quiet_prior(representation), positions, seen, 3, 0)
    away = np.degrees(geodesic_angle(found, np.broadcast_to(np.eye(3), found.shape)))
    assert away.max() < 5
    assert away[:, :, 1:].min() > 0


@pytest.mark.parametrize("representation", SIZES)
def test_inverse_kinematics_reaches_what_was_seen(representation):
    _, positions = forward_kinematics(with_root(poses(4, 0.3)))
    seen = np.ones(NUM_JOINTS, dtype=bool)
    found = inverse_kinematics(quiet_prior(representation), positions, seen, 1, 0)[0]
    _, reached = forward_kinematics(found)
    assert np.linalg.norm(reached - positions, axis=-1).mean() < 0.02


def test_weights_come_back_as_they_were_written(tmp_path: Path):
    prior = untrained("rot6d")
    dposer.save(prior, tmp_path / "d.npz", {})
    again = dposer.read(tmp_path / "d.npz")
    x = rng().standard_normal((4, prior.space.size)).astype(np.float32)
    difference = prior.denoiser()(x, 0.3) - again.denoiser()(x, 0.3)
    assert np.abs(difference).max() < 0.05
    with pytest.raises(container.WeightsError, match="holds dposer weights"):
        container.load(tmp_path / "d.npz", "pose")
