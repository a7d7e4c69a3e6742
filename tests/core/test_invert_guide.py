# SPDX-License-Identifier: GPL-3.0-or-later
"""Guided inversion against a Gaussian prior, whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.diffusion.invert_guide import gradient, invert, invert_guide
from contrapposto.diffusion.sampler import ddim
from contrapposto.diffusion.schedule import Cosine, SubVP
from contrapposto.priors import pose

COSINE = Cosine()
SUB_VP = SubVP()
RATIOS = np.geomspace(0.006, 0.1, 26)
TIMES = {
    "cosine": (COSINE, [float(t) for t in range(0, 51, 2)]),
    "sub-vp": (SUB_VP, [SUB_VP.time(float(ratio)) for ratio in RATIOS]),
}
MEAN = np.array([0.5, -1.0])
SMOOTH = np.array([[1.0, 0.6], [0.6, 0.5]])
RIDGE = np.array([[1.0, 0.7], [0.7, 0.4901]])
"""Poses lie near a thin ridge: what is thin is felt at small noise already."""
SEEN, DEVIATION = 1.5, 0.2
"""The first number as it was observed, and how sure that is."""


def denoiser_for(schedule, covariance=SMOOTH):
    def denoiser(x, t):
        a, s = float(schedule.a(t)), float(schedule.s(t))
        gain = a * covariance @ np.linalg.inv(a * a * covariance + s * s * np.eye(2))
        return MEAN + (x - a * MEAN) @ gain.T

    return denoiser


def posterior():
    gain = RIDGE[:, 0] / (RIDGE[0, 0] + DEVIATION**2)
    return MEAN + gain * (SEEN - MEAN[0])


def squared(x):
    away = np.where(np.arange(2) == 0, x - SEEN, 0)
    return 0.5 * np.sum(away**2, axis=-1) / DEVIATION**2, away / DEVIATION**2


def implicit(x, ratio):
    value, _ = squared(x)
    moved = x.copy()
    moved[..., 0] = (x[..., 0] * DEVIATION**2 + SEEN * ratio**2) / (DEVIATION**2 + ratio**2)
    return moved, value


@pytest.mark.parametrize(
    ("index", "signal"),
    [(0, 0.9999587), (2, 0.9998616), (10, 0.9992789), (50, 0.9917247), (100, 0.9715757), (500, 0.4922852)],
)
def test_the_cosine_schedule_has_the_published_values(index, signal):
    assert COSINE.a(index) ** 2 == pytest.approx(signal, abs=2e-7)
    assert COSINE.a(index) ** 2 + COSINE.s(index) ** 2 == pytest.approx(1.0)


@pytest.mark.parametrize("name", TIMES)
def test_the_sampler_brings_an_inverted_state_back(name):
    schedule, times = TIMES[name]
    denoiser, x = denoiser_for(schedule), np.array([[1.3, -0.6], [0.0, -1.2]])
    up = invert(denoiser, x, schedule, times)
    assert np.abs(up - x).max() > 1e-3
    assert ddim(denoiser, up, schedule, times[::-1]) == pytest.approx(x, abs=5e-3)


def test_the_sampler_brings_a_pose_back_through_the_shipped_prior():
    prior = pose.load()
    schedule, times = TIMES["sub-vp"]
    x = 0.5 * np.random.default_rng(0).standard_normal((1, pose.STATE)).astype(np.float32)
    rotations = prior.decode(x)
    nothing = pose.Condition.of(rotations, np.zeros((1, 22), dtype=bool))
    denoiser = prior.denoiser(nothing)
    natural = ddim(denoiser, 0.3 * x, schedule, schedule.ladder(8))
    up = invert(denoiser, natural, schedule, times)
    back = ddim(denoiser, up, schedule, times[::-1])
    assert np.abs(back - natural).mean() < 5e-3


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("kind", ["explicit", "implicit"])
def test_what_is_not_observed_follows_as_the_posterior_has_it(name, kind):
    schedule, times = TIMES[name]
    start = MEAN[None]
    guide = gradient(squared) if kind == "explicit" else implicit
    denoiser = denoiser_for(schedule, RIDGE)
    found = invert_guide(denoiser, start, schedule, times, guide, rounds=40, tolerance=0)[0]
    exact = posterior()
    assert found == pytest.approx(exact, abs=0.15)
    seen, unseen = found - MEAN
    assert unseen == pytest.approx(seen * (exact - MEAN)[1] / (exact - MEAN)[0], rel=0.2)


def test_the_explicit_step_is_that_of_the_paper_with_its_noise_held():
    schedule, times = TIMES["cosine"]
    denoiser, x = denoiser_for(schedule), np.array([[1.0, 0.0]])
    t = times[-1]
    up = invert(denoiser, x, schedule, times)
    a, s = float(schedule.a(t)), float(schedule.s(t))
    x0hat = denoiser(up, t)
    noise = (up - a * x0hat) / s + s * squared(x0hat)[1] / a
    moved, _ = gradient(squared)(x0hat, s / a)
    assert moved == pytest.approx((up - s * noise) / a, abs=1e-12)


def test_a_walk_that_begins_where_the_last_one_ended_has_not_arrived_by_that():
    schedule, times = TIMES["cosine"][0], TIMES["cosine"][1][:3]
    losses = iter([3.0, 1.0, 1.0, 5.0])
    found = invert_guide(
        denoiser_for(schedule),
        MEAN[None],
        schedule,
        times,
        lambda x0, _: (x0, np.full(1, next(losses))),
        rounds=2,
    )
    assert found.shape == (1, 2)
    assert next(losses, None) is None  # all four steps were taken


def test_without_observations_nothing_moves():
    schedule, times = TIMES["cosine"]
    x = np.array([[1.3, -0.6]])
    free = gradient(lambda x0: (np.zeros(1), np.zeros_like(x0)))
    found = invert_guide(denoiser_for(schedule), x, schedule, times, free, rounds=3, tolerance=0)
    assert found == pytest.approx(x, abs=5e-3)


def test_a_sample_that_has_arrived_keeps_its_state_while_another_goes_on():
    schedule, times = TIMES["cosine"]
    start = np.array([[1.3, -0.6], MEAN])

    def only_second(x):
        value, slope = squared(x)
        return value * [0, 1], slope * [[0], [1]]

    asked = []
    found = invert_guide(
        denoiser_for(schedule),
        start,
        schedule,
        times,
        gradient(only_second),
        rounds=4,
        callback=lambda step, steps: asked.append((step, steps)),
    )
    assert found[0] == pytest.approx(start[0], abs=5e-3)
    assert found[1, 0] > start[1, 0] + 0.2
    assert asked[0] == (0, 200)
    assert len(asked) == 200


def test_all_samples_arrived_is_the_end():
    schedule, times = TIMES["cosine"]
    asked = []
    invert_guide(
        denoiser_for(schedule),
        MEAN[None],
        schedule,
        times,
        gradient(lambda x0: (np.zeros(1), np.zeros_like(x0))),
        callback=lambda step, steps: asked.append(step),
    )
    assert len(asked) == 27  # up, and two steps down


def test_it_is_the_same_on_torch():
    torch = pytest.importorskip("torch")
    schedule, times = TIMES["sub-vp"]

    def denoiser(x, t):
        return 0.9 * x

    def loss(x):
        return ((x - 1) ** 2).sum(-1), 2 * (x - 1)

    start = np.array([[0.2, 0.4]])
    on_numpy = invert_guide(denoiser, start, schedule, times, gradient(loss), rounds=2)
    on_torch = invert_guide(denoiser, torch.tensor(start), schedule, times, gradient(loss), rounds=2)
    assert np.asarray(on_torch) == pytest.approx(on_numpy, abs=1e-10)
