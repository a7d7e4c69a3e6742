# SPDX-License-Identifier: GPL-3.0-or-later
"""The original and the denoised action: each knows the other, and one press changes between them.

A denoised action points to its original, so that the original stays with the file as long as the result
does; the armature points to what was made last of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .errors import Refusal
from .versions import assign, assigned, same_slot

if TYPE_CHECKING:
    from .takes import Take

ORIGINAL = "contrapposto_original"
"""The custom property of a denoised action that points to its original."""


def link(original: bpy.types.Action, denoised: bpy.types.Action) -> None:
    """Have the denoised action point to its original, and keep the original if nothing else does."""
    if original.library is None and original.users == 0:
        original.use_fake_user = True
    denoised[ORIGINAL] = original


def put_in_place(armature_object: bpy.types.Object, take: Take, action: bpy.types.Action) -> None:
    """Play the new action where the take was played from; it stays with the file if nothing plays it."""
    slot = same_slot(action, take.slot)
    for strip in take.strips:
        _assign_to_strip(strip, action, slot)
    if take.is_active:
        assign(armature_object.animation_data, action, slot)
    if not take.strips and not take.is_active:
        action.use_fake_user = True


def partner(action: bpy.types.Action | None) -> bpy.types.Action | None:
    """The original of a denoised action, or the latest that was made of an original."""
    if action is None:
        return None
    original = action.get(ORIGINAL)
    if original is not None:
        return original
    made = [other for other in bpy.data.actions if other.get(ORIGINAL) == action]
    return max(made, key=lambda other: other.session_uid, default=None)


def played_actions(data: bpy.types.AnimData | None) -> list[bpy.types.Action]:
    """The active action, then those of the NLA strips."""
    if data is None:
        return []
    strips = [strip.action for track in data.nla_tracks for strip in track.strips]
    return [action for action in (data.action, *strips) if action is not None]


def is_denoised(action: bpy.types.Action | None) -> bool:
    """Whether an action was made by denoising and its original is still there."""
    return action is not None and action.get(ORIGINAL) is not None


def toggle(armature_object: bpy.types.Object) -> bpy.types.Action:
    """Play the other one of original and denoised, in the active action and in NLA strips; which one it is.

    Raises:
        Refusal: if there is no other one.
    """
    data = armature_object.animation_data
    if data is not None and data.use_tweak_mode:
        raise Refusal(f"'{armature_object.name}' is tweaking an NLA strip; leave Tweak Mode first")
    action, slot = assigned(data)
    other = partner(action)
    if other is not None:
        assign(data, other, _slot_like(other, slot))
        return other
    changed = None
    for track in data.nla_tracks if data is not None else ():
        for strip in track.strips:
            action, slot = assigned(strip)
            other = partner(action)
            if other is not None:
                _assign_to_strip(strip, other, _slot_like(other, slot))
                changed = other
    if changed is None:
        raise Refusal(f"'{armature_object.name}' plays nothing that was denoised; press Denoise Mocap first")
    return changed


def _assign_to_strip(strip: bpy.types.NlaStrip, action: bpy.types.Action, slot: Any) -> None:  # noqa: ANN401
    """Change what a strip plays and leave when and how fast it plays it."""
    ends = strip.action_frame_start, strip.action_frame_end, strip.frame_start, strip.frame_end, strip.scale
    assign(strip, action, slot)
    if ends != (
        strip.action_frame_start, strip.action_frame_end, strip.frame_start, strip.frame_end, strip.scale,
    ):  # fmt: skip
        strip.action_frame_start, strip.action_frame_end = ends[:2]
        strip.scale = ends[4]
        strip.frame_start, strip.frame_end = ends[2:4]


def _slot_like(action: bpy.types.Action, slot: Any) -> Any:  # noqa: ANN401 - Blender's slot, if it has any
    return None if slot is None else action.slots.get(slot.identifier)
