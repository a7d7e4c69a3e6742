# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a character as it stands, for a pose asset: its own meshes, seen from its front left.

A character without meshes shows its bones. Nothing in the scene is touched.
"""

from __future__ import annotations

import math

import bpy
import numpy as np

from contrapposto.rotation import from_rotvec, split_heading

from .figure import figure
from .raster import draw
from .rig import Rig
from .space import BLENDER_TO_CORE

THUMBNAIL = 256
"""Pixels of a side."""

AZIMUTH_DEG, ELEVATION_DEG = 32.0, 12.0
"""Where it is seen from: to the left of where the body faces, and above."""

MARGIN = 0.06
"""Share of the picture that stays free at each side."""

SMALLEST = 0.62
"""A crouch is not shown larger than as if it was this share of the standing height."""


class Photographer:
    """Takes pictures of one character, all from the same side.

    Attributes:
        rig: the character.
        axes: (3, 3) rows are the picture's right, up and towards the viewer, in the world.
        height: of the character at rest, in the world.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        to_blender = BLENDER_TO_CORE[:3, :3].T
        facing = to_blender @ split_heading(rig.pose.global_orient)[0] @ to_blender.T
        self.axes = _axes(facing)
        heads = rig.armature.heads
        world = np.array(rig.object.matrix_world, dtype=float)
        standing = heads @ world[:3, :3].T
        self.height = float(np.ptp(standing, axis=0).max()) * 1.1

    def picture(self, context: bpy.types.Context) -> np.ndarray:
        """(THUMBNAIL, THUMBNAIL, 4) float32 of the character as evaluated, the lowest row first."""
        seen = figure(context, self.rig)
        corners, normals = (values[seen.triangles] @ self.axes.T for values in (seen.points, seen.normals))
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        half = max(*(high - low)[:2], SMALLEST * self.height) / 2 / (1 - 2 * MARGIN)
        middle = (low + high) / 2
        return draw((corners - middle) / half, normals, seen.colours, THUMBNAIL)


def _axes(facing: np.ndarray) -> np.ndarray:
    """The picture's axes for a body that is turned by ``facing`` from looking along -y."""
    turn = from_rotvec(np.array([0.0, 0.0, math.radians(AZIMUTH_DEG)]))
    ahead = facing @ turn @ np.array([0.0, -1.0, 0.0])
    up = np.array([0.0, 0.0, 1.0])
    tilt = math.radians(ELEVATION_DEG)
    towards = math.cos(tilt) * ahead + math.sin(tilt) * up
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])
