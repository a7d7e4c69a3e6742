# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own IK on given targets: run by a Python with bpy, with an input and an output file.

The input holds the standard body, a start pose, the pelvis and the targets of B poses,
and how many bones above each placed joint its IK constraint may turn. The armature has
one bone a joint, in the core's axes; elbows and knees turn about one axis and are slightly
bent to begin with, as riggers do so that IK bends them the right way.
"""

from __future__ import annotations

import os
import sys
import tempfile

import numpy as np

BONE_LENGTH = 0.08
"""Metres, of bones that end in the air: head, hands and toes."""

BENT = {"left_knee": (0, 1), "right_knee": (0, 1), "left_elbow": (1, -1), "right_elbow": (1, 1)}
"""The world axis at rest about which a hinge bends, and its sign."""

LARGEST_BEND = 2.7


def build(bpy, names: list[str], parents: np.ndarray, offsets: np.ndarray):  # noqa: ANN001, ANN201 - bpy comes late
    """An armature object at rest with one bone a joint, head at the joint."""
    armature = bpy.data.armatures.new("body")
    body = bpy.data.objects.new("body", armature)
    bpy.context.scene.collection.objects.link(body)
    bpy.context.view_layer.objects.active = body
    heads = np.zeros_like(offsets)
    for joint in range(1, len(names)):
        heads[joint] = heads[parents[joint]] + offsets[joint]
    bpy.ops.object.mode_set(mode="EDIT")
    bones = []
    for joint, name in enumerate(names):
        children = np.flatnonzero(parents == joint)
        step = offsets[children].mean(axis=0) if len(children) else heads[joint] - heads[parents[joint]]
        if len(children) == 0 or np.linalg.norm(step) < 1e-3:
            step = BONE_LENGTH * step / max(np.linalg.norm(step), 1e-9)
        if np.linalg.norm(step) < 1e-3:
            step = np.array([0, BONE_LENGTH, 0])
        bone = armature.edit_bones.new(name)
        bone.head, bone.tail = heads[joint], heads[joint] + step
        if name in BENT:
            axis = np.eye(3)[BENT[name][0]]
            along = step / np.linalg.norm(step)
            bone.align_roll(np.cross(axis, along))  # its z, so that its x is the hinge's axis
        if joint:
            bone.parent = bones[parents[joint]]
        bones.append(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    return body


def make_hinges(body) -> None:  # noqa: ANN001
    """Let elbows and knees turn about one axis, one way."""
    for name, (axis, sign) in BENT.items():
        bone = body.pose.bones[name]
        forward = float(np.array(bone.bone.matrix_local)[axis, 0]) * sign > 0
        bone.lock_ik_y = bone.lock_ik_z = True
        bone.use_ik_limit_x = True
        bone.ik_min_x, bone.ik_max_x = (0.0, LARGEST_BEND) if forward else (-LARGEST_BEND, 0.0)


def main(source: str, target: str) -> None:
    """Solve every pose of the input from its start pose; write world rotations and positions."""
    import bpy
    from mathutils import Matrix

    with np.load(source) as data:
        names = [str(name) for name in data["names"]]
        parents, offsets, start = data["parents"], data["offsets"], data["start"]
        placed, chains, pelvis, targets = data["placed"], data["chains"], data["pelvis"], data["targets"]
        hinges = bool(data["hinges"])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    body = build(bpy, names, parents, offsets)
    if hinges:
        make_hinges(body)
    bones = [body.pose.bones[name] for name in names]
    rest = np.array([np.array(bone.bone.matrix_local) for bone in bones])[:, :3, :3]
    empties = []
    for joint, chain in zip(placed, chains, strict=True):
        empty = bpy.data.objects.new(f"target {names[joint]}", None)
        bpy.context.scene.collection.objects.link(empty)
        constraint = bones[joint].constraints.new("IK")
        constraint.target, constraint.use_tail = empty, False
        constraint.chain_count, constraint.use_stretch = int(chain), False
        empties.append(empty)

    rotations = np.empty((len(pelvis), len(names), 3, 3))
    positions = np.empty((len(pelvis), len(names), 3))
    for row in range(len(pelvis)):
        for joint, bone in enumerate(bones):
            turn = pelvis[row] if joint == 0 else start[joint]  # in the parent's axes, identity at rest
            bone.matrix_basis = Matrix((rest[joint].T @ turn @ rest[joint]).tolist()).to_4x4()
        for empty, place in zip(empties, targets[row], strict=True):
            empty.location = place
        bpy.context.view_layer.update()
        found = np.array([np.array(bone.matrix) for bone in bones])
        rotations[row] = found[:, :3, :3] @ np.swapaxes(rest, -1, -2)
        positions[row] = found[:, :3, 3]
    np.savez(target, rotations=rotations, positions=positions)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as profile:
        os.environ["BLENDER_USER_RESOURCES"] = profile
        try:
            main(sys.argv[1], sys.argv[2])
        except BaseException:  # noqa: BLE001 - shown, then left: this process must not linger in Blender's exit
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(1)
    sys.stdout.flush()
    os._exit(0)
