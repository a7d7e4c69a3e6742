# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixtures of Gaussians and noise schedules in steps."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.diffusion.discrete import Steps
from contrapposto.diffusion.mixture import Mixture, fit
from contrapposto.diffusion.sampler import ddim


def test_em_finds_the_mixture_that_draws_are_of():
    rng = np.random.default_rng(0)
    weight = np.array([0.6, 0.3, 0.1])
    mean = np.array([[0, 0, 0, 0], [3, 0, -2, 0], [0, 5, 0, 4.0]])
    deviation = np.array([[0.5, 1, 0.2, 1], [0.3, 0.3, 0.3, 0.3], [1, 0.5, 1, 0.2]])
    kernel = rng.choice(3, 4000, p=weight)
    draws = mean[kernel] + deviation[kernel] * rng.standard_normal((4000, 4))
    begin = mean + rng.standard_normal(mean.shape)
    found = fit(np.stack([draws, draws[::-1] * 10]), np.stack([begin, 10 * begin]), rounds=20)
    for row, unit in enumerate((1, 10)):
        order = np.argsort(-found.weight[row])
        assert np.allclose(found.weight[row, order], weight, atol=0.03)
        assert np.allclose(found.mean[row, order], unit * mean, atol=0.15 * unit)
        assert np.allclose(found.deviation[row, order], unit * deviation, atol=0.1 * unit)


def test_one_kernel_is_mean_and_deviation():
    draws = np.random.default_rng(0).standard_normal((2, 50, 3)) * [1, 2, 3] + [5, 0, -5]
    found = fit(draws, np.zeros((2, 1, 3)))
    assert np.allclose(found.mean[:, 0], draws.mean(axis=1), atol=1e-4)
    assert np.allclose(found.deviation[:, 0], draws.std(axis=1), rtol=1e-2)


def test_draws_that_are_all_the_same_make_finite_kernels():
    found = fit(np.ones((1, 20, 3)), np.linspace(0, 1, 15).reshape(1, 5, 3))
    assert all(np.isfinite(value).all() for value in vars(found).values())
    assert np.allclose(found.mean[0, np.argmax(found.weight[0])], 1)


def test_kernels_are_chosen_by_their_weight():
    mixture = Mixture(np.array([[0.2, 0.8], [1.0, 0.0]]), np.zeros((2, 2, 1)), np.ones((2, 2, 1)))
    chosen = mixture.chosen(np.random.default_rng(0).random((4000, 1)))
    assert np.mean(chosen[:, 0]) == pytest.approx(0.8, abs=0.03)
    assert (chosen[:, 1] == 0).all()


def test_the_cosine_schedule_leaves_nothing_of_the_signal():
    """Values of the schedule over 50 steps, worked out by hand from its formula."""
    abar = Steps.cosine(50).abar
    assert np.allclose(abar[[1, 10, 20, 30, 40]], [0.998, 0.899, 0.647, 0.341, 0.094], atol=1e-3)
    assert abar[50] < 2e-6
    assert abar[0] == 1


def test_the_released_schedule_is_linear():
    steps = Steps.linear(51, 1e-4, 1e-3)
    assert steps.s(51) == pytest.approx(0.166, abs=2e-3)


def test_a_sampler_falls_from_the_last_step():
    steps = Steps.cosine(50)
    assert steps.falling(5) == [50, 40, 30, 20, 10]
    assert steps.falling(1) == [50]
    assert steps.falling(50)[-1] == 1
    with pytest.raises(ValueError, match="1 to 50 steps"):
        steps.falling(51)


def test_about_a_kernels_mean_ddim_follows_the_forward_process():
    """With the true h_0, every state on the way is mu + a (h_0 - mu) + s e, of the same e."""
    rng = np.random.default_rng(0)
    h_0, mu, e = rng.standard_normal((3, 4, 6))
    steps = Steps.cosine(50)
    passed = []

    def oracle(x: np.ndarray, k: float) -> np.ndarray:
        passed.append((x, k))
        return h_0 - mu

    found = ddim(oracle, steps.a(50) * (h_0 - mu) + steps.s(50) * e, steps, steps.falling(5))
    assert np.allclose(mu + found, h_0)
    for x, k in passed:
        assert np.allclose(mu + x, mu + steps.a(k) * (h_0 - mu) + steps.s(k) * e)
        noise = (x - steps.a(k) * (h_0 - mu)) / steps.s(k)
        assert np.allclose(noise, e)
