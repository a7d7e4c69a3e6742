# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as axis-angle vectors, quaternions, matrices and 6D, on NumPy or torch.

Matrices (..., 3, 3) are the common currency; quaternions are (w, x, y, z) as in
Blender. Every function takes any leading dimensions and keeps dtype and device.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, like, namespace

Z_UP_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From the world of AMASS and Qualisys, whose up is z, to that of core."""

SMALL_ANGLE = 1e-4
"""Below this, sin(a)/a and its kin come from their Taylor series (error under 1e-16)."""

SERIES_ANGLE = 0.05
"""The same for differences that lose their digits sooner (error under 1e-13)."""


def skew(v: Array) -> Array:
    """Cross-product matrix: ``skew(v) @ u == cross(v, u)``; (..., 3) to (..., 3, 3)."""
    xp = namespace(v)
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    zero = xp.zeros_like(x)
    rows = [
        xp.stack([zero, -z, y], axis=-1),
        xp.stack([z, zero, -x], axis=-1),
        xp.stack([-y, x, zero], axis=-1),
    ]
    return xp.stack(rows, axis=-2)


def normalize(v: Array) -> Array:
    """Unit vectors along ``v`` (..., n); a zero vector stays zero."""
    xp = namespace(v)
    length = xp.sqrt(xp.sum(v * v, axis=-1, keepdims=True))
    return v / xp.where(length > 0, length, xp.ones_like(length))


def from_quat(q: Array) -> Array:
    """Matrix of a quaternion (..., 4) as (w, x, y, z), which need not be normalised."""
    xp = namespace(q)
    q = normalize(q)
    w, x, y, z = (q[..., i] for i in range(4))
    rows = [
        xp.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
        xp.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
        xp.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
    ]
    return xp.stack(rows, axis=-2)


def to_quat(R: Array) -> Array:
    """Unit quaternion (..., 4) as (w, x, y, z) with w >= 0.

    Of the four ways to read it off the matrix the best conditioned one is taken
    at each element, so it is accurate up to and at half a turn.

    Source: Shepperd 1978, "Quaternion from rotation matrix".
    """
    xp = namespace(R)
    m00, m11, m22 = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    a, b, c = R[..., 2, 1], R[..., 0, 2], R[..., 1, 0]
    d, e, f = R[..., 1, 2], R[..., 2, 0], R[..., 0, 1]
    candidates = xp.stack(
        [
            xp.stack([1 + m00 + m11 + m22, a - d, b - e, c - f], axis=-1),
            xp.stack([a - d, 1 + m00 - m11 - m22, c + f, b + e], axis=-1),
            xp.stack([b - e, c + f, 1 - m00 + m11 - m22, a + d], axis=-1),
            xp.stack([c - f, b + e, a + d, 1 - m00 - m11 + m22], axis=-1),
        ],
        axis=-2,
    )  # row i is 4 q_i q
    squares = xp.stack([candidates[..., i, i] for i in range(4)], axis=-1)
    best = xp.argmax(squares, axis=-1)[..., None]
    q = xp.zeros_like(candidates[..., 0, :])
    for i in range(4):
        q = xp.where(best == i, candidates[..., i, :], q)
    q = normalize(q)
    return xp.where(q[..., :1] < 0, -q, q)


def from_rotvec(v: Array) -> Array:
    """Matrix of an axis-angle vector (..., 3), radians (Rodrigues' formula)."""
    xp = namespace(v)
    squared = xp.sum(v * v, axis=-1)[..., None, None]
    small = squared < SMALL_ANGLE**2
    safe = xp.where(small, xp.ones_like(squared), squared)
    angle = xp.sqrt(safe)
    sinc = xp.where(small, 1 - squared / 6, xp.sin(angle) / angle)
    cosc = xp.where(small, 0.5 - squared / 24, (1 - xp.cos(angle)) / safe)
    K = skew(v)
    return like([[1, 0, 0], [0, 1, 0], [0, 0, 1]], v) + sinc * K + cosc * (K @ K)


def left_jacobian(v: Array) -> Array:
    """(..., 3, 3) how ``exp`` turns when its axis-angle vector (..., 3) changes.

    ``exp(v + dv) = exp(J dv) exp(v)`` to first order.

    Source: Solà et al. 2018, "A micro Lie theory", equation 145.
    """
    xp = namespace(v)
    squared = xp.sum(v * v, axis=-1)[..., None, None]
    small = squared < SERIES_ANGLE**2
    safe = xp.where(small, xp.ones_like(squared), squared)
    angle = xp.sqrt(safe)
    series1 = 1 / 2 - squared / 24 + squared**2 / 720
    series2 = 1 / 6 - squared / 120 + squared**2 / 5040
    first = xp.where(small, series1, (1 - xp.cos(angle)) / safe)
    second = xp.where(small, series2, (angle - xp.sin(angle)) / (safe * angle))
    K = skew(v)
    return like([[1, 0, 0], [0, 1, 0], [0, 0, 1]], v) + first * K + second * (K @ K)


def to_rotvec(R: Array) -> Array:
    """Axis-angle vector (..., 3) of a matrix, its length in [0, pi]."""
    xp = namespace(R)
    q = to_quat(R)
    axis = q[..., 1:]
    sine = xp.sqrt(xp.sum(axis * axis, axis=-1, keepdims=True))
    small = sine < SMALL_ANGLE
    safe = xp.where(small, xp.ones_like(sine), sine)
    factor = xp.where(small, 2 + sine * sine / 3, 2 * xp.atan2(sine, q[..., :1]) / safe)
    return axis * factor


def from_rot6d(d: Array) -> Array:
    """Matrix whose first two columns are the Gram-Schmidt of ``d`` (..., 6).

    Stored column after column. Two parallel columns have no answer: the result
    then is not a rotation.

    Source: Zhou et al. 2019, "On the Continuity of Rotation Representations".
    """
    xp = namespace(d)
    x = normalize(d[..., :3])
    y = d[..., 3:]
    y = normalize(y - xp.sum(x * y, axis=-1, keepdims=True) * x)
    z = xp.stack(
        [
            x[..., 1] * y[..., 2] - x[..., 2] * y[..., 1],
            x[..., 2] * y[..., 0] - x[..., 0] * y[..., 2],
            x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0],
        ],
        axis=-1,
    )
    return xp.stack([x, y, z], axis=-1)


