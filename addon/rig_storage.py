# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rig's joint map is kept: on the armature data, in a preset file, or in memory.

A map that the user edited or accepted is stored as JSON text in a custom property of
the armature data, so that it travels with the file and with linked rigs. Until then the
detected map is held in memory, under the skeleton that it was made for. Light, so that a panel
can ask what is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from contrapposto.joint_names import JOINT_INDEX
from contrapposto.rig.rigmap import JointBones, RigMap

from .errors import Refusal
from .files import write_whole

if TYPE_CHECKING:
    from contrapposto.rig.armature import Armature

PROPERTY = "contrapposto_rig_map"

_detected: dict[int, tuple[tuple[object, ...], RigMap]] = {}
"""Session id of an armature -> what identifies its skeleton, and the map found for it."""
_parsed: dict[str, RigMap] = {}
"""Stored text -> the map it stands for, so that panels do not parse at each redraw."""


def stored_map(data: bpy.types.Armature) -> RigMap | None:
    """The map saved on the armature data, or None.

    Raises:
        Refusal: if what is stored there cannot be read.
    """
    text = data.get(PROPERTY)
    if text is None:
        return None
    if text not in _parsed:
        try:
            _parsed[text] = RigMap.from_json(str(text))
        except ValueError as error:
            raise Refusal(
                f"The mapping saved on '{data.name}' cannot be used: {error}. Clear it and detect again"
            ) from error
    return _parsed[text]


def known_map(data: bpy.types.Armature) -> RigMap | None:
    """The saved map, else the one detected earlier; detects nothing itself, so panels may ask.

    Raises:
        Refusal: as ``stored_map``.
    """
    if (saved := stored_map(data)) is not None:
        return saved
    held = _detected.get(data.session_uid)
    if held is None or held[0][0] != len(data.bones) or vanished_bones(held[1], data):
        return None  # the skeleton has changed since
    return held[1]


def map_of(armature_object: bpy.types.Object, armature: Armature | None = None) -> RigMap:
    """The rig's map: saved, or detected now and held in memory.

    Raises:
        Refusal: if the saved map is damaged or names bones that are gone.
        NotHumanoid: if no body is found.
    """
    data = armature_object.data
    if (saved := stored_map(data)) is not None:
        if gone := vanished_bones(saved, data):
            raise Refusal(
                f"The mapping saved on '{armature_object.name}' names bones that are gone: "
                f"{_listed(gone)}. Pick others in the Rig panel or detect again"
            )
        return saved
    return detect(armature_object, armature)


def detect(armature_object: bpy.types.Object, armature: Armature | None = None) -> RigMap:
    """Detect the map anew if the skeleton has changed since; a saved map is neither read nor touched.

    Raises:
        NotHumanoid: if no body is found.
    """
    from .rig_reader import read_armature

    armature = armature or read_armature(armature_object)
    identity = (
        len(armature.names), armature.names, armature.parents, armature.rest.tobytes(),
        tuple(armature.embedded.items()), armature.tags,
    )  # fmt: skip
    held = _detected.get(armature_object.data.session_uid)
    if held and held[0] == identity:
        return held[1]
    from contrapposto.rig.mapping import map_armature

    rigmap = map_armature(armature)
    _detected[armature_object.data.session_uid] = (identity, rigmap)
    return rigmap


def save(data: bpy.types.Armature, rigmap: RigMap) -> None:
    """Store the map on the armature data.

    Raises:
        Refusal: if the data is linked from another file.
    """
    if data.library is not None or data.override_library is not None:
        raise Refusal(
            f"Armature data '{data.name}' is linked from another file; save its mapping there, or in a preset"
        )
    data[PROPERTY] = rigmap.to_json()


def clear(data: bpy.types.Armature) -> bool:
    """Remove the stored map and forget the detected one; whether there was one stored.

    Raises:
        Refusal: if the data is linked from another file.
    """
    if PROPERTY in data and (data.library is not None or data.override_library is not None):
        raise Refusal(f"Armature data '{data.name}' is linked from another file; clear its mapping there")
    _detected.pop(data.session_uid, None)
    stored_here = PROPERTY in data
    if stored_here:
        del data[PROPERTY]
    return stored_here


def with_bone(rigmap: RigMap, joint: str, bone: str) -> RigMap:
    """The map with one bone, chosen by the user, for ``joint``; none if ``bone`` is empty.

    A bone plays one joint: it is taken from any other.
    """
    joints = {}
    for other, bones in rigmap.joints.items():
        left = replace(
            bones,
            read=tuple(name for name in bones.read if name != bone),
            write=tuple(name for name in bones.write if name != bone),
        )
        if other != joint and left.read:
            joints[other] = left
    if bone:
        joints[joint] = JointBones((bone,), (bone,), 1.0, "chosen by you")
    ordered = dict(sorted(joints.items(), key=lambda item: JOINT_INDEX[item[0]]))
    return replace(rigmap, joints=ordered)


def accepted(rigmap: RigMap) -> RigMap:
    """The map with every joint confirmed by the user."""
    joints = {
        joint: bones if bones.confidence >= 1 else replace(bones, confidence=1.0, reason="saved by you")
        for joint, bones in rigmap.joints.items()
    }
    return replace(rigmap, joints=joints)


def vanished_bones(rigmap: RigMap, data: bpy.types.Armature) -> tuple[str, ...]:
    """Bones that the map names and the armature lacks."""
    named = [name for bones in rigmap.joints.values() for name in (*bones.read, *bones.write)]
    named += [handle.bone for handle in rigmap.handles.values()]
    return tuple(dict.fromkeys(name for name in named if name not in data.bones))


def export_preset(rigmap: RigMap, path: Path) -> None:
    """Write the map to a file, whole or not at all.

    Raises:
        Refusal: if the file cannot be written.
    """
    try:
        write_whole(path, rigmap.to_json().encode())
    except OSError as error:
        raise Refusal(f"The preset cannot be written to {path}: {error.strerror}") from error


def import_preset(path: Path, data: bpy.types.Armature) -> RigMap:
    """Read a preset and hold it against the armature's bones.

    Raises:
        Refusal: if the file cannot be read, is no preset, or names bones that the armature lacks.
    """
    try:
        rigmap = RigMap.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refusal(f"The preset {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{path.name} is no preset of a rig: it is no text") from error
    except ValueError as error:
        raise Refusal(f"The preset {path.name} cannot be used: {error}") from error
    if gone := vanished_bones(rigmap, data):
        raise Refusal(f"The preset {path.name} is for another rig: '{data.name}' has no {_listed(gone)}")
    return rigmap


def forget() -> None:
    """Forget every detected map."""
    _detected.clear()
    _parsed.clear()


def _listed(names: Iterable[str]) -> str:
    names = [f"'{name}'" for name in names]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
