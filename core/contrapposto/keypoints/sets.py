# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of points that detectors find, and what they say about the 22 joints.

All sets speak one vocabulary: a point that stands for a joint has the joint's name, the
others name a spot on the body (see ``body``). A joint that no detector marks may be told by
others (``STANDS_FOR``); what nothing tells is unknown, never zero.

Orders: OpenPose, COCO, COCO-WholeBody, Halpe-FullBody, MediaPipe and Human3.6M as their authors
publish them. Of faces and hands nothing is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.skeleton import JOINT_NAMES

SIDES = ("left", "right")


def sides(*parts: str) -> tuple[str, ...]:
    """Left and right of each part in turn."""
    return tuple(f"{side}_{part}" for part in parts for side in SIDES)


def _side(side: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts)


_EYE = ("eye_inner", "eye", "eye_outer")
_FEET = ("big_toe", "small_toe", "heel")
_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_COCO = ("nose", *sides("eye", "ear", *_ARM, *_LEG))
_RIGHT_FIRST_ARMS = ("nose", "mid_shoulder", *_side("right", *_ARM), *_side("left", *_ARM))
_EYES_AND_EARS = ("right_eye", "left_eye", "right_ear", "left_ear")
_HALPE = (*_COCO, "head_top", "mid_shoulder", "mid_hip", *sides(*_FEET))
_FACE_AND_HANDS = (
    *(f"face_{i}" for i in range(68)),
    *(f"{side}_hand_{i}" for side in SIDES for i in range(21)),
)

SETS: Mapping[str, tuple[str, ...]] = {
    "coco_17": _COCO,
    "wholebody_133": (*_COCO, *_side("left", *_FEET), *_side("right", *_FEET), *_FACE_AND_HANDS),
    "halpe_26": _HALPE,
    "halpe_136": (*_HALPE, *_FACE_AND_HANDS),
    "body_25": (
        *_RIGHT_FIRST_ARMS, "mid_hip", *_side("right", *_LEG), *_side("left", *_LEG),
        *_EYES_AND_EARS, *_side("left", *_FEET), *_side("right", *_FEET),
    ),
    "body_25b": (*_COCO, "upper_neck", "head_top", *_side("left", *_FEET), *_side("right", *_FEET)),
    "openpose_18": (
        *_RIGHT_FIRST_ARMS, *_side("right", *_LEG), *_side("left", *_LEG), *_EYES_AND_EARS,
    ),
    "mediapipe_33": (
        "nose", *_side("left", *_EYE), *_side("right", *_EYE), *sides("ear", "mouth", *_ARM),
        *sides("little_finger", "index_finger", "thumb", *_LEG, "heel", "toes"),
    ),
    "h36m_17": (
        "mid_hip", *_side("right", *_LEG), *_side("left", *_LEG),
        "spine3", "mid_shoulder", "nose", "head_top", *_side("left", *_ARM), *_side("right", *_ARM),
    ),
}  # fmt: skip
"""The points of each set, in the order of its arrays."""

STANDS_FOR: Mapping[str, tuple[tuple[str, str], ...]] = {
    "pelvis": (("mid_hip", "mid_hip"), ("left_hip", "right_hip")),
    "neck": (("mid_shoulder", "mid_shoulder"), ("left_shoulder", "right_shoulder")),
    "head": (("left_ear", "right_ear"),),
    "left_foot": (("left_toes", "left_toes"), ("left_big_toe", "left_small_toe")),
    "right_foot": (("right_toes", "right_toes"), ("right_big_toe", "right_small_toe")),
}
"""What stands for joints that no detector marks: the middle of the first pair that a set has.

The middle of the hips is 10 cm below SMPL's pelvis on the standard body, the middle of the
shoulders and of the ears 5 cm below its neck and above its head: the same for every set.
"""


