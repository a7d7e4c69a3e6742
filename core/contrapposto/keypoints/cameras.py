# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinhole cameras, one or many, and the Qualisys calibration file.

Pixels have their origin at the top left, y down; a camera looks along its own z, x to the
right. The world is that of the rest of core: y up, metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.rotation import Z_UP_TO_Y_UP

LARGEST_FILE = 1 << 20
"""Bytes that a calibration file may have; a camera takes less than two thousand."""

FILMING = ("Miqus Video", "Miqus Video UnderWater", "none", "", None)
"""Models of cameras that film; those that only see markers stand in the same file."""

FULL_RESOLUTION = ("1080p", "N/A", "none", "", None)
"""Films whose pixels are those of the calibration."""


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


def read_qualisys(path: Path | str) -> Camera:
    """The V cameras that film of a Qualisys ``.qca.txt`` calibration, in the file's order.

    Intrinsics are stored in 1/64 pixel, places in millimetres, and rotations turn into a
    frame that looks along -z with y up. Its world is z up. Lens distortion is left out.

    Raises:
        ValueError: with one sentence, if the file is missing, damaged or of another kind, or a
            camera's film is scaled or turned.
    """
    path = Path(path)
    root = _parsed(path)
    found = [
        _camera(path, number, node)
        for number, node in enumerate(root.findall("cameras/camera"), start=1)
        if node.get("model") in FILMING
    ]
    if not found:
        raise ValueError(f"{path} names no camera that films; it is no Qualisys calibration (.qca.txt)")
    intrinsics, rotation, centre, size = (np.stack(values) for values in zip(*found, strict=True))
    return Camera(intrinsics, rotation, centre, size)


def _parsed(path: Path) -> ET.Element:
    try:
        large = path.stat().st_size > LARGEST_FILE
        content = b"" if large else path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {path}") from error
    except IsADirectoryError as error:
        raise ValueError(f"{path} is a folder, not a calibration file") from error
    # entities are how a small file becomes a large one, and two bytes a letter are how they hide
    if large or b"\0" in content or b"<!DOCTYPE" in content:
        raise ValueError(f"{path} is no Qualisys calibration (.qca.txt)")
    try:
        return ET.fromstring(content)  # noqa: S314 - of limited size, without entities
    except (ET.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no Qualisys calibration (.qca.txt): {error}") from error


def _camera(path: Path, number: int, node: ET.Element) -> tuple[np.ndarray, ...]:
    """Intrinsics, rotation, centre and size of one camera of the file."""

    def numbers(tag: str, *names: str) -> np.ndarray:
        part = node.find(tag)
        text = [None if part is None else part.get(name) for name in names]
        try:
            values = np.array([float(value) for value in text if value is not None])
        except ValueError:
            values = np.empty(0)
        if len(values) != len(names) or not np.isfinite(values).all():
            raise ValueError(f"Camera {number} of {path} lacks a number among its {tag}: {', '.join(names)}")
        return values

    if node.get("video_resolution") not in FULL_RESOLUTION:
        raise ValueError(
            f"Camera {number} of {path} films at {node.get('video_resolution')}, which is scaled; "
            "only 1080p is as it was calibrated"
        )
    if node.get("viewrotation") not in ("0", "none", None):
        raise ValueError(
            f"The view of camera {number} of {path} is turned by {node.get('viewrotation')} degrees; "
            "only views that are not turned can be read"
        )
    fx, fy, cx, cy, skew = (
        numbers("intrinsic", "focalLengthU", "focalLengthV", "centerPointU", "centerPointV", "skew") / 64
    )
    R = numbers("transform", *(f"r{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3))).reshape(3, 3)
    if fx <= 0 or fy <= 0:
        raise ValueError(f"Camera {number} of {path} has a focal length that is not above 0")
    if not np.allclose(R @ R.T, np.eye(3), atol=1e-3) or np.linalg.det(R) < 0:
        raise ValueError(
            f"The rotation of camera {number} of {path} is damaged: its nine numbers are no rotation"
        )
    left, right, top, bottom = numbers("fov_video", "left", "right", "top", "bottom")
    if right < left or bottom < top:
        raise ValueError(f"The image of camera {number} of {path} has no size")
    return (
        np.array([[fx, skew, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
        np.diag([1.0, -1.0, -1.0]) @ R @ Z_UP_TO_Y_UP.T,
        Z_UP_TO_Y_UP @ numbers("transform", "x", "y", "z") / 1000,
        np.array([right - left + 1, bottom - top + 1]),
    )
