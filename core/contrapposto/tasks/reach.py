# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring placed joints exactly where they belong, turning free joints as little as possible.

Damped least squares on the analytic Jacobian: each step is the smallest turn, in
units of how mobile each joint is, that closes the remaining gap. Reaches targets
within reach to a fraction of a millimetre and stretches towards the others.

Source: Nakamura & Hanafusa 1986, "Inverse kinematic solutions with singularity
robustness"; the Jacobian of ``skeleton.position_jacobian``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from contrapposto.rotation import from_rotvec, project
from contrapposto.skeleton import (
    DESCENDANTS,
    JOINT_INDEX,
    NUM_JOINTS,
    PARENTS,
    forward_kinematics,
    position_jacobian,
)

STEPS = 24
TOLERANCE = 2e-4
"""Metres at which a target counts as reached."""

DAMPING = 0.15
"""Damping at a gap of ``LARGEST_PULL`` or more, metres per radian; it falls with the gap."""

LARGEST_PULL = 0.25
"""Metres that a step tries to close; beyond reach, a longer pull only shakes the limb."""

LARGEST_STEP = 0.35
"""Radians that a joint may turn in one step."""

MOBILITY = {"spine": 0.25, "neck": 0.3, "head": 0.3, "collar": 0.25, "pelvis": 0.3, "ankle": 0.4, "foot": 0.2}
"""Relative ease of turning; knees, elbows, hips and shoulders have 1."""


def _mobility() -> np.ndarray:
    table = np.ones(NUM_JOINTS)
    for name, joint in JOINT_INDEX.items():
        for part, value in MOBILITY.items():
            if part in name:
                table[joint] = value
    return table


@dataclass(frozen=True, eq=False)
class Placement:
    """Where joints belong, relative to the pelvis, for a batch of poses.

    Attributes:
        joints: indices of the placed joints, K of them.
        positions: (K, 3) metres, or (N, K, 3).
        axes: (K, 3) 1 where a coordinate counts, 0 where it is free, or (N, K, 3).
        orientations: world rotation (3, 3) of a joint by index, or (N, 3, 3); closed form.
        carriers: the ancestor by index that a joint's orientation is relative to instead.
    """

    joints: Sequence[int]
    positions: np.ndarray
    axes: np.ndarray
    orientations: Mapping[int, np.ndarray]
    carriers: Mapping[int, int] = field(default_factory=dict)


def _orient(rotations: np.ndarray, free: np.ndarray, placement: Placement) -> np.ndarray:
    """Give oriented free joints their world rotation, given their parents'."""
    for joint in sorted(placement.orientations):
        if free[joint]:
            world, _ = forward_kinematics(rotations)
            above = world[..., PARENTS[joint], :, :] if joint else np.eye(3)
            wanted = placement.orientations[joint]
            if joint in placement.carriers:
                wanted = world[..., placement.carriers[joint], :, :] @ wanted
            rotations[..., joint, :, :] = np.swapaxes(above, -1, -2) @ wanted
    return rotations


def reach(
    rotations: np.ndarray,
    free: np.ndarray,
    placement: Placement,
    offsets: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Poses whose placed joints are where they belong.

    Args:
        rotations: (N, 22, 3, 3) local rotations to start from.
        free: (22,) bool, joints that may turn; the others keep their rotation bit by bit.
        placement: see ``Placement``.
        offsets: (22, 3) body proportions; the standard body if None.

    Returns:
        (N, 22, 3, 3) local rotations and (N,) the largest remaining gap in metres.
    """
    R = _orient(np.array(rotations, dtype=np.float64), free, placement)
    joints = list(placement.joints)
    if not joints:
        return R, np.zeros(len(R))
    axes = np.broadcast_to(placement.axes, (len(R), len(joints), 3))
    ease = np.where(free, _mobility(), 0.0)
    ease[list(placement.orientations)] = 0.0  # their turn is decided by their orientation
    moves = DESCENDANTS & ~np.eye(NUM_JOINTS, dtype=bool)
    turning = np.flatnonzero(ease * moves[:, joints].any(axis=1) > 0)
    W = np.repeat(ease[turning], 3)
    best, best_gap = R.copy(), np.full(len(R), np.inf)
    for step in range(STEPS + 1):
        world, positions = forward_kinematics(R, offsets)
        residual = (placement.positions - positions[:, joints]) * axes
        gap = np.sqrt(np.sum(residual**2, axis=-1)).max(axis=-1)
        better = gap < best_gap
        best[better], best_gap[better] = R[better], gap[better]
        if step == STEPS or np.all(best_gap < TOLERANCE) or len(turning) == 0:
            break
        J = position_jacobian(world, positions)[:, joints][..., turning, :] * axes[..., None, None]
        J = J.reshape(len(R), 3 * len(joints), 3 * len(turning))
        near = np.minimum(1, LARGEST_PULL / np.maximum(gap, 1e-12))[:, None, None]
        r = (residual * near).reshape(len(R), -1)
        damping = (DAMPING * np.minimum(1, gap / LARGEST_PULL))[:, None, None] ** 2
        A = (J * W) @ np.swapaxes(J, -1, -2) + (damping + 1e-9) * np.eye(J.shape[1])
        turn = W * (np.swapaxes(J, -1, -2) @ np.linalg.solve(A, r[..., None]))[..., 0]
        turn = turn.reshape(len(R), len(turning), 3)
        largest = np.sqrt(np.sum(turn**2, axis=-1)).max(axis=-1)
        turn = turn * np.minimum(1, LARGEST_STEP / np.maximum(largest, 1e-12))[:, None, None]
        for column, joint in enumerate(turning):
            above = world[:, PARENTS[joint]] if joint else np.eye(3)
            local_turn = np.swapaxes(above, -1, -2) @ from_rotvec(turn[:, column]) @ above
            R[:, joint] = project(local_turn @ R[:, joint])
        R = _orient(R, free, placement)
    best[:, ~free] = rotations[:, ~free]
    return best, best_gap
