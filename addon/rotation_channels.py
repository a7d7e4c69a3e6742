# SPDX-License-Identifier: GPL-3.0-or-later
"""A bone's rotation channels over time, as rotation matrices and back, for whole clips at once.

The twin for many frames of ``rotations``, which serves one pose. Back in the channels, a rotation can be
written in many ways; taken is the way that is continuous from key to key, and nearest to what the channels
held before.
"""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import from_quat, from_rotvec, normalize, to_quat, to_rotvec

_TURN = 2 * np.pi
_GIMBAL = 1e-6

CHANNELS = {"QUATERNION": 4, "AXIS_ANGLE": 4}
"""How many channels a rotation mode has; three where it is not listed, which is an Euler order."""


def matrices_of(mode: str, values: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations that the channels make.

    Args:
        mode: Blender's ``rotation_mode``.
        values: (..., 4) quaternion, (..., 4) angle and axis, or (..., 3) Euler angles in radians.
    """
    if mode == "QUATERNION":
        return from_quat(values)
    if mode == "AXIS_ANGLE":
        return from_rotvec(values[..., :1] * normalize(values[..., 1:]))
    rotation = np.eye(3)
    for axis in ("XYZ".index(letter) for letter in mode):
        rotation = _about(axis, values[..., axis]) @ rotation
    return rotation


def values_of(mode: str, rotations: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The channels (N, c) that make the rotations of N keys.

    Args:
        mode: Blender's ``rotation_mode``.
        rotations: (N, 3, 3).
        reference: (N, c) what the channels held; of the continuous ways to write the whole,
            the one nearest to it is taken.
    """
    if mode == "QUATERNION":
        return _quaternions(rotations, reference)
    if mode == "AXIS_ANGLE":
        return _axis_angles(rotations, reference)
    return _eulers(mode, rotations, reference)


def nearest_values_of(mode: str, rotations: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The same, each key by itself nearest to its reference, continuous or not."""
    if mode == "QUATERNION":
        quats = to_quat(rotations)
        return np.where(np.sum(quats * reference, axis=-1, keepdims=True) >= 0, quats, -quats)
    if mode == "AXIS_ANGLE":
        angle, axis = _turns(rotations, reference)
        sign = np.where(np.sum(axis * reference[:, 1:], axis=-1) < 0, -1.0, 1.0)
        angle = _each_shifted(angle * sign, reference[:, 0])
        return np.concatenate([angle[:, None], axis * sign[:, None]], axis=-1)
    ways = [_each_shifted(way, reference) for way in _families(mode, rotations)]
    off = [np.sum(np.abs(way - reference), axis=-1, keepdims=True) for way in ways]
    return np.where(off[0] <= off[1], *ways)


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    """(..., 3, 3) turns about one of the axes."""
    j, k = (axis + 1) % 3, (axis + 2) % 3
    turn = np.zeros((*angle.shape, 3, 3))
    turn[..., axis, axis] = 1.0
    turn[..., j, j] = turn[..., k, k] = np.cos(angle)
    turn[..., k, j] = np.sin(angle)
    turn[..., j, k] = -turn[..., k, j]
    return turn


def _quaternions(rotations: np.ndarray, reference: np.ndarray) -> np.ndarray:
    quats = to_quat(rotations)
    turned = np.sum(quats[1:] * quats[:-1], axis=-1) < 0
    quats = quats * np.where(_odd(turned), -1.0, 1.0)[:, None]
    return quats if np.sum(quats * reference) >= 0 else -quats


def _axis_angles(rotations: np.ndarray, reference: np.ndarray) -> np.ndarray:
    angle, axis = _turns(rotations, reference)
    sign = np.where(_odd(np.sum(axis[1:] * axis[:-1], axis=-1) < 0), -1.0, 1.0)
    if np.sum(axis * sign[:, None] * reference[:, 1:]) < 0:
        sign = -sign
    angle = np.unwrap(angle * sign)
    return np.concatenate([_shifted(angle, reference[:, 0])[:, None], axis * sign[:, None]], axis=-1)


def _turns(rotations: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) angles from 0 to pi and (N, 3) axes; where nothing is turned, the axis of the reference."""
    rotvec = to_rotvec(rotations)
    angle = np.linalg.norm(rotvec, axis=-1)
    axis = normalize(reference[:, 1:])
    axis[np.linalg.norm(axis, axis=-1) < 0.5] = [0.0, 1.0, 0.0]
    some = angle > _GIMBAL
    axis[some] = rotvec[some] / angle[some, None]
    return angle, axis


def _eulers(order: str, rotations: np.ndarray, reference: np.ndarray) -> np.ndarray:
    angles, flipped = _families(order, rotations)
    # Staying within a family costs the same in both, and so does changing it: each key decides alone.
    stay = np.sum(_wrapped(angles[1:] - angles[:-1]) ** 2, axis=-1)
    change = np.sum(_wrapped(flipped[1:] - angles[:-1]) ** 2, axis=-1)
    odd = _odd(change < stay)[:, None]
    ways = [np.where(odd, flipped, angles), np.where(odd, angles, flipped)]
    ways = [_shifted(np.unwrap(way, axis=0), reference) for way in ways]
    return min(ways, key=lambda way: float(np.sum(np.abs(way - reference))))


def _families(order: str, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two ways to write each rotation as angles (N, 3), but for whole turns."""
    angles = _euler_angles(order, rotations)
    flipped = angles + np.pi
    middle = "XYZ".index(order[1])
    flipped[:, middle] = np.pi - angles[:, middle]
    return angles, flipped


def _euler_angles(order: str, R: np.ndarray) -> np.ndarray:
    """One triple of angles for each rotation; the first angle is 0 where only a sum is defined."""
    i, j, k = ("XYZ".index(letter) for letter in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    cosine = np.hypot(R[:, i, i], R[:, j, i])
    locked = cosine < _GIMBAL
    angles = np.empty((len(R), 3))
    angles[:, i] = np.where(
        locked, np.arctan2(-sign * R[:, j, k], R[:, j, j]), np.arctan2(sign * R[:, k, j], R[:, k, k])
    )
    angles[:, j] = np.arctan2(-sign * R[:, k, i], cosine)
    angles[:, k] = np.where(locked, 0.0, np.arctan2(sign * R[:, j, i], R[:, i, i]))
    return angles


def _odd(turned: np.ndarray) -> np.ndarray:
    """Whether an odd number of turns lies before each of the N keys, from N - 1 steps between them."""
    return np.concatenate([[False], np.cumsum(turned) % 2 == 1])


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return angle - _TURN * np.round(angle / _TURN)


def _shifted(angles: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """All of a channel by the same number of whole turns, towards the reference."""
    return angles + _TURN * np.round(np.median((reference - angles) / _TURN, axis=0))


def _each_shifted(angles: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Each angle by whole turns of its own, towards the reference."""
    return angles + _TURN * np.round((reference - angles) / _TURN)
