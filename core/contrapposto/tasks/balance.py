# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a body that stands, sits or lies on the floor would fall over."""

from __future__ import annotations

import numpy as np

from contrapposto.skeleton import JOINT_INDEX, forward_kinematics
from contrapposto.soles import Soles
from contrapposto.tasks.standing import FLESH, SINKS

TOUCHES = 0.06
"""Metres above its lowest part up to which parts of a body touch the floor, once feet are laid on it."""

_MASSES = {
    ("pelvis", "spine2"): 0.25, ("spine2", "neck"): 0.25, ("neck", "head"): 0.08,
    ("hip", "knee"): 0.10, ("knee", "ankle"): 0.045, ("ankle", "foot"): 0.015,
    ("shoulder", "elbow"): 0.028, ("elbow", "wrist"): 0.022,
}  # fmt: skip
"""Shares of a body's weight, of what lies between two joints; of limbs, each.

Source: Winter 2009, "Biomechanics and Motor Control of Human Movement", table 4.1, rounded; hands are counted
with their forearms.
"""

_DIRECTIONS = 2 * np.pi * np.arange(32) / 32
"""Radians, in which what a body stands on is looked at from above."""


def overhang(rotations: np.ndarray, soles: Soles, offsets: np.ndarray | None = None) -> np.ndarray:
    """How far beside what touches the floor the weight of a body lies.

    The floor is where its lowest part is, a sole or anything else. Who rests on anything else sits, kneels
    or lies, and falls no further.

    Args:
        rotations: (..., 22, 3, 3) local rotations.
        soles: of this body.
        offsets: (22, 3) the body's proportions; the standard body if None.

    Returns:
        (...,) metres from the support to the point below the centre of mass; negative within it, and 0 at
        most for a body that does not stand.
    """
    world, positions = forward_kinematics(rotations, offsets)
    parts = positions[..., list(FLESH), :] - np.array([[0.0, depth, 0.0] for depth in FLESH.values()])
    feet = soles.points(world, positions)
    rests = parts[..., 1].min(axis=-1) < feet[..., 1].min(axis=-1) - SINKS
    points = np.concatenate([feet, parts], axis=-2)
    height = points[..., 1]
    touches = height < height.min(axis=-1, keepdims=True) + TOUCHES
    directions = np.stack([np.cos(_DIRECTIONS), 0 * _DIRECTIONS, np.sin(_DIRECTIONS)])
    reach = np.where(touches[..., None], points @ directions, -np.inf).max(axis=-2)
    leaning = (_centre_of_mass(positions) @ directions - reach).max(axis=-1)
    return np.where(rests, np.minimum(leaning, 0.0), leaning)


def _centre_of_mass(positions: np.ndarray) -> np.ndarray:
    """(..., 3) of joints (..., 22, 3)."""
    total = np.zeros((*positions.shape[:-2], 3))
    for ends, mass in _MASSES.items():
        for side in ("",) if ends[0] in JOINT_INDEX else ("left_", "right_"):
            start, end = (JOINT_INDEX[side + name] for name in ends)
            total += mass * (positions[..., start, :] + positions[..., end, :]) / 2
    return total
