# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures built in Blender from names and proportions, a prior that needs no weights, and a full dump."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
from mathutils import Matrix, Vector

from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, STANDARD_OFFSETS
from contrapposto.tasks.complete import Completion

SMPL = {joint: joint for joint in JOINT_NAMES}

_MIXAMO_LEFT = {
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
    "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip
MIXAMO = {
    joint: f"mixamorig:{bone}"
    for joint, bone in {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2",
        "neck": "Neck", "head": "Head",
        **{f"{s}_{j}": f"{s.title()}{b}" for s in ("left", "right") for j, b in _MIXAMO_LEFT.items()},
    }.items()
}  # fmt: skip

_TIPS = {"head": (0, 0.18, 0), "left_foot": (0, 0, 0.08), "right_foot": (0, 0, 0.08),
         "left_wrist": (0.08, 0, 0), "right_wrist": (-0.08, 0, 0)}  # fmt: skip
_NEXT = {"pelvis": "spine1", "spine3": "neck"}
_FLOOR = 0.95


def build(names: dict[str, str] = SMPL, *, arms_down_deg: float = 0.0, rolls_seed: int | None = None):
    """A humanoid armature object, active and in pose mode; also a finger, a twist bone and a prop."""
    places = _places(arms_down_deg)
    tails = {joint: places[joint] + _blender(step) for joint, step in _TIPS.items()}
    for joint in JOINT_NAMES:
        if joint not in tails:
            below = _NEXT.get(joint) or next(
                child for child in JOINT_NAMES if PARENTS[JOINT_INDEX[child]] == JOINT_INDEX[joint]
            )
            tails[joint] = places[below]
    tails["pelvis"] = places["pelvis"] + Vector((0, 0, 0.1))
    rng = np.random.default_rng(rolls_seed)
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    for joint in JOINT_NAMES:
        if joint in names:
            bone = bones.new(names[joint])
            bone.head, bone.tail = places[joint], tails[joint]
            parent = PARENTS[JOINT_INDEX[joint]]
            bone.parent = bones[names[JOINT_NAMES[parent]]] if parent >= 0 else None
            bone.roll = 0.0 if rolls_seed is None else float(rng.uniform(-3, 3))
    for name, parent in {"finger": "left_wrist", "twist": "left_elbow", "prop": "right_wrist"}.items():
        bone = bones.new(name)
        bone.parent = bones[names[parent]]
        bone.head = bone.parent.tail
        bone.tail = bone.head + Vector((0, 0, 0.03))
    bpy.ops.object.mode_set(mode="POSE")
    return rig


def turn(rig, bone: str, degrees=(20, -10, 15)) -> None:
    """Give a bone a rotation in its own mode."""
    pose_bone = rig.pose.bones[bone]
    euler = Matrix.Rotation(np.radians(degrees[0]), 4, "X") @ Matrix.Rotation(np.radians(degrees[1]), 4, "Y")
    location, scale = pose_bone.location.copy(), pose_bone.scale.copy()
    pose_bone.matrix_basis = Matrix.LocRotScale(location, euler.to_quaternion(), scale)


def rotation_path(pose_bone) -> str:
    """The property of the bone's rotation mode."""
    modes = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
    return modes.get(pose_bone.rotation_mode, "rotation_euler")


def key(rig, *bones: str, frame: int = 1) -> None:
    """Turn the bones and key their rotation."""
    bpy.context.scene.frame_set(frame)
    for i, bone in enumerate(bones):
        turn(rig, bone, (20 + 5 * i, -10, 0))
        rig.pose.bones[bone].keyframe_insert(rotation_path(rig.pose.bones[bone]), frame=frame)
    bpy.context.view_layer.update()


def use_simple_prior(monkeypatch, extension: str, size: float = 0.3, *, rise: float = 0.0) -> list:
    """Replace the prior by small random turns of whatever is not known; returns the list of its calls."""
    calls = []

    def complete_pose(
        pose,
        known,
        *,
        hypotheses=8,
        seed=0,
        diversity=0.0,
        offsets=None,
        soles=None,
        present=None,
        keep_feet_on_floor=False,
        prior=None,
        callback=None,
        count=None,
        distance=1.0,
        mirrored=False,
    ):
        calls.append(known)
        hypotheses = count or hypotheses
        turns = from_rotvec(
            np.random.default_rng(seed).normal(size=(hypotheses, 22, 3)) * size * (1 + diversity) * distance
        )
        turns[:, known.joints] = np.eye(3)
        transl = pose.transl + [0, rise, 0]
        poses = Pose(pose.rotations @ turns, np.repeat(transl[None], hypotheses, axis=0))
        met, within = np.zeros((hypotheses, len(known.targets))), np.zeros((hypotheses, 22))
        return Completion(poses, np.arange(hypotheses, dtype=float), known.targets, met, met, within)

    memory = importlib.import_module(f"{extension}.addon.memory")
    memory.forget()
    monkeypatch.setattr(memory, "complete_pose", complete_pose)
    monkeypatch.setattr(memory, "sample_poses", complete_pose)
    return calls


def channels(rig) -> dict:
    """Every channel of every bone, to the bit."""
    paths = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")
    return {
        bone.name: (bone.rotation_mode, *(tuple(getattr(bone, path)) for path in paths))
        for bone in rig.pose.bones
    }


def restore(rig, before: dict) -> None:
    """Give the bones the ``channels`` that they had."""
    for name, (mode, location, quaternion, euler, axis_angle, scale) in before.items():
        bone = rig.pose.bones[name]
        bone.rotation_mode = mode
        bone.location, bone.rotation_quaternion, bone.scale = location, quaternion, scale
        bone.rotation_euler, bone.rotation_axis_angle = euler, axis_angle
    bpy.context.view_layer.update()


def curves(rig, extension: str) -> dict:
    """Every key of every F-curve of the assigned slot, to the bit."""
    versions = importlib.import_module(f"{extension}.addon.versions")
    return {
        (curve.data_path, curve.array_index): [
            (*key.co, *key.handle_left, *key.handle_right, key.interpolation, key.type)
            for key in curve.keyframe_points
        ]
        for curve in versions.fcurves(rig)
    }


def dump(rig, extension: str) -> str:
    """Pose, keys, custom properties and data-blocks, as text: there not-a-number equals itself."""
    counts = (len(bpy.data.actions), len(bpy.data.objects), len(bpy.data.armatures))
    return repr((channels(rig), curves(rig, extension), dict(rig.data.items()), counts))


def _places(arms_down_deg: float) -> dict[str, Vector]:
    found: dict[str, np.ndarray] = {}
    for index, joint in enumerate(JOINT_NAMES):
        if index == 0:
            found[joint] = np.array([0, _FLOOR, 0])
            continue
        step = STANDARD_OFFSETS[index]
        if joint == "spine1":
            step = np.array([0, 0.1, 0])  # the standard body's spine1 sits in its pelvis
        if joint.endswith(("elbow", "wrist")):
            side = -1 if joint.startswith("left") else 1
            step = from_rotvec(np.array([0, 0, side * np.radians(arms_down_deg)])) @ step
        found[joint] = found[JOINT_NAMES[PARENTS[index]]] + step
    return {joint: _blender(place) for joint, place in found.items()}


def _blender(point) -> Vector:
    x, y, z = point
    return Vector((x, -z, y))
