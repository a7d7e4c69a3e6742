# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how Blender versions differ, found by feature and not by number.

- Bone selection moved from the bone to the pose bone (5.0).
- F-curves moved from the action into a slot's channelbag (4.4); the old list went away (5.0).
- Registered properties are no longer seen as custom properties (5.0).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy


def is_selected(bone: bpy.types.PoseBone) -> bool:
    """Whether the bone is selected in pose mode."""
    return bone.select if "select" in bone.bl_rna.properties else bone.bone.select


def set_selected(bone: bpy.types.PoseBone, state: bool) -> None:
    """Select or deselect a bone."""
    owner = bone if "select" in bone.bl_rna.properties else bone.bone
    owner.select = state


def fcurve_collections(owner: bpy.types.ID) -> list[Any]:
    """The F-curve collections that animate ``owner``: those of its assigned action and slot."""
    data = owner.animation_data
    action = data.action if data else None
    if action is None:
        return []
    if "slots" not in action.bl_rna.properties:
        return [action.fcurves]
    slot = data.action_slot
    if slot is None:
        return []
    bags = (strip.channelbag(slot) for layer in action.layers for strip in layer.strips)
    return [bag.fcurves for bag in bags if bag is not None]


def lacks_slot(owner: bpy.types.ID) -> bool:
    """Whether an action is assigned of which no slot is, so that none of its keys plays."""
    data = owner.animation_data
    action = data.action if data else None
    return action is not None and "slots" in action.bl_rna.properties and data.action_slot is None


def fcurves(owner: bpy.types.ID) -> Iterable[bpy.types.FCurve]:
    """Every F-curve that animates ``owner`` through its assigned action and slot."""
    return [curve for collection in fcurve_collections(owner) for curve in collection]


def stored(owner: Any, name: str) -> Any:  # noqa: ANN401 - whatever another add-on keeps there
    """What another add-on registered or stored on ``owner`` under ``name``, or None.

    Works while that add-on is enabled (a registered property) and while it is not
    (the plain data that it left in the file).
    """
    if (value := getattr(owner, name, None)) is not None:
        return value
    if hasattr(owner, "bl_system_properties_get"):
        storage = owner.bl_system_properties_get()
        if storage is not None and (value := storage.get(name)) is not None:
            return value
    return owner.get(name) if hasattr(owner, "get") else None


def member(owner: Any, *path: str) -> Any:  # noqa: ANN401 - as above
    """Follow ``path`` through registered properties or plain stored groups; None where it ends."""
    for name in path:
        if owner is None:
            return None
        found = getattr(owner, name, None)
        owner = found if found is not None else (owner.get(name) if hasattr(owner, "get") else None)
    return owner
