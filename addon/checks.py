# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is refused, each with one sentence, before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .curves import bone_of, is_locked, keyed_channels
from .errors import Advice, NothingToDo, Refusal
from .known import Intent
from .limbs import active_constraints
from .rotations import rotation_path
from .rule import Rule
from .versions import fcurves, lacks_slot

if TYPE_CHECKING:
    from contrapposto.rig.armature import Armature
    from contrapposto.rig.rigmap import RigMap

    from .plan import Plan
    from .rig import Rig

_LEAVE_ROTATION = frozenset(
    {
        "COPY_LOCATION", "COPY_SCALE", "LIMIT_LOCATION", "LIMIT_SCALE", "LIMIT_DISTANCE",
        "MAINTAIN_VOLUME", "FLOOR",
    }
)  # fmt: skip


def check_armature(armature_object: bpy.types.Object | None, view_layer: bpy.types.ViewLayer) -> None:
    """Refuse whatever is no armature that can be posed here.

    Raises:
        Refusal: naming the object.
    """
    if armature_object is None:
        raise Refusal("There is no active object; ", Advice.SELECT_ARMATURE)
    name = armature_object.name
    if armature_object.type != "ARMATURE":
        raise Refusal(f"'{name}' is no armature; ", Advice.SELECT_ARMATURE)
    if armature_object.mode == "EDIT":
        raise Refusal(f"'{name}' is in Edit Mode; switch to Pose Mode first")
    if armature_object.library is not None:
        raise Refusal(
            f"'{name}' is linked from {armature_object.library.filepath} and cannot be posed; "
            "make a library override of it first"
        )
    override = armature_object.override_library
    if override is not None and override.is_system_override:
        raise Refusal(f"'{name}' is an override that is not editable; make its override editable first")
    if armature_object not in view_layer.objects[:]:
        raise Refusal(f"'{name}' is not in the view layer '{view_layer.name}'; enable its collection first")
    if armature_object.data.pose_position == "REST":
        raise Refusal(f"'{name}' is shown in its rest position; switch it to Pose Position first")
    if not armature_object.data.bones:
        raise Refusal(f"'{name}' has no bones; select a humanoid armature")


def check_map(armature_object: bpy.types.Object, rigmap: RigMap) -> None:
    """Refuse a map without a pelvis or with bones that have no length.

    Raises:
        Refusal: naming the joint or bone.
    """
    if "pelvis" not in rigmap.joints:
        raise Refusal(
            f"No bone of '{armature_object.name}' is mapped to the pelvis; pick the hips in the Rig panel"
        )
    for joint, bones in rigmap.joints.items():
        for name in bones.read:
            if armature_object.data.bones[name].length < 1e-6:
                raise Refusal(f"Bone '{name}' ({joint}) has no length; give it one in Edit Mode")


def check_finite(armature: Armature, matrices: np.ndarray) -> None:
    """Refuse a pose that is not made of numbers.

    Raises:
        Refusal: naming the first bone, from the root outward.
    """
    bad = ~np.isfinite(matrices).all(axis=(1, 2))
    if bad.any():
        name = armature.names[int(np.argmax(bad))]
        raise Refusal(
            f"The transform of bone '{name}' is not finite; clear it (Pose > Clear Transform > All)"
        )


