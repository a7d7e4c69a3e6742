# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of an armature are the 22 joints of the body: found, never asked for.

In this order, each step only filling what the one before left open: what the file
itself says (VRM, MMD), the rig family whose names fit best, geometry that takes away
what cannot be, the body's structure, and names that any family uses. Every joint
carries how sure it is and why; what stays open is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from contrapposto.rig.armature import Armature
from contrapposto.rig.completing import Found, Joints, complete, extend_trunk, has_open_bones, promote_chest
from contrapposto.rig.geometry import crossed_parts, limb_points, misplaced, uneven
from contrapposto.rig.matching import Likeness, Match, NameIndex, best_match
from contrapposto.rig.profile import flip_joint
from contrapposto.rig.rigmap import REQUIRED_JOINTS, Handle, JointBones, RigMap
from contrapposto.rig.structure import Structure, find_structure, is_four_legged, looks_four_legged
from contrapposto.skeleton import JOINT_NAMES

STRUCTURE_ONLY = "bone structure"
"""Profile name of a map that no rig family explains."""

_CONFIDENCE = {Likeness.SAME: 0.95, Likeness.ALIKE: 0.8}
_FEWEST_REQUIRED = 8
_SAME_PLACE = 0.05  # of the rig's size
_ODD, _MANY = 1, 2
"""With more limb joints than so many that lie oddly, names are less sure, or have to prove themselves."""

_MARKERS = ("MidHip", "LBigToe")
_STRANGERS = 15  # bones beside the body that may be a second one


class NotHumanoid(ValueError):  # noqa: N818 - it says what the armature is
    """The armature has no one human body; the message says why."""


def map_armature(armature: Armature) -> RigMap:
    """The 22 joints' bones, with a confidence and a reason each.

    Args:
        armature: any rig, in any rest pose, axes and unit.

    Returns:
        The map; joints that the rig lacks, or that nothing tells, are absent
        (see ``RigMap.missing_required``).

    Raises:
        NotHumanoid: with one sentence, if there is no human body or more than one.
    """
    if not armature.names:
        raise NotHumanoid("This armature has no bones")
    index = NameIndex(armature)
    if all(index.has(name) for name in _MARKERS):
        raise NotHumanoid("This is a marker rig: its bones mark points and are no skeleton to pose")
    structure = cache(lambda: find_structure(armature))
    match = best_match(armature, index, structure)
    joints = _from_file(armature)
    if match is not None:
        joints = _from_names(match) | joints
        promote_chest(armature, joints)
        joints, doubted = _checked(armature, joints)
        if doubted > _ODD:
            joints = _less_sure(joints)
        if doubted > _MANY and not _is_where_the_body_is(armature, joints, structure()):
            match, joints = None, _from_file(armature)
    if any(j not in joints for j in REQUIRED_JOINTS) or has_open_bones(armature, joints):
        complete(armature, joints, structure())
    _refuse(armature, joints, match)
    if match is None or not match.profile.is_control_rig:
        extend_trunk(armature, joints)
    return _rigmap(armature, index, match, joints)


def check_map(armature: Armature, rigmap: RigMap) -> tuple[str, ...]:
    """What of a map does not fit the armature: one sentence each, none if all is well."""
    owners: dict[str, list[str]] = {}
    points: dict[str, np.ndarray] = {}
    for joint, bones in rigmap.joints.items():
        for bone in bones.read:
            owners.setdefault(bone, []).append(_label(joint))
        if bones.read and bones.read[0] in armature.index:
            points[joint] = armature.heads[armature.index[bones.read[0]]]
    return (
        *_vanished(armature, rigmap),
        *(f"Bone '{bone}' stands for {' and '.join(j)}" for bone, j in owners.items() if len(j) > 1),
        *(f"No bone is mapped to the {_label(joint)}" for joint in rigmap.missing_required),
        *(f"The left and right {part} are crossed" for part in crossed_parts(points)),
    )


def _vanished(armature: Armature, rigmap: RigMap) -> list[str]:
    named = [(joint, bone) for joint, b in rigmap.joints.items() for bone in dict.fromkeys(b.read + b.write)]
    for joint, h in rigmap.handles.items():
        controls = (h.bone, h.pole, h.swing, h.switch[0] if h.switch else None)
        named += [(joint, bone) for bone in controls if bone]
    return [
        f"Bone '{bone}' of the {_label(joint)} is not in this armature any more"
        for joint, bone in dict.fromkeys(named)
        if bone not in armature.index
    ]


def _label(joint: str) -> str:
    return joint.replace("_", " ")


def _from_file(armature: Armature) -> Joints:
    return {
        joint: Found((armature.index[bone],), 1.0, "the file itself says so")
        for joint, bone in armature.embedded.items()
        if joint in JOINT_NAMES and bone in armature.index
    }


def _from_names(match: Match) -> Joints:
    name = match.profile.name
    reasons = {
        Likeness.SAME: f"named as in {name}",
        Likeness.ALIKE: f"named much as in {name}",
    }
    found = {
        joint: Found(bones, _CONFIDENCE[match.likeness[joint]], reasons[match.likeness[joint]], joint)
        for joint, bones in match.joints.items()
    }
    return (
        found if sum(joint in found for joint in REQUIRED_JOINTS) >= _FEWEST_REQUIRED else _less_sure(found)
    )


def _less_sure(joints: Joints) -> Joints:
    """As if every name were only much alike; what the file itself says stays."""
    most = _CONFIDENCE[Likeness.ALIKE]
    return {
        joint: found if found.confidence == 1 else replace(found, confidence=min(found.confidence, most))
        for joint, found in joints.items()
    }


