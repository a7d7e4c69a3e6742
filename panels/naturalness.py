# SPDX-License-Identifier: GPL-3.0-or-later
"""Naturalness in the sidebar: colours over the bones, markers on the worst frames."""

import bpy

from .drawing import SidebarPanel


class CONTRAPPOSTO_PT_naturalness(SidebarPanel, bpy.types.Panel):
    """How natural a pose and an action are."""

    bl_label = "Naturalness"
    bl_order = 3
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the buttons."""
        column = self.layout.column(align=True)
        column.operator("contrapposto.show_naturalness", icon="OVERLAY")
        column.operator("contrapposto.mark_unnatural_frames", icon="MARKER_HLT")
        column.operator("contrapposto.clear_unnatural_frames", icon="X")


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_PT_naturalness,))
