# SPDX-License-Identifier: GPL-3.0-or-later
"""A clip of any frame rate on the motion prior's grid of frames, and back, without moving in time.

Onto the grid, values are averaged under a triangle as wide as the coarser of the two
spacings: between two frames of a slow clip that is the straight line, of a fast clip it
is a low-pass. Back from the grid they follow a smooth curve through its frames.
What the averaging lost of a clip stays known as its *detail*, so that a grid on which
nothing was changed gives back every frame as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.priors.motion import FPS
from contrapposto.rotation import from_rotvec, to_rotvec, transpose

ENOUGH = 0.25
"""Share of an average's weight that must be reliable for the average to be."""

SAME_RATE = 1e-6
"""Relative difference of two frame rates that are one."""


@dataclass(frozen=True)
class Timeline:
    """The frames of a clip beside those of the grid.

    Attributes:
        count: frames of the clip.
        fps: its frames a second; need not be whole.
    """

    count: int
    fps: float

    @property
    def same(self) -> bool:
        """Whether the clip's frames are the grid's."""
        return abs(self.fps - FPS) < SAME_RATE * FPS

    @property
    def grid_count(self) -> int:
        """Frames of the grid, which reaches to the clip's last frame or just beyond."""
        return self.count if self.same else int(np.ceil((self.count - 1) * FPS / self.fps - 1e-6)) + 1

    def _neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearest clip frame (K,), frames around it (K, n) and their weights (K, n), 0 outside the clip."""
        time = np.minimum(np.arange(self.grid_count) * self.fps / FPS, self.count - 1)
        nearest = np.rint(time).astype(int)
        reach = max(1.0, self.fps / FPS)
        steps = np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 1)
        around = nearest[:, None] + steps
        # narrower towards the ends, so that an average lies where its frames do
        wide = np.minimum(reach, 1 + np.minimum(time, self.count - 1 - time))[:, None]
        weight = np.maximum(0.0, 1 - np.abs(around - time[:, None]) / wide)
        weight[(around < 0) | (around >= self.count)] = 0
        return nearest, np.clip(around, 0, self.count - 1), weight

    def rotations_to_grid(self, R: np.ndarray, reliable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (T, J, 3, 3) on the grid (K, J, 3, 3), and where they are reliable (K, J).

        Args:
            R: rotations; where not reliable, any rotation.
            reliable: (T, J) bool.
        """
        if self.same:
            return R, reliable
        nearest, around, weight = self._neighbours()
        base = R[nearest]
        total, turn = np.zeros(base.shape[:2]), np.zeros(base.shape[:-1])
        for frames, w in zip(around.T, weight.T, strict=True):
            here = w[:, None] * reliable[frames]
            total += here
            turn += here[..., None] * to_rotvec(transpose(base) @ R[frames])
        enough = total >= ENOUGH * weight.sum(axis=1)[:, None]
        return base @ from_rotvec(turn / np.where(enough, total, 1)[..., None]), enough

    def points_to_grid(self, points: np.ndarray, reliable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same for points (T, 3), reliable (T,)."""
        if self.same:
            return points, reliable
        _, around, weight = self._neighbours()
        here = weight * reliable[around]
        total = here.sum(axis=1)
        enough = total >= ENOUGH * weight.sum(axis=1)
        mean = (here[..., None] * points[around]).sum(axis=1) / np.where(enough, total, 1)[:, None]
        return np.where(enough[:, None], mean, points[around[:, around.shape[1] // 2]]), enough

    def _between(self) -> tuple[np.ndarray, np.ndarray]:
        """Grid frame before each frame of the clip, and share of the way to the next."""
        time = np.arange(self.count) * FPS / self.fps
        before = np.clip(np.floor(time + 1e-9).astype(int), 0, max(0, self.grid_count - 2))
        return before, time - before

    def rotations_from_grid(self, R: np.ndarray) -> np.ndarray:
        """Rotations (K, J, 3, 3) of the grid at the clip's frames (T, J, 3, 3)."""
        if self.same or len(R) == 1:
            return R[: self.count]
        before, share = self._between()
        step = to_rotvec(transpose(R[:-1]) @ R[1:])
        curve = _hermite(step, before, share[:, None, None])
        return R[before] @ from_rotvec(curve)

    def points_from_grid(self, points: np.ndarray) -> np.ndarray:
        """Points (K, ...) of the grid at the clip's frames (T, ...)."""
        if self.same or len(points) == 1:
            return points[: self.count]
        before, share = self._between()
        share = share.reshape(-1, *[1] * (points.ndim - 1))
        return points[before] + _hermite(np.diff(points, axis=0), before, share)

    def nearest_on_grid(self, value: np.ndarray) -> np.ndarray:
        """Values (K, ...) of the grid frame nearest to each frame of the clip (T, ...)."""
        if self.same:
            return value
        return value[np.minimum(np.rint(np.arange(self.count) * FPS / self.fps).astype(int), len(value) - 1)]


def _hermite(step: np.ndarray, before: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The way from frame ``before`` on a smooth curve, given the steps (K - 1, ...) between frames.

    Source: Catmull & Rom 1974; the tangent at a frame is the mean of the steps around it.
    """
    last = len(step) - 1
    here, left, right = step[before], step[np.maximum(before - 1, 0)], step[np.minimum(before + 1, last)]
    m0, m1 = (left + here) / 2, (here + right) / 2
    s = share
    return (s**3 - 2 * s**2 + s) * m0 + (3 * s**2 - 2 * s**3) * here + (s**3 - s**2) * m1
