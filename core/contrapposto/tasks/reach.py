# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring placed joints where they belong, turning free joints as little as possible.

A damped Gauss-Newton solver on the analytic Jacobian. Each step is the smallest turn
away from the pose that it started from, in units of how far people turn each joint, that
answers what ``placement`` asks: exact targets without slack, so that they come out to
a fraction of a millimetre where they can be reached, the others with theirs. Towards
what is out of reach, a limb stretches.

With ``W`` the ease of turning and ``C`` the slack of each row, the step ``turn = W J^T (J W
J^T + C)^-1 r`` minimises ``turn^T W^-1 turn + (J turn - r)^T C^-1 (J turn - r)``: a
row without slack is a constraint, one with slack an observation.

Source: Nakamura & Hanafusa 1986, "Inverse kinematic solutions with singularity
robustness"; the Jacobian of ``skeleton.position_jacobian``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from contrapposto.rotation import from_rotvec, project, to_rotvec
from contrapposto.skeleton import (
    DESCENDANTS,
    JOINT_INDEX,
    JOINT_NAMES,
    NUM_JOINTS,
    PARENTS,
    forward_kinematics,
    position_jacobian,
)
from contrapposto.tasks.placement import (
    ABOVE,
    SOFT_METRES,
    Placement,
    Rows,
    exact_position_rows,
    floor_rows,
    limit_rows,
    orientation_rows,
    shared_rows,
    soft_position_rows,
)

__all__ = ["Placement", "Reached", "approach", "asks", "frames_above", "reach", "solve"]

STEPS = 20
EXACT_STEPS = 8
"""The last of them, which only close what is left of the exact targets' gaps, and for that ask more of joints
that are rarely turned."""

CHUNK = 256
"""Poses that are being drawn and take their steps at a time, so that memory stays small."""

FEW_STEPS = 2
"""Steps that a pose which is still being drawn takes: it will be asked again."""

TOLERANCE = 2e-4
"""Metres at which a target counts as reached."""

SETTLED = 2e-3
"""Radians of turn, or as much in an entry of a rotation, below which a solver that weighs things against each
other has arrived."""

NOTHING = 1e-6
"""Cost of what is missed that is but rounding."""

UNSEEN = 0.01
"""Radians beyond its limit at which a joint is as good as within."""

DAMPING = 0.15
"""Damping at a gap of ``LARGEST_PULL`` or more, metres per radian; it falls with the gap."""

SINGULAR = 1e-9
"""Slack of what is exact, square metres: it only keeps the equations solvable."""

LARGEST_PULL = 0.25
"""Metres that a step tries to close; beyond reach, a longer pull only shakes the limb."""

LARGEST_STEP = 0.35
"""Radians that a joint may turn in one step."""

RETURN = 0.5
"""Share of its way back to the pose that it started from that a step goes where nothing holds it."""

LESS = 0.01
"""Millimetres of gap that are as bad as a radian of turn: what is exact comes first."""

STUCK = 1.0
"""Cost, in millimetres of gap, beyond which a second start is worth its time."""

BENT = 0.7
"""Radians that knees and elbows are bent at the second start: straight ones cannot shorten a limb."""

USUAL_DEG = {
    "pelvis": (13.5, 13.5, 7), "spine1": (13, 7, 5.5), "spine2": (5, 3.5, 2.5), "spine3": (7, 2.5, 3),
    "neck": (12, 13.5, 6), "head": (11, 11, 7.5),
    "collar": (0.7, 5.5, 6.5), "shoulder": (36, 30, 21.5), "elbow": (7.5, 32.5, 10),
    "wrist": (24.5, 19.5, 14),
    "hip": (21, 12.5, 10.5), "knee": (27.5, 3.5, 2), "ankle": (15.5, 13.5, 5), "foot": (13.5, 0.7, 3),
}  # fmt: skip
"""How far people turn each joint from its mean about the axes of the joint above, which at rest point to the
left, up and to the front: standard deviations over the poses of ``train``. The pelvis' heading, which means
nothing there, is turned as easily as it leans."""

EASY_DEG = 25.0
"""A joint that is usually turned this far turns with ease 1."""

EASE = np.array([np.square(np.divide(USUAL_DEG[name.split("_")[-1]], EASY_DEG)) for name in JOINT_NAMES])
"""(22, 3) how easily each joint turns about the axes of the joint above."""

