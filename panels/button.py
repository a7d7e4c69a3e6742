# SPDX-License-Identifier: GPL-3.0-or-later
"""The Complete Pose button: wherever it is drawn, it takes the options of the sidebar."""

import bpy

from ..operators.complete_pose import OPTIONS


def draw_complete_pose(layout: bpy.types.UILayout, scene: bpy.types.Scene, **look: str) -> None:
    """Draw the button with the options that the sidebar remembers with the scene.

    Args:
        layout: where to draw.
        scene: whose options are taken.
        **look: further arguments of ``layout.operator``.
    """
    button = layout.operator("contrapposto.complete_pose", **look)
    for name in OPTIONS:
        setattr(button, name, getattr(scene.contrapposto, name))
