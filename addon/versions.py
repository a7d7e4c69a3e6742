# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how Blender versions differ, found by feature and not by number.

- Bone selection moved from the bone to the pose bone (5.0).
- F-curves moved from the action into a slot's channelbag (4.4); the old list went away (5.0).
- Registered properties are no longer seen as custom properties (5.0).
- A path that begins at the .blend, "//…", is red in a field that does not say that it takes such paths (4.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

AnimationHolder = Any
"""What an action is assigned to: animation data or an NLA strip."""


LAST_FRAME = 1_048_574
"""No version plays a frame beyond it, in either direction."""

BESIDE_BLEND = (
    {"PATH_SUPPORTS_BLEND_RELATIVE"}
    if "is_path_supports_blend_relative" in bpy.types.Property.bl_rna.properties
    else set()
)
"""Options of a property that holds a path which may begin at the .blend."""


def is_selected(bone: bpy.types.PoseBone) -> bool:
    """Whether the bone is selected in pose mode."""
    return bone.select if "select" in bone.bl_rna.properties else bone.bone.select


def set_selected(bone: bpy.types.PoseBone, state: bool) -> None:
    """Select or deselect a bone."""
    owner = bone if "select" in bone.bl_rna.properties else bone.bone
    owner.select = state


def assigned(holder: AnimationHolder) -> tuple[bpy.types.Action | None, Any]:
    """Action and slot of animation data or of a strip; no slot where there are none, or none is chosen."""
    if holder is None or holder.action is None:
        return None, None
    return holder.action, holder.action_slot if _has_slots(holder.action) else None


def assign(holder: AnimationHolder, action: bpy.types.Action | None, slot: Any = None) -> None:  # noqa: ANN401
    """Assign an action with its slot; Blender itself binds none where names differ, or another one."""
    holder.action = action
    if action is not None and _has_slots(action) and holder.action_slot != slot:
        holder.action_slot = slot


def add_curve(collection: Any, path: str, index: int, sibling: bpy.types.FCurve) -> bpy.types.FCurve:  # noqa: ANN401
    """A new F-curve in the collection and in the group of ``sibling``."""
    group = sibling.group
    named = {"group_name", "action_group"} & set(collection.bl_rna.functions["new"].parameters.keys())
    if group is not None and named:
        return collection.new(path, index=index, **{named.pop(): group.name})
    curve = collection.new(path, index=index)
    if group is not None:
        curve.group = group
    return curve


def new_action(name: str, owner: bpy.types.ID) -> tuple[bpy.types.Action, Any]:
    """A new action that could animate ``owner``, and the collection that its F-curves go into."""
    action = bpy.data.actions.new(name)
    if not _has_slots(action):
        action.id_root = owner.id_type
        return action, action.fcurves
    slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return action, strip.channelbag(slot, ensure=True).fcurves


def new_curve(collection: Any, path: str, index: int, group: str) -> bpy.types.FCurve:  # noqa: ANN401
    """A new F-curve; in a group where the version takes one with the curve."""
    named = {"group_name", "action_group"} & set(collection.bl_rna.functions["new"].parameters.keys())
    return collection.new(path, index=index, **dict.fromkeys(named, group))


def remove_curve(collection: Any, curve: bpy.types.FCurve) -> None:  # noqa: ANN401
    """Remove an F-curve, and its group if that was the last one in it."""
    group, action = curve.group, curve.id_data
    collection.remove(curve)
    if group is not None and not _has_slots(action) and not group.channels:
        action.groups.remove(group)


def curve_collections(action: bpy.types.Action, slot: Any) -> list[Any]:  # noqa: ANN401
    """The F-curve collections of one slot of an action, or of the whole action where there are no slots."""
    if not _has_slots(action):
        return [action.fcurves]
    if slot is None:
        return []
    bags = (strip.channelbag(slot) for layer in action.layers for strip in layer.strips)
    return [bag.fcurves for bag in bags if bag is not None]


def curves_of(action: bpy.types.Action, slot: Any) -> list[bpy.types.FCurve]:  # noqa: ANN401
    """Every F-curve of one slot of an action."""
    return [curve for collection in curve_collections(action, slot) for curve in collection]


def slots_of(action: bpy.types.Action, owner: bpy.types.ID) -> list[Any]:
    """The slots that could animate ``owner``, its own first; [None] where there are no slots."""
    if not _has_slots(action):
        return [None]
    fitting = [slot for slot in action.slots if slot.target_id_type in {owner.id_type, "UNSPECIFIED"}]
    return sorted(fitting, key=lambda slot: slot.name_display != owner.name)


def has_curves(action: bpy.types.Action) -> bool:
    """Whether any slot of an action has an F-curve."""
    return any(curves_of(action, slot) for slot in (action.slots if _has_slots(action) else [None]))


def same_slot(copy: bpy.types.Action, slot: Any) -> Any:  # noqa: ANN401
    """The slot of a copied action that is the copy of ``slot``."""
    return None if slot is None else copy.slots[slot.identifier]


def fcurve_collections(owner: bpy.types.ID) -> list[Any]:
    """The F-curve collections that animate ``owner``: those of its assigned action and slot."""
    action, slot = assigned(owner.animation_data)
    return [] if action is None else curve_collections(action, slot)


def lacks_slot(owner: bpy.types.ID) -> bool:
    """Whether an action is assigned of which no slot is, so that none of its keys plays."""
    action, slot = assigned(owner.animation_data)
    return action is not None and slot is None and _has_slots(action)


def fcurves(owner: bpy.types.ID) -> Iterable[bpy.types.FCurve]:
    """Every F-curve that animates ``owner`` through its assigned action and slot."""
    return [curve for collection in fcurve_collections(owner) for curve in collection]


def _has_slots(action: bpy.types.Action) -> bool:
    return "slots" in action.bl_rna.properties


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
