# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters of three rig families, dressed and ready to pose: Rigify, Mixamo-style, Unreal-style."""

from __future__ import annotations

import math
import os
from pathlib import Path

import bpy
import addon_utils
import crouch
import figure
import mannequin
from mathutils import Matrix, Vector
from picture import Colour, material

from contrapposto.rig.profile import profile_named
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS

SKIN: Colour = (0.24, 0.4, 0.66)

SHARED = Path(os.environ.get("CONTRAPPOSTO_SHARED") or Path(__file__).resolve().parents[2] / "shared")
UNREAL = SHARED / "data" / "rigs" / "mesh2motion" / "human-male.glb"

CENTIMETRE = 0.01
"""Mixamo's unit, in metres; its armature is an object of this scale that is turned to stand along y."""

_NEXT = {"pelvis": "spine1", "spine3": "neck"}
"""Where the bone of a joint with several children goes."""

_TIP = {"head": (0, 0, 0.18), "foot": (0, -0.08, 0), "wrist": (0.1, 0, 0)}
"""Metres from the last joint of a chain to its end, on the left side."""


def rigify() -> bpy.types.Object:
    """Rigify's generated human with an artist's mannequin."""
    addon_utils.enable("rigify", default_set=True)
    rig = crouch.rigify_human()
    mannequin.tint(mannequin.build(rig), {}, SKIN)
    return rig


def mixamo() -> bpy.types.Object:
    """A rig as Mixamo's files bring it, names, unit and axes, with the standard body."""
    bones = {joint: names[0] for joint, names in profile_named("Mixamo").joints.items()}
    to_armature = Matrix.Rotation(math.radians(-90), 4, "X") @ Matrix.Scale(1 / CENTIMETRE, 4)
    heads = dict(zip(JOINT_NAMES, map(Vector, figure.standing()), strict=True))
    heads["spine1"] = heads["pelvis"].lerp(heads["spine2"], 0.5)  # the standard body's lies in its pelvis
    rig = bpy.data.objects.new("Mixamo", bpy.data.armatures.new("Mixamo"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    edit_bones = rig.data.edit_bones
    for joint, parent in zip(JOINT_NAMES, PARENTS, strict=True):
        bone = edit_bones.new(bones[joint])
        bone.head, bone.tail = to_armature @ heads[joint], to_armature @ _tail(joint, heads)
        bone.parent = edit_bones[bones[JOINT_NAMES[parent]]] if parent >= 0 else None
    bpy.ops.object.mode_set(mode="POSE")
    rig.matrix_world = to_armature.inverted()
    figure.dress(rig, bones, material("Skin", SKIN))
    return rig


def unreal() -> bpy.types.Object:
    """A character of Unreal's bone names from a glTF file, with its own mesh.

    Raises:
        FileNotFoundError: with one sentence, without the file.
    """
    if not UNREAL.is_file():
        raise FileNotFoundError(
            f"There is no character at {UNREAL}; set CONTRAPPOSTO_SHARED to the folder that holds data/"
        )
    bpy.ops.import_scene.gltf(filepath=str(UNREAL))
    rig = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    rig.animation_data_clear()
    skin = material("Skin", SKIN)
    for body in (thing for thing in bpy.data.objects if thing.find_armature() == rig):
        body.data.materials.clear()
        body.data.materials.append(skin)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    return rig


def _tail(joint: str, heads: dict[str, Vector]) -> Vector:
    """Where a joint's bone ends: at the next joint, or in the air."""
    below = [name for name, parent in zip(JOINT_NAMES, PARENTS, strict=True) if parent == JOINT_INDEX[joint]]
    if below:
        return heads[_NEXT.get(joint, below[0])]
    x, y, z = _TIP[joint.rpartition("_")[2]]
    return heads[joint] + Vector((-x if joint.startswith("right") else x, y, z))
