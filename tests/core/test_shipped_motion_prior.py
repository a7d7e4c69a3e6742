# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion prior that ships: small, the same on both array libraries, better than no prior."""

from __future__ import annotations

import numpy as np
import torch
from motions import apart_mm, filters_alone, jittered, swinging

from contrapposto.priors import motion as motion_prior
from contrapposto.tasks.denoise import denoise
from contrapposto.tasks.drift import CALIBRATION

NOISY = jittered(swinging(120, hertz=0.5), 5.0)


def test_it_is_small_and_knows_drift():
    prior = motion_prior.load()
    assert motion_prior.WEIGHTS.stat().st_size < 8e6
    assert CALIBRATION in prior.calibration
    assert motion_prior.WEIGHTS.with_suffix(".md").is_file()


def test_numpy_and_torch_clean_a_clip_alike():
    prior = motion_prior.load()
    one = denoise(NOISY, prior=prior).motion
    two = denoise(NOISY, prior=prior.on(torch.zeros(()))).motion
    assert apart_mm(one, two).max() < 1.0
    again = denoise(NOISY).motion
    np.testing.assert_array_equal(one.poses.rotations, again.poses.rotations)


def test_even_on_a_body_that_moves_as_no_one_does_it_beats_filters_alone():
    clip = swinging(120, hertz=0.5)
    ours = apart_mm(denoise(NOISY).motion, clip).mean()
    alone = apart_mm(denoise(NOISY, prior=filters_alone()).motion, clip).mean()
    assert ours < alone < apart_mm(NOISY, clip).mean()
