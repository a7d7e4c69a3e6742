# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays of points: the set that they are of, the joints that they stand for, what they lack of a body."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.keypoints.sets import ARM, LEG, LIMB_PARTS, SETS, SIDES, STANDS_FOR, sides
from contrapposto.skeleton import JOINT_NAMES

_SPANS = {("shoulder", "hip"): 0.5, **dict(zip(LIMB_PARTS, (0.28, 0.28, 0.41, 0.43), strict=True))}
"""Metres between two points of one side, on anyone about."""


def to_joints(points: Array, confidence: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """The 22 joints that points stand for.

    Args:
        points: (..., K, D) pixels or metres.
        confidence: (..., K), 0 where unknown.
        names: of the K points, see ``SETS``.

    Returns:
        (..., 22, D) joints, NaN where unknown, and (..., 22) their confidence, 0 there; of a
        joint halfway between two points that of the worse.

    Raises:
        ValueError: if there are not K points.
    """
    if points.shape[-2] != len(names) or tuple(confidence.shape) != tuple(points.shape[:-1]):
        raise ValueError(f"{len(names)} points with their confidence are needed, not {tuple(points.shape)}")
    xp = namespace(points, confidence)
    nowhere, unsure = xp.nan * xp.ones_like(points[..., 0, :]), xp.zeros_like(confidence[..., 0])
    joints, sure = [], []
    for name in JOINT_NAMES:
        pairs = [pair for pair in (*STANDS_FOR.get(name, ()), (name, name)) if set(pair) <= set(names)]
        if not pairs:
            joints.append(nowhere)
            sure.append(unsure)
            continue
        a, b = (names.index(point) for point in pairs[0])
        least = xp.minimum(confidence[..., a], confidence[..., b])
        middle = points[..., a, :] + (points[..., b, :] - points[..., a, :]) / 2
        joints.append(xp.where((least > 0)[..., None], middle, nowhere))
        sure.append(least)
    return xp.stack(joints, axis=-2), xp.stack(sure, axis=-1)


def completed(
    points: np.ndarray, confidence: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Points that someone chose, with what a body needs and they lack: never seen, but there.

    Args:
        points: (..., K, D).
        confidence: (..., K), 0 where missing.
        names: of the K points.

    Returns:
        Points, confidence and names of the same and of the hips, shoulders and ends of limbs, and every
        point's partner on the other side; all that a set of a detector's has anyway.
    """
    partner = {"left": "right", "right": "left"}
    others = [
        f"{partner[side]}_{part}"
        for side, _, part in (name.partition("_") for name in names)
        if side in partner
    ]
    more = [name for name in dict.fromkeys([*sides(*ARM, *LEG), *others]) if name not in names]
    points = np.concatenate(
        [points, np.full((*points.shape[:-2], len(more), points.shape[-1]), np.nan)], axis=-2
    )
    confidence = np.concatenate([confidence, np.zeros((*confidence.shape[:-1], len(more)))], axis=-1)
    return points, confidence, (*names, *more)


def recognise(points: np.ndarray, confidence: np.ndarray) -> str:
    """The set that points (..., K, D) are of: the one by which limbs and trunk are most like a body's.

    Args:
        points: of anyone, in any number of frames.
        confidence: (..., K), 0 where missing.

    Raises:
        ValueError: with one sentence, if no set has K points, or several have and a limb is never seen whole.
    """
    count = points.shape[-2]
    fitting = [name for name, names in SETS.items() if len(names) == count]
    if not fitting:
        known = ", ".join(f"{name} ({len(names)})" for name, names in SETS.items())
        raise ValueError(f"No set of points has {count} a person, only {known}")
    if len(fitting) == 1:
        return fitting[0]
    unlike = {name: _unevenness(points, confidence, SETS[name]) for name in fitting}
    if not all(np.isfinite(value) for value in unlike.values()):
        raise ValueError(
            "No one's trunk, arms and legs are seen whole, so the points may be those of "
            f"{' or '.join(fitting)}; name it with --set"
        )
    return min(unlike, key=unlike.__getitem__)


def _unevenness(points: np.ndarray, confidence: np.ndarray, names: tuple[str, ...]) -> float:
    """How much the spans of a body differ in size, by their mean; infinite if one is never seen."""
    sizes = []
    for (a, b), metres in _SPANS.items():
        for side in SIDES:
            i, j = names.index(f"{side}_{a}"), names.index(f"{side}_{b}")
            whole = (confidence[..., i] > 0) & (confidence[..., j] > 0)
            if not whole.any():
                return np.inf
            sizes.append(
                np.linalg.norm((points[..., i, :] - points[..., j, :])[whole], axis=-1).mean() / metres
            )
    return float(np.std(sizes) / np.mean(sizes))
