# SPDX-License-Identifier: GPL-3.0-or-later
"""The masks of completion: which joints are known, which are hidden, which are placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS

LEG = ("hip", "knee", "ankle", "foot")
ARM = ("collar", "shoulder", "elbow", "wrist")
ENDS = ("pelvis", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")
PLACED = ("head", "left_wrist", "right_wrist", "left_ankle", "right_ankle")


def _sides(parts: tuple[str, ...], *sides: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for side in sides for part in parts)


@dataclass(frozen=True)
class Case:
    """One way to hide joints.

    Attributes:
        name: as it stands in the table.
        known: (22,) bool, joints whose rotation is given.
        placed: joints whose world position and rotation are given instead.
    """

    name: str
    known: np.ndarray
    placed: tuple[int, ...] = ()

    @property
    def hidden(self) -> np.ndarray:
        """(22,) bool, joints whose rotation is to be found, over which errors count."""
        return ~self.known

    @property
    def moving(self) -> np.ndarray:
        """(22,) bool, the hidden joints whose position is not given by what is known.

        A hip's position does not move when its rotation is hidden; nor does a placed joint's.
        """
        below = (DESCENDANTS & ~np.eye(NUM_JOINTS, dtype=bool))[self.hidden].any(axis=0)
        return self.hidden & below & ~np.isin(np.arange(NUM_JOINTS), self.placed)


def _hiding(name: str, *joints: str) -> Case:
    known = np.ones(NUM_JOINTS, dtype=bool)
    known[[JOINT_INDEX[joint] for joint in joints]] = False
    return Case(name, known)


def _knowing(name: str, *joints: str, placed: tuple[str, ...] = ()) -> Case:
    known = np.zeros(NUM_JOINTS, dtype=bool)
    known[[JOINT_INDEX[joint] for joint in joints]] = True
    return Case(name, known, tuple(JOINT_INDEX[joint] for joint in placed))


CASES = (
    _hiding("left_leg", *_sides(LEG, "left")),
    _hiding("both_legs", *_sides(LEG, "left", "right")),
    _hiding("both_arms", *_sides(ARM, "left", "right")),
    _hiding("trunk", "spine1", "spine2", "spine3", "left_shoulder", "right_shoulder"),
    _knowing("ends", *ENDS),
    _knowing("ends_placed", "pelvis", placed=PLACED),
)
"""``ends``: the rotations of pelvis, head, hands and feet are known. ``ends_placed``:
the pelvis' rotation, and where head, hands and feet are and point, as IK controls say."""

DESCRIPTIONS = {
    "left_leg": "left leg",
    "both_legs": "both legs",
    "both_arms": "both arms",
    "trunk": "trunk",
    "ends": "all but hips, head, hands, feet",
    "ends_placed": "all but the hips; head, hands, feet placed",
}
"""The cases in words, as the docs have them."""
