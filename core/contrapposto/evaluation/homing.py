# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring placed joints home: the same damped least squares behind every method that is compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.reach import Placement, reach

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
    count = len(rotations)
    homes = []
    for start in range(0, len(places), CHUNK):
        rows = slice(start, start + CHUNK)
        turned = {} if directions is None else dict(zip(joints, directions[rows].swapaxes(0, 1), strict=True))
        placement = Placement(
            list(joints),
            np.tile(places[rows], (count, 1, 1)),
            {joint: np.tile(R, (count, 1, 1)) for joint, R in turned.items()},
        )
        found = rotations[:, rows]
        R = found.reshape(-1, NUM_JOINTS, 3, 3)
        for _ in range(rounds):
            R, _ = reach(R, free, placement)
        homes.append(R.reshape(found.shape))
    return np.concatenate(homes, axis=1)
