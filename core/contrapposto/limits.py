# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each joint of a body can turn: beyond it, brought back, and poses within it.

A joint's rotation is a twist about its bone, then a swing of the bone. A ball joint's
swing lies in an ellipse with its own reach to each of the four sides, a hinge's in a
box that is long one way and thin the other; the twist has a range. The rest is the
T-pose of ``skeleton``. Right is the mirror image of left.

Ranges are of the size that goniometry gives (Norkin & White, "Measurement of Joint
Motion"), widened where captured people go further: of the training clips' good frames
about one in 200 lies beyond at a joint, at the elbows one in 100, most of those from two
sources whose elbows are turned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.rotation import from_quat, from_rotvec, geodesic_angle, to_quat, to_rotvec, transpose
from contrapposto.skeleton import JOINT_INDEX, MIRROR, NUM_JOINTS

Range = tuple[float, float]

_BONE_AXIS = {"hip": 1, "knee": 1, "ankle": 2, "foot": 2, "collar": 0, "shoulder": 0, "elbow": 0, "wrist": 0}
"""The axis nearest to each bone at rest; the spine, neck and head stand along y (1)."""

_HINGES = ("knee", "elbow", "foot")

_DEGREES: dict[str, tuple[Range, Range, Range]] = {
    "spine1": ((-32, 62), (-36, 36), (-30, 30)),  # bend forward and not so far back
    "spine2": ((-25, 30), (-22, 22), (-18, 18)),
    "spine3": ((-32, 48), (-25, 25), (-22, 22)),
    "neck": ((-48, 48), (-60, 60), (-35, 35)),
    "head": ((-50, 50), (-50, 50), (-40, 40)),
    "left_collar": ((-10, 10), (-32, 20), (-24, 36)),  # forward and back, down and up
    "left_shoulder": ((-130, 95), (-130, 65), (-105, 105)),  # across the body and behind it, down and up
    "left_elbow": ((-95, 95), (-155, 5), (-28, 40)),  # the forearm's twist is in the elbow or the wrist
    "left_wrist": ((-95, 100), (-60, 60), (-80, 85)),
    "left_hip": ((-135, 42), (-50, 70), (-42, 85)),  # thigh up and back, turn in and out, inward and outward
    "left_knee": ((-8, 155), (-30, 46), (-20, 15)),
    "left_ankle": ((-70, 65), (-62, 42), (-38, 34)),  # toes up and down, in and out, sole in and out
    "left_foot": ((-60, 60), (-14, 10), (-18, 15)),
}
"""Smallest and largest angle about x, y and z; the bone's own axis is the twist."""


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bone frames (22, 3, 3), lowest and highest angles (22, 3) there, hinges (22,).

    A bone frame's columns are the bone's axis and the two others, so that the twist
    stands first. The pelvis turns as it likes.
    """
    frames = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    low, high = np.full((NUM_JOINTS, 3), -np.inf), np.full((NUM_JOINTS, 3), np.inf)
    hinges = np.zeros(NUM_JOINTS, dtype=bool)
    across = np.array([1.0, -1.0, -1.0])
    for name, degrees in _DEGREES.items():
        part = name.rpartition("_")[2]
        order = np.roll(np.arange(3), -_BONE_AXIS.get(part, 1))
        below, above = np.radians(degrees).T
        left, right = JOINT_INDEX[name], MIRROR[JOINT_INDEX[name]]
        mirrored = np.sort(np.stack([below * across, above * across]), axis=0)
        for joint, (least, most) in ((right, mirrored), (left, (below, above))):
            frames[joint] = np.eye(3)[:, order]
            low[joint], high[joint] = least[order], most[order]
            hinges[joint] = part in _HINGES
    return frames, low, high, hinges


_FRAMES, _LOW, _HIGH, _IS_HINGE = _tables()
_LIMITED = tuple(range(1, NUM_JOINTS))
"""Every joint but the pelvis."""


def _swing_twist(rotations: Array, joints: Sequence[int]) -> tuple[Array, Array]:
    """Swing (..., K, 2) and twist (..., K) of these joints, radians, in bone frames."""
    xp = namespace(rotations)
    frames = like(_FRAMES[list(joints)], rotations)
    q = to_quat(transpose(frames) @ rotations @ frames)
    w, x = q[..., 0], q[..., 1]
    zero = xp.zeros_like(w)
    twist = xp.stack([w, x, zero, zero], axis=-1)
    undefined = (w * w + x * x < 1e-12)[..., None]  # the bone points backwards: any twist will do
    twist = xp.where(undefined, like([1, 0, 0, 0], w) + xp.zeros_like(twist), twist)
    swing = to_rotvec(from_quat(q) @ transpose(from_quat(twist)))[..., 1:]
    return swing, 2 * xp.atan2(twist[..., 1], twist[..., 0])


def clamp(rotations: Array) -> Array:
    """The pose with every joint within its limits.

    A ball joint's swing comes straight back towards rest, a hinge's and every twist to
    the nearest angle.

    Args:
        rotations: (..., 22, 3, 3) local rotation matrices.

    Returns:
        The same shape; joints within their limits hold the very bits of the input.
    """
    xp = namespace(rotations)
    within = clamp_joints(rotations[..., 1:, :, :], _LIMITED)
    return xp.concat([rotations[..., :1, :, :], within], axis=-3)


def clamp_joints(rotations: Array, joints: Sequence[int]) -> Array:
    """Some joints within their limits; see ``clamp``.

    Args:
        rotations: (..., K, 3, 3) local rotation matrices.
        joints: their K indices, without the pelvis'.
    """
    xp = namespace(rotations)
    swing, twist = _swing_twist(rotations, joints)
    rows = list(joints)
    low, high = like(_LOW[rows], rotations), like(_HIGH[rows], rotations)
    is_hinge = like(_IS_HINGE[rows], rotations)[..., None] > 0
    room = xp.where(swing < 0, -low[..., 1:], high[..., 1:])
    share = swing / room
    outside = xp.sqrt(xp.sum(share * share, axis=-1, keepdims=True))
    boxed = xp.minimum(xp.maximum(swing, low[..., 1:]), high[..., 1:])
    swing_within = xp.where(is_hinge, boxed, swing / xp.maximum(outside, xp.ones_like(outside)))
    middle, half = (high[..., 0] + low[..., 0]) / 2, (high[..., 0] - low[..., 0]) / 2
    aside = xp.remainder(twist - middle + math.pi, 2 * math.pi) - math.pi
    twist_within = xp.where(xp.abs(aside) > half, middle + xp.sign(aside) * half, twist)
    zero = xp.zeros_like(twist)
    turn = from_rotvec(xp.stack([zero, swing_within[..., 0], swing_within[..., 1]], axis=-1))
    roll = from_rotvec(xp.stack([twist_within, zero, zero], axis=-1))
    frames = like(_FRAMES[rows], rotations)
    changed = xp.any(swing_within != swing, axis=-1) | (twist_within != twist)
    within = frames @ turn @ roll @ transpose(frames)
    return xp.where(changed[..., None, None], within, rotations)


def beyond(rotations: Array) -> Array:
    """How far each joint is beyond its limits: the turn that brings it back.

    Args:
        rotations: (..., 22, 3, 3) local rotation matrices.

    Returns:
        (..., 22) radians, 0 within the limits and rising evenly beyond them.
    """
    return geodesic_angle(rotations, clamp(rotations))


def sample(rng: np.random.Generator, count: int) -> np.ndarray:
    """Broad poses: every joint by itself, uniform in the swing and twist that it has.

    Args:
        rng: the source of randomness.
        count: how many.

    Returns:
        (count, 22, 3, 3) local rotations; the pelvis is left at rest.
    """
    shape = (count, NUM_JOINTS - 1)
    low, high, is_hinge = _LOW[1:], _HIGH[1:], _IS_HINGE[1:, None]
    box = rng.uniform(low, high, (*shape, 3))
    # Uniform in the quarter of the unit disc, each quarter as often as its ellipse is large.
    angle, radius = rng.uniform(0, np.pi / 2, shape), np.sqrt(rng.uniform(size=shape))
    disc = radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    disc = disc * np.where(box[..., 1:] < 0, low[..., 1:], high[..., 1:])
    swing = np.where(is_hinge, box[..., 1:], disc)
    zero = np.zeros(shape)
    turn = from_rotvec(np.stack([zero, swing[..., 0], swing[..., 1]], axis=-1))
    roll = from_rotvec(np.stack([box[..., 0], zero, zero], axis=-1))
    frames = _FRAMES[1:]
    poses = np.tile(np.eye(3), (count, NUM_JOINTS, 1, 1))
    poses[:, 1:] = frames @ turn @ roll @ np.swapaxes(frames, -1, -2)
    return poses
