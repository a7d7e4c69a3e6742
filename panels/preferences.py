# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which weights are used, what they are computed on, and what is logged."""

import logging

import bpy
from bpy.props import EnumProperty, StringProperty

from ..addon import device
from .drawing import write

EXTENSION = __package__.rpartition(".")[0]

_handler = logging.StreamHandler()
"""Writes into Blender's console, while the extension is registered."""


def _set_level(preferences: bpy.types.AddonPreferences, _: bpy.types.Context) -> None:
    logging.getLogger(EXTENSION).setLevel(preferences.log_level)


class ContrappostoPreferences(bpy.types.AddonPreferences):
    """What holds for every file."""

    bl_idname = EXTENSION

    weights: StringProperty(
        name="Weights",
        description="A pose.npz that was trained on your own motion; empty for the weights that ship",
        subtype="FILE_PATH",
        default="",
    )
    device: EnumProperty(
        name="Compute On",
        description="What poses and motions are computed on",
        items=[
            ("CPU", "Processor", "Needs nothing; a pose takes a fraction of a second"),
            (
                "GPU",
                "Graphics Card",
                "For long captures and many samples; needs torch and a card that it can use",
            ),
        ],
    )
    torch_command: StringProperty(
        name="Command",
        description="Run it in a terminal to give this Blender torch, then start Blender anew",
        get=lambda _: device.install_command(),
    )
    log_level: EnumProperty(
        name="Log",
        description="What is written into Blender's console",
        items=[
            ("WARNING", "Warnings", "Only what went wrong"),
            ("INFO", "Steps", "Also what was done, and how long it took"),
            ("DEBUG", "Everything", "All that helps to find a mistake"),
        ],
        update=_set_level,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """The fields, what was found to compute on, and what is missing."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "weights")
        layout.prop(self, "device")
        column = layout.column(align=True)
        for sentence in device.found():
            column.label(text=sentence)
        if not device.has_torch():
            write(column, "For the card, run this in a terminal and start Blender anew:", icon="INFO")
            column.prop(self, "torch_command")
        layout.prop(self, "log_level")


def register() -> None:
    """Register the preferences and log as they say."""
    bpy.utils.register_class(ContrappostoPreferences)
    logger = logging.getLogger(EXTENSION)
    logger.addHandler(_handler)
    logger.propagate = False
    addon = bpy.context.preferences.addons.get(EXTENSION)
    if addon and addon.preferences:
        _set_level(addon.preferences, bpy.context)


def unregister() -> None:
    """Undo ``register``."""
    logging.getLogger(EXTENSION).removeHandler(_handler)
    bpy.utils.unregister_class(ContrappostoPreferences)
