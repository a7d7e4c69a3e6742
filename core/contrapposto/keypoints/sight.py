# SPDX-License-Identifier: GPL-3.0-or-later
"""What one camera saw of a body, and how lifting networks look at it.

A network should not have to learn where in an image a person stands, nor through which lens
they were filmed. A *sight* turns the camera so that it looks at the middle of what is known of
the body, and divides by its size; what remains is the pose's own outline. Positions that are
found there are turned back into the camera's axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.points import to_joints
from contrapposto.rotation import transpose
from contrapposto.skeleton import JOINT_NAMES, MIRROR

LIFTED = (*JOINT_NAMES, "nose")
"""What is lifted: the body's joints, and the nose, which tells where a face looks."""

NUM_LIFTED = len(LIFTED)

FEATURES = NUM_LIFTED * 4 + 4
"""Numbers that ``Sight.features`` tells."""


_PARTNERS = [*MIRROR, len(JOINT_NAMES)]
_FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Seen:
    """What cameras saw of B poses, each its own.

    Attributes:
        cameras: B of them, in a world that is y up and that the method may know.
        names: of the K points.
        points: (B, K, 2) pixels, NaN where missing.
        confidence: (B, K), 0 where missing.
    """

    cameras: Camera
    names: tuple[str, ...]
    points: np.ndarray
    confidence: np.ndarray

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """The joints in the image (B, 22, 2), 0 where unknown, and which are known (B, 22)."""
        joints, sure = to_joints(self.points, self.confidence, self.names)
        return np.where((sure > 0)[..., None], joints, 0), sure > 0

    def lifted(self) -> tuple[np.ndarray, np.ndarray]:
        """``LIFTED`` in the image (B, 23, 2), 0 where unknown, and their confidence (B, 23), 0 there."""
        joints, sure = to_joints(self.points, self.confidence, self.names)
        nose, nose_sure = np.full_like(joints[:, :1], np.nan), np.zeros_like(sure[:, :1])
        if "nose" in self.names:
            index = self.names.index("nose")
            nose, nose_sure = self.points[:, [index]], self.confidence[:, [index]]
        pixels = np.concatenate([joints, nose], axis=1)
        sure = np.concatenate([sure, nose_sure], axis=1)
        sure = np.where(np.isfinite(pixels).all(axis=-1), np.clip(sure, 0, 1), 0)
        return np.where((sure > 0)[..., None], pixels, 0), sure


@dataclass(frozen=True, eq=False)
class Sight:
    """Bodies in the image, each looked at straight and of unit size.

    Attributes:
        points: (..., 23, 2) ``LIFTED`` on the plane at depth 1, divided by ``size``; 0 where unknown.
        confidence: (..., 23) 0 to 1, 0 where unknown.
        size: (...) root mean square distance of what is known from the middle, at depth 1.
        up: (..., 3) the world's up in the sight's axes; 0 if that is unknown.
        rotation: (..., 3, 3) from the sight's axes to the camera's: x right, y down, z ahead.
    """

    points: Array
    confidence: Array
    size: Array
    up: Array
    rotation: Array

    @classmethod
    def of(cls, seen: Seen) -> Sight:
        """What cameras saw, looked at straight; of what sees nothing, the middle of its image."""
        pixels, sure = seen.lifted()
        intrinsics, known = seen.cameras.intrinsics, sure > 0
        focal, centre = intrinsics[:, None, [0, 1], [0, 1]], intrinsics[:, None, :2, 2]
        y = (pixels[..., 1] - centre[..., 1]) / focal[..., 1]
        x = (pixels[..., 0] - centre[..., 0] - intrinsics[:, None, 0, 1] * y) / focal[..., 0]
        rays = np.stack([x, y, np.ones_like(x)], axis=-1)
        count = np.maximum(known.sum(axis=1), 1)[:, None]
        straight = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        ahead = np.where(known[..., None], straight, 0).sum(axis=1)
        rotation = _towards(np.where(np.any(known, axis=1, keepdims=True), ahead, [0, 0, 1.0]))
        turned = rays @ rotation
        plane = np.where(known[..., None], turned[..., :2] / np.maximum(turned[..., 2:], 0.05), 0)
        size = np.sqrt(np.sum(plane**2, axis=(1, 2)) / count[:, 0])
        size = np.where(size > 1e-9, size, 1.0)
        up = (transpose(rotation) @ seen.cameras.rotation[..., 1, None])[..., 0]
        return cls(plane / size[:, None, None], sure, size, up, rotation)

    def __getitem__(self, index: Array) -> Sight:
        """The sights at ``index`` of the leading dimensions."""
        return Sight(*(value[index] for value in vars(self).values()))

    def on(self, reference: Array) -> Sight:
        """This sight in the array library, dtype and device of ``reference``."""
        return Sight(*(like(value, reference) for value in vars(self).values()))

    def mirrored(self) -> Sight:
        """The same as a mirror shows it, with left and right exchanged."""
        flip = like(_FLIP, self.points)
        return Sight(
            self.points[..., _PARTNERS, :] * flip[:2],
            self.confidence[..., _PARTNERS],
            self.size,
            self.up * flip,
            self.rotation * (flip[:, None] * flip),
        )

    def features(self) -> Array:
        """(..., ``FEATURES``) what networks are told: points, which are known, confidence, size and up."""
        xp = namespace(self.points)
        known = xp.astype(self.confidence > 0, self.points.dtype)
        flat = xp.reshape(self.points, (*self.points.shape[:-2], 2 * NUM_LIFTED))
        return xp.concat([flat, known, self.confidence, xp.log(self.size)[..., None], self.up], axis=-1)

    def to_camera(self, positions: Array) -> Array:
        """Positions (..., 23, 3) in the sight's axes, in the camera's."""
        xp = namespace(positions)
        return positions @ xp.matrix_transpose(self.rotation)

    def from_camera(self, positions: Array) -> Array:
        """Positions (..., 23, 3) in the camera's axes, in the sight's."""
        return positions @ self.rotation


def mirrored(positions: Array) -> Array:
    """Positions (..., 23, 3) of ``LIFTED`` in the axes of a sight, in those of its mirror image."""
    return positions[..., _PARTNERS, :] * like(_FLIP, positions)


def _towards(ahead: np.ndarray) -> np.ndarray:
    """(B, 3, 3) from axes that look along ``ahead`` (B, 3), with little roll, to the camera's."""
    z = ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)
    x = np.array([1.0, 0.0, 0.0]) - z[:, :1] * z
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)
