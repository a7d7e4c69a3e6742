# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layer of each limb is live: the FK bones, or an IK control that places its end.

A control rig's profile names its IK handles and switches. On any other rig, a bone that
an IK constraint on a mapped limb aims for is such a handle as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import bpy

from contrapposto.rig.rigmap import Handle, RigMap
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS

LIMB_ENDS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")
_SWITCH_MIDDLE = 0.5


@dataclass(frozen=True)
class IkLimb:
    """A limb whose IK layer is live.

    Attributes:
        handle: the control, its pole or swing bone.
        turns_end: whether the handle also sets the rotation of the limb's end.
    """

    handle: Handle
    turns_end: bool

    @property
    def joints(self) -> tuple[str, str, str]:
        """Upper joint, middle joint and end: shoulder, elbow, wrist or hip, knee, ankle."""
        middle = PARENTS[JOINT_INDEX[self.handle.joint]]
        return JOINT_NAMES[PARENTS[middle]], JOINT_NAMES[middle], self.handle.joint

    @property
    def aims(self) -> tuple[str, ...]:
        """The bones that aim the elbow or knee."""
        return tuple(bone for bone in (self.handle.pole, self.handle.swing) if bone)


def live_ik_limbs(armature_object: bpy.types.Object, rigmap: RigMap) -> dict[str, IkLimb]:
    """The limbs that IK places on the current frame, by the joint at their end."""
    found = {
        end: IkLimb(handle, turns_end=True)
        for end, handle in rigmap.handles.items()
        if end in LIMB_ENDS and ik_is_live(armature_object, handle)
    }
    for end in LIMB_ENDS:
        if end not in rigmap.handles and (limb := _constraint_limb(armature_object, rigmap, end)):
            found[end] = limb
    return found


def joints_through_ik(limbs: Mapping[str, IkLimb]) -> frozenset[str]:
    """The joints that live IK turns; the end of a limb only where the handle turns it, too."""
    return frozenset(
        joint for limb in limbs.values() for joint in limb.joints if joint not in limbs or limb.turns_end
    )


def ik_is_live(armature_object: bpy.types.Object, handle: Handle) -> bool:
    """Whether the handle's switch, as evaluated on the current frame, is on the IK side.

    A property that is missing or no number switches nothing: the limb is on IK.
    """
    bones = armature_object.pose.bones
    if handle.bone not in bones:
        return False
    if handle.switch is None:
        return True
    owner, name = handle.switch
    value = bones[owner].get(name) if owner in bones else None
    return not isinstance(value, (int, float)) or value < _SWITCH_MIDDLE


def active_constraints(bone: bpy.types.PoseBone) -> Iterable[bpy.types.Constraint]:
    """The bone's constraints that do something on this frame."""
    return [c for c in bone.constraints if c.enabled and not c.mute and c.influence > 0 and c.is_valid]


def _constraint_limb(armature_object: bpy.types.Object, rigmap: RigMap, end: str) -> IkLimb | None:
    """The IK constraint on the limb's lower bone (forearm or shin), if it has one."""
    middle = JOINT_NAMES[PARENTS[JOINT_INDEX[end]]]
    bones = armature_object.pose.bones
    if middle not in rigmap.joints or end not in rigmap.joints:
        return None
    for name in rigmap.joints[middle].write:
        for constraint in active_constraints(bones[name]):
            if constraint.type != "IK" or constraint.influence < _SWITCH_MIDDLE:
                continue
            if constraint.target != armature_object or constraint.subtarget not in bones:
                continue
            pole = constraint.pole_subtarget if constraint.pole_target == armature_object else ""
            handle = Handle(joint=end, bone=constraint.subtarget, pole=pole or None)
            return IkLimb(handle, turns_end=_follows(bones, rigmap.joints[end].write, handle.bone))
    return None


def _follows(bones: bpy.types.bpy_prop_collection, names: Iterable[str], handle: str) -> bool:
    """Whether one of the bones takes its rotation from the handle."""
    return any(
        constraint.type in {"COPY_ROTATION", "COPY_TRANSFORMS"} and constraint.subtarget == handle
        for name in names
        for constraint in active_constraints(bones[name])
    )


def controls(armature_object: bpy.types.Object, rigmap: RigMap, joint: str) -> tuple[str, ...]:
    """The bones that turn the joint in the live layer: a toe's IK control, else its FK controls."""
    handle = rigmap.handles.get(joint)
    if handle and joint not in LIMB_ENDS and ik_is_live(armature_object, handle):
        return (handle.bone,)
    return rigmap.joints[joint].write


def carriers(armature_object: bpy.types.Object, rigmap: RigMap, joint: str) -> frozenset[str]:
    """Controls that carry a joint's own one along, as Rigify's ``chest`` carries the upper spine.

    They are what the mechanism bones between the joint's control and the next control above copy. A
    control of another joint or a root is none of them: a neck that turns with the torso is not set by it.
    """
    every = {name for bones in rigmap.joints.values() for name in bones.write}
    others = every | {bone.name for bone in armature_object.pose.bones if bone.parent is None}
    found: set[str] = set()
    for name in rigmap.joints[joint].write:
        for bone in armature_object.pose.bones[name].parent_recursive:
            if bone.name in every:
                break
            found.update(
                constraint.subtarget
                for constraint in active_constraints(bone)
                if constraint.type in {"COPY_TRANSFORMS", "COPY_ROTATION"}
                and constraint.target == armature_object
                and constraint.subtarget not in others
            )
    return frozenset(found)


def live_aim(armature_object: bpy.types.Object, limb: IkLimb) -> str | None:
    """What aims the elbow or knee now: the pole if an active IK constraint uses it, else the swing."""
    bones = armature_object.pose.bones
    pole, swing = (name if name and name in bones else None for name in (limb.handle.pole, limb.handle.swing))
    return pole if pole and (swing is None or _is_pole(armature_object, pole)) else swing


def _is_pole(armature_object: bpy.types.Object, bone: str) -> bool:
    return any(
        constraint.type == "IK" and constraint.pole_subtarget == bone
        for owner in armature_object.pose.bones
        for constraint in active_constraints(owner)
    )
