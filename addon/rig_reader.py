# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a Blender armature as plain data, and its evaluated pose as matrices."""

from __future__ import annotations

import re

import bpy
import numpy as np

from contrapposto.rig.armature import Armature

from .versions import member, stored

_VRM_JOINTS = {
    "hips": "pelvis",
    "spine": "spine1",
    "chest": "spine2",
    "upper_chest": "spine3",
    "neck": "neck",
    "head": "head",
    **{
        f"{side}_{part}": f"{side}_{joint}"
        for side in ("left", "right")
        for part, joint in {
            "upper_leg": "hip",
            "lower_leg": "knee",
            "foot": "ankle",
            "toes": "foot",
            "shoulder": "collar",
            "upper_arm": "shoulder",
            "lower_arm": "elbow",
            "hand": "wrist",
        }.items()
    },
}

_MMD_JOINTS = {
    "センター": "pelvis",
    "上半身": "spine1",
    "上半身2": "spine3",
    "首": "neck",
    "頭": "head",
    **{
        f"{mark}{part}": f"{side}_{joint}"
        for mark, side in {"左": "left", "右": "right"}.items()
        for part, joint in {
            "足": "hip",
            "ひざ": "knee",
            "足首": "ankle",
            "つま先": "foot",
            "足先EX": "foot",
            "肩": "collar",
            "腕": "shoulder",
            "ひじ": "elbow",
            "手首": "wrist",
        }.items()
    },
}


def read_armature(armature_object: bpy.types.Object) -> Armature:
    """The rest skeleton of an armature object, parents before children."""
    bones = sorted(armature_object.data.bones, key=lambda bone: len(bone.parent_recursive))
    index = {bone.name: i for i, bone in enumerate(bones)}
    return Armature(
        names=tuple(index),
        parents=tuple(index[bone.parent.name] if bone.parent else -1 for bone in bones),
        rest=np.array([bone.matrix_local for bone in bones], dtype=float).reshape(-1, 4, 4),
        lengths=np.array([bone.length for bone in bones], dtype=float),
        deform=tuple(bone.use_deform for bone in bones),
        embedded=_embedded_joints(armature_object),
        tags=_tags(armature_object),
    )


def read_matrices(armature_object: bpy.types.Object, armature: Armature) -> np.ndarray:
    """(B, 4, 4) armature-space pose matrices as last evaluated, in the order of ``armature.names``.

    Constraints, drivers and NLA are included; update the view layer first if anything was changed.
    """
    pose = armature_object.pose.bones
    flat = np.empty(16 * len(pose), dtype=np.float32)
    pose.foreach_get("matrix", flat)
    by_name = dict(zip(pose.keys(), flat.reshape(-1, 4, 4).transpose(0, 2, 1), strict=True))
    return np.array([by_name[name] for name in armature.names], dtype=float)


def _tags(armature_object: bpy.types.Object) -> frozenset[str]:
    tags = {key for key in ("rig_id",) if armature_object.data.get(key)}
    if any(member(bone, "rigify_type") for bone in armature_object.pose.bones):
        tags.add("rigify_type")
    return frozenset(tags)


def _embedded_joints(armature_object: bpy.types.Object) -> dict[str, str]:
    """Joint to bone where the file itself says so: VRM humanoid data, else MMD bone names."""
    bones = armature_object.data.bones
    found = _vrm_joints(armature_object.data) or _mmd_joints(armature_object)
    return {joint: bone for joint, bone in found.items() if bone in bones}


def _vrm_joints(data: bpy.types.Armature) -> dict[str, str]:
    extension = stored(data, "vrm_addon_extension")
    if extension is None:
        return {}
    found: dict[str, str] = {}
    named = member(extension, "vrm1", "humanoid", "human_bones")
    for part, joint in _VRM_JOINTS.items():
        if bone := _vrm_bone_name(member(named, part)):
            found[joint] = bone
    for entry in member(extension, "vrm0", "humanoid", "human_bones") or ():
        part = re.sub(r"([A-Z])", r"_\1", str(member(entry, "bone") or "")).lower()
        if (joint := _VRM_JOINTS.get(part)) and (bone := _vrm_bone_name(entry)):
            found.setdefault(joint, bone)
    # With only two spine bones, the one that carries the collars is spine3.
    if "spine2" in found and "spine3" not in found:
        found["spine3"] = found.pop("spine2")
    return found


def _vrm_bone_name(entry: object) -> str:
    return str(member(entry, "node", "bone_name") or member(entry, "node", "value") or "")


def _mmd_joints(armature_object: bpy.types.Object) -> dict[str, str]:
    found: dict[str, str] = {}
    for bone in armature_object.pose.bones:
        name = member(stored(bone, "mmd_bone"), "name_j")
        if joint := _MMD_JOINTS.get(str(name).translate(_NARROW)) if name else None:
            found.setdefault(joint, bone.name)
    return found


_NARROW = {0xFF01 + i: 0x21 + i for i in range(94)}
"""Full-width letters and digits to ASCII."""
