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

import numpy as np

from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.robust import OUTLIER, PIXELS, agreement
from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec, project, skew, to_rotvec, transpose
from contrapposto.skeleton import DESCENDANTS, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.reach import frames_above, mobility

STEPS = 20
SETTLED = 2e-3
"""Radians of turn below which a step has arrived."""

LARGEST_STEP = 0.6
"""Radians that a joint may turn in one step."""

FREE = 1e-6
"""Weight of the pelvis' place, and of everything, that keeps a step solvable where little is seen."""

METRES, OUTLIER_METRES = 0.015, 0.1
"""Deviation of a point in space, and how far off it counts a quarter."""

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


def in_views(cameras: Camera, points: np.ndarray, confidence: np.ndarray) -> Observation:
    """Points (V, T, K, 2) that V cameras saw, pixels; confidence (V, T, K), 0 where not.

    Cameras that moved, or saw poses that have nothing to do with each other, are V by T.
    """
    cameras = cameras if cameras.centre.ndim == 3 else cameras[:, None]
    size = cameras.size.max(axis=-1)[..., None]

    def observe(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = cameras.seen(place[None])
        there = (confidence > 0) & (seen[..., 2] > 0)
        away = np.where(there[..., None], points - cameras.project(place[None]), 0)
        slope = cameras.slope(np.where(there[..., None], seen, 1)) @ cameras.rotation[..., None, :, :]
        held = there * confidence * agreement(np.sum(away**2, axis=-1) / (OUTLIER * size) ** 2)
        weighted = transpose(slope) * (held / (PIXELS * size) ** 2)[..., None, None]
        return (weighted @ slope).sum(axis=0), (weighted @ away[..., None])[..., 0].sum(axis=0)

    return observe


def fit_points(
    body: Body,
    observe: Observation,
    start: Pose,
    home: np.ndarray,
    *,
    looseness: float,
    steps: int = STEPS,
) -> Pose:
    """The motion whose points are where they were seen.

    Args:
        body: whose points they are.
        observe: what was seen; ``in_space`` or ``in_views``.
        start: T poses to begin from.
        home: (T, 22, 3, 3) local rotations to stay near.
        looseness: radians that a mobile joint is expected to be away from there.
        steps: of the solver, at most.
    """
    R, place = start.rotations, start.transl
    moving = np.ones(len(R))
    hold = np.concatenate([np.repeat(1 / (looseness**2 * mobility()), 3), np.full(3, FREE)])
    for _ in range(steps):
        world, positions = forward_kinematics(R, body.offsets)
        positions = positions + place[:, None]
        points = body.points(world, positions)
        held, pull = observe(points)
        back = to_rotvec(home @ transpose(R)).reshape(len(R), -1)
        back = np.concatenate([back, np.zeros((len(R), 3))], axis=1)
        move = np.empty_like(back)
        for first in range(0, len(R), CHUNK):
            rows = slice(first, first + CHUNK)
            J = _jacobian(body, world[rows], positions[rows], points[rows])
            flat = transpose(J.reshape(len(J), -1, J.shape[-1]))
            A = flat @ (held[rows] @ J).reshape(len(J), -1, J.shape[-1]) + np.diag(hold + FREE)
            b = (flat @ pull[rows].reshape(len(J), -1, 1))[..., 0] + hold * back[rows]
            move[rows] = np.linalg.solve(A, b[..., None])[..., 0]
        turn = move[:, :-3].reshape(len(R), NUM_JOINTS, 3)
        size = np.linalg.norm(turn, axis=-1).max(axis=-1)
        less = moving * np.minimum(1, LARGEST_STEP / np.maximum(size, FREE))
        R = project(from_rotvec(turn * less[:, None, None]) @ R)
        place = place + less[:, None] * move[:, -3:]
        moving = moving * (size >= SETTLED)
        if not moving.any():
            break
    return Pose(R, place)


def _jacobian(body: Body, world: np.ndarray, positions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(T, K, 3, 69) derivative of points by turns of the joints in their parents' frames and by a shift."""
    T, K = points.shape[:2]
    carried = DESCENDANTS[:, body.joints].T[..., None, None]
    arm = points[:, :, None] - positions[:, None]
    turned = -skew(arm) * carried @ frames_above(world, range(NUM_JOINTS))[:, None]  # (T, K, 22, 3, 3)
    shifted = np.broadcast_to(np.eye(3), (T, K, 3, 3))
    return np.concatenate([np.moveaxis(turned, 2, 3).reshape(T, K, 3, -1), shifted], axis=-1)
