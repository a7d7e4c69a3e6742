# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring placed joints home: the same damped least squares behind every method that is compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.reach import Placement, approach, reach

CHUNK = 256


def bring_home(
    rotations: np.ndarray,
    free: np.ndarray,
    joints: Sequence[int],
    places: np.ndarray,
    directions: np.ndarray | None = None,
    *,
    rounds: int = 1,
) -> np.ndarray:
    """Poses with their placed joints where they belong.

    Args:
        rotations: (N, B, 22, 3, 3) hypotheses.
        free: (22,) bool, joints that may turn.
        joints: the K placed joints.
        places: (B, K, 3) where they belong, relative to the pelvis.
        directions: (B, K, 3, 3) how they are turned there, in the world; left open if None.
        rounds: how often least squares is run in a row.

    Returns:
        (N, B, 22, 3, 3).
    """
    homes = []
    for start in range(0, len(places), CHUNK):
        rows = slice(start, start + CHUNK)
        placement = placed_in(joints, places[rows], None if directions is None else directions[rows])
        found = rotations[:, rows]
        placement = _of_each(placement, len(rotations))
        R = found.reshape(-1, NUM_JOINTS, 3, 3)
        for _ in range(rounds):
            R, _ = reach(R, free, placement)
        homes.append(R.reshape(found.shape))
    return np.concatenate(homes, axis=1)


def placed_in(joints: Sequence[int], places: np.ndarray, directions: np.ndarray | None = None) -> Placement:
    """Where the placed joints of each of B poses belong; see ``bring_home``."""
    turned = {} if directions is None else dict(zip(joints, directions.swapaxes(0, 1), strict=True))
    return Placement(list(joints), places, turned)


def approaching(rotations: np.ndarray, free: np.ndarray, placement: Placement) -> np.ndarray:
    """Poses (..., B, 22, 3, 3) that are still being drawn, nearer to where their joints belong."""
    poses = rotations.reshape(-1, NUM_JOINTS, 3, 3)
    each = _of_each(placement, len(poses) // len(placement.positions))
    return approach(poses, free, each).reshape(rotations.shape)


def _of_each(placement: Placement, count: int) -> Placement:
    """The same for ``count`` hypotheses of each pose, one hypothesis of all poses after another."""
    return placement.of(np.tile(np.arange(len(placement.positions)), count))
