# SPDX-License-Identifier: GPL-3.0-or-later
"""Which controls take the free joints, settled and checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import bpy

from .known import Intent
from .limbs import IkLimb, active_constraints, controls, joints_through_ik, live_aim
from .rig import Rig
from .rotations import ROTATION_PATHS


@dataclass(frozen=True)
class Plan:
    """What will be written, settled and checked before anything is.

    Attributes:
        turned: joint -> FK controls whose rotation is written.
        held: joint -> further controls of a kept joint that keep it in place.
        handles: limb ends whose IK handle is moved.
        aims: limb end -> the pole or swing bone that is written.
        moved: the pelvis' first control, if its location is written; else None. Hips whose
            location is locked or tied to a parent stay, and the legs reach for the floor.
        plain: whether the closed form applies.
        limbs: limb end -> the limb, of those whose IK layer is live.
    """

    turned: Mapping[str, tuple[str, ...]]
    held: Mapping[str, tuple[str, ...]]
    handles: tuple[str, ...]
    aims: Mapping[str, str]
    moved: str | None
    plain: bool
    limbs: Mapping[str, IkLimb]

    @property
    def rotated_bones(self) -> tuple[str, ...]:
        """Every bone whose rotation may be written."""
        names = [name for group in (self.turned, self.held) for bones in group.values() for name in bones]
        names += [self.limbs[end].handle.bone for end in self.handles if self.limbs[end].turns_end]
        names += [bone for end, bone in self.aims.items() if bone == self.limbs[end].handle.swing]
        return tuple(dict.fromkeys(names))

    @property
    def moved_bones(self) -> tuple[str, ...]:
        """Every bone whose location may be written."""
        names = [self.moved] if self.moved else []
        names += [self.limbs[end].handle.bone for end in self.handles]
        names += [bone for end, bone in self.aims.items() if bone == self.limbs[end].handle.pole]
        return tuple(dict.fromkeys(names))

    @property
    def channels(self) -> dict[str, set[str]]:
        """Bone -> its properties that may be written, whatever its rotation mode."""
        found: dict[str, set[str]] = {name: set(ROTATION_PATHS) for name in self.rotated_bones}
        for name in self.moved_bones:
            found.setdefault(name, set()).add("location")
        return found

    @property
    def joints(self) -> tuple[str, ...]:
        """The joints that the plan sets."""
        through_ik = [joint for end in self.handles for joint in self.limbs[end].joints]
        through_aim = [joint for end in self.aims for joint in self.limbs[end].joints[:2]]
        return tuple(dict.fromkeys([*self.turned, *through_ik, *through_aim]))


def make_plan(rig: Rig, intent: Intent, *, move_pelvis: bool) -> Plan:
    """Which controls take the free joints; set bones are never among them."""
    rigmap, limbs = rig.rigmap, rig.limbs
    through_ik = joints_through_ik(limbs)
    is_control_rig = any(bones.read != bones.write for bones in rigmap.joints.values())
    turned: dict[str, tuple[str, ...]] = {}
    held: dict[str, tuple[str, ...]] = {}
    for joint, bones in rigmap.joints.items():
        if joint in through_ik or joint in intent.stiff:
            continue
        own = tuple(name for name in controls(rig.object, rigmap, joint) if name not in intent.bones)
        on_ik_leg = is_control_rig and joint.endswith("_foot") and joint.replace("foot", "ankle") in limbs
        if not own or (on_ik_leg and own == bones.write):
            continue  # nothing that may be written, or only the layer that is not live
        if joint not in intent.joints:
            turned[joint] = own
        elif len(bones.write) > 1 and bones.read != bones.write:
            held[joint] = own
    handles = tuple(end for end in limbs if end not in intent.placed)
    aims = {end: live_aim(rig.object, limb) for end, limb in limbs.items()}
    pelvis = rigmap.joints["pelvis"]
    is_loose = "pelvis" in turned and can_move(rig.object.pose.bones[turned["pelvis"][0]])
    moves = "pelvis" in turned and ((move_pelvis and is_loose) or pelvis.write != pelvis.read)
    written = [name for bones in turned.values() for name in bones]
    return Plan(
        turned=turned,
        held=held,
        handles=handles,
        aims={end: bone for end, bone in aims.items() if bone and bone not in intent.bones},
        moved=turned["pelvis"][0] if moves else None,
        plain=not is_control_rig and not limbs and not _is_driven(rig.object, written),
        limbs=limbs,
    )


def can_move(bone: bpy.types.PoseBone) -> bool:
    """Whether the bone's location is free to be written."""
    return not any(bone.lock_location) and not (bone.parent and bone.bone.use_connect)


def _is_driven(armature_object: bpy.types.Object, names: list[str]) -> bool:
    """Whether a constraint acts on one of the bones or on a bone above them."""
    bones = armature_object.pose.bones
    above = {parent for name in names for parent in (bones[name], *bones[name].parent_recursive)}
    return any(active_constraints(bone) for bone in above)
