# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: the actions of an armature that are to be worked on, and where each is played from.

A take is worked on as if nothing else played: its action alone, without the other strips, in the
action's own frames. What takes its place afterwards goes where it was played from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy

from .curves import bone_of
from .denoise_settings import DenoiseSettings, Source
from .errors import Advice, Refusal
from .versions import assign, assigned, curves_of, lacks_slot, slots_of


@dataclass(frozen=True)
class Take:
    """An action of an armature.

    Attributes:
        action: it.
        slot: the slot that animates the armature; None where Blender has no slots.
        strips: the NLA strips that are to play the result.
        is_active: whether the result becomes the armature's active action.
    """

    action: bpy.types.Action
    slot: Any
    strips: tuple[bpy.types.NlaStrip, ...] = ()
    is_active: bool = False


def find_takes(armature_object: bpy.types.Object, settings: DenoiseSettings) -> list[Take]:
    """What the user chose.

    Raises:
        Refusal: naming the armature or action, if there is nothing to work on.
    """
    name, data = armature_object.name, armature_object.animation_data
    if data is not None and data.use_tweak_mode:
        raise Refusal(
            f"'{name}' is tweaking an NLA strip; leave Tweak Mode (Tab in the Nonlinear Animation editor), "
            "then choose Selected Strips"
        )
    if settings.source is Source.ACTIVE:
        return [_active_take(armature_object)]
    if settings.source is Source.STRIPS:
        return _strip_takes(armature_object)
    if settings.source is Source.ALL:
        takes = [
            take
            for action in bpy.data.actions
            if (take := _take_of(armature_object, action)) and _moves_bones(armature_object, take)
        ]
        if not takes:
            raise Refusal(f"No action of this file moves a bone of '{name}'")
        return takes
    return [_named_take(armature_object, action) for action in settings.actions]


@contextmanager
def playing(armature_object: bpy.types.Object, action: bpy.types.Action, slot: Any) -> Iterator[None]:  # noqa: ANN401
    """Have the armature play one action alone; afterwards everything is as it was."""
    data = armature_object.animation_data or armature_object.animation_data_create()
    before, use_nla = assigned(data), data.use_nla
    try:
        data.use_nla = False
        assign(data, action, slot)
        yield
    finally:
        assign(data, *before)
        data.use_nla = use_nla


def _active_take(armature_object: bpy.types.Object) -> Take:
    data = armature_object.animation_data
    action, slot = assigned(data)
    if action is None:
        if data is not None and any(track.strips for track in data.nla_tracks):
            raise Refusal(
                f"'{armature_object.name}' has no active action, only NLA strips; ", Advice.CHOOSE_STRIPS
            )
        raise Refusal(f"'{armature_object.name}' has no action; assign one in the Action Editor")
    if lacks_slot(armature_object):
        raise Refusal(
            f"The action of '{armature_object.name}' has no slot chosen, so that none of its keys plays; "
            "choose the slot in the Action Editor"
        )
    return Take(action, slot, is_active=True)


def _strip_takes(armature_object: bpy.types.Object) -> list[Take]:
    data = armature_object.animation_data
    found: dict[tuple[str, str], Take] = {}
    for strip in _strips(data):
        action, slot = assigned(strip)
        if not strip.select or action is None:
            continue
        key = (action.name_full, getattr(slot, "identifier", ""))
        strips = (*found[key].strips, strip) if key in found else (strip,)
        found[key] = Take(action, slot, strips, is_active=assigned(data) == (action, slot))
    if not found:
        raise Refusal(
            f"No NLA strip of '{armature_object.name}' that plays an action is selected; select one first"
        )
    return list(found.values())


def _named_take(armature_object: bpy.types.Object, name: str) -> Take:
    action = bpy.data.actions.get(name)
    if action is None:
        raise Refusal(f"There is no action named '{name}' in this file; check the name")
    take = _take_of(armature_object, action)
    if take is None:
        raise Refusal(f"Action '{name}' has no slot for an object such as '{armature_object.name}'")
    return take


def _take_of(armature_object: bpy.types.Object, action: bpy.types.Action) -> Take | None:
    """The action as the armature plays it, or could play it."""
    data = armature_object.animation_data
    if data is not None:
        playing_it = [strip for strip in _strips(data) if strip.action == action]
        current, slot = assigned(data)
        if current == action and not lacks_slot(armature_object):
            same = tuple(strip for strip in playing_it if assigned(strip)[1] == slot)
            return Take(action, slot, same, is_active=True)
        if playing_it and (slot := assigned(playing_it[0]))[1] is not None:
            return Take(action, slot[1], tuple(strip for strip in playing_it if assigned(strip) == slot))
        if playing_it:
            return Take(action, None, tuple(playing_it))
    slots = slots_of(action, armature_object)
    moving = [Take(action, slot) for slot in slots if _moves_bones(armature_object, Take(action, slot))]
    return next(iter([*moving, *(Take(action, slot) for slot in slots)]), None)


def _moves_bones(armature_object: bpy.types.Object, take: Take) -> bool:
    bones = armature_object.pose.bones
    return any(
        (where := bone_of(curve.data_path)) is not None and where[0] in bones
        for curve in curves_of(take.action, take.slot)
    )


def _strips(data: bpy.types.AnimData | None) -> Iterable[bpy.types.NlaStrip]:
    return [strip for track in data.nla_tracks for strip in track.strips] if data else []
