# SPDX-License-Identifier: GPL-3.0-or-later
"""From where bodies are pictured, and how they fill a square picture."""

from __future__ import annotations

import math

import numpy as np

AZIMUTH_DEG, ELEVATION_DEG = 32.0, 12.0
"""Seen from the left of where the body faces, and above."""


def right_of_front_left(heading: np.ndarray) -> np.ndarray:
    """(3,) what is to the right where a body is seen from its front left, level, in core's world.

    Args:
        heading: (3, 3) turn about the vertical from looking along z to where the body faces.
    """
    azimuth = math.radians(AZIMUTH_DEG)
    return heading @ np.array([math.cos(azimuth), 0.0, -math.sin(azimuth)])


def view_axes(right: np.ndarray) -> np.ndarray:
    """(3, 3) rows are the right, up and towards the viewer of a picture from a little above, in core's world.

    Args:
        right: (3,) of unit length, level.
    """
    elevation = math.radians(ELEVATION_DEG)
    up = np.array([0.0, 1.0, 0.0])
    towards = math.cos(elevation) * np.cross(right, up) + math.sin(elevation) * up
    return np.stack([right, np.cross(towards, right), towards])


def in_square(corners: np.ndarray, smallest: float, margin: float) -> np.ndarray:
    """Triangles in the picture's axes, moved and scaled to fill what shows -1 to 1.

    Args:
        corners: (F, 3, 3).
        smallest: what is smaller than this is not shown larger than as if it was this large.
        margin: share of the picture that stays free at each side.
    """
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    half = max(*(high - low)[:2], smallest) / 2 / (1 - 2 * margin)
    return (corners - (low + high) / 2) / half
