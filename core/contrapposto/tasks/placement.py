# SPDX-License-Identifier: GPL-3.0-or-later
"""Where joints belong, and what it, the body's limits and the floor ask of the next small turn.

Each observation becomes rows of one linear system in the turns of the joints: ``J @ turn
= r``, every row with the slack that it is given. A limit and the floor only ask where
they are violated. Further observations are further rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from contrapposto.limits import clamp_joints
from contrapposto.rotation import normalize, to_rotvec
from contrapposto.skeleton import (
    DESCENDANTS,
    JOINT_INDEX,
    NUM_JOINTS,
    PARENTS,
)
from contrapposto.soles import ANKLES, TOES, Soles

SOFT_METRES = 0.2
"""Metres of gap that weigh as much as turning one joint by a radian, at softness 1."""

SOFT_RADIANS = 0.5
"""Radians of misdirection that weigh as much, at softness 1."""

LIMIT_SLACK = 0.02
"""Square radians: a limit holds a joint fifty times as firmly as the pose it was drawn in."""

HINGE_SLACK = 1e-4
"""Square radians for knees and elbows, which hold out against a target as well."""

FLOOR_SLACK = 1e-4
"""Square metres: the floor gives by a few millimetres under a foot that a target presses into it."""

ROUNDING = 1e-7
"""Radians beyond a limit that are none."""

ABOVE = DESCENDANTS & ~np.eye(NUM_JOINTS, dtype=bool)
"""(22, 22) whether the first joint's turn moves the second, itself not included."""

HINGES = tuple(JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("knee", "elbow"))


@dataclass(frozen=True, eq=False)
class Floor:
    """A floor below which no sole is to be.

    Attributes:
        height: relative to the pelvis, metres.
        soles: of the body that stands on it.
    """

    height: float
    soles: Soles


