# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys for completed bones, typed Generated so that they can be selected and removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import bpy

from .curves import action_frame, bone_of, is_locked, keys_near, scene_frame
from .errors import Refusal
from .versions import fcurves

GENERATED = "GENERATED"
_SAME_KEY = 0.01
"""Blender puts a new key this close to another in its place."""


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
    at = action_frame(armature_object, frame)
    count = 0
    for curve in fcurves(armature_object):
        where = bone_of(curve.data_path)
        if where is None or where[1] not in written.get(where[0], ()):
            continue
        for i in keys_near(curve, at, _SAME_KEY):
            key = curve.keyframe_points[i]
            key.interpolation = curve.keyframe_points[i - 1].interpolation if i else default
            key.type = GENERATED
            count += 1
    return count


def generated_keys(
    armature_object: bpy.types.Object, frame: float | None = None
) -> Iterator[tuple[bpy.types.FCurve, bpy.types.Keyframe]]:
    """The Generated keys of the armature's bones, on one scene frame or on all (``frame`` None)."""
    at = None if frame is None else action_frame(armature_object, frame)
    for curve in fcurves(armature_object):
        if bone_of(curve.data_path) is None:
            continue
        points = curve.keyframe_points
        for i in range(len(points)) if at is None else keys_near(curve, at):
            if points[i].type == GENERATED:
                yield curve, points[i]


def select_generated(armature_object: bpy.types.Object, frame: float | None = None) -> int:
    """Select the Generated keys and no other key of the armature; how many there are.

    If there is none, the selection stays.
    """
    found = [key for _, key in generated_keys(armature_object, frame)]
    if found:
        for curve in fcurves(armature_object):
            for key in curve.keyframe_points:
                _select(key, state=False)
    for key in found:
        _select(key, state=True)
    return len(found)


def remove_generated(armature_object: bpy.types.Object, frame: float | None = None) -> int:
    """Remove the Generated keys, and curves that are left without a key; how many were removed.

    Raises:
        Refusal: if the action is linked or a curve locked; then all keys stay.
    """
    found: dict[tuple[str, int], list[float]] = {}
    for curve, key in generated_keys(armature_object, frame):
        if curve.id_data.library is not None:
            raise Refusal(f"Action '{curve.id_data.name}' is linked from another file; make it local first")
        if is_locked(curve):
            bone, _ = bone_of(curve.data_path)
            raise Refusal(f"The curves of bone '{bone}' are locked; unlock them in the Dope Sheet first")
        found.setdefault((curve.data_path, curve.array_index), []).append(key.co.x)
    for (path, index), frames in found.items():
        for at in frames:
            armature_object.keyframe_delete(
                data_path=path, index=index, frame=scene_frame(armature_object, at)
            )
    return sum(len(frames) for frames in found.values())


def _select(key: bpy.types.Keyframe, *, state: bool) -> None:
    key.select_control_point = key.select_left_handle = key.select_right_handle = state
