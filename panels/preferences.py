# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which weights Complete Pose uses."""

import bpy
from bpy.props import StringProperty

EXTENSION = __package__.rpartition(".")[0]


class ContrappostoPreferences(bpy.types.AddonPreferences):
    """What holds for every file."""

    bl_idname = EXTENSION

    weights: StringProperty(
        name="Weights",
        description="A pose.npz that was trained on your own motion; empty for the weights that ship",
        subtype="FILE_PATH",
        default="",
    )

    def draw(self, context: bpy.types.Context) -> None:
        """One field."""
        self.layout.prop(self, "weights")


register, unregister = bpy.utils.register_classes_factory((ContrappostoPreferences,))
