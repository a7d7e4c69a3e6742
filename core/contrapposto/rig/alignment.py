# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rig's rest pose differs from the T-pose, from the places of its joints alone.

Two questions, answered without a look at any bone's own axes. Which way does the
body face: the hips say where left is, the head says where up is. How does each limb
have to turn from the T-pose to lie as it does at rest: arms and legs sideways, then by
the shortest arc, twisted to the hinge of a bent elbow or knee; the feet about the
vertical only, because a rig rests with flat soles however high its ankles are.

Trunk and head are taken to rest upright: how a spine's joints are placed along its
curve is shape, not pose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contrapposto.rotation import from_rotvec, normalize
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS, STANDARD_OFFSETS

Points = Mapping[str, np.ndarray]
"""Joint name to position (3,)."""

SQUARE_DEG = 3.0
"""A rig whose hips lie this well along one of its axes was modelled square to them …"""
UPRIGHT_DEG = 20.0
"""… and stands along another, even if its head leans this far off."""
HINGE_DEG = (6.0, 18.0)
"""Bend from which on, and in full, a limb's own bend tells its twist."""
HYPEREXTENDED_DEG = 30.0
"""A hinge may bend the wrong way by less than this at rest."""

STANCE_DEG = 12.0
"""Legs further from the vertical than this are no stance any more."""

Limb = tuple[str, str, str]
LIMBS: Mapping[Limb, np.ndarray] = {
    ("left_hip", "left_knee", "left_ankle"): np.array([1.0, 0.0, 0.0]),
    ("right_hip", "right_knee", "right_ankle"): np.array([1.0, 0.0, 0.0]),
    ("left_shoulder", "left_elbow", "left_wrist"): np.array([0.0, -1.0, 0.0]),
    ("right_shoulder", "right_elbow", "right_wrist"): np.array([0.0, 1.0, 0.0]),
}
"""Hinged limbs and the axis, at the T-pose, that they bend about."""

_UP_JOINTS = ("head", "neck", "spine3", "spine2", "left_shoulder", "spine1")


def shortest_arc(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation (..., 3, 3) that turns ``a`` (..., 3) to point along ``b`` (..., 3).

    Opposite vectors have no answer: half a turn about some axis across ``a`` then.
    """
    a, b = np.broadcast_arrays(normalize(a), normalize(b))
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, np.sum(a * b, axis=-1, keepdims=True))
    across = np.cross(a, np.eye(3)[np.argmin(np.abs(a), axis=-1)])
    axis = np.where(sine > 1e-9, axis, across)
    return from_rotvec(normalize(axis) * angle)


def body_frame(points: Points) -> np.ndarray:
    """The rotation (3, 3) from armature space to the body's axes: left, up, forward.

    Left runs from the right hip to the left one, up from the pelvis to the head,
    forward is left x up. A rig that was modelled square to its axes is taken to
    stand upright along one of them, although its head leans a little.

    Args:
        points: joints at rest, armature space.

    Raises:
        ValueError: if the hips or what is above them are missing or coincide.
    """
    for joint in ("pelvis", "left_hip", "right_hip"):
        if joint not in points:
            raise ValueError(f"No bone is mapped to '{joint}', so the body's facing is unknown; map it first")
    top = next((joint for joint in _UP_JOINTS if joint in points), None)
    if top is None:
        raise ValueError("No bone above the pelvis is mapped, so up is unknown; map 'head' first")
    standard = _standard_points()
    frames = []
    for place in (standard, points):
        left = place["left_hip"] - place["right_hip"]
        up = place[top] - place["pelvis"]
        forward = np.cross(left, up)
        if np.linalg.norm(forward) < 1e-3 * max(left @ left, up @ up) or not np.any(left):
            raise ValueError(
                f"'left_hip', 'right_hip', 'pelvis' and '{top}' lie in one line, so the facing is unknown"
            )
        left, forward = normalize(left), normalize(forward)
        frames.append(np.stack([left, np.cross(forward, left), forward], axis=-1))
    return _squared(frames[0] @ frames[1].T)


def limb_alignments(points: Points, twists: Mapping[str, float] | None = None) -> np.ndarray:
    """What turns each joint from the T-pose to the rest pose, (22, 3, 3) in the body's axes.

    Args:
        points: joints at rest in the body's axes. Joints may be missing; theirs is
            the alignment of the parent.
        twists: further turn of a hip or shoulder about its limb's length, radians,
            with all below it, where more is known than the rest pose tells.
    """
    alignments = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    for limb, hinge in LIMBS.items():
        _align_limb(alignments, points, limb, hinge, (twists or {}).get(limb[0], 0.0))
    _align_feet(alignments, points)
    return alignments


def _align_limb(alignments: np.ndarray, points: Points, limb: Limb, hinge: np.ndarray, twist: float) -> None:
    root, middle, end = limb
    i, j, k = (JOINT_INDEX[joint] for joint in limb)
    if root not in points or middle not in points:
        return
    upper = points[middle] - points[root]
    alignment = _swing(STANDARD_OFFSETS[j], upper)
    if end not in points:
        alignments[[i, j, k]] = alignment @ from_rotvec(normalize(STANDARD_OFFSETS[j]) * twist)
        return
    lower = points[end] - points[middle]
    alignment = _hinge_twist(upper, lower, alignment @ hinge) @ alignment
    alignments[i] = alignment @ from_rotvec(normalize(STANDARD_OFFSETS[j]) * twist)
    alignments[[j, k]] = shortest_arc(alignments[i] @ STANDARD_OFFSETS[k], lower) @ alignments[i]


def _swing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What turns a limb from ``a`` to ``b``: sideways first, then by the shortest arc.

    Arms rest level, lowered or hanging, legs together or apart: all that is a turn
    about the forward axis. One arc alone would add a twist, because the standard
    limbs point slightly backward and so move along no great circle.
    """
    sideways = np.eye(3)
    if np.hypot(b[0], b[1]) > 0.5 * np.linalg.norm(b):
        angle = np.arctan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1])
        sideways = from_rotvec(np.array([0.0, 0.0, angle]))
    return shortest_arc(sideways @ a, b) @ sideways


