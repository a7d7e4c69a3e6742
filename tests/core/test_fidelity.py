# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prior may not take from a performance."""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.tasks.fidelity import faithful

T = 120
SWING = 0.3 * np.sin(2 * np.pi * np.arange(T) / 40)[:, None, None] * [[[0.0, 1.0, 0.0]]]
STILL = np.tile(np.eye(3), (T, 1, 1, 1))
NO_DRIFT = np.zeros(T)


def test_a_movement_that_was_flattened_is_put_back():
    seen = from_rotvec(SWING)
    found = faithful(STILL, seen, np.full((T, 1), 0.01), NO_DRIFT)
    assert geodesic_angle(found, seen).mean() < 0.1 * geodesic_angle(STILL, seen).mean()


def test_white_noise_is_not_put_back():
    noise = from_rotvec(0.1 * np.random.default_rng(0).standard_normal((T, 1, 3)))
    found = faithful(STILL, noise, np.full((T, 1), 0.1), NO_DRIFT)
    assert geodesic_angle(found, STILL).mean() < 0.1 * geodesic_angle(noise, STILL).mean()


def test_drift_is_not_put_back():
    found = faithful(STILL, from_rotvec(SWING), np.full((T, 1), 0.01), np.full(T, 0.3))
    np.testing.assert_allclose(found, STILL, atol=1e-9)


def test_what_was_missing_has_no_say():
    white = np.full((T, 1), 0.01)
    white[40:80] = np.inf
    found = faithful(STILL, from_rotvec(SWING), white, NO_DRIFT)
    np.testing.assert_allclose(found[40:80], STILL[40:80], atol=1e-9)
