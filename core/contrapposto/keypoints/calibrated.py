# SPDX-License-Identifier: GPL-3.0-or-later
"""One camera as a calibration file has it: checked, but still in the file's world and unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrapposto.keypoints.lens import Lens
from contrapposto.rotation import from_rotvec

LARGEST_IMAGE = 100_000
"""Pixels of a side."""

LARGEST_FILE = 1 << 20
"""Bytes that a calibration file may have; a camera takes less than two thousand."""


@dataclass(frozen=True, eq=False)
class Calibrated:
    """One camera; pixels have their origin at the top left, it looks along its z, x right, y down.

    Attributes:
        name: in the file.
        intrinsics: (3, 3) pixels.
        lens: what bends.
        size: (2,) width and height of the image, pixels.
        rotation: (3, 3) from the file's world to the camera.
        translation: (3,) of the world's origin in the camera's frame, in the file's unit. Both are
            None if the file does not say where the camera is.
    """

    name: str
    intrinsics: np.ndarray
    lens: Lens
    size: np.ndarray
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        name: str,
        source: Path,
        *,
        intrinsics: np.ndarray,
        distortion: np.ndarray,
        size: np.ndarray | None = None,
        rotation: np.ndarray | None = None,
        translation: np.ndarray | None = None,
        is_fisheye: bool = False,
    ) -> Calibrated:
        """A camera of a file, if it can be one.

        Args:
            name: as the file calls it.
            source: the file, for what is said of it.
            intrinsics: (3, 3) pixels.
            distortion: (N,) as ``Lens.of`` takes them.
            size: (2,); an image with the principal point in its middle if None.
            rotation: (3, 3), or (3,) axis-angle.
            translation: (3,).
            is_fisheye: which model the distortion is of.

        Raises:
            ValueError: with one sentence naming the file and the camera.
        """
        whose = f"Camera {name} of {source}"
        fx, fy = intrinsics[0, 0], intrinsics[1, 1]
        bottom = np.array([intrinsics[1, 0], *intrinsics[2]])
        if not np.isfinite(intrinsics).all() or not np.allclose(bottom, [0, 0, 0, 1], atol=1e-6):
            raise ValueError(
                f"{whose} has a camera matrix that is none: focal lengths, middle, and 0 0 1 below"
            )
        if fx <= 0 or fy <= 0:
            raise ValueError(f"{whose} has a focal length that is not above 0")
        size = np.round(2 * intrinsics[:2, 2]) if size is None else size
        if not (np.isfinite(size).all() and np.all(size >= 1) and np.all(size <= LARGEST_IMAGE)):
            raise ValueError(
                f"The image of camera {name} of {source} has no size that can be: {size[0]} x {size[1]}"
            )
        if (rotation is None) != (translation is None):
            raise ValueError(f"{whose} has a place without a rotation, or a rotation without a place")
        if rotation is not None and translation is not None:
            rotation = _rotation(rotation, whose)
            if not np.isfinite(translation).all():
                raise ValueError(f"{whose} has a place that is not a finite number")
        lens = Lens.of(distortion, f"camera {name} of {source}", is_fisheye=is_fisheye)
        return cls(name, intrinsics, lens, size.astype(float), rotation, translation)


def _rotation(given: np.ndarray, whose: str) -> np.ndarray:
    """(3, 3) of a rotation (3, 3) or (3,)."""
    if not np.isfinite(given).all():
        raise ValueError(f"{whose} has a rotation that is not a finite number")
    rotation = np.asarray(from_rotvec(given)) if given.shape == (3,) else given
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise ValueError(f"{whose} has a rotation that is damaged: its numbers are no rotation")
    return rotation


def content_of(path: Path) -> bytes:
    """What a calibration file holds.

    Raises:
        ValueError: with one sentence, if it is missing, a folder, or far larger than a calibration.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{path} is too large for a calibration")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {path}") from error
    except IsADirectoryError as error:
        raise ValueError(f"{path} is a folder, not a calibration file") from error
