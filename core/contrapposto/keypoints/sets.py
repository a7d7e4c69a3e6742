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

SIDES = ("left", "right")


def sides(*parts: str) -> tuple[str, ...]:
    """Left and right of each part in turn."""
    return tuple(f"{side}_{part}" for part in parts for side in SIDES)


def _side(side: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts)


_EYE = ("eye_inner", "eye", "eye_outer")
_FEET = ("big_toe", "small_toe", "heel")
ARM, LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_COCO = ("nose", *sides("eye", "ear", *ARM, *LEG))
_RIGHT_FIRST_ARMS = ("nose", "mid_shoulder", *_side("right", *ARM), *_side("left", *ARM))
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
        *_RIGHT_FIRST_ARMS, "mid_hip", *_side("right", *LEG), *_side("left", *LEG),
        *_EYES_AND_EARS, *_side("left", *_FEET), *_side("right", *_FEET),
    ),
    "body_25b": (*_COCO, "upper_neck", "head_top", *_side("left", *_FEET), *_side("right", *_FEET)),
    "openpose_18": (
        *_RIGHT_FIRST_ARMS, *_side("right", *LEG), *_side("left", *LEG), *_EYES_AND_EARS,
    ),
    "mediapipe_33": (
        "nose", *_side("left", *_EYE), *_side("right", *_EYE), *sides("ear", "mouth", *ARM),
        *sides("little_finger", "index_finger", "thumb", *LEG, "heel", "toes"),
    ),
    "h36m_17": (
        "mid_hip", *_side("right", *LEG), *_side("left", *LEG),
        "spine3", "mid_shoulder", "nose", "head_top", *_side("left", *ARM), *_side("right", *ARM),
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

LIMB_PARTS = tuple(pair for limb in (ARM, LEG) for pair in pairwise(limb))
"""The ends of upper and lower arms and legs, of either side."""


def mirrored(names: tuple[str, ...]) -> tuple[int, ...]:
    """Each point's partner on the other side, itself on the midline."""
    partner = {"left": "right", "right": "left"}
    found = []
    for name in names:
        side, _, part = name.partition("_")
        found.append(names.index(f"{partner[side]}_{part}" if side in partner else name))
    return tuple(found)
