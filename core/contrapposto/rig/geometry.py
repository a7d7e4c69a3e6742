# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mapping makes a body: what joint positions at rest say against it.

Positions only, by joint name, in armature space; the unit and the axes do not matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

Points = Mapping[str, np.ndarray]
"""Joint name to position (3,) at rest."""

LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
PAIRS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")

_SHORTEST = 0.02  # of the body's height: a limb's segment is longer
_ASYMMETRY = 0.2  # of the longer side


def crossed_parts(points: Points) -> tuple[str, ...]:
    """The parts (``"hip"``, ``"knee"``, …) whose left joint lies on the body's right.

    Empty also where the feet do not tell where the body faces.
    """
    frame = _up_and_left(points)
    if frame is None:
        return ()
    up, left = frame
    height = _height(points, up)
    found: list[str] = []
    for part in PAIRS:
        if f"left_{part}" in points and f"right_{part}" in points:
            apart = (points[f"left_{part}"] - points[f"right_{part}"]) @ left
            if apart < -_SHORTEST * height:
                found.append(part)
    return tuple(found)


def misplaced(points: Points) -> dict[str, str]:
    """Joints that cannot be where they are: joint name to a sentence."""
    found: dict[str, str] = {}
    up = _up(points)
    if up is None:
        return found
    height = _height(points, up)
    feet = [points[j] for j in ("left_ankle", "right_ankle") if j in points]
    if feet and "head" in points and (points["head"] - np.mean(feet, axis=0)) @ up <= 0:
        found["head"] = "it lies below the feet"
    for side in ("left", "right"):
        for limb in LIMBS:
            start, hinge, end = (f"{side}_{part}" for part in limb)
            for upper, lower in ((start, hinge), (hinge, end)):
                if upper in points and lower in points:
                    length = np.linalg.norm(points[lower] - points[upper])
                    if not length > _SHORTEST * height:
                        found[lower] = f"it lies where {upper.replace('_', ' ')} is"
            if start in points and hinge in points and end in points:
                way = points[end] - points[start]
                share = (points[hinge] - points[start]) @ way / max(way @ way, 1e-12)
                if not -0.3 < share < 1.3:
                    found[hinge] = f"it does not lie between {start} and {end}".replace("_", " ")
    return found


def uneven(points: Points) -> dict[str, str]:
    """Joints at the end of a limb segment that is longer on one side: joint name to a sentence."""
    found: dict[str, str] = {}
    for limb in LIMBS:
        for upper, lower in itertools.pairwise(limb):
            names = [f"{side}_{part}" for side in ("left", "right") for part in (upper, lower)]
            if all(name in points for name in names):
                left, right = (np.linalg.norm(points[names[i + 1]] - points[names[i]]) for i in (0, 2))
                if abs(left - right) > _ASYMMETRY * max(left, right):
                    found[names[1]] = found[names[3]] = "left and right differ in length"
    return found


def limb_points(points: Points) -> np.ndarray | None:
    """(2, 2, 3, 3) legs and arms: limb, side, joint, xyz; None unless all are there."""
    names = [[[f"{side}_{part}" for part in limb] for side in ("left", "right")] for limb in LIMBS]
    if not all(joint in points for limb in names for side in limb for joint in side):
        return None
    return np.array([[[points[joint] for joint in side] for side in limb] for limb in names])


def _up(points: Points) -> np.ndarray | None:
    top = next((j for j in ("spine3", "neck", "spine2", "head") if j in points), None)
    if top is None or "pelvis" not in points:
        return None
    return _unit(points[top] - points["pelvis"])


def _height(points: Points, up: np.ndarray) -> float:
    return float(np.ptp([p @ up for p in points.values()]))


def _up_and_left(points: Points) -> tuple[np.ndarray, np.ndarray] | None:
    up = _up(points)
    ways = [
        points[f"{side}_foot"] - points[f"{side}_ankle"]
        for side in ("left", "right")
        if f"{side}_foot" in points and f"{side}_ankle" in points
    ]
    if up is None or not ways:
        return None
    way = np.mean(ways, axis=0)
    forward = way - (way @ up) * up
    if np.linalg.norm(forward) < 0.3 * np.linalg.norm(way) or not np.any(way):
        return None
    return up, np.cross(up, _unit(forward))


def _unit(v: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(v)
    return v / length if length > 0 else v