def _points(armature: Armature, joints: Mapping[str, Found]) -> dict[str, np.ndarray]:
    return {joint: armature.heads[found.bones[0]] for joint, found in joints.items()}


def _checked(armature: Armature, joints: Joints) -> tuple[Joints, int]:
    """Without what the positions speak against; what they doubt is less sure. And how many those are."""
    points = _points(armature, joints)
    crossed = crossed_parts(points)
    paired = [p for p in dict.fromkeys(j.partition("_")[2] for j in joints) if f"left_{p}" in joints]
    if crossed and len(crossed) >= len([p for p in paired if f"right_{p}" in joints]) - 1:
        joints = {
            flip_joint(j): replace(
                f, confidence=min(f.confidence, 0.5), reason="its name says the other side"
            )
            if flip_joint(j) != j
            else f
            for j, f in joints.items()
        }
        points = _points(armature, joints)
        crossed = crossed_parts(points)
    gone = {f"{side}_{part}" for part in crossed for side in ("left", "right")}
    joints = {joint: found for joint, found in joints.items() if joint not in gone}
    nowhere = misplaced(_points(armature, joints))
    joints = {joint: found for joint, found in joints.items() if joint not in nowhere}
    unlike = uneven(_points(armature, joints))
    for joint, why in unlike.items():
        joints[joint] = replace(joints[joint], confidence=min(joints[joint].confidence, 0.5), reason=why)
    return joints, len({*gone, *nowhere, *unlike})


def _is_where_the_body_is(armature: Armature, joints: Joints, body: Structure | None) -> bool:
    """Whether most limb joints that names tell lie, on either side, where the structure has them."""
    if body is None:
        return False
    heads = armature.heads
    near = _SAME_PLACE * np.max(np.ptp(heads, axis=0))
    limbs = [joint for joint in joints if flip_joint(joint) != joint and joint in body.bones]
    agree = sum(
        min(
            np.linalg.norm(heads[joints[joint].bones[0]] - heads[body.bones[j][0]])
            for j in (joint, flip_joint(joint))
            if j in body.bones
        )
        < near
        for joint in limbs
    )
    return 2 * agree > len(limbs)


def _refuse(armature: Armature, joints: Mapping[str, Found], match: Match | None) -> None:
    count = sum(joint in joints for joint in REQUIRED_JOINTS)
    limbs = limb_points(_points(armature, joints))
    if (limbs is not None and is_four_legged(limbs)) or (
        count < _FEWEST_REQUIRED and looks_four_legged(armature)
    ):
        raise NotHumanoid("This armature stands on four legs; only human bodies can be completed")
    if count < _FEWEST_REQUIRED:
        roots = sum(parent < 0 for parent in armature.parents)
        if roots > max(_FEWEST_REQUIRED, len(armature.names) / 2):
            raise NotHumanoid(
                "This is a marker rig: most of its bones hang from no other, so there is no skeleton"
            )
        raise NotHumanoid(
            f"No human body was found in this armature: only {count} of {len(REQUIRED_JOINTS)} needed joints "
            "have a bone"
        )
    if match is None or not match.profile.is_control_rig:
        _refuse_two(armature, joints)


def _refuse_two(armature: Armature, joints: Mapping[str, Found]) -> None:
    if "pelvis" not in joints:
        return
    pelvis = joints["pelvis"].bones[0]
    own = {pelvis, *armature.ancestors(pelvis)}
    inside = {pelvis}
    for bone, parent in enumerate(armature.parents):
        if parent in inside:
            inside.add(bone)
    if len(armature.names) - len(inside | own) < _STRANGERS:
        return
    other = find_structure(armature, without=frozenset({pelvis}))
    if other is None or "pelvis" not in other.bones:
        return
    heads = armature.heads
    apart = np.linalg.norm(heads[other.bones["pelvis"][0]] - heads[pelvis])
    if apart > 0.1 * np.max(np.ptp(heads[sorted(inside)], axis=0)):
        raise NotHumanoid("This armature holds two characters; give each its own armature")


def _rigmap(armature: Armature, index: NameIndex, match: Match | None, joints: Joints) -> RigMap:
    def names(wanted: tuple[str, ...]) -> tuple[str, ...]:
        bones = (index.control(name) for name in wanted)
        return tuple(armature.names[bone] for bone in bones if bone is not None)

    mapped: dict[str, JointBones] = {}
    for joint in JOINT_NAMES:
        if joint in joints:
            found = joints[joint]
            read = tuple(armature.names[bone] for bone in found.bones)
            write = read
            if match and (match.profile.is_control_rig or found.listed in match.profile.write):
                write = names(match.profile.controls(found.listed, read))
            mapped[joint] = JointBones(read, write, found.confidence, found.reason)
    handles: dict[str, Handle] = {}
    for joint, handle in match.profile.handles.items() if match else ():
        bone = names((handle.bone,))
        if bone and joint in mapped:
            switch = names((handle.switch[0],)) if handle.switch else ()
            handles[joint] = Handle(
                joint=joint,
                bone=bone[0],
                pole=next(iter(names((handle.pole,) if handle.pole else ())), None),
                swing=next(iter(names((handle.swing,) if handle.swing else ())), None),
                switch=(switch[0], handle.switch[1]) if switch and handle.switch else None,
            )
    return RigMap(match.profile.name if match else STRUCTURE_ONLY, mapped, handles)
