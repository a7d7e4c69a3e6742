# SPDX-License-Identifier: GPL-3.0-or-later
"""What points are called elsewhere, as the names of ``sets``: columns of tables, markers, clip tracks.

``RKnee``, ``right_knee``, ``knee.R`` and ``Knee right`` are one point. As detectors have it, *neck*
is the middle of the shoulders, *head* the top of the head, *hip* or *pelvis* without a side the
middle of the hips.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}

_PAIRED = {
    "shoulder": "shoulder", "sho": "shoulder", "elbow": "elbow", "elb": "elbow", "wrist": "wrist",
    "wri": "wrist", "hip": "hip", "knee": "knee", "kne": "knee", "ankle": "ankle", "ank": "ankle",
    "eye": "eye", "ear": "ear", "heel": "heel", "bigtoe": "big_toe", "smalltoe": "small_toe",
    "littletoe": "small_toe", "toes": "toes", "toe": "toes", "footindex": "toes", "foot": "foot",
    "collar": "collar", "eyeinner": "eye_inner", "eyeouter": "eye_outer", "mouth": "mouth",
    "pinky": "little_finger", "littlefinger": "little_finger", "index": "index_finger",
    "indexfinger": "index_finger", "thumb": "thumb",
}  # fmt: skip
"""Parts that are left and right."""

_MIDDLE = {
    "nose": "nose", "neck": "mid_shoulder", "midshoulder": "mid_shoulder", "upperneck": "upper_neck",
    "head": "head_top", "headtop": "head_top", "tophead": "head_top", "hip": "mid_hip",
    "midhip": "mid_hip", "hips": "mid_hip", "pelvis": "mid_hip", "spine1": "spine1", "spine2": "spine2",
    "spine3": "spine3", "thorax": "mid_shoulder", "chest": "spine3", "spine": "spine2",
}  # fmt: skip
"""Parts on the midline."""


def point_named(text: str) -> str | None:
    """The point of ``sets`` that a name from elsewhere stands for; None if it stands for none."""
    words = [word.lower() for word in _WORDS.findall(text)]
    sides = {_SIDES[word] for word in words if word in _SIDES}
    part = "".join(word for word in words if word not in _SIDES)
    if not sides and part not in _MIDDLE and part[:1] in _SIDES and part[1:] in _PAIRED:
        sides, part = {_SIDES[part[0]]}, part[1:]  # lknee
    if len(sides) > 1:
        return None
    if not sides:
        return _MIDDLE.get(part)
    part_of = _PAIRED.get(part)
    return None if part_of is None else f"{sides.pop()}_{part_of}"


def points_named(names: Iterable[str], source: object) -> tuple[str, ...]:
    """Points by their names from elsewhere; a name that stands for none stays as it is.

    Raises:
        ValueError: with one sentence, if two names are of one point.
    """
    found: dict[str, str] = {}
    for name in names:
        point = point_named(name) or name
        if point in found:
            raise ValueError(f"'{found[point]}' and '{name}' in {source} are both the point '{point}'")
        found[point] = name
    return tuple(found)
