# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of poses, to tell alternatives apart at a glance: a plain figure of tubes, without the rig.

A picture of the character itself needs it posed for each alternative; that takes as long as the press.
"""

from __future__ import annotations

import math

import numpy as np

from contrapposto.motion import Pose
from contrapposto.rotation import split_heading
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, forward_kinematics

from .camera import in_square, right_of_front_left, view_axes
from .raster import draw

SIZE = 64
"""Pixels of a side."""

MARGIN = 0.024
"""Share of the picture that stays free at each side."""

SMALLEST_M = 1.1
"""A crouch is not shown larger than as if it was so high."""

PAINT, FAILING = (0.72, 0.76, 0.82), (0.85, 0.42, 0.32)

_SIDES = 8
_LIMB, _TRUNK = 0.055, 0.105
_HEAD, _HEAD_LENGTH = 0.095, 0.2
_END = 0.09
"""Metres on a body of standard size: radius of limbs, trunk and head; length of the head, and of a hand."""

_NOT_DRAWN = {"left_hip", "right_hip", "left_collar", "right_collar"}
_IN_TRUNK = {"spine1", "spine2", "spine3", "neck"}


def figurines(
    poses: Pose, offsets: np.ndarray | None, fails: np.ndarray, right: np.ndarray | None = None
) -> np.ndarray:
    """Pictures of poses, all from the same side.

    Args:
        poses: N of them.
        offsets: (22, 3) the body's proportions; the standard body if None.
        fails: (N,) bool, those that are drawn in another colour.
        right: (3,) what is to the viewer's right, of unit length, level; as from the front left if None.

    Returns:
        (N, SIZE, SIZE, 4) float32 red, green, blue and alpha, the lowest row first.
    """
    world, places = forward_kinematics(poses.rotations, offsets)
    if right is None:
        right = right_of_front_left(split_heading(poses.rotations[0, 0])[0])
    axes = view_axes(right)
    bodies = _bodies(world, places) @ axes.T
    return np.stack(
        [_picture(body, FAILING if failing else PAINT) for body, failing in zip(bodies, fails, strict=True)]
    )


def _picture(corners: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    colours = np.tile(colour, (len(corners), 1))
    return draw(in_square(corners, SMALLEST_M, MARGIN), np.repeat(normals[:, None], 3, axis=1), colours, SIZE)


def _bodies(world: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N, F, 3, 3) triangles of bodies: world rotations (N, 22, 3, 3), places (N, 22, 3) of their joints."""
    tubes = [
        (places[:, parent], places[:, joint], _TRUNK if name in _IN_TRUNK else _LIMB)
        for joint, (name, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True))
        if parent >= 0 and name not in _NOT_DRAWN
    ]
    for across, radius in (("hip", _TRUNK), ("shoulder", _LIMB)):
        left, right = (places[:, JOINT_INDEX[f"{side}_{across}"]] for side in ("left", "right"))
        tubes.append((left, right, radius))
    tips = {"head": ([0.0, _HEAD_LENGTH, 0.02], _HEAD)}
    for side, out in (("left", 1.0), ("right", -1.0)):
        tips[f"{side}_wrist"] = [out * _END, 0.0, 0.0], _LIMB
        tips[f"{side}_foot"] = [0.0, 0.0, _END], _LIMB
    for name, (step, radius) in tips.items():
        joint = JOINT_INDEX[name]
        tubes.append((places[:, joint], places[:, joint] + world[:, joint] @ step, radius))
    starts, ends, radii = zip(*tubes, strict=True)
    return _tubes(np.stack(starts, axis=1), np.stack(ends, axis=1), np.array(radii)[:, None])


def _tubes(starts: np.ndarray, ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(N, F, 3, 3) triangles of tubes with round ends: from and to (N, K, 3), radii (K, 1)."""
    lengths = np.linalg.norm(ends - starts, axis=-1, keepdims=True)
    along = np.where(lengths > 1e-6, (ends - starts) / np.maximum(lengths, 1e-6), [0.0, 1.0, 0.0])
    across = np.cross(along, np.eye(3)[np.argmin(np.abs(along), axis=-1)])
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    angles = (np.arange(_SIDES) * math.tau / _SIDES)[:, None, None, None]
    ring = radii * (np.cos(angles) * across + np.sin(angles) * np.cross(along, across))
    cap = 0.7 * radii * along
    rings = [
        starts - cap + 0 * ring, starts - cap / 2 + 0.75 * ring, starts + ring,
        ends + ring, ends + cap / 2 + 0.75 * ring, ends + cap + 0 * ring,
    ]  # fmt: skip
    a, b = np.stack(rings[:-1]), np.stack(rings[1:])  # (5, _SIDES, N, K, 3)
    next_a, next_b = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    corners = np.stack(
        [np.stack([a, b, next_b]), np.stack([a, next_b, next_a])]
    )  # (2, 3, 5, _SIDES, N, K, 3)
    return np.moveaxis(corners, (4, 1), (0, -2)).reshape(len(starts), -1, 3, 3)
