# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample Poses in the sidebar: the button and its options."""

import bpy

from ..addon import running
from ..addon.ghosts import has_ghosts
from ..operators.sample_poses import ALL_OPTIONS, OPTIONS, OPTIONS_OF, CONTRAPPOSTO_OT_sample_poses
from .drawing import SidebarPanel, hindrance, write


class CONTRAPPOSTO_PT_sample_poses(SidebarPanel, bpy.types.Panel):
    """Sample Poses with its options."""

    bl_label = "Sample Poses"
    bl_order = 2
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button, or what stands in its way."""
        layout = self.layout
        if sentence := hindrance(context, "to sample poses for it"):
            write(layout, sentence, icon="INFO")
        row = layout.row()
        row.scale_y = 1.4
        done = running.progress(CONTRAPPOSTO_OT_sample_poses.bl_label)
        if done is None:
            draw_sample_poses(row, context.scene, icon="OUTLINER_OB_ARMATURE")
        else:
            row.progress(factor=done, text=f"{done:.0%}, Esc to stop")
        column = layout.column()
        column.enabled = done is None
        column.use_property_split = True
        column.use_property_decorate = False
        options = context.scene.contrapposto_sample
        for name in (*OPTIONS, *OPTIONS_OF[options.destination]):
            column.prop(options, name)
        if has_ghosts():
            column = layout.column(align=True)
            column.operator("contrapposto.take_ghost", icon="ARMATURE_DATA")
            column.operator("contrapposto.remove_ghosts", icon="X")


def draw_sample_poses(layout: bpy.types.UILayout, scene: bpy.types.Scene, **look: str) -> None:
    """Draw the button with the options that the sidebar remembers with the scene.

    Args:
        layout: where to draw.
        scene: whose options are taken.
        **look: further arguments of ``layout.operator``.
    """
    button = layout.operator("contrapposto.sample_poses", **look)
    for name in ALL_OPTIONS:
        setattr(button, name, getattr(scene.contrapposto_sample, name))


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_PT_sample_poses,))
