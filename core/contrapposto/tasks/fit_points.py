# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn and move a body so that its points are where they were seen, and no further than that from a pose.

A Gauss-Newton solver on the analytic Jacobian, all frames at a time, each by itself: no frame's
result depends on which others are beside it. What is
observed of a point, in space or in images, is a quadratic in where the point is now; a point
that was not seen asks for nothing, and what no point holds stays at the pose ``home``.

Source: the Jacobian is that of ``skeleton.position_jacobian`` for points beside the joints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.robust import OUTLIER, PIXELS, agreement
from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec, project, skew, to_rotvec, transpose
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.reach import frames_above

STEPS = 20
SETTLED = 2e-3
"""Radians of turn, and metres of the pelvis' move, below which a step has arrived."""

LARGEST_STEP = 0.6
"""Radians that a joint may turn in one step."""

MOBILITY = {"spine": 0.25, "neck": 0.3, "head": 0.3, "collar": 0.25, "pelvis": 0.3, "ankle": 0.4, "foot": 0.2}
"""How loosely each joint is held at home, relative to knees, elbows, hips, shoulders and wrists."""

FREE = 1e-6
"""Weight of the pelvis' place, and of everything, that keeps a step solvable where little is seen."""

METRES, OUTLIER_METRES = 0.015, 0.1
"""Deviation of a point in space, and how far off it counts a quarter."""

DOUBT_METRES = 1.0
"""How far off a pelvis may be of which nothing was observed."""

CHUNK = 250
"""Frames whose equations are held at a time."""