def check_something_known(rig: Rig, rule: Rule, intent: Intent, frame: float) -> None:
    """Refuse if nothing is set, with a word on keys that say nothing.

    Raises:
        NothingToDo: naming the rig, and the bone whose key does not count.
        Refusal: if no key of the action counts on any frame.
    """
    if intent.joints or intent.placed:
        return
    name = rig.object.name
    if rule is Rule.KEYED:
        keyed = keyed_channels(rig.object, frame)
        for end, limb in rig.limbs.items():
            for joint in limb.joints:
                for bone in rig.rigmap.joints[joint].write if joint in rig.rigmap.joints else ():
                    if bone in keyed:
                        raise NothingToDo(
                            f"Bone '{bone}' has a key on frame {frame:g}, but its limb follows IK control "
                            f"'{limb.handle.bone}'; key that, or switch the limb ({end}) to FK"
                        )
        if keyed:
            raise NothingToDo(
                f"The key on bone '{next(iter(keyed))}' of '{name}' on frame {frame:g} says nothing about "
                "the body. Key the rotation of a mapped bone that you want to keep"
            )
        if lacks_slot(rig.object):
            raise Refusal(
                f"The action of '{name}' has no slot chosen, so that none of its keys counts; "
                "choose the slot in the Action Editor"
            )
        raise NothingToDo(
            f"No bone of '{name}' has a key on frame {frame:g}. Key the bones you want to keep, or ",
            Advice.CHOOSE_SELECTED,
        )
    if rule is Rule.SELECTED:
        raise NothingToDo(f"No mapped bone of '{name}' is selected. Select the bones you want to keep")
    if rule is Rule.UNSELECTED:
        raise NothingToDo(f"Every mapped bone of '{name}' is selected. Deselect the bones you want to keep")
    raise NothingToDo(f"None of the named bones of '{name}' is mapped to a joint of the body; name others")


def check_something_to_fill(
    rig: Rig, plan: Plan, rule: Rule, frame: float, *, refill_generated: bool
) -> None:
    """Refuse if everything is set already.

    Raises:
        NothingToDo: naming the rig.
    """
    if plan.turned or plan.handles or plan.aims:
        return
    name = rig.object.name
    if rule is Rule.KEYED:
        sentence = (
            f"Every mapped bone of '{name}' has a key on frame {frame:g}, so there is nothing to fill in. "
            "Delete the keys of the bones to complete"
        )
        if refill_generated:
            raise NothingToDo(sentence)
        raise NothingToDo(f"{sentence}, or ", Advice.REFILL_GENERATED)
    if rule in {Rule.KEYED_AND_SELECTED, Rule.KEYED_AND_NAMED, Rule.NONE}:
        raise NothingToDo(f"Every mapped bone of '{name}' is kept. Deselect bones, or delete their keys")
    advice = "Deselect" if rule is Rule.SELECTED else "Select"
    if rule is Rule.NAMED:
        raise NothingToDo(f"Every mapped bone of '{name}' is named as known; leave out the bones to complete")
    raise NothingToDo(f"Every mapped bone of '{name}' is kept. {advice} the bones to complete")


def check_fill(armature_object: bpy.types.Object, plan: Plan, *, insert_keys: bool) -> None:
    """Refuse to write into bones that would not obey.

    Raises:
        Refusal: naming the bone and what holds it.
    """
    bones = armature_object.pose.bones
    swings = {bone for end, bone in plan.aims.items() if bone == plan.limbs[end].handle.swing}
    channels = [(name, rotation_path(bones[name])) for name in plan.rotated_bones]
    channels += [(name, "location") for name in plan.moved_bones]
    check_obey(armature_object, channels, swings, Advice.NO_KEYS if insert_keys else None)


def check_obey(
    armature_object: bpy.types.Object,
    channels: Collection[tuple[str, str]],
    swings: Collection[str],
    without_keys: Advice | None,
) -> None:
    """Refuse to write into channels that would not obey.

    Args:
        armature_object: the rig.
        channels: (bone, property), of the rotation mode that each bone is in.
        swings: bones that IK bends after they were turned; some of their Euler channels may be locked.
        without_keys: what helps if they take no keys; None if they are not to be keyed.

    Raises:
        Refusal: naming the bone and what holds it.
    """
    bones = armature_object.pose.bones
    for name, path in channels:
        if path == "location":
            _check_location(bones[name])
        else:
            _check_rotation_locks(bones[name], is_swing=name in swings)
            _check_constraints(bones[name])
    _check_chains(bones, {name for name, path in channels if path != "location"} - set(swings))
    _check_drivers(armature_object, channels)
    if without_keys is not None:
        _check_curves(armature_object, channels, without_keys)


def check_no_keys(
    armature_object: bpy.types.Object, plan: Plan, frames: Iterable[float], advice: Advice
) -> None:
    """Refuse to change what the animator has keyed on one of the frames; Generated keys do not count.

    Raises:
        Refusal: naming the first bone and frame.
    """
    written = {(name, rotation_path(armature_object.pose.bones[name])) for name in plan.rotated_bones}
    written |= {(name, "location") for name in plan.moved_bones}
    check_keys_stay(armature_object, written, frames, advice)


