# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations agree with SciPy, on NumPy and torch, in both precisions, up to half a turn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from contrapposto import rotation as rot
from contrapposto.arrays import to_numpy

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-9}


def rotvecs() -> np.ndarray:
    """Random vectors, and the hard ones: zero, tiny, near and at half a turn."""
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((200, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.concatenate(
        [rng.uniform(0, np.pi, 150), [0, 1e-12, 1e-8, 1e-5, 1e-4, 1e-3], np.pi - 10.0 ** -np.arange(1, 9)]
    )
    return np.concatenate([axes[: len(angles)] * angles[:, None], np.diag([np.pi - 1e-9] * 3)])


@pytest.fixture(params=[np.float32, np.float64])
def dtype(request):
    return request.param


@pytest.fixture(params=["numpy", "torch"])
def to_library(request):
    return np.asarray if request.param == "numpy" else torch.as_tensor


def test_matrices_of_axis_angle_vectors_are_scipys(dtype, to_library):
    v = rotvecs()
    R = to_numpy(rot.from_rotvec(to_library(v.astype(dtype))))
    assert R.dtype == dtype
    np.testing.assert_allclose(R, Rotation.from_rotvec(v).as_matrix(), atol=TOLERANCE[dtype])


def test_axis_angle_vectors_come_back_the_same_rotation(dtype, to_library):
    R = Rotation.from_rotvec(rotvecs()).as_matrix()
    v = to_numpy(rot.to_rotvec(to_library(R.astype(dtype))))
    assert np.all(np.linalg.norm(v, axis=-1) <= np.pi + 1e-5)
    np.testing.assert_allclose(Rotation.from_rotvec(v).as_matrix(), R, atol=TOLERANCE[dtype])


def test_quaternions_are_scipys_with_w_first(dtype, to_library):
    reference = Rotation.from_rotvec(rotvecs())
    R = reference.as_matrix().astype(dtype)
    q = to_numpy(rot.to_quat(to_library(R)))
    expected = reference.as_quat(canonical=True)[:, [3, 0, 1, 2]]
    aligned = q * np.sign(np.sum(q * expected, axis=1, keepdims=True))
    np.testing.assert_allclose(aligned, expected, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(to_numpy(rot.from_quat(to_library(3 * q))), R, atol=TOLERANCE[dtype])


def test_six_dimensions_give_the_matrix_back_even_when_stretched(dtype, to_library):
    R = Rotation.from_rotvec(rotvecs()).as_matrix().astype(dtype)
    d = to_numpy(rot.to_rot6d(to_library(R)))
    stretched = np.concatenate([2 * d[:, :3], d[:, 3:] + 0.5 * d[:, :3]], axis=1).astype(dtype)
    np.testing.assert_allclose(to_numpy(rot.from_rot6d(to_library(stretched))), R, atol=TOLERANCE[dtype])


def test_the_geodesic_angle_keeps_its_digits_near_zero():
    for angle in (1e-7, 1e-3, 1.0, 3.1):
        turned = rot.from_rotvec(np.array([0, angle, 0]))
        assert rot.geodesic_angle(np.eye(3), turned) == pytest.approx(angle, rel=1e-6)


def test_slerp_runs_at_even_speed_between_its_ends():
    a, b = Rotation.random(2, random_state=1).as_matrix()
    total = rot.geodesic_angle(a, b)
    for fraction in (0.0, 0.25, 0.5, 1.0):
        assert rot.geodesic_angle(a, rot.slerp(a, b, fraction)) == pytest.approx(fraction * total, abs=1e-7)


def test_projection_gives_the_chordal_mean_of_scipy(to_library):
    R = Rotation.random(7, random_state=2)
    mean = to_numpy(rot.project(to_library(R.as_matrix().mean(axis=0))))
    np.testing.assert_allclose(mean, R.mean().as_matrix(), atol=1e-9)


def test_the_heading_is_a_turn_about_the_vertical_and_the_rest_has_none(to_library):
    R = Rotation.random(50, random_state=3).as_matrix()
    heading, upright = (to_numpy(part) for part in rot.split_heading(to_library(R)))
    np.testing.assert_allclose(heading @ upright, R, atol=1e-12)
    np.testing.assert_allclose(heading[:, :, 1], np.tile([0, 1, 0], (50, 1)), atol=1e-12)
    turned = Rotation.from_rotvec([0, 1.2, 0]).as_matrix() @ R
    np.testing.assert_allclose(to_numpy(rot.split_heading(to_library(turned))[1]), upright, atol=1e-9)


def test_a_body_upside_down_gets_no_heading_instead_of_nonsense():
    heading, upright = rot.split_heading(np.diag([1.0, -1.0, -1.0]))
    np.testing.assert_allclose(heading, np.eye(3))
    np.testing.assert_allclose(upright, np.diag([1.0, -1.0, -1.0]))