Observation = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of points (T, K, 3): how much each is held (T, K, 3, 3), and the pull on it (T, K, 3)."""


def in_space(points: np.ndarray, weight: np.ndarray) -> Observation:
    """Points (T, K, 3) that were seen in space, metres; weight (T, K), 0 where not."""
    seen = (weight > 0)[..., None]

    def observe(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away = np.where(seen, points - place, 0)
        held = weight * agreement(np.sum(away**2, axis=-1) / OUTLIER_METRES**2) / METRES**2
        return held[..., None, None] * np.eye(3), held[..., None] * away

    return observe


def in_views(
    cameras: Camera, points: np.ndarray, confidence: np.ndarray, outlier: float = OUTLIER
) -> Observation:
    """Points (V, T, K, 2) that V cameras saw, pixels; confidence (V, T, K), 0 where not.

    Cameras that moved, or saw poses that have nothing to do with each other, are V by T. How far off a
    point counts a quarter is ``outlier``, by the image's longer side.
    """
    cameras = by_frame(cameras)
    size = cameras.size.max(axis=-1)[..., None]

    def observe(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = cameras.seen(place[None])
        there = (confidence > 0) & (seen[..., 2] > 0)
        away = np.where(there[..., None], points - cameras.project(place[None]), 0)
        slope = cameras.slope(np.where(there[..., None], seen, 1)) @ cameras.rotation[..., None, :, :]
        held = there * confidence * agreement(np.sum(away**2, axis=-1) / (outlier * size) ** 2)
        weighted = transpose(slope) * (held / (PIXELS * size) ** 2)[..., None, None]
        return (weighted @ slope).sum(axis=0), (weighted @ away[..., None])[..., 0].sum(axis=0)

    return observe


def by_frame(cameras: Camera) -> Camera:
    """Cameras as (V, T) or, if they do not move, (V, 1)."""
    return cameras if cameras.centre.ndim == 3 else cameras[:, None]


class Place(NamedTuple):
    """Where the pelvis is expected.

    Attributes:
        transl: (T, 3) metres.
        metres: by which it is expected to be away from there, () or (T,).
    """

    transl: np.ndarray
    metres: np.ndarray | float


def together(*observations: Observation) -> Observation:
    """All of several observations, each as much as it asks for."""

    def observe(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked = [one(place) for one in observations]
        return np.sum([held for held, _ in asked], axis=0), np.sum([pull for _, pull in asked], axis=0)

    return observe


def fit_points(
    body: Body,
    observe: Observation,
    start: Pose,
    home: np.ndarray,
    *,
    looseness: float | np.ndarray,
    place: Place | None = None,
    steps: int = STEPS,
) -> Pose:
    """The motion whose points are where they were seen.

    Args:
        body: whose points they are.
        observe: what was seen; ``in_space``, ``in_views``, or several ``together``.
        start: T poses to begin from.
        home: (T, 22, 3, 3) local rotations to stay near.
        looseness: radians that a mobile joint is expected to be away from there, or that each joint is,
            (22,) or (T, 22).
        place: where the pelvis is expected; anywhere if None.
        steps: of the solver, at most.
    """
    pose, hold = start, held_at_home(looseness, place, len(home))
    moving = np.ones(len(home))
    for _ in range(steps):
        world, positions, points, held, pull = observed(body, observe, pose)
        back = way_home(home, place, pose)
        move = np.empty_like(back)
        for first in range(0, len(home), CHUNK):
            rows = slice(first, first + CHUNK)
            J = jacobian(body, world[rows], positions[rows], points[rows])
            A, b = normal_equations(J, held[rows], pull[rows], hold[rows], back[rows])
            move[rows] = np.linalg.solve(A, b[..., None])[..., 0]
        pose, size = moved(pose, move, moving)
        moving = moving * (size >= SETTLED)
        if not moving.any():
            break
    return pose


def deviations(body: Body, observe: Observation, pose: Pose, doubt: float) -> tuple[np.ndarray, np.ndarray]:
    """How sure observations make each joint's rotation (T, 22), radians, and the pelvis' place (T,), metres.

    The root of the variance about these poses, mean of the rotation's and largest of the place's axes, where
    before anything was observed a mobile joint's was ``doubt`` radians and the place's ``DOUBT_METRES``.
    """
    rotations, place = np.empty(pose.rotations.shape[:2]), np.empty(len(pose.transl))
    world, positions, points, held, pull = observed(body, observe, pose)
    hold = held_at_home(doubt, Place(pose.transl, DOUBT_METRES), len(place))
    for first in range(0, len(place), CHUNK):
        rows = slice(first, first + CHUNK)
        J = jacobian(body, world[rows], positions[rows], points[rows])
        A, _ = normal_equations(J, held[rows], pull[rows], hold[rows], 0 * hold[rows])
        variance = np.diagonal(np.linalg.inv(A), axis1=1, axis2=2)
        rotations[rows] = np.sqrt(variance[:, :-3].reshape(-1, NUM_JOINTS, 3).mean(axis=-1))
        place[rows] = np.sqrt(variance[:, -3:].max(axis=-1))
    return rotations, place


def moved(pose: Pose, move: np.ndarray, moving: np.ndarray | float = 1.0) -> tuple[Pose, np.ndarray]:
    """Poses after a move (T, 69) that turns no joint too far, and how much (T,) it asked, see ``SETTLED``."""
    turn = move[:, :-3].reshape(len(move), NUM_JOINTS, 3)
    largest = np.linalg.norm(turn, axis=-1).max(axis=-1)
    less = moving * LARGEST_STEP / np.maximum(largest, LARGEST_STEP)
    R = project(from_rotvec(turn * less[:, None, None]) @ pose.rotations)
    size = np.maximum(largest, np.linalg.norm(move[:, -3:], axis=-1))
    return Pose(R, pose.transl + less[:, None] * move[:, -3:]), size


def mobility() -> np.ndarray:
    """(22,) how loosely each joint is held at home, squared, relative to a knee."""
    table = np.ones(NUM_JOINTS)
    for name, joint in JOINT_INDEX.items():
        for part, value in MOBILITY.items():
            if part in name:
                table[joint] = value
    return table


def held_at_home(looseness: float | np.ndarray, place: Place | None, count: int) -> np.ndarray:
    """(count, 69) weight that keeps each turn, and the pelvis, near home; see ``fit_points``."""
    radians = looseness * np.sqrt(mobility()) if np.ndim(looseness) == 0 else np.asarray(looseness)
    turns = np.repeat(np.broadcast_to(1 / radians**2, (count, NUM_JOINTS)), 3, axis=1)
    shift = np.full(count, FREE) if place is None else np.broadcast_to(1 / place.metres**2, count)
    return np.concatenate([turns, np.repeat(shift[:, None], 3, axis=1)], axis=1)


def observed(body: Body, observe: Observation, pose: Pose) -> tuple[np.ndarray, ...]:
    """World rotations, joints, points, and what is observed of the points of poses."""
    world, positions = forward_kinematics(pose.rotations, body.offsets)
    positions = positions + pose.transl[:, None]
    points = body.points(world, positions)
    return world, positions, points, *observe(points)


def way_home(home: np.ndarray, place: Place | None, pose: Pose) -> np.ndarray:
    """(T, 69) the move that leads home."""
    back = to_rotvec(home @ transpose(pose.rotations)).reshape(len(home), -1)
    shift = np.zeros((len(home), 3)) if place is None else place.transl - pose.transl
    return np.concatenate([back, shift], axis=1)


def normal_equations(
    J: np.ndarray, held: np.ndarray, pull: np.ndarray, hold: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The equations ``A move = b`` of frames: (T, 69, 69) and (T, 69)."""
    flat = transpose(J.reshape(len(J), -1, J.shape[-1]))
    A = flat @ (held @ J).reshape(len(J), -1, J.shape[-1])
    A = A + (hold + FREE)[..., None] * np.eye(J.shape[-1])
    return A, (flat @ pull.reshape(len(J), -1, 1))[..., 0] + hold * back


def jacobian(body: Body, world: np.ndarray, positions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(T, K, 3, 69) derivative of points by turns of the joints in their parents' frames and by a shift."""
    T, K = points.shape[:2]
    which, above = np.nonzero(DESCENDANTS[:, body.joints].T)  # a point moves with few of the joints
    arm = points[:, which] - positions[:, above]
    frames = frames_above(world, range(NUM_JOINTS))[:, above]
    J = np.zeros((T, K, 3, NUM_JOINTS + 1, 3))
    J[:, which, :, above] = np.moveaxis(-skew(arm) @ frames, 1, 0)
    J[:, :, range(3), NUM_JOINTS, range(3)] = 1
    return J.reshape(T, K, 3, -1)
