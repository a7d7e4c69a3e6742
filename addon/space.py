# SPDX-License-Identifier: GPL-3.0-or-later
"""From an armature's own space to the world that core thinks in, the one change of axes.

Blender's world is z up; core's is y up with the floor at y = 0. The floor is taken to
be at the height of the armature object's origin.
"""

from __future__ import annotations

import bpy
import numpy as np

BLENDER_TO_CORE = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], dtype=float)
"""(x, y, z) of Blender becomes (x, z, -y)."""


def to_world(armature_object: bpy.types.Object) -> np.ndarray:
    """(4, 4) similarity from armature space to core's world."""
    return world_of(np.array(armature_object.matrix_world, dtype=float))


def world_of(world: np.ndarray) -> np.ndarray:
    """The same for an object's world matrix (4, 4)."""
    floor = np.eye(4)
    floor[2, 3] = -world[2, 3]
    return BLENDER_TO_CORE @ floor @ world
