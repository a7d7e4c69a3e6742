# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of a pose on a Rigify human: someone crouches and reaches out low, and only three controls say so."""

from __future__ import annotations

import struct
from math import radians

import bpy
from mathutils import Euler, Matrix, Vector

FRAME = 1

KEYED = {
    "torso": ("location", "rotation_quaternion"),
    "hand_ik.R": ("location", "rotation_quaternion"),
    "head": ("rotation_quaternion",),
}

PART_OF_CONTROL = {"torso": "hips", "hand_ik.R": "hand.R", "head": "head"}
"""Which part of the mannequin shows that a control is keyed."""


def rigify_human() -> bpy.types.Object:
    """Generate Rigify's human from its metarig, ready to pose."""
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rig = bpy.context.object
    metarig.hide_render = True
    metarig.hide_set(True)
    bpy.ops.object.mode_set(mode="POSE")
    return rig


def key(rig: bpy.types.Object) -> None:
    """Bent knees, reaching for something low ahead: hips, right hand and head, nothing else."""
    bones = rig.pose.bones
    torso, hand, head = bones["torso"], bones["hand_ik.R"], bones["head"]
    torso.location = (0.0, 0.08, -0.36)
    torso.rotation_quaternion = Euler((radians(20), 0, radians(8))).to_quaternion()
    bpy.context.view_layer.update()
    hand.matrix = Matrix.Translation((-0.18, -0.55, 0.62)) @ hand_towards(Vector((0.1, -0.85, -0.3)))
    head.rotation_quaternion = Euler((radians(4), radians(-8), 0)).to_quaternion()
    for name, channels in KEYED.items():
        for channel in channels:
            bones[name].keyframe_insert(channel, frame=FRAME)
    bpy.context.view_layer.update()


def hand_towards(fingers: Vector) -> Matrix:
    """Rotation of a Rigify hand control whose fingers point there, with the back of the hand upwards."""
    along = fingers.normalized()
    back = (Vector((0, 0, 1)) - along * along.z).normalized()
    return Matrix((back, along, back.cross(along))).transposed().to_4x4()


def keyed_channels(rig: bpy.types.Object) -> dict[str, bytes]:
    """The bits of every keyed channel as it stands on the rig: "torso location" -> three floats."""
    return {
        f"{name} {channel}": struct.pack(f"<{len(values)}f", *values)
        for name, channels in KEYED.items()
        for channel in channels
        for values in [getattr(rig.pose.bones[name], channel)]
    }
