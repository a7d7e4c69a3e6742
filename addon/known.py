# SPDX-License-Identifier: GPL-3.0-or-later
"""What the animator has set on this frame, and therefore keeps.

A bone is set if it has a key on the frame, is selected, is not selected, or was named:
the rule decides. Each limb is read through its IK/FK switch: keys on the layer that is not
live say nothing. A set IK handle places the end of its limb. By the rule ``NONE`` nothing is set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX

from .curves import keyed_channels
from .errors import Refusal
from .limbs import carriers, controls, joints_through_ik
from .rotations import ROTATION_PATHS
from .rule import Rule
from .versions import is_selected

if TYPE_CHECKING:
    import bpy

    from .rig import Rig


@dataclass(frozen=True)
class Intent:
    """What is kept.

    Attributes:
        bones: the set bones; they are never written to.
        joints: mapped joints whose rotation is kept.
        placed: limb ends that a set IK handle places.
        stiff: joints that are not kept but stay, because to turn them moves a kept joint above, or because
            nothing turns them.
    """

    bones: frozenset[str]
    joints: frozenset[str]
    placed: frozenset[str]
    stiff: frozenset[str] = frozenset()


def read_intent(
    rig: Rig,
    rule: Rule,
    *,
    frame: float,
    named: Iterable[str] = (),
    refill_generated: bool = False,
) -> Intent:
    """What the animator has set, by ``rule``.

    Raises:
        Refusal: if a named bone does not exist.
    """
    rule, names = named_rule(rig.object, rule, named)
    named = frozenset(names) if rule in {Rule.NAMED, Rule.KEYED_AND_NAMED} else frozenset()
    for name in named:
        if name not in rig.object.pose.bones:
            raise Refusal(f"'{rig.object.name}' has no bone named '{name}'; check the list of bones")
    if rule in {Rule.KEYED, Rule.KEYED_AND_NAMED}:
        return _keyed_intent(rig, frame, generated=not refill_generated, also=named)
    return _intent(rig, turned=named, moved=named, fixed=named)


def selected_bones(armature_object: bpy.types.Object) -> frozenset[str]:
    """The names of the selected bones."""
    return frozenset(bone.name for bone in armature_object.pose.bones if is_selected(bone))


def named_rule(
    armature_object: bpy.types.Object, rule: Rule, named: Iterable[str]
) -> tuple[Rule, tuple[str, ...]]:
    """The rule and the names that mean the same whatever is selected later."""
    selected = selected_bones(armature_object)
    match rule:
        case Rule.SELECTED:
            return Rule.NAMED, tuple(selected)
        case Rule.UNSELECTED:
            return Rule.NAMED, tuple(frozenset(armature_object.pose.bones.keys()) - selected)
        case Rule.KEYED_AND_SELECTED:
            return Rule.KEYED_AND_NAMED, tuple(selected)
    return rule, tuple(named)


def _keyed_intent(rig: Rig, frame: float, *, generated: bool, also: frozenset[str] = frozenset()) -> Intent:
    """What is keyed on the frame, and the bones of ``also``."""
    keyed = keyed_channels(rig.object, frame, generated=generated)
    turned = frozenset(bone for bone, paths in keyed.items() if paths.intersection(ROTATION_PATHS))
    moved = frozenset(bone for bone, paths in keyed.items() if "location" in paths)
    handles = [limb.handle for limb in rig.limbs.values()]
    placing = {name for h in handles for name in (h.bone, h.pole)} | {*rig.rigmap.joints["pelvis"].write}
    fixed = turned | (moved & placing)
    return _intent(rig, turned=turned | also, moved=moved | also, fixed=fixed | also)


def _intent(
    rig: Rig,
    *,
    turned: frozenset[str],
    moved: frozenset[str],
    fixed: frozenset[str],
) -> Intent:
    rigmap, limbs = rig.rigmap, rig.limbs
    placed = frozenset(end for end, limb in limbs.items() if limb.handle.bone in fixed)
    through_ik = joints_through_ik(limbs)
    kept = set()
    for joint in rigmap.joints:
        if joint not in through_ik:
            own = controls(rig.object, rigmap, joint)
            carried = turned & carriers(rig.object, rigmap, joint)
            if carried or turned.intersection(own) or (joint == "pelvis" and moved.intersection(own)):
                kept.add(joint)
    stiff = frozenset(
        joint
        for joint in rigmap.joints
        if joint not in kept | through_ik
        and (not controls(rig.object, rigmap, joint) or _carries_one_above(rig, joint, kept))
    )
    return Intent(fixed, frozenset(kept), placed, stiff)


def _carries_one_above(rig: Rig, joint: str, kept: set[str]) -> bool:
    """Whether a control of the joint carries the bones of a kept joint that is above it in the body.

    So it is where a control rig's spine is reversed below its pivot, as in Rigify: the control
    of the lowest spine joint turns the hips about the waist.
    """
    bones = rig.object.pose.bones
    own = set(controls(rig.object, rig.rigmap, joint))
    above = [name for name in kept if name != joint and DESCENDANTS[JOINT_INDEX[name], JOINT_INDEX[joint]]]
    return any(
        own.intersection(parent.name for parent in bones[rig.rigmap.joints[name].read[0]].parent_recursive)
        for name in above
    )
