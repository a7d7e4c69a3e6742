# SPDX-License-Identifier: GPL-3.0-or-later
"""How local rotations become the numbers that a prior works on, and back.

A representation (axis-angle vectors, the first two columns of the matrix, or the
tangent at the mean rotation) and a normaliser, both part of a prior's configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.rotation import (
    from_rot6d,
    from_rotvec,
    left_jacobian,
    project,
    to_rot6d,
    to_rotvec,
    transpose,
)

SIZES = {"rotvec": 3, "rot6d": 6, "tangent": 3}
NORMALISATIONS = ("zscore", "minmax", "none")

STD_FLOOR = 0.03
"""Dimensions that hardly ever change are scaled by this much, not blown up."""


@dataclass(frozen=True, eq=False)
class Space:
    """A representation of K rotations with its normaliser.

    Attributes:
        representation: "rotvec" (axis-angle), "rot6d" (two columns) or "tangent"
            (the logarithm of the rotation from ``base``).
        mean, scale: (K, C), what is subtracted and divided by.
        base: (K, 3, 3) the rotations at which tangent vectors start; the identity
            for the other representations.
    """

    representation: str
    mean: Array
    scale: Array
    base: Array

    @classmethod
    def fit(cls, rotations: np.ndarray, weight: np.ndarray, representation: str, normalisation: str) -> Space:
        """The space whose normaliser suits weighted poses (N, K, 3, 3), weight (N,) summing to 1.

        Raises:
            ValueError: if the representation or normalisation does not exist.
        """
        if representation not in SIZES or normalisation not in NORMALISATIONS:
            raise ValueError(
                f"There is no {representation} space with {normalisation} normaliser; choose one of "
                f"{', '.join(SIZES)} and one of {', '.join(NORMALISATIONS)}"
            )
        joints = rotations.shape[1]
        base = np.broadcast_to(np.eye(3), (joints, 3, 3))
        if representation == "tangent":
            base = project(np.tensordot(weight, rotations.astype(np.float64), axes=1))
        zero, one = np.zeros((joints, SIZES[representation])), np.ones((joints, SIZES[representation]))
        raw = cls(representation, zero, one, base)
        x = raw.encode(rotations.astype(np.float64)).reshape(len(rotations), joints, -1)
        if normalisation == "zscore":
            mean = np.tensordot(weight, x, axes=1)
            scale = np.sqrt(np.tensordot(weight, (x - mean) ** 2, axes=1))
        elif normalisation == "minmax":
            low, high = x.min(axis=0), x.max(axis=0)
            mean, scale = (low + high) / 2, (high - low) / 2
        else:
            return raw
        return replace(raw, mean=mean, scale=np.maximum(scale, STD_FLOOR))

    @property
    def size(self) -> int:
        """Numbers a pose."""
        return int(self.mean.shape[0] * self.mean.shape[1])

    def on(self, reference: Array) -> Space:
        """This space in the array library, dtype and device of ``reference``."""
        return replace(
            self,
            mean=like(self.mean, reference),
            scale=like(self.scale, reference),
            base=like(self.base, reference),
        )

    def _split(self, x: Array) -> Array:
        xp = namespace(x)
        return xp.reshape(x, (*x.shape[:-1], *self.mean.shape)) * self.scale + self.mean

    def encode(self, rotations: Array) -> Array:
        """State (..., K C) of rotations (..., K, 3, 3)."""
        xp = namespace(rotations)
        if self.representation == "rot6d":
            d = to_rot6d(rotations)
        else:
            d = to_rotvec(transpose(self.base) @ rotations)
        d = (d - self.mean) / self.scale
        return xp.reshape(d, (*d.shape[:-2], self.size))

    def decode(self, x: Array) -> Array:
        """Rotations (..., K, 3, 3) of a state (..., K C)."""
        d = self._split(x)
        if self.representation == "rot6d":
            return from_rot6d(d)
        return self.base @ from_rotvec(d)

    def pullback(self, x: Array, torque: Array) -> Array:
        """Derivative by the state of a function whose derivative by turns is known.

        Args:
            x: (..., K C) the state.
            torque: (..., K, 3) derivative by a rotation vector applied on the left of
                each rotation (``R <- exp(w) R``).

        Returns:
            (..., K C).
        """
        xp = namespace(x)
        d = self._split(x)
        if self.representation == "rot6d":
            found = _pullback_rot6d(d, torque)
        else:  # base exp(v + dv) = exp(base J_l(v) dv) base exp(v)
            found = (transpose(self.base @ left_jacobian(d)) @ torque[..., None])[..., 0]
        return xp.reshape(found * self.scale, tuple(x.shape))


def _pullback_rot6d(d: Array, torque: Array) -> Array:
    """Derivative by both columns, through Gram and Schmidt, of a turn of the frame (b1, b2, b3)."""
    xp = namespace(d)
    R = from_rot6d(d)
    a1, a2 = d[..., :3], d[..., 3:]
    b1, b2, b3 = R[..., :, 0], R[..., :, 1], R[..., :, 2]

    def dot(u: Array, v: Array) -> Array:
        return xp.sum(u * v, axis=-1, keepdims=True)

    length1 = dot(a1, b1)
    length2 = dot(a2, b2)
    g1, g2, g3 = dot(torque, b1), dot(torque, b2), dot(torque, b3)
    by_a1 = (g3 * b2 - g2 * b3) / length1 - g1 * dot(a2, b1) / (length1 * length2) * b3
    return xp.concat([by_a1, g1 / length2 * b3], axis=-1)
