# SPDX-License-Identifier: GPL-3.0-or-later
"""The 22 SMPL body joints: names, parents, a standard body, forward kinematics.

Axes are SMPL's: right handed, y up, z forward, x to the body's left; metres. All
rotations identity is the T-pose. Nothing here stems from a SMPL model file: the
standard body is the median of the training clips' own skeletons, made symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.joint_names import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS

_PARTNER = {"left": "right", "right": "left"}
MIRROR = tuple(
    JOINT_INDEX.get(f"{_PARTNER.get(side, side)}_{part}", i)
    for i, (side, _, part) in enumerate(name.partition("_") for name in JOINT_NAMES)
)
"""Each joint's partner on the other side, itself on the midline."""

STANDARD_OFFSETS = np.array(
    [
        [0, 0, 0], [0.0922, -0.0982, 0.0353], [-0.0922, -0.0982, 0.0353], [0, 0, 0],
        [0.0115, -0.4108, -0.0256], [-0.0115, -0.4108, -0.0256], [0, 0.1138, -0.008],
        [0.0122, -0.4338, -0.0275], [-0.0122, -0.4338, -0.0275], [0, 0.1165, -0.0024],
        [0.0252, -0.0272, 0.1181], [-0.0252, -0.0272, 0.1181], [0, 0.2114, -0.0129],
        [0.0007, 0.1168, 0], [-0.0007, 0.1168, 0], [0, 0.0883, 0.0005],
        [0.181, 0.047, -0.0141], [-0.181, 0.047, -0.0141], [0.2819, -0.0025, -0.0155],
        [-0.2819, -0.0025, -0.0155], [0.2758, -0.0025, -0.0152], [-0.2758, -0.0025, -0.0152],
    ]
)  # fmt: skip
"""(22, 3) position of each joint in its parent's frame on the standard body, metres."""

SOLE_BELOW_TOE = 0.03
"""Metres from the toe base joint down to the ground under a standing foot."""


def _descendants() -> np.ndarray:
    table = np.eye(NUM_JOINTS, dtype=bool)
    for joint in reversed(range(1, NUM_JOINTS)):
        table[PARENTS[joint]] |= table[joint]
    return table


DESCENDANTS = _descendants()
"""(22, 22) whether the second joint moves when the first one turns (itself included)."""

BELOW = DESCENDANTS & ~np.eye(NUM_JOINTS, dtype=bool)
"""(22, 22) whether a turn of the first joint carries the second one elsewhere."""


def forward_kinematics(
    rotations: Array, offsets: Array | None = None, parents: Sequence[int] = PARENTS
) -> tuple[Array, Array]:
    """World rotations and root-relative positions of the joints.

    Args:
        rotations: (..., 22, 3, 3) local rotation matrices.
        offsets: (22, 3) or (..., 22, 3) joint positions in the parent's frame,
            metres; the standard body if None. The pelvis' own offset is ignored.
        parents: of a body with more joints, such as fingers; each is named before its children.

    Returns:
        (..., 22, 3, 3) world rotations and (..., 22, 3) positions, the pelvis at 0.
    """
    xp = namespace(rotations)
    rest = like(STANDARD_OFFSETS if offsets is None else offsets, rotations)
    world = [rotations[..., 0, :, :]]
    positions = [xp.zeros_like(rotations[..., 0, :, 0])]
    for joint in range(1, len(parents)):
        parent = parents[joint]
        step = (world[parent] @ rest[..., joint, :, None])[..., 0]
        positions.append(positions[parent] + step)
        world.append(world[parent] @ rotations[..., joint, :, :])
    return xp.stack(world, axis=-3), xp.stack(positions, axis=-2)