_LEGS = [[JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle")] for side in ("left", "right")]

_FLEXION = {
    "left_knee": (1.0, 0.0, 0.0),
    "right_knee": (1.0, 0.0, 0.0),
    "left_elbow": (0.0, -1.0, 0.0),
    "right_elbow": (0.0, 1.0, 0.0),
}
"""The axis about which each hinge bends."""


@dataclass(frozen=True, eq=False)
class Reached:
    """Poses with their placed joints where they belong, or as near as they come.

    Attributes:
        rotations: (N, 22, 3, 3) local rotations.
        shift: (N, 3) metres that the pelvis has moved; 0 unless it gives way.
        gap: (N,) the largest remaining gap of an exact target, metres.
        cost: (N,) gap in millimetres beyond the tolerance, and with little weight what else is missed.
    """

    rotations: np.ndarray
    shift: np.ndarray
    gap: np.ndarray
    cost: np.ndarray

    def take(self, poses: np.ndarray, other: Reached) -> None:
        """Replace these poses by the other's where those cost less."""
        better = other.cost < self.cost[poses]
        for name, value in vars(self).items():
            value[poses[better]] = getattr(other, name)[better]


def reach(
    rotations: np.ndarray,
    free: np.ndarray,
    placement: Placement,
    offsets: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """``solve`` about a pelvis that stays: rotations (N, 22, 3, 3) and gap (N,)."""
    reached = solve(rotations, free, placement, offsets)
    return reached.rotations, reached.gap


def solve(
    rotations: np.ndarray,
    free: np.ndarray,
    placement: Placement,
    offsets: np.ndarray | None = None,
) -> Reached:
    """Poses whose placed joints are where they belong.

    Joints that turn keep to the limits of a body, knees and elbows above all. What is
    left away from its target is tried once more from bent knees and elbows, and with more of joints that are
    rarely turned.

    Args:
        rotations: (N, 22, 3, 3) local rotations to start from.
        free: (22,) bool, joints that may turn; the others keep their rotation bit by bit.
        placement: see ``Placement``.
        offsets: (22, 3) body proportions; the standard body if None.

    Returns:
        See ``Reached``; a pose that is there already is returned as it is.
    """
    start = np.array(rotations, dtype=np.float64)
    turning = np.flatnonzero(_turning(free, placement))
    best = _descend(start, start, free, turning, placement, offsets, EASE)
    moved = np.abs(best.rotations - start).max(axis=(1, 2, 3)) > SETTLED
    stuck = np.flatnonzero((best.gap > STUCK / 1000) | (moved & (best.cost > STUCK)))
    bent = start[stuck]
    for name, axis in _FLEXION.items():
        if JOINT_INDEX[name] in turning:
            bent[:, JOINT_INDEX[name]] = from_rotvec(BENT * np.array(axis))
    if not np.array_equal(bent, start[stuck]):
        again = _descend(bent, start[stuck], free, turning, placement.of(stuck), offsets, np.sqrt(EASE))
        best.take(stuck, again)
    best.rotations[:, ~free] = rotations[:, ~free]
    return best


def asks(free: np.ndarray, placement: Placement) -> bool:
    """Whether any of the joints that are free (22,) would turn for it."""
    return bool(_turning(free, placement).any() or any(free[joint] for joint in placement.exact))


def approach(
    rotations: np.ndarray,
    free: np.ndarray,
    placement: Placement,
    offsets: np.ndarray | None = None,
) -> np.ndarray:
    """The first few steps of ``solve``, for poses that are still being drawn: (N, 22, 3, 3)."""
    turning = np.flatnonzero(_turning(free, placement))
    W = _weights(EASE, turning, placement)
    found = np.array(rotations, dtype=np.float64)
    for start in range(0, len(found), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(found)))
        here, home = placement.of(rows), found[rows]
        R, still = home.copy(), np.zeros((len(rows), 3))  # a pelvis that gives way does so at the end
        for _ in range(FEW_STEPS):
            R = _orient(R, free, here)
            asked = _ask(R, home, still, free, turning, here, offsets)
            turn, _, _ = _move(asked.exact, asked.wishes, asked, turning, W, weighs=True)
            R = _turned(R, turning, turn)
        found[rows] = _orient(R, free, here)
    return found


def _turning(free: np.ndarray, placement: Placement) -> np.ndarray:
    """(22,) bool, the joints whose turn moves a placed joint, or turns one that is to point somewhere."""
    useful = np.asarray(ABOVE[:, list(placement.joints)].any(axis=1))
    for joint in placement.orientations:
        useful |= placement.turns(joint)
    if placement.floor is not None:  # a placed leg bends and tilts its foot to stay above it
        for leg in _LEGS:
            useful[leg[1:]] |= DESCENDANTS[leg[0], list(placement.joints)].any()
    decided = np.isin(np.arange(NUM_JOINTS), list(placement.exact))
    return free & useful & ~decided


def _weights(ease: np.ndarray, turning: np.ndarray, placement: Placement) -> np.ndarray:
    """(C,) how easily joints turn, and the pelvis moves if it gives way."""
    give = (SOFT_METRES * placement.pelvis_softness) ** 2
    return np.concatenate([ease[turning].ravel(), np.full(3 if give else 0, give)])


class _Asked(NamedTuple):
    """What is asked of the next move of N poses, but for their joints' limits.

    Attributes:
        exact: to close the gaps of exact targets.
        wishes: of what gives way, of joints that share a turn, and of the floor.
        strayed: (N, 3 T + 3) how far the turning joints have turned, and the pelvis moved, since home.
        above: (N, 22, 3, 3) world rotations that joints are turned in.
        gap: (N,) the largest of an exact target, metres.
    """

    exact: Rows
    wishes: Rows
    strayed: np.ndarray
    above: np.ndarray
    gap: np.ndarray


def _ask(
    pose: np.ndarray,
    home: np.ndarray,
    shift: np.ndarray,
    free: np.ndarray,
    turning: np.ndarray,
    placement: Placement,
    offsets: np.ndarray | None,
) -> _Asked:
    """What ``placement`` asks of poses (N, 22, 3, 3) whose pelvis has moved by ``shift`` (N, 3)."""
    world, positions = forward_kinematics(pose, offsets)
    J = position_jacobian(world, positions, turning.tolist())
    gaps = placement.gaps(positions, shift)
    gap = np.sqrt(np.sum(gaps[:, ~placement.is_soft] ** 2, axis=-1)).max(axis=-1, initial=0.0)
    far = gap / LARGEST_PULL
    pulled = gaps / np.maximum(1, far)[:, None, None]
    exact = exact_position_rows(placement, J, pulled, (DAMPING * np.minimum(1, far)) ** 2 + SINGULAR)
    above = frames_above(world, range(NUM_JOINTS))
    strayed = to_rotvec(pose @ np.swapaxes(home, -1, -2))
    wishes = [
        soft_position_rows(placement, J, gaps),
        orientation_rows(placement, turning, world),
        shared_rows(placement, free, turning, above, strayed, EASE),
    ]
    if placement.floor is not None:
        moved = positions + shift[:, None]
        wishes.append(floor_rows(placement, placement.floor, turning, J, world, moved))
    strayed = np.concatenate([strayed[:, turning].reshape(len(pose), -1), shift], axis=1)
    return _Asked(exact, Rows.joined(wishes), strayed, above, gap)


def _descend(
    R: np.ndarray,
    home: np.ndarray,
    free: np.ndarray,
    turning: np.ndarray,
    placement: Placement,
    offsets: np.ndarray | None,
    ease: np.ndarray,
) -> Reached:
    """The best of the poses that the steps from ``R`` lead through, each step minding ``home``."""
    N = len(R)
    W, usual = (_weights(each, turning, placement) for each in (ease, EASE))
    R, shift, live = R.copy(), np.zeros((N, 3)), np.arange(N)
    best = Reached(R.copy(), shift.copy(), np.zeros(N), np.full(N, np.inf))
    for step in range(STEPS + 1):
        here = placement.of(live)
        R[live] = pose = _orient(R[live], free, here)
        asked = _ask(pose, home[live], shift[live], free, turning, here, offsets)
        hinges, limited = limit_rows(here, free, turning, pose, asked.above)
        others = Rows.joined([asked.wishes, limited])
        rest = others.cost + np.sum(asked.strayed[:, : len(W)] ** 2 / usual, axis=1)
        cost = 1000 * np.maximum(0, asked.gap - TOLERANCE) + hinges.cost + LESS * rest
        best.take(live, Reached(pose, shift[live], asked.gap, cost))
        if step == STEPS or len(W) == 0:
            break
        weighs = step < STEPS - EXACT_STEPS
        turn, moved, size = _move(
            Rows.joined([asked.exact, hinges]), others, asked, turning, W, weighs=weighs
        )
        too_far = np.concatenate([hinges.r, limited.r], axis=1).max(axis=1, initial=0.0) > UNSEEN
        wished = (asked.wishes.cost > NOTHING) | (too_far & (step > 0))  # a pose that is there already stays
        going = (asked.gap > TOLERANCE) | (wished & (size > SETTLED))
        R[live] = _turned(pose, turning, turn)
        shift[live] += moved
        live = live[going]
        if len(live) == 0:
            break
    return best


def _move(
    exact: Rows, others: Rows, asked: _Asked, turning: np.ndarray, W: np.ndarray, *, weighs: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The next turn (N, T, 3) of the joints, shift (N, 3) of the pelvis, and how large the turn wants to be.

    Args:
        exact, others: what is to be answered, and what it leaves room for.
        asked: where the poses are.
        turning: indices of the T joints that turn.
        W: (C,) see ``_weights``.
        weighs: see ``_step``.
    """
    exact, others = (rows.about(asked.above[:, turning]) for rows in (exact, others))
    back = RETURN * asked.strayed[:, : len(W)]
    move = _step(exact, others, back, W if weighs else np.sqrt(W), weighs=weighs)
    T = len(turning)
    turn = move[:, : 3 * T].reshape(len(move), T, 3)
    shift = move[:, 3 * T :] if len(W) > 3 * T else np.zeros((len(move), 3))
    size = np.sqrt(np.sum(turn**2, axis=-1)).max(axis=-1, initial=0.0)
    less = np.minimum(1, LARGEST_STEP / np.maximum(size, 1e-12))[:, None]
    return turn * less[..., None], shift * less, size


def _step(exact: Rows, others: Rows, back: np.ndarray, W: np.ndarray, *, weighs: bool) -> np.ndarray:
    """(N, C) the smallest move that answers the exact rows, and among its like the best for the rest.

    What does not change an exact row is free to go ``back`` and to answer the other rows;
    neither happens unless the step ``weighs`` them.
    """

    def matrix(rows: Rows) -> np.ndarray:
        return np.concatenate([rows.J.reshape(*rows.r.shape, 3 * rows.J.shape[2]), rows.shift], axis=2)[
            ..., : len(W)
        ]

    def solved(A: np.ndarray, slack: np.ndarray, r: np.ndarray) -> np.ndarray:
        return np.linalg.solve(A + slack[..., None] * np.eye(A.shape[1]), r)

    J = matrix(exact)
    WJ = W[:, None] * np.swapaxes(J, -1, -2)
    move = WJ @ solved(J @ WJ, exact.slack, exact.r[..., None])
    if not weighs:
        return move[..., 0]
    left = W[:, None] * np.eye(len(W)) - WJ @ solved(J @ WJ, np.full_like(exact.slack, SINGULAR), J * W)
    move = move - (left / W) @ back[..., None]
    J = matrix(others)
    WJ = left @ np.swapaxes(J, -1, -2)
    move = move + WJ @ solved(J @ WJ, others.slack / RETURN, others.r[..., None] - J @ move)
    return move[..., 0]


def _turned(R: np.ndarray, turning: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The poses after a turn (N, T, 3) of joints, about the axes of the joints above."""
    R = R.copy()
    R[:, turning] = project(from_rotvec(turn) @ R[:, turning])
    return R


def frames_above(world: np.ndarray, joints: Iterable[int]) -> np.ndarray:
    """(N, T, 3, 3) world rotations that joints are turned in: their parents', the pelvis' the world's."""
    frames = np.concatenate([world, np.broadcast_to(np.eye(3), (len(world), 1, 3, 3))], axis=1)
    return frames[:, [PARENTS[joint] for joint in joints]]


def _orient(rotations: np.ndarray, free: np.ndarray, placement: Placement) -> np.ndarray:
    """Give free joints whose orientation is exact their world rotation, given their parents'."""
    oriented = [joint for joint in placement.exact if free[joint]]
    if not oriented:
        return rotations
    world = np.empty_like(rotations)
    for joint in range(max(oriented) + 1):
        above = world[:, PARENTS[joint]] if joint else np.eye(3)
        if joint in oriented:
            world[:, joint] = placement.wanted(joint, world)
            rotations[:, joint] = np.swapaxes(above, -1, -2) @ world[:, joint]
        else:
            world[:, joint] = above @ rotations[:, joint]
    return rotations
