# SPDX-License-Identifier: GPL-3.0-or-later
"""How far points of two views are off being one point in space."""

from __future__ import annotations

import numpy as np

from contrapposto.keypoints.cameras import Camera
from contrapposto.rotation import skew


def epipolar_distance(one: Camera, other: Camera, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...) pixels that points (..., 2) of two views are off being one point, to first order.

    Source: Hartley & Zisserman, "Multiple View Geometry", equation 11.9 (Sampson).
    """
    R = other.rotation @ one.rotation.T
    t = other.rotation @ (one.centre - other.centre)
    F = np.linalg.inv(other.intrinsics).T @ skew(t) @ R @ np.linalg.inv(one.intrinsics)
    a, b = (np.concatenate([x, np.ones_like(x[..., :1])], axis=-1) for x in (a, b))
    line_b, line_a = a @ F.T, b @ F
    size = np.sqrt(np.sum(line_b[..., :2] ** 2, axis=-1) + np.sum(line_a[..., :2] ** 2, axis=-1))
    return np.abs(np.sum(b * line_b, axis=-1)) / np.maximum(size, 1e-12)