def to_rot6d(R: Array) -> Array:
    """The first two columns (..., 6) of a matrix, column after column."""
    xp = namespace(R)
    return xp.concat([R[..., :, 0], R[..., :, 1]], axis=-1)


def transpose(R: Array) -> Array:
    """The inverse of a rotation matrix (..., 3, 3)."""
    xp = namespace(R)
    return xp.matrix_transpose(R)


def geodesic_angle(R1: Array, R2: Array) -> Array:
    """Angle between two rotations, their geodesic distance on SO(3).

    Args:
        R1, R2: rotation matrices (..., 3, 3), broadcast together.

    Returns:
        (...) radians in [0, pi]. Chordal form: accurate near 0, where the
        arccos of the trace loses half of the digits.

    Source: Huynh 2009, "Metrics for 3D Rotations".
    """
    xp = namespace(R1, R2)
    difference = R1 - R2
    chord = xp.sqrt(xp.sum(difference * difference, axis=(-2, -1)) / 8)
    return 2 * xp.asin(xp.clip(chord, 0, 1))


def slerp(R1: Array, R2: Array, fraction: Array | float) -> Array:
    """The rotation ``fraction`` of the way from ``R1`` to ``R2`` along the shorter arc.

    Args:
        R1, R2: rotation matrices (..., 3, 3), broadcast together.
        fraction: a number or (...), 0 gives ``R1`` and 1 gives ``R2``.
    """
    turn = to_rotvec(transpose(R1) @ R2)
    if not isinstance(fraction, (int, float)):
        fraction = fraction[..., None]
    return R1 @ from_rotvec(turn * fraction)


def project(M: Array) -> Array:
    """The rotation nearest to a matrix (..., 3, 3) in the Frobenius norm.

    Used to average rotations: the chordal mean is the projection of the mean.
    """
    xp = namespace(M)
    U, _, Vt = xp.linalg.svd(M)
    sign = xp.linalg.det(U @ Vt)
    flip = xp.stack([xp.ones_like(sign), xp.ones_like(sign), sign], axis=-1)
    return (U * flip[..., None, :]) @ Vt


def split_heading(R: Array) -> tuple[Array, Array]:
    """Heading and what remains of a root orientation: ``R = heading @ upright``.

    The heading is the twist of ``R`` about the vertical y axis (swing-twist), so
    it stays defined when the body lies flat; only upside down it is arbitrary
    (then no heading at all).

    Args:
        R: (..., 3, 3) world rotations of the pelvis.

    Returns:
        heading (..., 3, 3), a turn about y, and upright (..., 3, 3).
    """
    xp = namespace(R)
    q = to_quat(R)
    zero = xp.zeros_like(q[..., 0])
    twist = xp.stack([q[..., 0], zero, q[..., 2], zero], axis=-1)
    flat = xp.sum(twist * twist, axis=-1, keepdims=True) < 1e-12
    twist = xp.where(flat, like([1, 0, 0, 0], q) + xp.zeros_like(q), twist)
    heading = from_quat(twist)
    return heading, transpose(heading) @ R
