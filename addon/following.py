# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bone turns along with: the joint above it, another one, or nothing at all.

A pose tells each joint's rotation relative to the joint above. A control rig can part the two:
Rigify's head takes its turn from the torso unless it is told to follow the neck, and any bone
may not inherit rotation. What is kept of such a joint is its direction, not its local rotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import bpy

from contrapposto.rig.joints import mapped_ancestor
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX

from .limbs import active_constraints, controls

if TYPE_CHECKING:
    from .known import Intent
    from .rig import Rig

_MOST = 0.5
_OUTSIDE_THE_PARENT = {"WORLD", "POSE", "CUSTOM"}


def kept_apart(rig: Rig, intent: Intent) -> Mapping[str, str | None]:
    """Kept joints that do not turn with the mapped joint above -> the ancestor they turn with, or None."""
    found = {joint: _turns_with(rig, joint) for joint in rig.rigmap.joints if joint in intent.joints}
    return {
        joint: with_joint
        for joint, with_joint in found.items()
        if with_joint != mapped_ancestor(joint, rig.rigmap.joints)[0]
    }


def _turns_with(rig: Rig, joint: str) -> str | None:
    """The joint above whose turn carries the joint's control along; None if it is the world's."""
    owners = {name: j for j, bones in rig.rigmap.joints.items() for name in (*bones.read, *bones.write)}
    owners |= {handle.bone: end for end, handle in rig.rigmap.handles.items()}
    bones = rig.object.pose.bones
    bone = bones[controls(rig.object, rig.rigmap, joint)[0]]
    passed: set[str] = set()
    while bone is not None and bone.name not in passed:
        passed.add(bone.name)
        owner = owners.get(bone.name, joint)
        if owner != joint:
            return owner if DESCENDANTS[JOINT_INDEX[owner], JOINT_INDEX[joint]] else None
        bone = carrier(rig.object, bone)
    return None


def carrier(armature_object: bpy.types.Object, bone: bpy.types.PoseBone) -> bpy.types.PoseBone | None:
    """The bone that most of this one's rotation comes from: what a constraint copies, else the parent."""
    for constraint in reversed(list(active_constraints(bone))):
        if constraint.influence > _MOST and (source := _source(constraint)) is not None:
            target, name = source
            return armature_object.pose.bones.get(name) if target == armature_object else None
    return bone.parent if bone.bone.use_inherit_rotation else None


def _source(constraint: bpy.types.Constraint) -> tuple[bpy.types.Object, str] | None:
    """The object and bone that replace the rotation, if the constraint does that."""
    if constraint.type == "ARMATURE":
        heaviest = max(constraint.targets, key=lambda target: target.weight, default=None)
        return heaviest and (heaviest.target, heaviest.subtarget)
    if constraint.type not in {"COPY_ROTATION", "COPY_TRANSFORMS"} or constraint.mix_mode != "REPLACE":
        return None
    if constraint.owner_space not in _OUTSIDE_THE_PARENT:
        return None
    if constraint.type == "COPY_ROTATION" and not (
        constraint.use_x and constraint.use_y and constraint.use_z
    ):
        return None
    return constraint.target, constraint.subtarget
