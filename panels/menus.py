# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in the Pose menu and in the context menu of pose mode."""

import bpy

from .button import draw_complete_pose
from .sample import draw_sample_poses

_MENUS = ("VIEW3D_MT_pose", "VIEW3D_MT_pose_context_menu")


def draw(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Two entries below Blender's own."""
    self.layout.separator()
    draw_complete_pose(self.layout, context.scene)
    draw_sample_poses(self.layout, context.scene)


def register() -> None:
    """Append the entries."""
    for name in _MENUS:
        getattr(bpy.types, name).append(draw)


def unregister() -> None:
    """Remove them."""
    for name in _MENUS:
        getattr(bpy.types, name).remove(draw)
