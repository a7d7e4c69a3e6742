# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion prior: one code for both array libraries, levels from known to missing, weights on disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from motions import FRAMES, filters_alone, swinging

from contrapposto.arrays import like, to_numpy
from contrapposto.priors import motion as motion_prior
from contrapposto.priors.container import WeightsError
from contrapposto.priors.filters import FILTERS, filtered, kernels
from contrapposto.priors.motion import Observed
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.motion_windows import canonical, recover


def observed(frames: int = FRAMES, seed: int = 0) -> Observed:
    """Two windows with rotations and positions, some of each missing."""
    rng = np.random.default_rng(seed)
    poses = swinging(frames).poses
    R = np.stack([poses.rotations, poses.rotations[::-1]])
    level = rng.uniform(0.001, 0.3, (2, frames, NUM_JOINTS))
    level[:, 5:12, 3:9] = np.inf
    p_level = np.where(rng.random(level.shape) < 0.5, 0.02, np.inf)
    place_level = np.where(rng.random((2, frames)) < 0.8, 0.01, np.inf)
    positions = rng.standard_normal((2, frames, NUM_JOINTS, 3))
    place = np.stack([poses.transl, poses.transl])
    return Observed(R, level, positions, p_level, place, place_level)


def on(seen: Observed, reference) -> Observed:
    return Observed(**{name: like(value, reference) for name, value in vars(seen).items()})


def test_numpy_and_torch_agree():
    prior = filters_alone(seed=1)
    with_torch = prior.on(torch.zeros(()))
    one = prior.expect(on(observed(), prior.mean))
    two = with_torch.expect(on(observed(), with_torch.mean))
    for name, value in vars(one).items():
        assert isinstance(value, np.ndarray)
        np.testing.assert_allclose(value, to_numpy(vars(two)[name]), atol=2e-4, err_msg=name)


def test_what_is_known_exactly_stays():
    prior = filters_alone(seed=2)
    seen = observed()
    known = Observed(
        seen.rotations,
        np.full_like(seen.rotation_level, 1e-5),
        seen.positions,
        np.full_like(seen.position_level, 1e-5),
        seen.place,
        np.full_like(seen.place_level, 1e-5),
    )
    found = prior.expect(on(known, prior.mean))
    assert np.degrees(geodesic_angle(found.rotations, seen.rotations)).max() < 1.0
    np.testing.assert_allclose(found.positions, seen.positions, atol=0.02)
    np.testing.assert_allclose(found.place, seen.place, atol=0.02)


def test_what_is_missing_has_no_say():
    prior = filters_alone(seed=3)
    seen = observed()
    missing = np.isinf(seen.rotation_level)
    other = np.where(missing[..., None, None], from_rotvec(np.ones(3)), seen.rotations)
    one = prior.expect(on(seen, prior.mean))
    two = prior.expect(on(Observed(**{**vars(seen), "rotations": other}), prior.mean))
    for name, value in vars(one).items():
        np.testing.assert_allclose(value, vars(two)[name], atol=1e-5, err_msg=name)


def test_a_window_that_is_too_long_is_refused():
    prior = filters_alone()
    with pytest.raises(ValueError, match=f"A window may have {FRAMES} frames, not {FRAMES + 1}"):
        prior.expect(on(observed(FRAMES + 1), prior.mean))


def test_filters_pass_a_constant_and_fill_what_is_missing():
    x = np.full((1, 20, 2, 3), 0.7, dtype=np.float32)
    r = np.full((1, 20, 2), 0.5, dtype=np.float32)
    r[:, 4:9, 0] = np.inf
    found = filtered(np.where(np.isinf(r)[..., None], 99.0, x).astype(np.float32), r)
    assert len(found.values) == FILTERS
    for value in found.values:
        np.testing.assert_allclose(value, x, atol=1e-5)
    np.testing.assert_allclose(found.mixed(np.zeros_like(found.bias)), x, atol=1e-5)


def test_kernels_are_symmetric_and_get_wider():
    bank = kernels(21)
    np.testing.assert_array_equal(bank, np.swapaxes(bank, -1, -2))
    width = [(bank[i, 10] * np.abs(np.arange(21) - 10)).sum() / bank[i, 10].sum() for i in range(4)]
    assert width == sorted(width)


def test_nothing_known_at_all_is_finite():
    prior = filters_alone(seed=4)
    T = 10
    nothing = Observed(
        np.tile(np.eye(3), (T, NUM_JOINTS, 1, 1)),
        np.full((T, NUM_JOINTS), np.inf),
        np.zeros((T, NUM_JOINTS, 3)),
        np.full((T, NUM_JOINTS), np.inf),
        np.zeros((T, 3)),
        np.full(T, np.inf),
    )
    for value in vars(recover(prior, nothing)).values():
        assert np.isfinite(value).all()


def test_a_window_looks_forward_at_the_origin_and_can_be_turned_back():
    seen = observed()
    turned, heading, origin = canonical(seen)
    back = heading[:, None] @ turned.rotations[:, :, 0]
    np.testing.assert_allclose(back, seen.rotations[:, :, 0], atol=1e-12)
    placed = np.isfinite(seen.place_level)
    place = (heading[:, None] @ turned.place[..., None])[..., 0] + origin[:, None]
    np.testing.assert_allclose(place[placed], seen.place[placed], atol=1e-12)
    facing = turned.rotations[:, FRAMES // 2, 0, :, 2]
    assert (facing[:, 2] > 0.9).all()


def test_weights_come_back_from_disk_and_damage_is_told(tmp_path):
    prior, path = filters_alone(seed=5), tmp_path / "motion.npz"
    motion_prior.save(prior, path, {"note": "test"})
    again = motion_prior.read(path)
    assert (again.width, again.blocks, again.frames) == (prior.width, prior.blocks, prior.frames)
    for name, value in prior.weights.items():
        np.testing.assert_allclose(again.weights[name], value, atol=1e-3)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(path.read_bytes()[:500])
    with pytest.raises(WeightsError, match=r"'broken\.npz' is damaged"):
        motion_prior.read(broken)
    with pytest.raises(WeightsError, match="is missing"):
        motion_prior.read(tmp_path / "none.npz")