@dataclass(frozen=True, eq=False)
class Placement:
    """Where joints belong, relative to the pelvis, for a batch of poses.

    Attributes:
        joints: indices of the placed joints, K of them; not the pelvis.
        positions: (K, 3) metres, or (N, K, 3).
        orientations: world rotation (3, 3) of a joint by index, or (N, 3, 3).
        carriers: the ancestor by index that a joint's orientation is relative to instead.
        softness: how far a joint's place and orientation give way, by index; 0, and
            where it is not told, not at all. See ``Target.stiffness``.
        pelvis_softness: how far the pelvis itself gives way for the others.
        floor: where the soles are to stay above, if anywhere.
    """

    joints: Sequence[int]
    positions: np.ndarray
    orientations: Mapping[int, np.ndarray] = field(default_factory=dict)
    carriers: Mapping[int, int] = field(default_factory=dict)
    softness: Mapping[int, float] = field(default_factory=dict)
    pelvis_softness: float = 0.0
    floor: Floor | None = None

    def of(self, poses: np.ndarray) -> Placement:
        """The same for some poses of the batch."""

        def chosen(value: np.ndarray, single: int) -> np.ndarray:
            return value if value.ndim == single else value[poses]

        return replace(
            self,
            positions=chosen(self.positions, 2),
            orientations={joint: chosen(R, 2) for joint, R in self.orientations.items()},
        )

    @property
    def exact(self) -> dict[int, np.ndarray]:
        """The orientations that hold exactly, which a joint takes whatever its limb does."""
        return {joint: R for joint, R in self.orientations.items() if not self.softness.get(joint)}

    @property
    def is_soft(self) -> np.ndarray:
        """(K,) bool, the placed joints that give way."""
        return np.array([self.softness.get(joint, 0.0) for joint in self.joints], dtype=float) > 0

    def turns(self, joint: int) -> np.ndarray:
        """(22,) bool, the joints whose turn changes a joint's rotation as its orientation counts it."""
        above = DESCENDANTS[:, joint]
        return above & ~DESCENDANTS[:, self.carriers[joint]] if joint in self.carriers else above

    def turned_by(self, joint: int) -> np.ndarray:
        """(22,) bool, the joints that turn one in the world: none above an orientation that holds there."""
        found = np.zeros(NUM_JOINTS, dtype=bool)
        while joint >= 0:
            if joint in self.exact:
                joint = self.carriers.get(joint, -1)
            else:
                found[joint] = True
                joint = PARENTS[joint]
        return found

    def bends(self, joint: int) -> np.ndarray:
        """(22,) how each joint's turn bends one against the joint above it: -1 where it has to turn back."""
        return self.turned_by(joint).astype(float) - self.turned_by(PARENTS[joint])

    def wanted(self, joint: int, world: np.ndarray) -> np.ndarray:
        """(..., 3, 3) the world rotation that a joint is to have."""
        wanted = self.orientations[joint]
        return world[..., self.carriers[joint], :, :] @ wanted if joint in self.carriers else wanted

    def gaps(self, positions: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """(N, K, 3) from each placed joint to its place, the pelvis moved by ``shift`` (N, 3)."""
        return self.positions - positions[:, list(self.joints)] - shift[:, None]


@dataclass(frozen=True, eq=False)
class Rows:
    """Linear equations in the turns of T joints: ``J @ turn = r``.

    Attributes:
        J: (N, M, T, 3) change by a turn of each joint, a world rotation vector.
        shift: (N, M, 3) change by a shift of the pelvis.
        r: (N, M) what is asked for.
        slack: (N, M) what the square of a remaining miss is divided by, beside square radians of turn.
    """

    J: np.ndarray
    shift: np.ndarray
    r: np.ndarray
    slack: np.ndarray

    @property
    def cost(self) -> np.ndarray:
        """(N,) how much is missed."""
        return np.sum(self.r**2 / self.slack, axis=1)

    def about(self, frames: np.ndarray) -> Rows:
        """The same equations in turns about the axes of frames (N, T, 3, 3)."""
        return replace(self, J=np.einsum("nmti,ntij->nmtj", self.J, frames))

    def chosen(self, rows: np.ndarray) -> Rows:
        """Some of the equations."""
        return Rows(self.J[:, rows], self.shift[:, rows], self.r[:, rows], self.slack[:, rows])

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """All equations as one system."""
        return cls(
            np.concatenate([part.J for part in parts], axis=1),
            np.concatenate([part.shift for part in parts], axis=1),
            np.concatenate([part.r for part in parts], axis=1),
            np.concatenate([part.slack for part in parts], axis=1),
        )


def exact_position_rows(placement: Placement, J: np.ndarray, gaps: np.ndarray, slack: np.ndarray) -> Rows:
    """What joints that are placed exactly ask for.

    Args:
        J: (N, 22, 3, T, 3) derivative of all positions.
        gaps: (N, K, 3) how far each of the placed joints is to go.
        slack: (N,) square metres that keep a step from a joint's singularities.
    """
    exact = np.flatnonzero(~placement.is_soft)
    return _position_rows(placement, exact, J, gaps, np.repeat(slack[:, None], len(exact), axis=1))


def soft_position_rows(placement: Placement, J: np.ndarray, gaps: np.ndarray) -> Rows:
    """What placed joints that give way ask for; see ``exact_position_rows``."""
    soft = np.flatnonzero(placement.is_soft)
    slack = [(SOFT_METRES * placement.softness[placement.joints[k]]) ** 2 for k in soft]
    return _position_rows(placement, soft, J, gaps, np.tile(slack, (len(gaps), 1)))


def _position_rows(
    placement: Placement, chosen: np.ndarray, J: np.ndarray, gaps: np.ndarray, slack: np.ndarray
) -> Rows:
    N, M = len(gaps), 3 * len(chosen)
    turned = J[:, [placement.joints[k] for k in chosen]]
    return Rows(
        turned.reshape(N, M, J.shape[3], 3),
        np.tile(np.eye(3), (N, len(chosen), 1)),
        gaps[:, chosen].reshape(N, M),
        np.repeat(slack.reshape(N, len(chosen)), 3, axis=1),
    )


def orientation_rows(placement: Placement, turning: np.ndarray, world: np.ndarray) -> Rows:
    """What joints that give way in their direction ask for."""
    soft = [joint for joint in sorted(placement.orientations) if placement.softness.get(joint)]
    N, T = len(world), len(turning)
    J = np.zeros((N, len(soft), 3, T, 3))
    r = np.zeros((N, len(soft), 3))
    slack = np.zeros((N, len(soft), 3))
    for row, joint in enumerate(soft):
        J[:, row] = np.eye(3)[:, None] * placement.turns(joint)[turning][:, None]
        r[:, row] = to_rotvec(placement.wanted(joint, world) @ np.swapaxes(world[:, joint], -1, -2))
        slack[:, row] = (SOFT_RADIANS * placement.softness[joint]) ** 2
    M = 3 * len(soft)
    return Rows(J.reshape(N, M, T, 3), np.zeros((N, M, 3)), r.reshape(N, M), slack.reshape(N, M))


def shared_rows(
    placement: Placement,
    free: np.ndarray,
    turning: np.ndarray,
    above: np.ndarray,
    strayed: np.ndarray,
    ease: np.ndarray,
) -> Rows:
    """What joints with an exact orientation ask of those above them: to share the turn that it takes.

    Args:
        placement: whose exact orientations decide how these joints are turned.
        free: (22,) bool, joints that may turn.
        turning: indices of the T joints that turn.
        above: (N, 22, 3, 3) world rotations that joints are turned in.
        strayed: (N, 22, 3) how far joints have turned since the start, about the axes of ``above``.
        ease: (22, 3) how easily they turn about those.
    """
    decided = [joint for joint in sorted(placement.exact) if free[joint]]
    N, M, T = len(strayed), 3 * len(decided), len(turning)
    back = np.array([placement.bends(joint)[turning] for joint in decided]).reshape(len(decided), 1, T, 1)
    J = -back * np.swapaxes(above[:, decided], -1, -2)[:, :, :, None]
    slack = np.broadcast_to(ease[decided].ravel(), (N, M))
    return Rows(J.reshape(N, M, T, 3), np.zeros((N, M, 3)), strayed[:, decided].reshape(N, M), slack)


def limit_rows(
    placement: Placement, free: np.ndarray, turning: np.ndarray, rotations: np.ndarray, above: np.ndarray
) -> tuple[Rows, Rows]:
    """What joints beyond their limits ask for, the turn straight back: hinges, and the others.

    A joint whose orientation holds cannot turn itself: those above it turn the other way.

    Args:
        placement: whose exact orientations those are.
        free: (22,) bool, joints that may turn.
        turning: indices of the T joints that turn.
        rotations: (N, 22, 3, 3) local rotations.
        above: (N, 22, 3, 3) world rotations that joints are turned in.
    """
    signs = np.zeros((NUM_JOINTS, NUM_JOINTS))
    for joint in {*turning.tolist(), *(joint for joint in placement.exact if free[joint])} - {0}:
        signs[joint] = placement.bends(joint)
    joints = np.flatnonzero(signs[:, turning].any(axis=1))
    there = rotations[:, joints]
    back = to_rotvec(clamp_joints(there, joints.tolist()) @ np.swapaxes(there, -1, -2))
    size = np.sqrt(np.sum(back**2, axis=-1))
    size = np.where(size > ROUNDING, size, 0.0)
    beyond = np.flatnonzero(size.any(axis=0))
    joints, size, back = joints[beyond], size[:, beyond], back[:, beyond]
    direction = normalize((above[:, joints] @ back[..., None])[..., 0]) * (size > 0)[..., None]
    is_hinge = np.isin(joints, HINGES)
    rows = Rows(
        direction[:, :, None, :] * signs[np.ix_(joints, turning)][..., None],
        np.zeros((*size.shape, 3)),
        size,
        np.broadcast_to(np.where(is_hinge, HINGE_SLACK, LIMIT_SLACK), size.shape),
    )
    return rows.chosen(is_hinge), rows.chosen(~is_hinge)


def floor_rows(
    placement: Placement,
    floor: Floor,
    turning: np.ndarray,
    J: np.ndarray,
    world: np.ndarray,
    positions: np.ndarray,
) -> Rows:
    """What heels, balls and tips of the feet below the floor ask for.

    Args:
        placement: whose exact orientations keep a foot from turning along with its leg.
        floor: where it is, and where the soles are.
        turning: indices of the T joints that turn.
        J: (N, 22, 3, T, 3) derivative of all positions.
        world: (N, 22, 3, 3) world rotations.
        positions: (N, 22, 3) joint positions, where a shift of the pelvis has brought them.
    """
    soles, rows, depths = floor.soles, [], []
    for side, (ankle, toes) in enumerate(zip(ANKLES, TOES, strict=True)):
        for parts in (
            {ankle: soles.heel[side]},
            {ankle: soles.ball[side]},
            {ankle: soles.toes[side], toes: soles.tip[side]},
        ):
            height, row = positions[:, ankle, 1], J[:, ankle, 1]
            for joint, part in parts.items():
                arm = (world[:, joint] @ part)[:, None]  # what a turn carries round: y of turn x arm
                lever = np.stack([-arm[..., 2], 0 * arm[..., 0], arm[..., 0]], axis=-1)
                row = row + lever * placement.turned_by(joint)[turning][:, None]
                height = height + arm[:, 0, 1]
            rows.append(row)
            depths.append(np.maximum(0, floor.height - height))
    depth = np.stack(depths, axis=1)
    below = (depth > 0)[..., None]
    upward = below * np.array([0.0, 1.0, 0.0])
    return Rows(np.stack(rows, axis=1) * below[..., None], upward, depth, np.full(depth.shape, FLOOR_SLACK))
