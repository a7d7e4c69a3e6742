# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in the Pose menu, in the context menu of pose mode, and in Add > Armature."""

import bpy

from ..addon import model_folder
from .button import draw_complete_pose
from .sample import draw_sample_poses

_POSE_MENUS = ("VIEW3D_MT_pose", "VIEW3D_MT_pose_context_menu")
_ADD_MENU = "VIEW3D_MT_armature_add"


def draw(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Two entries below Blender's own."""
    self.layout.separator()
    draw_complete_pose(self.layout, context.scene)
    draw_sample_poses(self.layout, context.scene)


def draw_add(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Entries below Blender's own: the free body, each model of the preferences' folder, any other file."""
    layout = self.layout
    layout.operator("contrapposto.add_body", icon="OUTLINER_OB_ARMATURE")
    for path in model_folder.models_in(model_folder.model_folder(context)):
        entry = layout.operator(
            "contrapposto.add_body", text=f"Body: {path.stem}", icon="OUTLINER_OB_ARMATURE", translate=False
        )
        entry.filepath = str(path)
    layout.operator("contrapposto.add_body_from_file", text="Body from File…", icon="FILE_FOLDER")


def register() -> None:
    """Append the entries."""
    for name in _POSE_MENUS:
        getattr(bpy.types, name).append(draw)
    getattr(bpy.types, _ADD_MENU).append(draw_add)


def unregister() -> None:
    """Remove them."""
    getattr(bpy.types, _ADD_MENU).remove(draw_add)
    for name in _POSE_MENUS:
        getattr(bpy.types, name).remove(draw)
