# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn, scale and shift: the transform between a rig's space and the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from contrapposto.rotation import project

_UNEVEN = 1e-3  # relative; object scales are typed by hand and stored in float32
_SHEARED = 1e-3
_NOTHING = 1e-9


class Similarity(NamedTuple):
    """``x -> scale * (rotation @ x) + translation``."""

    rotation: np.ndarray
    scale: float
    translation: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Similarity:
        """Take a (4, 4) matrix apart.

        Raises:
            ValueError: with one sentence, if it mirrors, scales unevenly, shears or is not finite.
        """
        matrix = np.asarray(matrix, dtype=float)
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
            raise ValueError("The armature's transform is not a finite 4x4 matrix")
        linear = matrix[:3, :3]
        volume = np.linalg.det(linear)
        if volume <= 0:
            raise ValueError("The armature has a negative or zero scale; apply its scale first")
        scale = float(np.cbrt(volume))
        if np.abs(linear.T @ linear / scale**2 - np.eye(3)).max() > 2 * _UNEVEN:
            sides = ", ".join(f"{side:.3g}" for side in np.linalg.norm(linear, axis=0))
            raise ValueError(f"The armature is scaled unevenly ({sides}); apply its scale first")
        return cls(project(linear / scale), scale, matrix[:3, 3])


def rotation_and_scale(linear: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The rotation (..., N, 3, 3) and column scale (..., N, 3) of N bones' matrices.

    Scaled or stretched bones have scaled columns; under a scaled parent they may be
    sheared, then the nearest rotation counts.

    Args:
        linear: (..., N, 3, 3) upper left parts of bone matrices.
        names: the N bones, for errors.

    Raises:
        ValueError: naming the bone, if its matrix is not finite, mirrors or is
            scaled to nothing.
    """
    scale = np.linalg.norm(linear, axis=-2)
    _refuse(~np.isfinite(scale).all(-1), names, "has a transform that is not finite")
    _refuse((scale < _NOTHING).any(-1), names, "is scaled to zero; give it a size")
    _refuse(np.linalg.det(linear) < 0, names, "is mirrored by a negative scale; make it positive")
    rotation = linear / scale[..., None, :]
    error = rotation.swapaxes(-1, -2) @ rotation - np.eye(3)
    if np.abs(error).max(initial=0) > _SHEARED:
        return project(rotation), scale
    return rotation - rotation @ error / 2, scale  # one Newton step makes float32 rotations exact


def _refuse(wrong: np.ndarray, names: Sequence[str], problem: str) -> None:
    """Raise for the first bone that is ``wrong`` (..., N) anywhere."""
    if wrong.any():
        bone = int(np.argmax(wrong.reshape(-1, len(names)).any(axis=0)))
        raise ValueError(f"Bone '{names[bone]}' {problem}")
