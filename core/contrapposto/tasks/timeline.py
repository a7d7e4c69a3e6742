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

FINEST = 3.0
"""The grid has at most so many frames a frame of the clip: a very slow clip is played faster."""

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
    def grid_fps(self) -> float:
        """Frames of the grid in a second of the clip: the prior's, unless the clip is very slow."""
        return min(FPS, FINEST * self.fps)

    @property
    def same(self) -> bool:
        """Whether the clip's frames are the grid's."""
        return abs(self.fps - FPS) < SAME_RATE * FPS

    @property
    def grid_count(self) -> int:
        """Frames of the grid, which reaches to the clip's last frame or just beyond."""
        return (
            self.count if self.same else int(np.ceil((self.count - 1) * self.grid_fps / self.fps - 1e-6)) + 1
        )

    @property
    def _reach(self) -> int:
        """Frames of the clip to each side that an average may look at."""
        return int(np.ceil(max(1.0, self.fps / self.grid_fps)))

    def _neighbours(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearest frame (K,) of the clip with its margins, frames around it (K, n), their weights (K, n)."""
        time = np.arange(self.grid_count) * self.fps / self.grid_fps + self._margin
        nearest = np.rint(time).astype(int)
        around = nearest[:, None] + np.arange(-self._reach, self._reach + 1)
        wide = max(1.0, self.fps / self.grid_fps)
        weight = np.maximum(0.0, 1 - np.abs(around - time[:, None]) / wide)
        last = self.count - 1 + 2 * self._margin
        return np.minimum(nearest, last), np.clip(around, 0, last), weight

    @property
    def _margin(self) -> int:
        """Frames that a clip is continued by at each end, so that averages there are of both sides."""
        return 2 * self._reach + 1

    def _mirrored(self) -> tuple[np.ndarray, np.ndarray]:
        """Frames (M,) as far inside the ends as those of the margins are outside."""
        out = np.arange(1, self._margin + 1)
        return np.minimum(out[::-1], self.count - 1), np.maximum(self.count - 1 - out, 0)

    def rotations_to_grid(self, R: np.ndarray, reliable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (T, J, 3, 3) on the grid (K, J, 3, 3), and where they are reliable (K, J).

        Args:
            R: rotations; where not reliable, any rotation.
            reliable: (T, J) bool.
        """
        if self.same:
            return R, reliable
        left, right = self._mirrored()
        R = np.concatenate([R[:1] @ transpose(R[left]) @ R[:1], R, R[-1:] @ transpose(R[right]) @ R[-1:]])
        reliable = np.concatenate([reliable[left] & reliable[:1], reliable, reliable[right] & reliable[-1:]])
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
        left, right = self._mirrored()
        points = np.concatenate([2 * points[:1] - points[left], points, 2 * points[-1:] - points[right]])
        reliable = np.concatenate([reliable[left] & reliable[0], reliable, reliable[right] & reliable[-1]])
        nearest, around, weight = self._neighbours()
        here = weight * reliable[around]
        total = here.sum(axis=1)
        enough = total >= ENOUGH * weight.sum(axis=1)
        mean = (here[..., None] * points[around]).sum(axis=1) / np.where(enough, total, 1)[:, None]
        return np.where(enough[:, None], mean, points[nearest]), enough

    def _between(self) -> tuple[np.ndarray, np.ndarray]:
        """Grid frame before each frame of the clip, and share of the way to the next."""
        time = np.arange(self.count) * self.grid_fps / self.fps
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
        return value[
            np.minimum(np.rint(np.arange(self.count) * self.grid_fps / self.fps).astype(int), len(value) - 1)
        ]

    def nearest_to_grid(self, value: np.ndarray) -> np.ndarray:
        """Values (T, ...) of the clip's frame nearest to each frame of the grid (K, ...)."""
        time = np.arange(self.grid_count) * self.fps / self.grid_fps
        return value[np.minimum(np.rint(time).astype(int), self.count - 1)]


def _hermite(step: np.ndarray, before: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The way from frame ``before`` on a smooth curve, given the steps (K - 1, ...) between frames.

    Source: Catmull & Rom 1974; the tangent at a frame is the mean of the steps around it.
    """
    last = len(step) - 1
    here, left, right = step[before], step[np.maximum(before - 1, 0)], step[np.minimum(before + 1, last)]
    m0, m1 = (left + here) / 2, (here + right) / 2
    s = share
    return (s**3 - 2 * s**2 + s) * m0 + (3 * s**2 - 2 * s**3) * here + (s**3 - s**2) * m1
