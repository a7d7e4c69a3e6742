# SPDX-License-Identifier: GPL-3.0-or-later
"""Qualisys' calibration, ``.qca.txt``: the cameras that film, in the file's order.

Intrinsics are stored in 1/64 pixel, places in millimetres, and rotations turn into a frame that
looks along -z with y up. The world is z up.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from contrapposto.keypoints.calibrated import Calibrated

FILMING = ("Miqus Video", "Miqus Video UnderWater", "none", "", None)
"""Models of cameras that film; those that only see markers stand in the same file."""

FULL_RESOLUTION = ("1080p", "N/A", "none", "", None)
"""Films whose pixels are those of the calibration."""

KIND = "Qualisys calibration (.qca.txt)"

_DISTORTION = (
    "radialDistortion1",
    "radialDistortion2",
    "tangentalDistortion1",
    "tangentalDistortion2",
    "radialDistortion3",
)
"""In the order that ``Lens`` has; spelled as Qualisys does."""


def read_qualisys(path: Path, content: bytes) -> list[Calibrated]:
    """The cameras that film.

    Raises:
        ValueError: with one sentence, if the file is damaged or of another kind, or a camera's film is
            scaled or turned.
    """
    found = [
        _camera(path, number, node)
        for number, node in enumerate(_parsed(path, content).findall("cameras/camera"), start=1)
        if node.get("model") in FILMING
    ]
    if not found:
        raise ValueError(f"{path} names no camera that films; it is no {KIND}")
    return found


def _parsed(path: Path, content: bytes) -> ET.Element:
    # entities are how a small file becomes a large one, and two bytes a letter are how they hide
    if b"\0" in content or b"<!DOCTYPE" in content:
        raise ValueError(f"{path} is no {KIND}")
    try:
        return ET.fromstring(content)  # noqa: S314 - of limited size, without entities
    except (ET.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no {KIND}: {error}") from error


def _camera(path: Path, number: int, node: ET.Element) -> Calibrated:
    """One camera of the file."""

    def numbers(tag: str, *names: str, missing: str | None = None) -> np.ndarray:
        part = node.find(tag)
        text = [missing if part is None else part.get(name, missing) for name in names]
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
    rotation = np.diag([1.0, -1.0, -1.0]) @ R
    left, right, top, bottom = numbers("fov_video", "left", "right", "top", "bottom")
    return Calibrated.of(
        str(number),
        path,
        intrinsics=np.array([[fx, skew, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
        distortion=numbers("intrinsic", *_DISTORTION, missing="0"),
        size=np.array([right - left + 1, bottom - top + 1]),
        rotation=rotation,
        translation=-rotation @ numbers("transform", "x", "y", "z"),
    )