def to_joints(points: Array, confidence: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """The 22 joints that points stand for.

    Args:
        points: (..., K, D) pixels or metres.
        confidence: (..., K), 0 where unknown.
        names: of the K points, see ``SETS``.

    Returns:
        (..., 22, D) joints, NaN where unknown, and (..., 22) their confidence, 0 there; of a
        joint halfway between two points that of the worse.

    Raises:
        ValueError: if there are not K points.
    """
    if points.shape[-2] != len(names) or tuple(confidence.shape) != tuple(points.shape[:-1]):
        raise ValueError(f"{len(names)} points with their confidence are needed, not {tuple(points.shape)}")
    xp = namespace(points, confidence)
    nowhere, unsure = xp.nan * xp.ones_like(points[..., 0, :]), xp.zeros_like(confidence[..., 0])
    joints, sure = [], []
    for name in JOINT_NAMES:
        pairs = [pair for pair in (*STANDS_FOR.get(name, ()), (name, name)) if set(pair) <= set(names)]
        if not pairs:
            joints.append(nowhere)
            sure.append(unsure)
            continue
        a, b = (names.index(point) for point in pairs[0])
        least = xp.minimum(confidence[..., a], confidence[..., b])
        middle = points[..., a, :] + (points[..., b, :] - points[..., a, :]) / 2
        joints.append(xp.where((least > 0)[..., None], middle, nowhere))
        sure.append(least)
    return xp.stack(joints, axis=-2), xp.stack(sure, axis=-1)


def mirrored(names: tuple[str, ...]) -> tuple[int, ...]:
    """Each point's partner on the other side, itself on the midline."""
    partner = {"left": "right", "right": "left"}
    found = []
    for name in names:
        side, _, part = name.partition("_")
        found.append(names.index(f"{partner[side]}_{part}" if side in partner else name))
    return tuple(found)


def completed(
    points: np.ndarray, confidence: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Points that someone chose, with what a body needs and they lack: never seen, but there.

    Args:
        points: (..., K, D).
        confidence: (..., K), 0 where missing.
        names: of the K points.

    Returns:
        Points, confidence and names of the same and of the hips, shoulders and ends of limbs, and every
        point's partner on the other side; all that a set of a detector's has anyway.
    """
    partner = {"left": "right", "right": "left"}
    others = [
        f"{partner[side]}_{part}"
        for side, _, part in (name.partition("_") for name in names)
        if side in partner
    ]
    more = [name for name in dict.fromkeys([*sides(*_ARM, *_LEG), *others]) if name not in names]
    points = np.concatenate(
        [points, np.full((*points.shape[:-2], len(more), points.shape[-1]), np.nan)], axis=-2
    )
    confidence = np.concatenate([confidence, np.zeros((*confidence.shape[:-1], len(more)))], axis=-1)
    return points, confidence, (*names, *more)


LIMB_PARTS = tuple(pair for limb in (_ARM, _LEG) for pair in pairwise(limb))
"""The ends of upper and lower arms and legs, of either side."""


_SPANS = {("shoulder", "hip"): 0.5, **dict(zip(LIMB_PARTS, (0.28, 0.28, 0.41, 0.43), strict=True))}
"""Metres between two points of one side, on anyone about."""


def recognise(points: np.ndarray, confidence: np.ndarray) -> str:
    """The set that points (..., K, D) are of: the one by which limbs and trunk are most like a body's.

    Args:
        points: of anyone, in any number of frames.
        confidence: (..., K), 0 where missing.

    Raises:
        ValueError: with one sentence, if no set has K points, or several have and a limb is never seen whole.
    """
    count = points.shape[-2]
    fitting = [name for name, names in SETS.items() if len(names) == count]
    if not fitting:
        known = ", ".join(f"{name} ({len(names)})" for name, names in SETS.items())
        raise ValueError(f"No set of points has {count} a person, only {known}")
    if len(fitting) == 1:
        return fitting[0]
    unlike = {name: _unevenness(points, confidence, SETS[name]) for name in fitting}
    if not all(np.isfinite(value) for value in unlike.values()):
        raise ValueError(
            "No one's trunk, arms and legs are seen whole, so the points may be those of "
            f"{' or '.join(fitting)}; name it with --set"
        )
    return min(unlike, key=unlike.__getitem__)


def _unevenness(points: np.ndarray, confidence: np.ndarray, names: tuple[str, ...]) -> float:
    """How much the spans of a body differ in size, by their mean; infinite if one is never seen."""
    sizes = []
    for (a, b), metres in _SPANS.items():
        for side in SIDES:
            i, j = names.index(f"{side}_{a}"), names.index(f"{side}_{b}")
            whole = (confidence[..., i] > 0) & (confidence[..., j] > 0)
            if not whole.any():
                return np.inf
            sizes.append(
                np.linalg.norm((points[..., i, :] - points[..., j, :])[whole], axis=-1).mean() / metres
            )
    return float(np.std(sizes) / np.mean(sizes))
