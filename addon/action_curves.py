# SPDX-License-Identifier: GPL-3.0-or-later
"""The curves of one action, by the bone and property that they move, and what they hold over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .curves import bone_of
from .keyframes import read_property
from .versions import curves_of

_ON_KEY = 1e-4
"""Frames; nearer than this, a key's own value is what the curve holds there."""

Channel = Mapping[int, bpy.types.FCurve]
"""Array index -> curve."""


@dataclass(frozen=True, eq=False)
class ActionCurves:
    """What an action animates, of the armature that it is played on.

    Attributes:
        channels: (bone, property) -> the curves that play.
        muted: (bone, property) -> the curves that are muted, by themselves or with their group.
        properties: path of anything else, such as a custom property -> the curve of its first element.
    """

    channels: Mapping[tuple[str, str], Channel]
    muted: Mapping[tuple[str, str], Channel]
    properties: Mapping[str, bpy.types.FCurve]

    def values(
        self, bone: bpy.types.PoseBone, path: str, frames: np.ndarray, only: Iterable[int] | None = None
    ) -> np.ndarray:
        """(T, c) what a bone's property holds over the frames; as it stands now where no curve moves it."""
        values = np.tile(np.array(getattr(bone, path), dtype=float), (len(frames), 1))
        for index, curve in self.channels.get((bone.name, path), {}).items():
            if index < values.shape[1] and (only is None or index in only):
                values[:, index] = evaluate(curve, frames)
        return values


def read_action(action: bpy.types.Action, slot: Any) -> ActionCurves:  # noqa: ANN401 - Blender's slot, if it has any
    """Sort the curves of one slot of an action."""
    channels: dict[tuple[str, str], dict[int, bpy.types.FCurve]] = {}
    muted: dict[tuple[str, str], dict[int, bpy.types.FCurve]] = {}
    properties: dict[str, bpy.types.FCurve] = {}
    for curve in curves_of(action, slot):
        where = bone_of(curve.data_path)
        is_muted = curve.mute or (curve.group is not None and curve.group.mute)
        if where is not None:
            (muted if is_muted else channels).setdefault(where, {})[curve.array_index] = curve
        elif not is_muted:
            properties.setdefault(curve.data_path, curve)
    return ActionCurves(channels, muted, properties)


def evaluate(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """(T,) what a curve holds at the frames: to the bit on its keys, elsewhere as Blender evaluates it."""
    keys = read_property(curve, "co").astype(float)
    if len(keys) and not any(modifier_acts(modifier) for modifier in curve.modifiers):
        nearest = np.clip(np.searchsorted(keys[:, 0], frames), 0, len(keys) - 1)
        before = np.maximum(nearest - 1, 0)
        nearest = np.where(
            np.abs(keys[before, 0] - frames) < np.abs(keys[nearest, 0] - frames), before, nearest
        )
        values = keys[nearest, 1]
        between = np.flatnonzero(~(np.abs(keys[nearest, 0] - frames) < _ON_KEY))
    else:
        values, between = np.empty(len(frames)), np.arange(len(frames))
    values[between] = [curve.evaluate(frame) for frame in frames[between].tolist()]
    return values


def modifier_acts(modifier: bpy.types.FModifier) -> bool:
    """Whether a curve's modifier changes anything."""
    return not modifier.mute and (not modifier.use_influence or modifier.influence > 0)