def _align_feet(alignments: np.ndarray, points: Points) -> None:
    """Feet turn from the standard foot's heading to their own, on flat soles.

    With the legs wider apart than a stance (CMU's skeletons rest at 20 degrees) the
    soles are not flat but square to the shins: that is a zero pose, not a stance.
    """
    sides = ("left", "right")
    shins = np.stack(
        [alignments[JOINT_INDEX[f"{s}_knee"]] @ STANDARD_OFFSETS[JOINT_INDEX[f"{s}_ankle"]] for s in sides]
    )
    lean = np.arctan2(shins[:, 0], -shins[:, 1])  # about z, from the vertical
    stance = np.abs(np.degrees(lean)).mean() < STANCE_DEG
    for side, roll in zip(sides, lean, strict=True):
        ankle, foot = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        sole = np.eye(3) if stance else from_rotvec(np.array([0.0, 0.0, roll]))
        if f"{side}_ankle" in points and f"{side}_foot" in points:
            step = sole.T @ (points[f"{side}_foot"] - points[f"{side}_ankle"])
            sole = sole @ _heading_turn(STANDARD_OFFSETS[foot], step)
        alignments[[ankle, foot]] = sole


def _hinge_twist(upper: np.ndarray, lower: np.ndarray, hinge: np.ndarray) -> np.ndarray:
    """The turn about the upper limb that brings ``hinge`` onto the axis the limb is bent about.

    A straight limb has no such axis: the turn grows from none to full over HINGE_DEG.
    """
    axis = np.cross(normalize(upper), normalize(lower))
    bend = np.degrees(np.arctan2(np.linalg.norm(axis), normalize(upper) @ normalize(lower)))
    weight = np.clip((bend - HINGE_DEG[0]) / (HINGE_DEG[1] - HINGE_DEG[0]), 0, 1)
    if weight == 0:
        return np.eye(3)
    along = normalize(upper)
    hinge = hinge - (hinge @ along) * along
    angle = np.arctan2(np.cross(hinge, axis) @ along, hinge @ axis)
    if bend < HYPEREXTENDED_DEG:
        angle = (angle + np.pi / 2) % np.pi - np.pi / 2
    return from_rotvec(along * angle * weight)


def _heading_turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The turn about the vertical that brings ``a`` to the heading of ``b``."""
    if np.hypot(b[0], b[2]) < 0.2 * np.linalg.norm(b):
        return np.eye(3)  # a foot that points straight down does not say where to
    return from_rotvec(np.array([0.0, np.arctan2(b[0], b[2]) - np.arctan2(a[0], a[2]), 0.0]))


def _squared(frame: np.ndarray) -> np.ndarray:
    """The frame along the rig's own axes, where its left and up lie near two of them."""
    left, up = _nearest_axis(frame[0]), _nearest_axis(frame[1])
    square = frame[0] @ left > np.cos(np.radians(SQUARE_DEG))
    upright = frame[1] @ up > np.cos(np.radians(UPRIGHT_DEG))
    if square and upright and left @ up == 0:
        return np.stack([left, up, np.cross(left, up)])
    return frame


def _nearest_axis(direction: np.ndarray) -> np.ndarray:
    axis = np.argmax(np.abs(direction))
    return np.eye(3)[axis] * np.sign(direction[axis])


def _standard_points() -> Points:
    positions = np.zeros((NUM_JOINTS, 3))
    for joint in range(1, NUM_JOINTS):
        positions[joint] = positions[PARENTS[joint]] + STANDARD_OFFSETS[joint]
    return {name: positions[i] for name, i in JOINT_INDEX.items()}
