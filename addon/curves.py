# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading F-curves: whose channel one animates, which keys lie on a frame, whether it takes keys."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

import bpy

from .versions import fcurves

SAME_FRAME = 0.5
"""Keys less than this far from a frame are on it."""

# The name ends at the first quote that is not escaped: paths of constraints hold brackets of their own.
_BONE_PATH = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]\.(\w+)')


def bone_of(data_path: str) -> tuple[str, str] | None:
    """Bone and property of an F-curve's path, or None if it animates no bone's own channel."""
    found = _BONE_PATH.fullmatch(data_path)
    return (bpy.utils.unescape_identifier(found[1]), found[2]) if found else None


def action_frame(armature_object: bpy.types.Object, frame: float) -> float:
    """Where a scene frame lies in the action: elsewhere while an NLA strip is tweaked."""
    data = armature_object.animation_data
    if data is None or not data.use_tweak_mode:
        return frame
    return data.nla_tweak_strip_time_to_scene(frame, invert=True)


def scene_frame(armature_object: bpy.types.Object, frame: float) -> float:
    """The inverse of ``action_frame``."""
    data = armature_object.animation_data
    if data is None or not data.use_tweak_mode:
        return frame
    return data.nla_tweak_strip_time_to_scene(frame)


def keys_near(curve: bpy.types.FCurve, frame: float, within: float = SAME_FRAME) -> range:
    """Indices of the keys less than ``within`` from an action's frame; keys are sorted by frame."""
    points = curve.keyframe_points
    first = bisect_right(points, frame - within, key=lambda key: key.co.x)
    return range(first, bisect_left(points, frame + within, lo=first, key=lambda key: key.co.x))


def is_locked(curve: bpy.types.FCurve) -> bool:
    """Whether the curve, or its group, is locked against new and deleted keys."""
    return curve.lock or (curve.group is not None and curve.group.lock)


def keyed_channels(
    armature_object: bpy.types.Object, frame: float, *, generated: bool = True
) -> dict[str, set[str]]:
    """Bone -> the properties that have a key within half a frame of ``frame``.

    Args:
        armature_object: whose assigned action and slot are read.
        frame: scene frame.
        generated: whether keys of the type Generated count.
    """
    frame = action_frame(armature_object, frame)
    keyed: dict[str, set[str]] = {}
    for curve in fcurves(armature_object):
        where = bone_of(curve.data_path)
        if where and any(
            generated or curve.keyframe_points[i].type != "GENERATED" for i in keys_near(curve, frame)
        ):
            keyed.setdefault(where[0], set()).add(where[1])
    return keyed
