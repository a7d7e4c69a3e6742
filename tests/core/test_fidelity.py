# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prior may not take from a performance."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.tasks.fidelity import faithful

T = 120
SWING = 0.3 * np.sin(2 * np.pi * np.arange(T) / 40)[:, None, None] * [[[0.0, 1.0, 0.0]]]
NOISE = 0.1 * np.random.default_rng(0).standard_normal((T, 1, 3))
NO_DRIFT = np.zeros(T)


def size(turn: np.ndarray) -> float:
    return float(np.linalg.norm(turn, axis=-1).mean())


def test_a_movement_that_was_flattened_is_put_back():
    found = faithful(SWING, np.full((T, 1), 0.01), NO_DRIFT)
    assert size(found - SWING) < 0.1 * size(SWING)


def test_a_bent_joint_that_was_straightened_a_little_is_bent_again():
    """The noise of a frame is larger, that of the clip's mean is not."""
    bent = np.full((T, 1, 3), 0.05)
    found = faithful(bent + NOISE, np.full((T, 1), 0.1), NO_DRIFT)
    assert size(found - bent) < 0.4 * size(bent)


@pytest.mark.parametrize("frames", [30, 60, T])
def test_white_noise_is_not_put_back_however_short_the_clip(frames):
    noise = 0.1 * np.random.default_rng(0).standard_normal((frames, 200, 3))
    found = faithful(noise, np.full((frames, 200), 0.1), np.zeros(frames))
    assert size(found.mean(axis=0)) < 0.62 * size(noise.mean(axis=0))
    assert size(found) < 0.12 * size(noise)


def test_drift_is_not_put_back():
    np.testing.assert_allclose(faithful(SWING, np.full((T, 1), 0.01), np.full(T, 0.3)), 0, atol=1e-9)


def test_what_was_missing_has_no_say():
    white = np.full((T, 1), 0.01)
    white[40:80] = np.inf
    found = faithful(SWING, white, NO_DRIFT)
    np.testing.assert_allclose(found[40:80], 0, atol=1e-9)
    gone = SWING.copy()
    gone[40:80] = 100.0
    np.testing.assert_allclose(faithful(gone, white, NO_DRIFT), found, atol=1e-9)
