# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit Body in the sidebar: the views, the button and its options, how far it is."""

import bpy

from ..addon import running
from ..operators.fit_body import ALL_OPTIONS, BODY_OPTIONS, OPTIONS, CONTRAPPOSTO_OT_fit_body, is_shown
from .drawing import SidebarPanel, write


class CONTRAPPOSTO_PT_fit_body(SidebarPanel, bpy.types.Panel):
    """Fit Body with its options."""

    bl_label = "Fit Body"
    bl_order = 6
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button, or how far it is, or what stands in its way."""
        layout, options = self.layout, context.scene.contrapposto_fit
        if context.mode != "OBJECT":
            write(layout, "Switch to Object Mode to fit a body", icon="INFO")
        row = layout.row()
        row.scale_y = 1.4
        done = running.progress(CONTRAPPOSTO_OT_fit_body.bl_label)
        if done is None:
            draw_fit_body(row, context.scene, icon="OUTLINER_OB_ARMATURE")
        else:
            row.progress(factor=done, text=f"{done:.0%}, Esc to stop")
        column = layout.column()
        column.enabled = done is None
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(options, "source")
        if options.source == "CLIP":
            column.prop_search(options, "clip", bpy.data, "movieclips", icon="TRACKER")
        else:
            _draw_views(column, options)
        for name in (*OPTIONS, *BODY_OPTIONS):
            if is_shown(options, name):
                column.prop(options, name)
        layout.operator("contrapposto.retarget", icon="ARMATURE_DATA")


def draw_fit_body(layout: bpy.types.UILayout, scene: bpy.types.Scene, **look: str) -> None:
    """Draw the button with the options that the sidebar remembers with the scene.

    Args:
        layout: where to draw.
        scene: whose options are taken.
        **look: further arguments of ``layout.operator``.
    """
    button, options = layout.operator("contrapposto.fit_body", **look), scene.contrapposto_fit
    for name in ALL_OPTIONS:
        setattr(button, name, getattr(options, name))
    for view in options.views:
        copy = button.views.add()
        copy.keypoints, copy.movie, copy.camera = view.keypoints, view.movie, view.camera


def _draw_views(layout: bpy.types.UILayout, options: bpy.types.PropertyGroup) -> None:
    """A box a view, and a button for one more."""
    for number, view in enumerate(options.views):
        box = layout.box()
        row = box.row()
        row.label(text=f"View {number + 1}", icon="CAMERA_DATA")
        row.operator("contrapposto.remove_view", text="", icon="X", emboss=False).number = number
        for name in ("keypoints", "movie", *(["camera"] if options.cameras == "CALIBRATION" else [])):
            box.prop(view, name)
    layout.operator("contrapposto.add_view", icon="ADD")


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_PT_fit_body,))
