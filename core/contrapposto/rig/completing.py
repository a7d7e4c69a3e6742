# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling what names leave open: by the body's structure, and by names any family uses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from contrapposto.rig.armature import Armature
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rig.matching import vocabulary
from contrapposto.rig.names import canonical
from contrapposto.rig.profile import flip_joint
from contrapposto.rig.structure import Structure, path_between
from contrapposto.skeleton import JOINT_NAMES

Bones = tuple[int, ...]

_BY_WORD = 0.8
_BY_STRUCTURE = 0.5
_AMBIGUOUS = 0.3
_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_CARRIED = ("left_collar", "right_collar", "left_shoulder", "right_shoulder")
_OPTIONAL = {"spine2": "head", "spine3": "head", "neck": "head"} | {
    f"{side}_collar": f"{side}_shoulder" for side in ("left", "right")
}
"""Optional joints along a chain, and a joint further out that every body has."""


@dataclass(frozen=True)
class Found:
    """One joint's bones on the way to a map.

    Attributes:
        bones: the group to read, indices from the body outward.
        confidence: 0 to 1.
        reason: one short sentence.
        listed: the joint that the rig family lists these bones under; empty if none does.
    """

    bones: Bones
    confidence: float
    reason: str
    listed: str = ""


Joints = dict[str, Found]


def promote_chest(armature: Armature, joints: Joints) -> None:
    """With two spine bones, the one that carries the arms is spine3."""
    if "spine3" in joints or "spine2" not in joints:
        return
    chest = joints["spine2"].bones[-1]
    taken = {bone for found in joints.values() for bone in found.bones}
    arms = [joints[j].bones[0] for j in _CARRIED if j in joints]
    carried = [bone for bone in arms if chest in armature.ancestors(bone)]
    if carried and not any(set(path_between(armature, chest, bone)) - taken for bone in carried):
        joints["spine3"] = joints.pop("spine2")


def has_open_bones(armature: Armature, joints: Mapping[str, Found]) -> bool:
    """Whether bones lie where an open optional joint would be."""
    taken = {bone for found in joints.values() for bone in found.bones}
    for joint, below in _OPTIONAL.items():
        above = mapped_ancestor(joint, joints)[0]
        if joint not in joints and above and below in joints:
            way = path_between(armature, joints[above].bones[-1], joints[below].bones[0])
            if set(way) - taken:
                return True
    return False


def complete(armature: Armature, joints: Joints, structure: Structure | None) -> None:
    """Give open joints the bones that the structure or their names tell."""
    if structure is not None:
        structure = _sided_alike(structure, joints)
        for joint, group in structure.bones.items():
            taken = {bone for found in joints.values() for bone in found.bones}
            bones = tuple(bone for bone in group if bone not in taken)
            if bones and joint not in joints and _fits(armature, joints, joint, bones):
                joints[joint] = _by_structure(armature, structure, joint, bones)
    words = vocabulary()
    for joint in JOINT_NAMES:
        if joint not in joints and mapped_ancestor(joint, joints)[0]:
            named = [
                bone
                for bone, name in enumerate(armature.names)
                if canonical(name) in words[joint] and _fits(armature, joints, joint, (bone,))
            ]
            if len(named) == 1:
                joints[joint] = Found((named[0],), _BY_WORD, "its name says so")
    promote_chest(armature, joints)


def extend_trunk(armature: Armature, joints: Joints) -> None:
    """Let the spine's and neck's bones that no name explains belong to the joint before them.

    Below the spine they belong to the joint above, above the arms to the neck.
    """
    chain = [j for j in _TRUNK if j in joints]
    told = {joint: joints[joint].bones for joint in chain}
    taken = {bone for found in joints.values() for bone in found.bones}
    legs = _carriers(armature, joints, ("left_hip", "right_hip"))
    arms = _carriers(armature, joints, _CARRIED)
    for joint, following in itertools.pairwise(chain):
        between = path_between(armature, joints[joint].bones[-1], joints[following].bones[0])
        strange = [b for b in between if b not in taken]
        if joint == "pelvis":
            _prepend(joints, following, tuple(b for b in strange if b not in legs))
        elif following in ("neck", "head") and joint != "neck":
            _append(joints, joint, tuple(b for b in strange if b in arms))
            _prepend(joints, "neck", tuple(b for b in strange if b not in arms))
        else:
            _append(joints, joint, tuple(strange))
    spine = [joint for joint in chain if joint.startswith("spine")]
    unexplained = [j for j in spine if joints[j].bones != told[j] or joints[j].confidence <= _BY_STRUCTURE]
    if unexplained:  # then its numbers may mean something else
        for joint in spine:
            joints[joint] = _grown(joints[joint], joints[joint].bones)


def _carriers(armature: Armature, joints: Mapping[str, Found], carried: tuple[str, ...]) -> set[int]:
    return {a for j in carried if j in joints for a in armature.ancestors(joints[j].bones[0])}


def _append(joints: Joints, joint: str, bones: Bones) -> None:
    if bones:
        joints[joint] = _grown(joints[joint], joints[joint].bones + bones)


def _prepend(joints: Joints, joint: str, bones: Bones) -> None:
    if joint in joints and bones:
        joints[joint] = _grown(joints[joint], bones + joints[joint].bones)
    elif bones:
        joints[joint] = Found(bones, _BY_STRUCTURE, "by its place in the body")


def _grown(found: Found, bones: Bones) -> Found:
    """The joint with these bones, less sure of its name: some of them no name explains."""
    return replace(found, bones=bones, confidence=min(found.confidence, _BY_WORD))


def _sided_alike(structure: Structure, joints: Mapping[str, Found]) -> Structure:
    """The structure with left and right as the joints found so far have them."""
    paired = {joint: found.bones for joint, found in joints.items() if flip_joint(joint) != joint}
    agree = sum(bones == structure.bones.get(joint) for joint, bones in paired.items())
    oppose = sum(bones == structure.bones.get(flip_joint(joint)) for joint, bones in paired.items())
    if oppose <= agree:
        return replace(structure, knows_sides=structure.knows_sides or agree > 0)
    return Structure(
        {flip_joint(joint): bones for joint, bones in structure.bones.items()},
        frozenset(flip_joint(joint) for joint in structure.ambiguous),
        knows_sides=True,
    )


def _by_structure(armature: Armature, structure: Structure, joint: str, bones: Bones) -> Found:
    if all(canonical(armature.names[bone]) in vocabulary()[joint] for bone in bones):
        return Found(bones, _BY_WORD, "its name and its place in the body say so")
    if joint in structure.ambiguous:
        return Found(bones, _AMBIGUOUS, "by its place in the body, but another bone fits nearly as well")
    if flip_joint(joint) != joint and not structure.knows_sides:
        return Found(bones, _AMBIGUOUS, "by its place in the body; nothing tells left from right")
    return Found(bones, _BY_STRUCTURE, "by its place in the body")


def _fits(armature: Armature, joints: Mapping[str, Found], joint: str, bones: Bones) -> bool:
    """Whether the bones are free, below the joints above and above the joints below."""
    if any(bone in found.bones for found in joints.values() for bone in bones):
        return False
    above = mapped_ancestor(joint, joints)[0]
    starts_limb = joint.rpartition("_")[2] in ("hip", "collar", "shoulder")
    if above and not starts_limb and joints[above].bones[-1] not in armature.ancestors(bones[0]):
        return False
    below = [j for j in joints if mapped_ancestor(j, {*joints, joint})[0] == joint]
    return all(bones[-1] in armature.ancestors(joints[j].bones[0]) for j in below if joint != "pelvis")
