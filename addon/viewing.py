# SPDX-License-Identifier: GPL-3.0-or-later
"""From which side the animator looks at the scene."""

from __future__ import annotations

import bpy
import numpy as np

from .space import BLENDER_TO_CORE


def viewed_right(context: bpy.types.Context) -> np.ndarray | None:
    """(3,) what is to the right in the 3D view that was pressed in, of unit length, level, in core's world.

    None without a 3D view, and where its picture stands on its side.
    """
    space = context.space_data
    if space is None or space.type != "VIEW_3D":
        return None
    right = np.array(space.region_3d.view_rotation.to_matrix().col[0]) * [1, 1, 0]
    length = np.linalg.norm(right)
    return None if length < 0.5 else BLENDER_TO_CORE[:3, :3] @ (right / length)
