# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinhole cameras, one or many.

Pixels have their origin at the top left, y down; a camera looks along its own z, x to the
right. The world is that of the rest of core: y up, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

from contrapposto.arrays import Array, namespace


@dataclass(frozen=True, eq=False)
class Camera:
    """One pinhole camera, or a batch of them.

    Attributes:
        intrinsics: (..., 3, 3) focal lengths, skew and principal point, pixels.
        rotation: (..., 3, 3) from the world to the camera.
        centre: (..., 3) where it is in the world, metres.
        size: (..., 2) width and height of the image, pixels.
    """

    intrinsics: Array
    rotation: Array
    centre: Array
    size: Array

    def __post_init__(self) -> None:
        batch = tuple(self.centre.shape[:-1])
        for name, shape in {"intrinsics": (3, 3), "rotation": (3, 3), "centre": (3,), "size": (2,)}.items():
            if tuple(getattr(self, name).shape) != (*batch, *shape):
                raise ValueError(
                    f"The cameras' {name} must be {(*batch, *shape)}, not {tuple(getattr(self, name).shape)}"
                )

    def __getitem__(self, index: int | slice | tuple[int | slice | None, ...] | Array) -> Camera:
        """The cameras at ``index`` of the leading dimensions."""
        return Camera(self.intrinsics[index], self.rotation[index], self.centre[index], self.size[index])

    def __len__(self) -> int:
        return int(self.centre.shape[0])

    def seen(self, points: Array) -> Array:
        """Points (..., N, 3) of the world in the camera's frame, metres; z is the depth."""
        xp = namespace(points)
        return (points - self.centre[..., None, :]) @ xp.matrix_transpose(self.rotation)

    def project(self, points: Array) -> Array:
        """Pixels (..., N, 2) of points (..., N, 3); NaN for points that are not in front of the camera."""
        xp = namespace(points)
        seen = self.seen(points) @ xp.matrix_transpose(self.intrinsics)
        depth = seen[..., 2:]
        return seen[..., :2] / xp.where(depth > 0, depth, xp.nan * xp.ones_like(depth))

    def slope(self, seen: Array) -> Array:
        """(..., N, 2, 3) change of pixels by a move in the camera's frame, where points (..., N, 3) are."""
        xp = namespace(seen)
        depth = seen[..., 2, None, None]
        sideways = self.intrinsics[..., None, :2, :2] / depth
        return xp.concat([sideways, -sideways @ (seen[..., :2, None] / depth)], axis=-1)
