# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a character as it stands, for a pose asset: its own meshes, seen from its front left.

A character without meshes shows its bones. Nothing in the scene is touched.
"""

from __future__ import annotations

import bpy
import numpy as np

from contrapposto.rotation import split_heading

from .camera import in_square, right_of_front_left, view_axes
from .figure import figure
from .raster import draw
from .rig import Rig
from .space import BLENDER_TO_CORE

THUMBNAIL = 256
"""Pixels of a side."""

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
        right = right_of_front_left(split_heading(rig.pose.global_orient)[0])
        self.axes = view_axes(right) @ BLENDER_TO_CORE[:3, :3]
        heads = rig.armature.heads
        world = np.array(rig.object.matrix_world, dtype=float)
        standing = heads @ world[:3, :3].T
        self.height = float(np.ptp(standing, axis=0).max()) * 1.1

    def picture(self, context: bpy.types.Context) -> np.ndarray:
        """(THUMBNAIL, THUMBNAIL, 4) float32 of the character as evaluated, the lowest row first."""
        seen = figure(context, self.rig)
        corners, normals = (values[seen.triangles] @ self.axes.T for values in (seen.points, seen.normals))
        placed = in_square(corners, SMALLEST * self.height, MARGIN)
        return draw(placed, normals, seen.colours, THUMBNAIL)
