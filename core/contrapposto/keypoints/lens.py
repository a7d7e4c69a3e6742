# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lens bends, and how it is made straight, so that all cameras beyond the border are pinholes.

Models and the order of their coefficients are OpenCV's: ``k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4`` for
ordinary lenses (fewer may be given), ``k1 k2 k3 k4`` for fisheyes.

Source: OpenCV's documentation of calib3d; Kannala & Brandt 2006 for fisheyes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_COEFFICIENTS = 12
ROUNDS = 40
"""Of the iteration that straightens; each leaves a tenth of the error or so."""

CLOSE = 1e-4
"""What is bent back to within this, in units of the focal length, was straightened."""


@dataclass(frozen=True)
class Lens:
    """How a lens bends rays.

    Attributes:
        coefficients: 12 for an ordinary lens, 4 for a fisheye.
        is_fisheye: which of the models it is.
    """

    coefficients: tuple[float, ...] = (0.0,) * MOST_COEFFICIENTS
    is_fisheye: bool = False

    @classmethod
    def of(cls, coefficients: np.ndarray, source: str, *, is_fisheye: bool = False) -> Lens:
        """The lens with up to so many coefficients as its model has.

        Args:
            coefficients: (N,).
            source: of whom they are, for what is said of them.
            is_fisheye: which model.

        Raises:
            ValueError: with one sentence, for coefficients that are not finite, or not of the model.
        """
        most = 4 if is_fisheye else MOST_COEFFICIENTS
        if not np.isfinite(coefficients).all():
            raise ValueError(f"The lens of {source} has a distortion that is not a finite number")
        if len(coefficients) > most and np.any(coefficients[most:] != 0):
            raise ValueError(
                f"The lens of {source} has more distortion coefficients than {most}; calibrate without"
            )
        values = np.zeros(most)
        values[: len(coefficients)] = coefficients[:most]
        return cls(tuple(values.tolist()), is_fisheye)

    @property
    def is_straight(self) -> bool:
        """Whether it bends nothing."""
        return not self.is_fisheye and not any(self.coefficients)

    def bent(self, rays: np.ndarray) -> np.ndarray:
        """Where rays (..., 2), x/z and y/z in the camera's frame, arrive on the plane at distance 1."""
        x, y = rays[..., 0], rays[..., 1]
        if self.is_fisheye:
            radius = np.hypot(x, y)
            angle = np.arctan(radius)
            return rays * (_grown(angle, self.coefficients) / np.where(radius > 0, radius, 1))[..., None]
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = self.coefficients
        q = x * x + y * y
        radial = (1 + q * (k1 + q * (k2 + q * k3))) / (1 + q * (k4 + q * (k5 + q * k6)))
        sideways = 2 * p1 * x * y + p2 * (q + 2 * x * x) + q * (s1 + q * s2)
        upwards = p1 * (q + 2 * y * y) + 2 * p2 * x * y + q * (s3 + q * s4)
        return np.stack([x * radial + sideways, y * radial + upwards], axis=-1)

    def straightened(self, arrived: np.ndarray) -> np.ndarray:
        """The rays (..., 2) that arrive at these places; NaN where none does, far outside the image."""
        with np.errstate(all="ignore"):
            rays = self._fisheye_rays(arrived) if self.is_fisheye else self._rays(arrived)
            missed = np.linalg.norm(self.bent(rays) - arrived, axis=-1, keepdims=True)
            return np.where(missed < CLOSE, rays, np.nan)

    def _rays(self, arrived: np.ndarray) -> np.ndarray:
        k1, k2, _, _, k3, k4, k5, k6, *_ = self.coefficients
        rays = arrived
        for _ in range(ROUNDS):
            q = (rays * rays).sum(axis=-1, keepdims=True)
            radial = (1 + q * (k1 + q * (k2 + q * k3))) / (1 + q * (k4 + q * (k5 + q * k6)))
            rays = (arrived - (self.bent(rays) - rays * radial)) / radial
        return rays

    def _fisheye_rays(self, arrived: np.ndarray) -> np.ndarray:
        grown = np.linalg.norm(arrived, axis=-1)
        angle = np.minimum(grown, np.pi / 2)
        for _ in range(ROUNDS):
            step = 1e-6
            slope = (_grown(angle + step, self.coefficients) - _grown(angle, self.coefficients)) / step
            angle = angle - (_grown(angle, self.coefficients) - grown) / slope
        angle = np.where(np.abs(angle) < np.pi / 2, angle, np.nan)
        return arrived * (np.tan(angle) / np.where(grown > 0, grown, 1))[..., None]


def _grown(angle: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    """How far from the middle a fisheye shows what is at an angle from its axis."""
    k1, k2, k3, k4 = coefficients
    q = angle * angle
    return angle * (1 + q * (k1 + q * (k2 + q * (k3 + q * k4))))


def straightened(points: np.ndarray, intrinsics: np.ndarray, lens: Lens) -> np.ndarray:
    """Pixels (..., 2) as a pinhole with the intrinsics (3, 3) has them; NaN where there are none."""
    if lens.is_straight:
        return points
    rays = (points - intrinsics[:2, 2]) @ np.linalg.inv(intrinsics[:2, :2]).T
    return lens.straightened(rays) @ intrinsics[:2, :2].T + intrinsics[:2, 2]
