# SPDX-License-Identifier: GPL-3.0-or-later
"""One camera of which no one knows where it is: as it was told, or as it most likely is."""

from __future__ import annotations

import math

import numpy as np

from contrapposto.keypoints.cameras import Camera

LIKELY_LENS = 35 / math.hypot(36, 24)
"""Focal length by the image's diagonal of a 35 mm lens on a full frame, between phones and portraits.

A phone's main camera has 0.6 to 0.7 in films, the cameras of the Pose2Sim demo 0.76, a "normal" 50 mm
lens 1.16. What is wrong by a quarter puts a person a quarter too near or far, and bends depths alike.
"""

LARGEST = 1e6
"""Pixels."""


def intrinsics_of(text: str) -> np.ndarray:
    """(3, 3) of ``FX,FY,CX,CY``, focal lengths and principal point in pixels.

    Raises:
        ValueError: with one sentence, for anything else.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4 or not all(math.isfinite(value) and abs(value) < LARGEST for value in values):
        raise ValueError(f"Intrinsics are four numbers in pixels, FX,FY,CX,CY, not '{text}'")
    fx, fy, cx, cy = values
    if fx <= 0 or fy <= 0:
        raise ValueError(f"A focal length must be above 0, not {min(fx, fy):g}")
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def likely_intrinsics(width: float, height: float) -> np.ndarray:
    """(3, 3) of an image of which only the size is known, see ``LIKELY_LENS``.

    Raises:
        ValueError: with one sentence, for an image without size.
    """
    if not (1 <= width < LARGEST and 1 <= height < LARGEST):
        raise ValueError(f"An image cannot be {width:g} x {height:g} pixels")
    focal = LIKELY_LENS * math.hypot(width, height)
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])


def lone_camera(width: float, height: float, intrinsics: np.ndarray | None = None) -> Camera:
    """One camera (V = 1) at the world's origin that looks along -z, y up, as Blender's does unturned.

    Args:
        width, height: of its image, pixels.
        intrinsics: (3, 3); likely ones if None.

    Raises:
        ValueError: with one sentence, for an image without size.
    """
    likely = likely_intrinsics(width, height)
    K = likely if intrinsics is None else intrinsics
    return Camera(
        K[None], np.diag([1.0, -1.0, -1.0])[None], np.zeros((1, 3)), np.array([[float(width), float(height)]])
    )
