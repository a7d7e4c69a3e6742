# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to damage a real pose: what a score of naturalness has to notice, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics

BEYOND = {
    "left_knee": (0, -80, -40), "right_knee": (0, -80, -40),
    "left_elbow": (1, 40, 80), "right_elbow": (1, -80, -40),
    "left_hip": (0, 60, 90), "right_hip": (0, 60, 90),
    "left_ankle": (0, 70, 100), "right_ankle": (0, 70, 100),
    "left_collar": (2, 50, 80), "right_collar": (2, -80, -50),
    "left_wrist": (2, 110, 140), "right_wrist": (2, -140, -110),
    "spine2": (2, -80, -60), "neck": (0, -110, -80), "head": (1, 90, 120),
}  # fmt: skip
"""Axis and range in degrees, beyond what the joint can do: knees and elbows bent the wrong way,
hips and neck far back, ankles past the point of a dancer, a shoulder drawn up beside the head,
hands folded onto the forearm's back, one vertebra bent sideways, the head turned on the neck alone."""

TWIST_DEG = (25.0, 35.0)
"""Turn of each of the three spine joints about its own axis, all the same way; 12 is a lot."""


@dataclass(frozen=True, eq=False)
class Damage:
    """Damaged poses.

    Attributes:
        rotations: (N, 22, 3, 3).
        joints: (N, 22) bool, the joints that were touched.
    """

    rotations: np.ndarray
    joints: np.ndarray


def bent(rotations: np.ndarray, rng: np.random.Generator) -> Damage:
    """One joint of each pose bent beyond its limit, see ``BEYOND``."""
    R, touched = _copy(rotations)
    names = list(BEYOND)
    for i, choice in enumerate(rng.integers(len(names), size=len(R))):
        axis, low, high = BEYOND[names[choice]]
        joint = JOINT_INDEX[names[choice]]
        R[i, joint] = from_rotvec(np.eye(3)[axis] * np.radians(rng.uniform(low, high)))
        touched[i, joint] = True
    return Damage(R, touched)


def _swapped(rotations: np.ndarray, parts: tuple[str, ...]) -> Damage:
    R, touched = _copy(rotations)
    for part in parts:
        left, right = JOINT_INDEX[f"left_{part}"], JOINT_INDEX[f"right_{part}"]
        R[:, [left, right]] = R[:, [right, left]]
        touched[:, [left, right]] = True
    return Damage(R, touched)


def swapped_arms(rotations: np.ndarray, rng: np.random.Generator) -> Damage:  # noqa: ARG001 - no dice
    """The arms' rotations exchanged as they are, as a wrong bone map does."""
    return _swapped(rotations, ("collar", "shoulder", "elbow", "wrist"))


def swapped_legs(rotations: np.ndarray, rng: np.random.Generator) -> Damage:  # noqa: ARG001 - no dice
    """The legs' rotations exchanged as they are: often a pose that a body can do."""
    return _swapped(rotations, ("hip", "knee", "ankle", "foot"))


def twisted(rotations: np.ndarray, rng: np.random.Generator) -> Damage:
    """The spine wrung by 75 to 105 degrees."""
    R, touched = _copy(rotations)
    angle = np.radians(rng.uniform(*TWIST_DEG, len(R))) * rng.choice([-1.0, 1.0], len(R))
    turn = from_rotvec(angle[:, None] * np.array([0.0, 1.0, 0.0]))
    for name in ("spine1", "spine2", "spine3"):
        R[:, JOINT_INDEX[name]] = R[:, JOINT_INDEX[name]] @ turn
        touched[:, JOINT_INDEX[name]] = True
    return Damage(R, touched)


def trembling(mm: float) -> Callable[[np.ndarray, np.random.Generator], Damage]:
    """Every joint but the root turned at random, so far that joints move ``mm`` on average."""

    def damage(rotations: np.ndarray, rng: np.random.Generator) -> Damage:
        _, there = forward_kinematics(rotations.astype(np.float64))
        turns = rng.standard_normal((len(rotations), NUM_JOINTS, 3))
        turns[:, 0] = 0.0
        low, high = np.zeros((len(rotations), 1, 1)), np.ones((len(rotations), 1, 1))
        R = rotations
        for _ in range(20):  # bisection on the size of the turns, radians
            size = (low + high) / 2
            R = rotations @ from_rotvec(size * turns)
            moved = np.linalg.norm(forward_kinematics(R)[1] - there, axis=-1).mean(axis=-1)
            short = (1000 * moved < mm)[:, None, None]
            low, high = np.where(short, size, low), np.where(short, high, size)
        return Damage(R, np.ones(R.shape[:2], dtype=bool))

    return damage


def _copy(rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.array(rotations, dtype=np.float64), np.zeros(rotations.shape[:2], dtype=bool)
