# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of poses, to tell alternatives apart at a glance: a plain figure of tubes, without the rig.

A picture of the character itself needs it posed for each alternative; that takes as long as the press.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from contrapposto.motion import Pose
from contrapposto.rotation import split_heading
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, forward_kinematics

from .raster import draw

SIZE = 64
"""Pixels of a side."""

AZIMUTH_DEG, ELEVATION_DEG = 32.0, 12.0
"""Seen from the left of where the body faces, and above."""

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


def figurines(poses: Pose, offsets: np.ndarray | None, fails: np.ndarray) -> np.ndarray:
    """Pictures of poses, all from the same side.

    Args:
        poses: N of them.
        offsets: (22, 3) the body's proportions; the standard body if None.
        fails: (N,) bool, those that are drawn in another colour.

    Returns:
        (N, SIZE, SIZE, 4) float32 red, green, blue and alpha, the lowest row first.
    """
    world, places = forward_kinematics(poses.rotations, offsets)
    axes = _axes(split_heading(poses.rotations[0, 0])[0])
    bodies = [_body(*body) @ axes.T for body in zip(world, places, strict=True)]
    return np.stack(
        [_picture(body, FAILING if failing else PAINT) for body, failing in zip(bodies, fails, strict=True)]
    )


def _picture(corners: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    half = max(*(high - low)[:2], SMALLEST_M) / 2 * 1.05
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    colours = np.tile(colour, (len(corners), 1))
    return draw((corners - (low + high) / 2) / half, np.repeat(normals[:, None], 3, axis=1), colours, SIZE)


def _axes(heading: np.ndarray) -> np.ndarray:
    """(3, 3) rows are the picture's right, up and towards the viewer, in core's world."""
    azimuth, elevation = math.radians(AZIMUTH_DEG), math.radians(ELEVATION_DEG)
    ahead = heading @ np.array([math.sin(azimuth), 0.0, math.cos(azimuth)])
    up = np.array([0.0, 1.0, 0.0])
    towards = math.cos(elevation) * ahead + math.sin(elevation) * up
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def _body(world: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(F, 3, 3) triangles of a body: world rotations (22, 3, 3) and places (22, 3) of its joints."""
    found = [
        _tube(places[parent], places[joint], _TRUNK if name in _IN_TRUNK else _LIMB)
        for joint, (name, parent) in enumerate(zip(JOINT_NAMES, PARENTS, strict=True))
        if parent >= 0 and name not in _NOT_DRAWN
    ]
    for across in ("hip", "shoulder"):
        ends = [places[JOINT_INDEX[f"{side}_{across}"]] for side in ("left", "right")]
        found.append(_tube(*ends, _LIMB if across == "shoulder" else _TRUNK))
    head = JOINT_INDEX["head"]
    found.append(_tube(places[head], places[head] + world[head] @ [0.0, _HEAD_LENGTH, 0.02], _HEAD))
    for side, out in (("left", 1.0), ("right", -1.0)):
        wrist, foot = JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_foot"]
        found.append(_tube(places[wrist], places[wrist] + world[wrist] @ [out * _END, 0.0, 0.0], _LIMB))
        found.append(_tube(places[foot], places[foot] + world[foot] @ [0.0, 0.0, _END], _LIMB))
    return np.concatenate(found)


def _tube(start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """(F, 3, 3) triangles of a tube with round ends."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length if length > 1e-6 else np.array([0.0, 1.0, 0.0])
    across = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    across /= np.linalg.norm(across)
    angles = np.arange(_SIDES) * math.tau / _SIDES
    ring = radius * (np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * np.cross(along, across))
    cap = 0.7 * radius * along
    rings = [
        start - cap + 0 * ring, start - cap / 2 + 0.75 * ring, start + ring,
        end + ring, end + cap / 2 + 0.75 * ring, end + cap + 0 * ring,
    ]  # fmt: skip
    strips = [
        np.concatenate(
            [np.stack([a, b, np.roll(b, -1, 0)], 1), np.stack([a, np.roll(b, -1, 0), np.roll(a, -1, 0)], 1)]
        )
        for a, b in pairwise(rings)
    ]
    return np.concatenate(strips)
