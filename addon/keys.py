# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys for completed bones, typed Generated so that they can be selected and removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import bpy

from .channels import Channels, read_channels, write_channels
from .curves import action_frame, bone_of, is_locked, keys_near, scene_frame
from .errors import Advice, Refusal
from .keyframes import Keys, put_keys, read_keys, read_property, read_shape
from .versions import assigned, fcurve_collections, fcurves, has_curves, new_curve, remove_curve

GENERATED = "GENERATED"
_SAME_KEY = 0.01
"""Blender puts a new key this close to another in its place."""


def insert_keys(armature_object: bpy.types.Object, written: Mapping[str, Iterable[str]], frame: float) -> int:
    """Key exactly the written channels on ``frame``; how many channels were keyed.

    A key that lies there already takes the new value and stays what it is otherwise. A new key takes its
    interpolation from the key before on the same curve, else from the user's preference: Blender's own
    insertion by script follows neither. Bones that were moved and have no key for it stay where they are.

    Args:
        armature_object: the rig.
        written: bone -> its written properties (a rotation path, ``location``).
        frame: scene frame.

    Raises:
        Refusal: if Blender does not take a key; all keys are then as they were.
    """
    at = action_frame(armature_object, frame)
    with all_or_none(armature_object, written):
        before = {_identity(c): len(c.keyframe_points) for c in _curves_of(armature_object, written)}
        try:
            for bone, paths in written.items():
                for path in paths:
                    if not armature_object.pose.bones[bone].keyframe_insert(
                        data_path=path, frame=frame, group=bone, keytype=GENERATED
                    ):
                        raise Refusal(
                            f"Blender takes no key for the {path} of bone '{bone}'; ", Advice.NO_KEYS
                        )
        except RuntimeError as error:  # how Blender refuses, with a sentence for programmers
            reason = str(error).removeprefix("Error: ").strip()
            raise Refusal(
                f"The completed bones of '{armature_object.name}' take no keys ({reason}); ", Advice.NO_KEYS
            ) from error
        return sum(
            _settle(curve, at, is_new=len(curve.keyframe_points) > before.get(_identity(curve), 0))
            for curve in _curves_of(armature_object, written)
        )


class Before:
    """The keys of some channels and the whole pose as they are, to be put back to the bit.

    Attributes:
        written: bone -> the properties whose keys are kept.
    """

    def __init__(self, armature_object: bpy.types.Object, written: Mapping[str, Iterable[str]]) -> None:
        data = armature_object.animation_data
        self.written = {bone: frozenset(paths) for bone, paths in written.items()}
        self._had_data, self._had_action = data is not None, data is not None and data.action is not None
        self._keys = {_identity(curve): read_keys(curve) for curve in _curves_of(armature_object, written)}
        self._pose = read_channels(armature_object)
        self._modes = {bone.name: bone.rotation_mode for bone in armature_object.pose.bones}

    def hindrance(self, armature_object: bpy.types.Object) -> str:
        """Why they cannot be put back any more, in one sentence; empty if they can."""
        bones = armature_object.pose.bones
        for name, mode in self._modes.items():
            if name not in bones:
                return f"Bone '{name}' of '{armature_object.name}' is gone"
            if bones[name].rotation_mode != mode:
                return f"Bone '{name}' of '{armature_object.name}' has another rotation mode now"
        return ""

    def others(self, armature_object: bpy.types.Object) -> Channels:
        """What every channel holds now whose keys are not kept."""
        return {
            (bone, path): value
            for (bone, path), value in read_channels(armature_object).items()
            if path not in self.written.get(bone, ())
        }

    def restore(self, armature_object: bpy.types.Object, *, keep_action: bool = False) -> None:
        """Put keys and pose back; the view layer is updated, but for the pose.

        Args:
            armature_object: the same, whatever has become of its keys.
            keep_action: leave an action that is new, without its keys, for what comes next.
        """
        _take_back(armature_object, self.written, self._keys)
        if not keep_action:
            self.remove_empty_action(armature_object)
        bpy.context.view_layer.update()  # plays the action: bones moved without a key jump back
        write_channels(armature_object, self._pose)

    def remove_empty_action(self, armature_object: bpy.types.Object) -> None:
        """Remove the action that is new, unless it holds keys of somebody else or is to be kept."""
        data = armature_object.animation_data
        if data is None:
            return
        action = data.action
        is_new = action is not None and not self._had_action
        if is_new and not action.use_fake_user and not has_curves(action):
            bpy.data.actions.remove(action)
        if not (self._had_data or data.action or data.drivers or data.nla_tracks):
            armature_object.animation_data_clear()


@contextmanager
def all_or_none(armature_object: bpy.types.Object, written: Mapping[str, Iterable[str]]) -> Iterator[None]:
    """If anything goes wrong inside, action and pose become what they were.

    Args:
        armature_object: the rig.
        written: bone -> the properties whose keys may change inside.
    """
    before = Before(armature_object, written)
    try:
        yield
    except BaseException:
        before.restore(armature_object)
        raise