def position_jacobian(world: Array, positions: Array, joints: Sequence[int] | None = None) -> Array:
    """Analytic derivative of the joint positions by a turn of each joint.

    A turn is a world-frame rotation vector ``w`` applied on the left of a joint's
    world rotation (``R_j <- exp(w) R_j`` with everything below it), so that
    ``dp_k/dw_j = -[p_k - p_j]_x`` for every ``k`` below ``j``.

    Args:
        world: (..., 22, 3, 3) world rotations (their batch shape is used).
        positions: (..., 22, 3) joint positions.
        joints: the J indices of those that turn; all 22 if None.

    Returns:
        (..., 22, 3, J, 3): [k, :, j, :] is metres per radian.
    """
    xp = namespace(world, positions)
    turning = list(range(NUM_JOINTS) if joints is None else joints)
    arm = positions[..., :, None, :] - positions[..., None, turning, :]  # k, j, xyz
    arm = arm * like(DESCENDANTS[turning].T[..., None], positions)
    x, y, z = arm[..., 0], arm[..., 1], arm[..., 2]
    zero = xp.zeros_like(x)
    rows = xp.stack(
        [
            xp.stack([zero, z, -y], axis=-1),
            xp.stack([-z, zero, x], axis=-1),
            xp.stack([y, -x, zero], axis=-1),
        ],
        axis=-2,
    )  # k, j, row, column
    return xp.moveaxis(rows, -3, -2)


def position_gradient(positions: Array, gradient: Array) -> Array:
    """A gradient by joint positions, turned into one by turns of the joints.

    The transpose of ``position_jacobian`` times ``gradient``, without the matrix:
    the sum over the joints below of ``(p_k - p_j) x g_k``.

    Args:
        positions: (..., 22, 3) joint positions, metres.
        gradient: (..., 22, 3) derivative by each position.

    Returns:
        (..., 22, 3) derivative by a world-frame turn of each joint, per radian.
    """
    xp = namespace(positions, gradient)
    moment = xp.linalg.cross(positions, gradient)
    force = [gradient[..., joint, :] for joint in range(NUM_JOINTS)]
    torque = [moment[..., joint, :] for joint in range(NUM_JOINTS)]
    for joint in reversed(range(1, NUM_JOINTS)):
        force[PARENTS[joint]] = force[PARENTS[joint]] + force[joint]
        torque[PARENTS[joint]] = torque[PARENTS[joint]] + torque[joint]
    force, torque = xp.stack(force, axis=-2), xp.stack(torque, axis=-2)
    return torque - xp.linalg.cross(positions, force)


def mirror(rotations: Array) -> Array:
    """The pose seen in a mirror: left and right exchanged.

    Args:
        rotations: (..., 22, 3, 3) local rotation matrices.

    Returns:
        The same shape; applying it twice gives the input back, bit by bit.
    """
    sign = np.array([[1, -1, -1], [-1, 1, 1], [-1, 1, 1]])
    return rotations[..., list(MIRROR), :, :] * like(sign, rotations)


def mirror_points(points: Array) -> Array:
    """Points (..., 22, 3), one a joint, seen in a mirror at x = 0."""
    return points[..., list(MIRROR), :] * like([-1, 1, 1], points)


def leg_length(offsets: np.ndarray) -> float:
    """Metres from hip to ankle along the bones, mean of both legs; offsets (22, 3)."""
    bones = np.linalg.norm(np.asarray(offsets)[[4, 5, 7, 8]], axis=-1)
    return float(bones.sum() / 2)


def sole_height(positions: Array, offsets: Array | None = None) -> Array:
    """Height of the lowest point of each foot's sole, at its heel or its ball.

    Args:
        positions: (..., 22, 3) joint positions, metres.
        offsets: (22, 3) body proportions; the standard body if None.

    Returns:
        (..., 2) left and right, metres above the origin of ``positions``.
    """
    xp = namespace(positions)
    offsets = STANDARD_OFFSETS if offsets is None else offsets
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    toes = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
    heel = positions[..., ankles, 1] + like(np.asarray(offsets)[toes, 1] - SOLE_BELOW_TOE, positions)
    return xp.minimum(heel, positions[..., toes, 1] - SOLE_BELOW_TOE)
