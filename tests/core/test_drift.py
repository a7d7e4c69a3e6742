# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling drift from movement: what is asked of the prior, and how its answer counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motions import filters_alone, swinging

from contrapposto.priors.motion import Observed
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.drift import CALIBRATION, DEGREE_OFFSET, FEATURES, drift, probe, probes

PRIOR = filters_alone()


def observed(frames: int, white_deg: float = 0.0) -> Observed:
    poses = swinging(frames).poses
    level = np.full((frames, NUM_JOINTS), np.radians(white_deg) + 1e-4)
    return Observed.of_rotations(poses.rotations, level, poses.transl, np.full(frames, 0.002))


def always(degrees: float):
    """A prior whose fit says so many degrees whatever it sees."""
    fit = np.zeros(FEATURES)
    fit[-1] = np.log(degrees + DEGREE_OFFSET)
    return replace(PRIOR, calibration={CALIBRATION: fit})


def test_without_a_fit_nothing_is_drift():
    assert not drift(PRIOR, observed(100)).any()
    assert probes(100, PRIOR) == 0


def test_a_clip_too_short_to_tell_has_none():
    assert not drift(always(5.0), observed(10)).any()


@pytest.mark.parametrize(("white", "counted"), [(0.0, 4.0), (0.5, 4.5), (50.0, 5.0)])
def test_a_clean_clip_gets_the_benefit_of_the_doubt(white, counted):
    found = np.degrees(drift(always(5.0), observed(100, white)))
    np.testing.assert_allclose(found, counted, atol=0.05)
    assert not drift(always(0.9), observed(100)).any()


def test_the_callback_can_stop_it():
    class Stop(Exception):
        pass

    def stop(step: int, steps: int) -> None:
        assert steps == probes(400, always(5.0))
        if step == 1:
            raise Stop

    with pytest.raises(Stop):
        drift(always(5.0), observed(400), stop)


def test_missing_joints_are_no_trouble():
    seen = observed(32)
    level = seen.rotation_level.copy()
    level[:, 3] = level[:5] = np.inf
    windows = Observed(
        **{name: value[None] for name, value in vars(replace(seen, rotation_level=level)).items()}
    )
    found = probe(PRIOR, windows)
    assert found.shape == (1, FEATURES)
    assert np.isfinite(found).all()