def keys_digest(armature_object: bpy.types.Object, written: Mapping[str, Iterable[str]]) -> str:
    """The same as long as the same action has the same curves in these channels, selected or not.

    An action without any of them is as good as none. Modifiers and extrapolation count: they are lost with
    a curve that is made anew.
    """
    digest = hashlib.sha256()
    curves = sorted(_curves_of(armature_object, written), key=_identity)
    if curves:
        action, slot = assigned(armature_object.animation_data)
        digest.update(repr((action.session_uid, slot and slot.identifier)).encode())
    for curve in curves:
        modifiers = [modifier.type for modifier in curve.modifiers]
        about = (len(curve.keyframe_points), curve.extrapolation, curve.mute, curve.lock, modifiers)
        digest.update(repr((_identity(curve), about)).encode())
        for values in read_shape(curve).values():
            digest.update(values.tobytes())
    return digest.hexdigest()


def _curves_of(
    armature_object: bpy.types.Object, written: Mapping[str, Iterable[str]]
) -> Iterator[bpy.types.FCurve]:
    """The curves of the written channels, as far as there are any yet."""
    for curve in fcurves(armature_object):
        where = bone_of(curve.data_path)
        if where is not None and where[1] in written.get(where[0], ()):
            yield curve


def _identity(curve: bpy.types.FCurve) -> tuple[str, int]:
    return curve.data_path, curve.array_index


def _settle(curve: bpy.types.FCurve, at: float, *, is_new: bool) -> int:
    """Give a new key its type and interpolation; how many keys lie there."""
    default = bpy.context.preferences.edit.keyframe_new_interpolation_type
    found = keys_near(curve, at, _SAME_KEY)
    for i in found if is_new else ():
        _set(curve, i, "interpolation", curve.keyframe_points[i - 1].interpolation if i else default)
        _set(curve, i, "type", GENERATED)
    return len(found)


def _set(curve: bpy.types.FCurve, i: int, name: str, item: str) -> None:
    """Set a key's enumeration in place.

    Setting it on the key itself would have Blender play the action anew on this frame, and every bone
    that was moved without a key would jump back.
    """
    points = curve.keyframe_points
    values = read_property(curve, name)
    values[i] = points[i].bl_rna.properties[name].enum_items[item].value
    points.foreach_set(name, values)


def _take_back(
    armature_object: bpy.types.Object,
    written: Mapping[str, Iterable[str]],
    before: Mapping[tuple[str, int], Keys],
) -> None:
    """Remove the curves that are new, make those that are gone, and give each its keys again, to the bit."""
    now = {_identity(curve) for curve in _curves_of(armature_object, written)}
    collections = fcurve_collections(armature_object)
    for collection in collections:
        for path, index in now - set(before):
            if (curve := collection.find(path, index=index)) is not None:
                remove_curve(collection, curve)
    for path, index in (where for where in before if where not in now):
        bone, _ = bone_of(path)
        new_curve(collections[0], path, index, bone)
    for curve in _curves_of(armature_object, written):
        put_keys(curve, before[_identity(curve)])
        curve.id_data.update_tag()


def generated_keys(
    armature_object: bpy.types.Object, frame: float | None = None
) -> Iterator[tuple[bpy.types.FCurve, bpy.types.Keyframe]]:
    """The Generated keys of the armature's bones, on one scene frame or on all (``frame`` None)."""
    at = None if frame is None else action_frame(armature_object, frame)
    for curve in fcurves(armature_object):
        if bone_of(curve.data_path) is None:
            continue
        points = curve.keyframe_points
        for i in range(len(points)) if at is None else keys_near(curve, at):
            if points[i].type == GENERATED:
                yield curve, points[i]


def select_generated(armature_object: bpy.types.Object, frame: float | None = None) -> int:
    """Select the Generated keys and no other key of the armature; how many there are.

    If there is none, the selection stays.
    """
    found = [key for _, key in generated_keys(armature_object, frame)]
    if found:
        for curve in fcurves(armature_object):
            for key in curve.keyframe_points:
                _select(key, state=False)
    for key in found:
        _select(key, state=True)
    return len(found)


def remove_generated(armature_object: bpy.types.Object, frame: float | None = None) -> int:
    """Remove the Generated keys, and curves that are left without a key; how many were removed.

    Raises:
        Refusal: if the action is linked or a curve locked; then all keys stay.
    """
    found: dict[tuple[str, int], list[float]] = {}
    for curve, key in generated_keys(armature_object, frame):
        if curve.id_data.library is not None:
            raise Refusal(f"Action '{curve.id_data.name}' is linked from another file; make it local first")
        if is_locked(curve):
            bone, _ = bone_of(curve.data_path)
            raise Refusal(f"The curves of bone '{bone}' are locked; unlock them in the Dope Sheet first")
        found.setdefault((curve.data_path, curve.array_index), []).append(key.co.x)
    for (path, index), frames in found.items():
        for at in frames:
            armature_object.keyframe_delete(
                data_path=path, index=index, frame=scene_frame(armature_object, at)
            )
    return sum(len(frames) for frames in found.values())


def _select(key: bpy.types.Keyframe, *, state: bool) -> None:
    key.select_control_point = key.select_left_handle = key.select_right_handle = state
