# SPDX-License-Identifier: GPL-3.0-or-later
"""The armature of a body model: a bone at each joint, and rotations of joints as rotations of bones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from contrapposto.body.model import BodyModel
from contrapposto.rotation import to_quat

from .errors import Refusal
from .space import BLENDER_TO_CORE

CORE_TO_BLENDER = BLENDER_TO_CORE[:3, :3].T
"""(3, 3) what turns core's axes, y up, into Blender's, z up."""

_LENGTH_OF_ENDS = 0.5
"""A bone without a child is so long, of its parent's length."""
_SHORTEST = 0.01
_AHEAD = {"left_foot": (0, 0, 1), "right_foot": (0, 0, 1), "head": (0, 1, 0), "pelvis": (0, 1, 0)}
"""Where bones point whose children do not say it, in core's axes."""
_SPINE = {"pelvis": "spine1", "spine3": "neck"}
"""Of several children the one that a bone points to."""


def to_blender(points: np.ndarray) -> np.ndarray:
    """Points (..., 3) of core in Blender's axes."""
    return np.asarray(points, dtype=float) @ CORE_TO_BLENDER.T


@contextmanager
def editing(context: bpy.types.Context, armature: bpy.types.Object) -> Iterator[bpy.types.ArmatureEditBones]:
    """The bones of an armature while they can be moved; afterwards the same object is active as before.

    Raises:
        Refusal: if Blender is not in Object Mode.
    """
    if context.mode != "OBJECT":
        raise Refusal("Switch to Object Mode first")
    active = context.view_layer.objects.active
    context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        yield armature.data.edit_bones
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        context.view_layer.objects.active = active


def add_bones(
    context: bpy.types.Context, armature: bpy.types.Object, model: BodyModel, joints: np.ndarray
) -> None:
    """Give an armature a bone at each joint, called as the joint is.

    Args:
        context: whose view layer holds the armature.
        armature: without bones.
        model: whose joints they are.
        joints: (J, 3) where they are in the rest pose, in the armature's space.
    """
    tails = bone_tails(model, joints)
    with editing(context, armature) as bones:
        made = []
        for name, parent, head, tail in zip(model.joint_names, model.parents, joints, tails, strict=True):
            bone = bones.new(name)
            bone.head, bone.tail = head, tail
            bone.parent = made[parent] if parent >= 0 else None
            made.append(bone)


def move_bones(
    context: bpy.types.Context, armature: bpy.types.Object, model: BodyModel, joints: np.ndarray
) -> None:
    """Put the bones of ``add_bones`` at other joints, those of another shape."""
    tails = bone_tails(model, joints)
    with editing(context, armature) as bones:
        for name, head, tail in zip(model.joint_names, joints, tails, strict=True):
            bones[name].head, bones[name].tail = head, tail


def bone_tails(model: BodyModel, joints: np.ndarray) -> np.ndarray:
    """(J, 3) where each bone ends: at its child, or ahead of it."""
    names, tails = model.joint_names, np.array(joints, dtype=float)
    for joint, name in enumerate(names):
        children = [child for child, parent in enumerate(model.parents) if parent == joint]
        parent = max(model.parents[joint], 0)
        arm = joints[joint] - joints[parent]
        if name in _SPINE:
            step = joints[names.index(_SPINE[name])] - joints[joint]
        elif name in _AHEAD or not children:
            ahead = to_blender(np.array(_AHEAD[name], dtype=float)) if name in _AHEAD else arm
            length = max(_LENGTH_OF_ENDS * np.linalg.norm(arm), _SHORTEST)
            step = length * ahead / max(float(np.linalg.norm(ahead)), 1e-9)
        else:
            step = joints[children].mean(axis=0) - joints[joint]
        if np.linalg.norm(step) < _SHORTEST:
            step = to_blender(np.array([0.0, _SHORTEST, 0.0]))
        tails[joint] = joints[joint] + step
    return tails


def rest_axes(armature: bpy.types.Object, names: tuple[str, ...]) -> np.ndarray:
    """(n, 3, 3) the axes of bones at rest, columns, in the armature's space."""
    bones = armature.data.bones
    return np.array([np.array(bones[name].matrix_local, dtype=float)[:3, :3] for name in names])


def bone_quaternions(axes: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """(T, n, 4) each bone's own rotation, without jumps of sign over time.

    Args:
        axes: (n, 3, 3) of ``rest_axes``.
        rotations: (T, n, 3, 3) local rotations of the joints in core's axes.
    """
    turned = CORE_TO_BLENDER @ rotations @ CORE_TO_BLENDER.T
    quaternions = to_quat(np.swapaxes(axes, -1, -2) @ turned @ axes)
    flips = np.sum(quaternions[1:] * quaternions[:-1], axis=-1) < 0
    sign = np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)
    quaternions[1:] *= sign[..., None]
    return quaternions
