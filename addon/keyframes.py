# SPDX-License-Identifier: GPL-3.0-or-later
"""All keys of an F-curve at once, as arrays.

A table of keys is everything that Blender stores with them, so that keys can be merged, shifted
and put back without losing what an animator gave them: interpolation, easing, handles, type.
"""

from __future__ import annotations

import bpy
import numpy as np

PLACES = ("co", "handle_left", "handle_right")
_ITEMS = ("interpolation", "easing", "type", "handle_left_type", "handle_right_type")
_NUMBERS = ("back", "amplitude", "period")
_FLAGS = ("select_control_point", "select_left_handle", "select_right_handle")

Keys = dict[str, np.ndarray]
"""Property of a key -> (N, 2) places, or (N,) numbers, flags, or items of an enumeration."""


def read_property(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """One property of all keys: (N, 2) places, or (N,)."""
    points = curve.keyframe_points
    if name in PLACES:
        values = np.empty((len(points), 2), dtype=np.float32)
    elif name in _FLAGS:
        values = np.empty(len(points), dtype=bool)
    else:
        values = np.empty(len(points), dtype=np.float32 if name in _NUMBERS else np.int32)
    points.foreach_get(name, values.reshape(-1))
    return values


def read_keys(curve: bpy.types.FCurve) -> Keys:
    """Everything about a curve's keys, in the order of time."""
    return read_shape(curve) | {name: read_property(curve, name) for name in _FLAGS}


def read_shape(curve: bpy.types.FCurve) -> Keys:
    """Everything about a curve's keys but whether they are selected."""
    return {name: read_property(curve, name) for name in (*PLACES, *_ITEMS, *_NUMBERS)}


def write_keys(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Give a curve these keys and no others; automatic handles are fitted anew."""
    put_keys(curve, keys)
    curve.update()


def put_keys(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Give a curve these keys and no others, to the bit."""
    points = curve.keyframe_points
    count = len(keys["co"])
    if len(points) != count:
        points.clear()
        points.add(count)
    for name in (*_ITEMS, *_NUMBERS, *_FLAGS, *PLACES):
        points.foreach_set(name, np.ascontiguousarray(keys[name]).reshape(-1))


def item(name: str, identifier: str) -> int:
    """The number that stands for an item of one of a key's enumerations."""
    return bpy.types.Keyframe.bl_rna.properties[name].enum_items[identifier].value


def select_rows(keys: Keys, rows: np.ndarray) -> Keys:
    """Some of the keys, by mask or by number."""
    return {name: values[rows] for name, values in keys.items()}


def join(*tables: Keys) -> Keys:
    """The keys of several tables, sorted by time."""
    together = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    return select_rows(together, np.argsort(together["co"][:, 0], kind="stable"))


def blank_keys(count: int) -> Keys:
    """Keys as Blender's own defaults have them: Bezier, automatic clamped handles."""
    keys: Keys = {name: np.zeros((count, 2), dtype=np.float32) for name in PLACES}
    keys |= {name: np.zeros(count, dtype=np.int32) for name in _ITEMS}
    keys |= {name: np.zeros(count, dtype=np.float32) for name in _NUMBERS}
    keys |= {name: np.zeros(count, dtype=bool) for name in _FLAGS}
    keys["interpolation"][:] = item("interpolation", "BEZIER")
    for side in ("handle_left_type", "handle_right_type"):
        keys[side][:] = item(side, "AUTO_CLAMPED")
    return keys


def key_times(curve: bpy.types.FCurve) -> np.ndarray:
    """(N,) frames of a curve's keys, in double precision."""
    return read_property(curve, "co")[:, 0].astype(float)
