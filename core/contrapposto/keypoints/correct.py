# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras that were knocked since they were calibrated, turned back by what they see of the person.

A tripod that gives way by half a degree moves everything in its image by a hundredth of the
image's height, always to the same side. The turns of all cameras and the places of all points
are found together, each turn no larger than it has to be. Then the cameras agree; that they all
turned together they cannot tell, so a person may end up a few centimetres elsewhere as a whole.

Source: Triggs et al. 2000, "Bundle Adjustment", section 6 (points are eliminated first).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.robust import PIXELS
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.rotation import from_rotvec, project, skew, to_rotvec, transpose

ROUNDS = 6

TURN_DEG = 1.0
"""Deviation of the turns."""

ALIKE = 100.0
"""So many observations say as much as one: a detector is wrong in the same way for many frames."""


def corrected(cameras: Camera, points: np.ndarray, confidence: np.ndarray) -> Camera:
    """The cameras, each turned on the spot so that they agree on where points are.

    Args:
        cameras: V of them.
        points: (V, T, K, 2) pixels of one person.
        confidence: (V, T, K), 0 where missing.

    Raises:
        ValueError: as ``triangulate``.
    """
    V, calibrated = len(cameras), cameras.rotation
    for _ in range(ROUNDS):
        found = triangulate(cameras, points, confidence)
        known = np.isfinite(found.points[..., 0])
        places, weight = found.points[known][None], found.weight[:, known]
        scale = (PIXELS * cameras.size.max(axis=-1))[:, None] ** 2 * ALIKE
        away = np.where((weight > 0)[..., None], points[:, known] - cameras.project(places), 0)
        J_turn, J_place = _derivatives(cameras, places)
        held_turn, held_place = (transpose(J) * (weight / scale)[..., None, None] for J in (J_turn, J_place))
        # the points' own equations, solved for the points and put into those of the cameras
        inverse = np.linalg.inv((held_place @ J_place).sum(axis=0) + 1e-9 * np.eye(3))
        mixed = held_turn @ J_place
        pull = (held_place @ away[..., None]).sum(axis=0)
        A = -np.einsum("vnij,njk,wnlk->viwl", mixed, inverse, mixed, optimize=True)
        b = (held_turn @ away[..., None]).sum(axis=1)[..., 0] - (mixed @ inverse @ pull).sum(axis=1)[..., 0]
        A[range(V), :, range(V)] += (held_turn @ J_turn).sum(axis=1) + np.eye(3) / np.radians(TURN_DEG) ** 2
        b -= to_rotvec(cameras.rotation @ transpose(calibrated)) / np.radians(TURN_DEG) ** 2
        turn = np.linalg.solve(A.reshape(3 * V, 3 * V), b.reshape(3 * V)).reshape(V, 3)
        cameras = replace(cameras, rotation=project(from_rotvec(turn) @ cameras.rotation))
    return cameras


def _derivatives(cameras: Camera, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, N, 2, 3) change of pixels by a turn of the camera, and by a move of the point."""
    seen = cameras.seen(places)
    slope = cameras.slope(seen)
    return -slope @ skew(seen), slope @ cameras.rotation[:, None]
