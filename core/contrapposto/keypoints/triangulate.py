# SPDX-License-Identifier: GPL-3.0-or-later
"""Where points are in space that several calibrated cameras see.

Linear triangulation: each view asks for two linear equations in the point, divided by the
depth so that their residuals are pixels. It is started from the pair of views that the
others agree with best, and then weighs each view by how well it agrees, so that one
detector that is wrong does not move the point.

Source: Hartley & Sturm 1997, "Triangulation" (iterative linear least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from contrapposto.arrays import Array, like, namespace
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.robust import OUTLIER, agreement

ROUNDS = 10
"""Times that the views are weighed anew."""

LEAST_SHARE = 0.03
"""Share of its confidence that a view must count to see the point."""

LEAST_SPREAD = 5e-4
"""Of the equations' determinant by the cube of their mean; two views a degree apart have less."""


@dataclass(frozen=True, eq=False)
class Triangulated:
    """Points in space.

    Attributes:
        points: (..., 3) metres, NaN where fewer than two views agree.
        error: (V, ...) reprojection error of each view that saw the point, pixels; NaN elsewhere.
        weight: (V, ...) what each view counted: its confidence by how well it agrees.
    """

    points: Array
    error: Array
    weight: Array


def triangulate(cameras: Camera, points: Array, confidence: Array) -> Triangulated:
    """Points that at least two of V cameras see.

    Args:
        cameras: V of them.
        points: (V, ..., 2) pixels; anything where confidence is 0.
        confidence: (V, ...), 0 where a view does not see the point.

    Raises:
        ValueError: if there are fewer than two views, or not as many cameras.

    Cost: a 3 x 3 system a point for each pair of views and each round.
    """
    xp = namespace(points, confidence)
    V, batch = points.shape[0], tuple(points.shape[1:-1])
    if V < 2 or len(cameras) != V:
        raise ValueError(f"Triangulation needs two views or more, each with its camera, not {V}")
    views = _Views.of(cameras, xp.reshape(points, (V, -1, 2)), xp.reshape(confidence, (V, -1)))
    place = views.best_pair()
    for _ in range(ROUNDS):
        place = views.solved(views.weights(place) / views.depths(place) ** 2)
    error, weight = views.errors(place), views.weights(place)
    agree = (weight > LEAST_SHARE * views.confidence) & (views.confidence > 0)
    few = xp.sum(xp.astype(agree, weight.dtype), axis=0) < 2
    place = xp.where(few[..., None], xp.nan * place, place)
    error = xp.where(few | (views.confidence <= 0), xp.nan * error, error)
    weight = xp.where(agree & ~few, weight, xp.zeros_like(weight))
    return Triangulated(
        xp.reshape(place, (*batch, 3)), xp.reshape(error, (V, *batch)), xp.reshape(weight, (V, *batch))
    )


@dataclass(frozen=True, eq=False)
class _Views:
    """N points as V views see them.

    Attributes:
        cameras: V of them.
        points, confidence: (V, N, 2) and (V, N); no NaN.
        rows: (V, N, 2, 3) of the linear equations ``rows @ (x - centre) = 0``.
        origin: (3,) amid the cameras; places are solved for from here, which keeps digits.
    """

    cameras: Camera
    points: Array
    confidence: Array
    rows: Array
    origin: Array

    @classmethod
    def of(cls, cameras: Camera, points: Array, confidence: Array) -> _Views:
        xp = namespace(points)
        K, R, centre, size = (like(v, points) for v in vars(cameras).values())
        cameras = Camera(K, R, centre, size)
        points = xp.where((confidence > 0)[..., None], points, xp.zeros_like(points))
        P = (K @ R)[:, None]
        rows = points[..., None] * P[..., 2:, :] - P[..., :2, :]
        return cls(cameras, points, confidence, rows, xp.mean(centre, axis=0))

    def depths(self, place: Array) -> Array:
        """(V, N) metres in front of each camera, 1 where behind it or unknown."""
        xp = namespace(place)
        depth = self.cameras.seen(place[None])[..., 2]
        return xp.where(depth > 0, depth, xp.ones_like(depth))

    def errors(self, place: Array) -> Array:
        """(V, N) pixels; infinite for places (N, 3) that are unknown or behind a camera."""
        xp = namespace(place)
        away = self.cameras.project(place[None]) - self.points
        error = xp.sqrt(xp.sum(away * away, axis=-1))
        return xp.where(xp.isnan(error), xp.inf * xp.ones_like(error), error)

    def weights(self, place: Array) -> Array:
        """(V, N) confidence by agreement with places (N, 3)."""
        xp = namespace(place)
        scale = OUTLIER * xp.max(self.cameras.size, axis=-1)[:, None]
        return self.confidence * agreement((self.errors(place) / scale) ** 2)

    def solved(self, weight: Array) -> Array:
        """(N, 3) what answers the equations best, weighed (V, N); NaN where they tell too little."""
        xp = namespace(weight)
        A = self.rows
        b = xp.sum(A * (self.cameras.centre - self.origin)[:, None, None, :], axis=-1)
        weighted = xp.matrix_transpose(A) * weight[..., None, None]
        M = xp.sum(weighted @ A, axis=0)
        mean = (M[..., 0, 0] + M[..., 1, 1] + M[..., 2, 2]) / 3
        size = xp.where(mean > 0, mean, xp.ones_like(mean))
        M = M / size[:, None, None]
        told = xp.linalg.det(M) > LEAST_SPREAD
        M = xp.where(told[..., None, None], M, like([[1, 0, 0], [0, 1, 0], [0, 0, 1]], M))
        r = xp.sum(weighted @ b[..., None], axis=0)[..., 0] / size[:, None]
        place = xp.linalg.solve(M, r[..., None])[..., 0] + self.origin
        return xp.where(told[..., None], place, xp.nan * place)

    def best_pair(self) -> Array:
        """(N, 3) the place from the two views that all views agree with best."""
        xp = namespace(self.points)
        best = xp.nan * xp.ones_like(self.rows[0, :, 0, :])
        most = xp.zeros_like(self.confidence[0])
        for pair in combinations(range(len(self.cameras)), 2):
            chosen = like([float(view in pair) for view in range(len(self.cameras))], self.points)
            seen = xp.min(self.confidence[list(pair)], axis=0) > 0
            place = self.solved(chosen[:, None] * xp.ones_like(self.confidence))
            place = xp.where(seen[..., None], place, xp.nan * place)
            support = xp.sum(self.weights(place), axis=0)
            best = xp.where((support > most)[..., None], place, best)
            most = xp.maximum(support, most)
        return best
