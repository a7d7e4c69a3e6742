# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses that the training data hardly has, written by hand: yoga, floor, upside down.

Each joint is a list of turns in degrees about its parent's axes (x to the body's left, y up,
z forward), one after the other, from the T-pose: ``z-90 x-80`` lets the left arm hang, then lifts
it forward. Bones written ``both_`` stand for a pair, the right one mirrored.
"""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS

STRAIGHT_ARMS_UP = {"both_shoulder": "x-90 z82", "both_collar": "z15"}
FLAT_HANDS = {"both_elbow": "x60", "both_wrist": "z75"}

POSES: dict[str, dict[str, str]] = {
    "warrior": {
        "left_hip": "x-72 y78", "left_knee": "x74", "left_ankle": "x-2",
        "right_hip": "y-15 z-42", "right_ankle": "z30", "neck": "y30", "head": "y35",
        "both_elbow": "y-4",
    },
    "downward dog": {
        "pelvis": "x122", "both_hip": "x-92 z4", "both_knee": "x4", "both_ankle": "x-28",
        "spine2": "x6", **STRAIGHT_ARMS_UP, **FLAT_HANDS, "neck": "x10",
    },
    "tree": {
        "right_hip": "y-35 x-58 y-48", "right_knee": "x125", "right_ankle": "x30",
        "left_hip": "z-3", "both_shoulder": "x-80 z62", "both_collar": "z18", "both_elbow": "y-50",
        "both_wrist": "y-12",
    },
    "cross-legged": {
        "both_hip": "y88 x-80 y42", "both_knee": "x118", "both_ankle": "x25", "pelvis": "x-6",
        "spine1": "x4", "spine2": "x4", "both_shoulder": "z-68 x-32", "both_elbow": "y-30",
    },
    "sitting on a chair": {
        "both_hip": "x-86 z5", "both_knee": "x84", "both_shoulder": "z-76 x-20", "both_elbow": "y-58",
        "spine2": "x6", "neck": "x8",
    },
    "crawling": {
        "pelvis": "x86", "left_hip": "x-104", "right_hip": "x-72", "left_knee": "x106", "right_knee": "x75",
        "both_ankle": "x45", "left_shoulder": "z-88 x-70", "right_shoulder": "z88 x-106",
        **FLAT_HANDS, "neck": "x-25", "head": "x-20",
    },
    "lying on the back": {
        "pelvis": "x-90", "both_hip": "y12 z7", "both_knee": "x4", "both_ankle": "x32",
        "both_shoulder": "z-62", "both_elbow": "y-18", "both_collar": "z-6",
    },
    "lying on the side": {
        "pelvis": "z-90", "left_hip": "x-38", "left_knee": "x48", "right_hip": "x-72 z6", "right_knee": "x82",
        "both_ankle": "x25", "left_shoulder": "z-88 x-92", "left_elbow": "y-85",
        "right_shoulder": "z86 x-62 y38", "right_elbow": "y50", "spine2": "x10", "neck": "x10 z-18",
    },
    "handstand": {
        "pelvis": "x180", "both_shoulder": "x-90 z84", "both_collar": "z18", "both_wrist": "z75",
        "left_hip": "x-6 z2", "right_hip": "x4 z-2", "both_ankle": "x45", "neck": "x-20", "head": "x-12",
        "spine2": "x-4",
    },
    "bridge": {
        "pelvis": "x-78", "both_hip": "x16 z6", "both_knee": "x72", "both_ankle": "x-8",
        "spine1": "x-22", "spine2": "x-24", "spine3": "x-18", "both_shoulder": "x-90 z84",
        "both_collar": "z16", "both_elbow": "x40", "both_wrist": "z75", "neck": "x-22", "head": "x-15",
    },
    "lunge": {
        "left_hip": "x-84", "left_knee": "x84", "right_hip": "x24", "right_knee": "x34",
        "right_ankle": "x-16", "right_foot": "x-34", "pelvis": "x4", "both_shoulder": "z-78 x-6",
        "both_elbow": "y-20",
    },
    "kneeling": {
        "both_hip": "x-4 z5", "both_knee": "x94", "both_ankle": "x58", "both_shoulder": "z-72 x-34",
        "both_elbow": "y-78", "neck": "x14", "head": "x10",
    },
    "plank": {
        "pelvis": "x68", "both_foot": "x-50", "both_shoulder": "z-88 x-72", **FLAT_HANDS,
        "neck": "x-10",
    },
    "squat": {
        "pelvis": "x28", "both_hip": "x-116 y22", "both_knee": "x128", "both_ankle": "x-36",
        "spine1": "x6", "spine2": "x6", "both_shoulder": "z-86 x-82", "both_elbow": "y-10",
        "neck": "x-14", "head": "x-8",
    },
}  # fmt: skip


def _turn(text: str, *, mirrored: bool) -> np.ndarray:
    """(3, 3) of turns such as ``z-90 x-80``, made one after the other."""
    R = np.eye(3)
    for step in text.split():
        axis, angle = "xyz".index(step[0]), np.radians(float(step[1:]))
        if mirrored and axis > 0:
            angle = -angle
        R = from_rotvec(angle * np.eye(3)[axis]) @ R
    return R


def unusual_pose(name: str) -> np.ndarray:
    """(22, 3, 3) local rotations of one of ``POSES``."""
    R = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    for bone, text in POSES[name].items():
        if bone.startswith("both_"):
            part = bone.removeprefix("both_")
            R[JOINT_INDEX[f"left_{part}"]] = _turn(text, mirrored=False)
            R[JOINT_INDEX[f"right_{part}"]] = _turn(text, mirrored=True)
        else:
            R[JOINT_INDEX[bone]] = _turn(text, mirrored=False)
    return R
