# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule against known values, the samplers against a Gaussian whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrapposto.diffusion.sampler import ddim, dpm_solver, euler_maruyama
from contrapposto.diffusion.schedule import SubVP

SCHEDULE = SubVP()
MEAN = np.array([0.5, -1.0])
COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.5]])


def gaussian_denoiser(x: np.ndarray, t: float) -> np.ndarray:
    """E[x0 | x_t] for x0 ~ N(MEAN, COVARIANCE), in closed form."""
    a, s = float(SCHEDULE.a(t)), float(SCHEDULE.s(t))
    gain = a * COVARIANCE @ np.linalg.inv(a * a * COVARIANCE + s * s * np.eye(2))
    return MEAN + (x - a * MEAN) @ gain.T


@pytest.mark.parametrize(
    ("t", "a", "s", "g2"),
    [
        (1e-5, 0.999999, 1.00099e-6, 2.00597e-7),
        (0.05, 0.985174, 0.0294332, 0.063510),
        (0.2, 0.811395, 0.341638, 2.31156),
        (1.0, 0.006572, 0.999957, 20.0),
    ],
)
def test_the_schedule_has_the_published_values(t, a, s, g2):
    assert float(SCHEDULE.a(t)) == pytest.approx(a, rel=1e-4)
    assert float(SCHEDULE.s(t)) == pytest.approx(s, rel=1e-4)
    assert float(SCHEDULE.g2(t)) == pytest.approx(g2, rel=1e-4)


def test_small_noise_keeps_its_digits_in_single_precision():
    t = np.float32(1e-5)
    assert float(SCHEDULE.s(t)) == pytest.approx(1.00099e-6, rel=1e-4)


@given(st.floats(1e-5, 1.0))
def test_the_time_of_a_ratio_is_the_time_that_has_it(t):
    ratio = float(SCHEDULE.s(t) / SCHEDULE.a(t))
    assert SCHEDULE.time(ratio) == pytest.approx(t, rel=1e-6)


def test_a_ratio_of_three_tenths_is_where_the_paper_has_it():
    assert SCHEDULE.time(0.3) == pytest.approx(0.16837, abs=1e-5)


def test_a_ratio_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="must be positive"):
        SCHEDULE.time(0.0)


def test_the_ladder_falls_from_its_high_to_its_low_ratio():
    times = SCHEDULE.ladder(7, high=10, low=0.1)
    ratios = [float(SCHEDULE.s(t) / SCHEDULE.a(t)) for t in times]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(10)
    assert ratios[-1] == pytest.approx(0.1)


def start(count: int, times: list[float], seed: int = 0) -> np.ndarray:
    """States of the right distribution at the first time."""
    a, s = float(SCHEDULE.a(times[0])), float(SCHEDULE.s(times[0]))
    rng = np.random.default_rng(seed)
    x0 = rng.multivariate_normal(MEAN, COVARIANCE, count)
    return a * x0 + s * rng.standard_normal((count, 2))


def samplers():
    fine = list(np.linspace(1, 1e-3, 1000))
    rng = np.random.default_rng(5)
    fine_ladder, finer_ladder = SCHEDULE.ladder(40, low=0.005), SCHEDULE.ladder(200, low=0.005)
    return {
        "dpm_solver in 40 steps": lambda: dpm_solver(
            gaussian_denoiser, start(20000, fine_ladder), SCHEDULE, fine_ladder
        ),
        "ddim in 200 steps": lambda: ddim(
            gaussian_denoiser, start(20000, finer_ladder), SCHEDULE, finer_ladder
        ),
        "euler_maruyama in 1000 steps": lambda: euler_maruyama(
            gaussian_denoiser, start(20000, fine), SCHEDULE, fine, rng=rng
        ),
    }


@pytest.mark.parametrize("name", list(samplers()))
def test_samples_have_the_mean_and_covariance_of_the_data(name):
    x = samplers()[name]()
    np.testing.assert_allclose(x.mean(axis=0), MEAN, atol=0.03)
    np.testing.assert_allclose(np.cov(x.T), COVARIANCE, atol=0.04)


def test_the_second_order_sampler_needs_fewer_steps_than_the_first():
    """Both follow one path; its end is found by very many steps."""
    many = SCHEDULE.ladder(2000, low=0.01)
    few = SCHEDULE.ladder(30, low=0.01)
    x = start(500, many)
    end = ddim(gaussian_denoiser, x, SCHEDULE, many)
    first = np.abs(ddim(gaussian_denoiser, x, SCHEDULE, few) - end).mean()
    second = np.abs(dpm_solver(gaussian_denoiser, x, SCHEDULE, few) - end).mean()
    assert second < first / 2


def test_a_denoiser_that_knows_the_answer_gives_it_exactly():
    answer = np.array([0.3, -0.7])
    for sampler in (ddim, dpm_solver):
        x = sampler(lambda x, t: answer + 0 * x, np.ones((3, 2)), SCHEDULE, SCHEDULE.ladder(5))
        np.testing.assert_allclose(x, np.tile(answer, (3, 1)), atol=1e-12)


def test_an_exception_in_the_callback_stops_the_sampler():
    class Stop(Exception):
        pass

    calls = []

    def callback(step: int, steps: int) -> None:
        calls.append((step, steps))
        if step == 2:
            raise Stop

    with pytest.raises(Stop):
        dpm_solver(gaussian_denoiser, np.ones((1, 2)), SCHEDULE, SCHEDULE.ladder(9), callback)
    assert calls == [(0, 9), (1, 9), (2, 9)]