def check_keys_stay(
    armature_object: bpy.types.Object,
    written: Collection[tuple[str, str]],
    frames: Iterable[float],
    advice: Advice,
) -> None:
    """Refuse to change what the animator has keyed in (bone, property); Generated keys do not count.

    Raises:
        Refusal: naming the first bone and frame.
    """
    for frame in frames:
        for bone, paths in keyed_channels(armature_object, frame, generated=False).items():
            if any((bone, path) in written for path in paths):
                raise Refusal(f"Bone '{bone}' has a key on frame {frame:g} that would change; ", advice)


def _check_location(bone: bpy.types.PoseBone) -> None:
    if any(bone.lock_location):
        raise Refusal(
            f"The location of bone '{bone.name}' is locked; unlock it in the Item tab, or key it to keep it"
        )
    if bone.parent and bone.bone.use_connect:
        raise Refusal(
            f"Bone '{bone.name}' is connected to its parent and cannot be moved; disconnect it in Edit Mode"
        )


def _check_rotation_locks(bone: bpy.types.PoseBone, *, is_swing: bool) -> None:
    locked = [axis for axis, lock in zip("XYZ", bone.lock_rotation, strict=True) if lock]
    if bone.rotation_mode in {"QUATERNION", "AXIS_ANGLE"} and bone.lock_rotations_4d and bone.lock_rotation_w:
        locked.insert(0, "W")
    keeps_locked = is_swing and rotation_path(bone) == "rotation_euler"
    if locked and not (keeps_locked and len(locked) < 3):
        raise Refusal(
            f"The rotation of bone '{bone.name}' is locked ({', '.join(locked)}); "
            "unlock it in the Item tab, or key it to keep it"
        )


def leaves_rotation(constraint: bpy.types.Constraint) -> bool:
    """Whether a constraint of this type never turns its bone."""
    return constraint.type in _LEAVE_ROTATION


def _check_constraints(bone: bpy.types.PoseBone) -> None:
    for constraint in active_constraints(bone):
        if not leaves_rotation(constraint):
            raise Refusal(
                f"Bone '{bone.name}' is held by its constraint '{constraint.name}'; "
                "disable the constraint, or key the bone to keep it"
            )


def _check_chains(bones: Iterable[bpy.types.PoseBone], rotated: set[str]) -> None:
    for owner in bones:
        for constraint in active_constraints(owner):
            if constraint.type not in {"IK", "SPLINE_IK"}:
                continue
            whole = constraint.type == "SPLINE_IK" or constraint.use_tail
            chain = [owner, *owner.parent_recursive] if whole else owner.parent_recursive
            chain = chain[: constraint.chain_count] if constraint.chain_count else chain
            for bone in chain:
                if bone.name in rotated:
                    raise Refusal(
                        f"Bone '{bone.name}' is moved by the IK constraint '{constraint.name}' on "
                        f"'{owner.name}'; disable the constraint, or key the bone to keep it"
                    )


def _check_drivers(armature_object: bpy.types.Object, channels: Collection[tuple[str, str]]) -> None:
    data = armature_object.animation_data
    for driver in data.drivers if data else ():
        where = bone_of(driver.data_path)
        if where in channels and not driver.mute:
            bone, path = where
            raise Refusal(
                f"The {path.partition('_')[0]} of bone '{bone}' is driven; "
                "remove the driver, or key the bone to keep it"
            )


def _check_curves(
    armature_object: bpy.types.Object, channels: Collection[tuple[str, str]], without_keys: Advice
) -> None:
    data = armature_object.animation_data
    if data and data.action and data.action.library is not None:
        raise Refusal(
            f"Action '{data.action.name}' is linked from another file and takes no keys; make it local, or ",
            without_keys,
        )
    for curve in fcurves(armature_object):
        where = bone_of(curve.data_path)
        if where in channels and is_locked(curve):
            raise Refusal(
                f"The curves of bone '{where[0]}' are locked and take no keys; "
                "unlock them in the Dope Sheet, or ",
                without_keys,
            )
