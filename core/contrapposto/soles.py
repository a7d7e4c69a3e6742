# SPDX-License-Identifier: GPL-3.0-or-later
"""The soles of the feet: where they are, and how a foot that stands lies on the floor.

A sole is three points: below the heel and below the ball, which move with the ankle, and
below the tip of the toes, which moves with the toes. How deep they lie below the joints
differs between characters (a rig with shoes, with high heels), so they are measured, not
assumed, wherever a rest pose stands on the floor (``contrapposto.rig.soles``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import Array
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, SOLE_BELOW_TOE, STANDARD_OFFSETS

ANKLES = (JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"])
TOES = (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])

HEEL_BEHIND_ANKLE = 0.045
"""Metres from below the ankle back to where a heel meets the floor."""

TIP_BEFORE_BALL = 0.06
"""Metres from the toe base forward to where the toes end."""

HEEL_RAISED_DEG = 15.0
"""A heel raised by less is let down; by more, the foot stands on its ball."""

TIPTOE_DEG = 75.0
"""A foot steeper than this lies on its instep or is in the air, and stays as it is."""

TOES_RAISED_DEG = 40.0
"""Toes raised by less are let down; by more, the foot is striking with its heel."""

ROLLED_DEG = 45.0
"""A foot rolled further to its side is no foot to stand on, and stays as it is."""


@dataclass(frozen=True, eq=False)
class Soles:
    """Three points below each foot; left, then right; metres, at the T-pose's axes.

    Attributes:
        heel, ball: (2, 3) from the ankle, in its frame.
        toes: (2, 3) the toe base, from the ankle, in its frame.
        tip: (2, 3) from the toe base, in the toes' frame.
    """

    heel: np.ndarray
    ball: np.ndarray
    toes: np.ndarray
    tip: np.ndarray

    @classmethod
    def of(cls, offsets: np.ndarray | None = None) -> Soles:
        """Of a body about which nothing but its proportions (22, 3) is known."""
        toes = np.asarray(STANDARD_OFFSETS if offsets is None else offsets, dtype=float)[list(TOES)]
        ball = toes - [0, SOLE_BELOW_TOE, 0]
        heel = np.stack([np.zeros(2), ball[:, 1], np.full(2, -HEEL_BEHIND_ANKLE)], axis=-1)
        return cls(heel, ball, toes, np.tile([0, -SOLE_BELOW_TOE, TIP_BEFORE_BALL], (2, 1)))

    def heights(self, world: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Height of the lowest point of each sole.

        Args:
            world: (..., 22, 3, 3) world rotations.
            positions: (..., 22, 3) joint positions, metres; only those of the ankles count.

        Returns:
            (..., 2) left and right, metres above the origin of ``positions``.
        """
        feet = []
        for side, (ankle, toes) in enumerate(zip(ANKLES, TOES, strict=True)):
            foot_up, toes_up = world[..., ankle, 1, :], world[..., toes, 1, :]
            tip = foot_up @ self.toes[side] + toes_up @ self.tip[side]
            lowest = np.minimum(np.minimum(foot_up @ self.heel[side], foot_up @ self.ball[side]), tip)
            feet.append(positions[..., ankle, 1] + lowest)
        return np.stack(feet, axis=-1)

    def points(self, world: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Where the soles are.

        Args:
            world, positions: as for ``heights``.

        Returns:
            (..., 6, 3) heel, ball and tip of the left sole, then of the right, metres.
        """
        found = []
        for side, (ankle, toes) in enumerate(zip(ANKLES, TOES, strict=True)):
            foot = world[..., ankle, :, :]
            tip = foot @ self.toes[side] + world[..., toes, :, :] @ self.tip[side]
            found += [foot @ self.heel[side], foot @ self.ball[side], tip]
        ankles = positions[..., np.repeat(ANKLES, 3), :]
        return ankles + np.stack(found, axis=-2)


def laid_on_floor(ankle: Array, toes: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How a standing foot is turned: flat, or on its ball with the toes on the floor.

    Args:
        ankle, toes: (N, 3, 3) world rotations as they are; identity is a flat foot.

    Returns:
        (N, 3, 3) world rotation of the ankle and of the toes, heading kept, and (N,)
        bool, whether the foot is laid; one that is too steep to stand on is as it was.
    """
    forward, up = ankle[..., :, 2], ankle[..., :, 1]
    heading = np.arctan2(forward[..., 0], forward[..., 2])
    pitch = np.degrees(np.arcsin(np.clip(-forward[..., 1], -1, 1)))
    flat = from_rotvec(np.stack([0 * heading, heading, 0 * heading], axis=-1))
    level = up - flat[..., :, 2] * np.sum(up * flat[..., :, 2], axis=-1, keepdims=True)
    roll = np.degrees(np.arctan2(np.sum(up * flat[..., :, 0], axis=-1), level[..., 1]))
    raised = np.where(pitch < HEEL_RAISED_DEG, 0.0, np.radians(pitch))
    on_ball = flat @ from_rotvec(np.stack([raised, 0 * raised, 0 * raised], axis=-1))
    laid = (pitch > -TOES_RAISED_DEG) & (pitch < TIPTOE_DEG) & (np.abs(roll) < ROLLED_DEG)
    choose = laid[..., None, None]
    return np.where(choose, on_ball, ankle), np.where(choose, flat, toes), laid
