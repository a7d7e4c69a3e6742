# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys for completed bones, typed Generated so that they can be selected and removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import bpy

from .known import bone_of
from .versions import fcurves

GENERATED = "GENERATED"
_SAME_FRAME = 0.5


def insert_keys(armature_object: bpy.types.Object, written: Mapping[str, Iterable[str]], frame: float) -> int:
    """Key exactly the written channels on ``frame``; how many channels were keyed.

    Interpolation follows the key before on the same curve, else the user's preference:
    Blender's own insertion by script follows neither.

    Args:
        armature_object: the rig.
        written: bone -> its written properties (a rotation path, ``location``).
        frame: scene frame.
    """
    for bone, paths in written.items():
        for path in paths:
            armature_object.pose.bones[bone].keyframe_insert(
                data_path=path, frame=frame, group=bone, keytype=GENERATED
            )
    default = bpy.context.preferences.edit.keyframe_new_interpolation_type
    count = 0
    for curve in fcurves(armature_object):
        where = bone_of(curve.data_path)
        if where is None or where[1] not in written.get(where[0], ()):
            continue
        before = [key for key in curve.keyframe_points if key.co.x < frame - _SAME_FRAME]
        for key in curve.keyframe_points:
            if abs(key.co.x - frame) < _SAME_FRAME:
                key.interpolation = before[-1].interpolation if before else default
                key.type = GENERATED
                count += 1
    return count


def generated_keys(
    armature_object: bpy.types.Object, frame: float | None = None
) -> Iterator[tuple[bpy.types.FCurve, bpy.types.Keyframe]]:
    """The Generated keys of the armature's bones, on one frame or on all (``frame`` None)."""
    for curve in fcurves(armature_object):
        if bone_of(curve.data_path) is None:
            continue
        for key in curve.keyframe_points:
            if key.type == GENERATED and (frame is None or abs(key.co.x - frame) < _SAME_FRAME):
                yield curve, key


def select_generated(armature_object: bpy.types.Object, frame: float | None = None) -> int:
    """Select the Generated keys and no other key of the armature; how many there are."""
    for curve in fcurves(armature_object):
        for key in curve.keyframe_points:
            key.select_control_point = key.select_left_handle = key.select_right_handle = False
    count = 0
    for _, key in generated_keys(armature_object, frame):
        key.select_control_point = key.select_left_handle = key.select_right_handle = True
        count += 1
    return count


def remove_generated(armature_object: bpy.types.Object, frame: float | None = None) -> int:
    """Remove the Generated keys, and curves that are left without a key; how many were removed."""
    found: dict[tuple[str, int], list[float]] = {}
    for curve, key in generated_keys(armature_object, frame):
        found.setdefault((curve.data_path, curve.array_index), []).append(key.co.x)
    for (path, index), frames in found.items():
        for at in frames:
            armature_object.keyframe_delete(data_path=path, index=index, frame=at)
    return sum(len(frames) for frames in found.values())
