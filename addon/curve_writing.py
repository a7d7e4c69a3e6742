# SPDX-License-Identifier: GPL-3.0-or-later
"""Put values over time into the curves of a bone's property: on the keys there are, or on new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .action_curves import ActionCurves, evaluate
from .key_reduction import needed_keys, slopes_of
from .keyframes import Keys, blank_keys, item, join, key_times, read_keys, select_rows, write_keys
from .versions import add_curve

_SAME_TIME = 1e-3
_SAME_VALUE = 1e-9

Error = Callable[[np.ndarray, np.ndarray], np.ndarray]


def write_values(
    collection: Any,  # noqa: ANN401 - a Blender collection of F-curves
    curves: ActionCurves,
    where: tuple[str, str],
    times: np.ndarray,
    values: Mapping[int, np.ndarray],
    span: tuple[float, float],
    *,
    generated: np.ndarray | None = None,
) -> None:
    """Key a property on the times and on no other time within the span; keys outside stay.

    A key that is there keeps its interpolation, type and handles, moved along with it. A new one takes its
    interpolation from the key before.

    Args:
        collection: where new curves go.
        curves: the curves of the same action; at least one channel of the property has one.
        where: bone and property.
        times: (N,) rising frames within the span.
        values: array index -> (N,) values of that channel.
        span: first and last frame.
        generated: (N,) bool, new keys that get the type Generated; none if None.
    """
    channel = dict(curves.channels[where])
    sibling = next(iter(channel.values()))
    for index, column in values.items():
        curve = channel.get(index)
        if curve is None:
            curve = add_curve(collection, sibling.data_path, index, sibling)
            table = _like(read_keys(sibling), times)
            table = _with_values(table, times, column, generated)
        else:
            old = read_keys(curve)
            at = old["co"][:, 0].astype(float)
            outside = (at < span[0] - _SAME_TIME) | (at > span[1] + _SAME_TIME)
            inside = _with_values(_like(old, times), times, column, generated)
            table = join(select_rows(old, outside), inside)
        write_keys(curve, table)


def reduce_channel(
    curves: ActionCurves,
    where: tuple[str, str],
    indices: tuple[int, ...],
    samples: np.ndarray,
    span: tuple[float, float],
    error: Error,
    bound: float,
) -> int:
    """Leave out keys of a property within the span as far as the bound allows; how many are left.

    Args:
        curves: read after everything was written.
        where: bone and property.
        indices: its channels; after this all have the same key times within the span.
        samples: frames on which the bound holds, beside those of the keys.
        span: first and last frame.
        error: (M, c) and (M, c) values of the channels to (M,) errors.
        bound: the most it may be.
    """
    channel = curves.channels[where]
    present = [index for index in indices if index in channel]
    keyed = np.unique(np.concatenate([key_times(channel[index]) for index in present]))
    keyed = keyed[(keyed > span[0] - _SAME_TIME) & (keyed < span[1] + _SAME_TIME)]
    if len(keyed) < 3:
        return len(keyed) * len(present)
    samples = samples[(samples > keyed[0]) & (samples < keyed[-1])]
    samples = samples[np.abs(keyed[_nearest(keyed, samples)] - samples) > _SAME_TIME]
    times = np.sort(np.concatenate([keyed, samples]))
    values = np.stack([evaluate(channel[index], times) for index in present], axis=-1)
    kept = needed_keys(times, values, np.searchsorted(times, keyed), error, bound)
    slopes = slopes_of(times, values)
    third = np.diff(times[kept]) / 3
    before, after = np.append(third[:1], third), np.append(third, third[-1:])
    for column, index in enumerate(present):
        table = blank_keys(len(kept))
        for side in ("handle_left_type", "handle_right_type"):
            table[side][:] = item(side, "ALIGNED")
        v, s = values[kept, column], slopes[kept, column]
        table["co"] = _places(times[kept], v)
        table["handle_left"] = _places(times[kept] - before, v - s * before)
        table["handle_right"] = _places(times[kept] + after, v + s * after)
        old = read_keys(channel[index])
        at = old["co"][:, 0].astype(float)
        rows = _nearest(at, times[kept])
        table["type"] = old["type"][rows]
        outside = (at < span[0] - _SAME_TIME) | (at > span[1] + _SAME_TIME)
        write_keys(channel[index], join(select_rows(old, outside), table))
    return len(kept) * len(present)


def _with_values(table: Keys, times: np.ndarray, values: np.ndarray, generated: np.ndarray | None) -> Keys:
    """A table of ``_like`` with its values set and handles moved along."""
    same = np.abs(table["co"][:, 0] - times) < _SAME_TIME
    step = values - table["co"][:, 1]
    for place in ("handle_left", "handle_right"):
        moved = table[place].copy()
        moved[:, 1] += step.astype(np.float32)
        reach = -0.33 if place == "handle_left" else 0.33
        fresh = _places(times + reach, values)
        table[place] = np.where(same[:, None], moved, fresh).astype(np.float32)
    table["co"] = np.where(same[:, None], table["co"], _places(times, values))
    changed = np.abs(step) > _SAME_VALUE
    table["co"][changed, 1] = values[changed]
    for side in ("handle_left_type", "handle_right_type"):
        table[side] = np.where(same, table[side], item(side, "AUTO_CLAMPED")).astype(np.int32)
    if generated is not None:
        table["type"] = np.where(~same & generated, item("type", "GENERATED"), table["type"]).astype(np.int32)
    return table


def _like(old: Keys, times: np.ndarray) -> Keys:
    """For each time the key that lies there, else a copy of the one before."""
    at = old["co"][:, 0].astype(float)
    rows = np.clip(np.searchsorted(at, times + _SAME_TIME, side="right") - 1, 0, len(at) - 1)
    return {name: column.copy() for name, column in select_rows(old, rows).items()}


def _nearest(sorted_: np.ndarray, values: np.ndarray) -> np.ndarray:
    after = np.clip(np.searchsorted(sorted_, values), 0, len(sorted_) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(np.abs(sorted_[before] - values) <= np.abs(sorted_[after] - values), before, after)


def _places(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([times, values], axis=-1).astype(np.float32)
