# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: weights and body models, what is computed on, what is kept, what is logged."""

import logging

import bpy
from bpy.props import EnumProperty, StringProperty

from ..addon import device, held, model_folder
from .drawing import write

EXTENSION = __package__.rpartition(".")[0]

_MOST_MODELS = 8
_SHARE_OF_NAMES = 0.4
"""Of the width, as Blender parts names from fields."""

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
    body_models: StringProperty(
        name="Body Models",
        description="Folder of your own SMPL, SMPL-H and SMPL-X files (.pkl or .npz); they are offered in "
        "Add > Armature, and choosing a file begins here",
        subtype="DIR_PATH",
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
        layout.prop(self, "body_models")
        if self.body_models:
            _draw_models(_beside(layout), context)
        layout.prop(self, "device")
        column = _beside(layout)
        for sentence in device.found():
            column.label(text=sentence)
        if not device.has_torch():
            write(column, "For the card, run this in a terminal and start Blender anew:", icon="INFO")
            column.prop(self, "torch_command")
        row = _beside(layout, "Cache").row()
        row.label(text=f"{held.held_mb():.0f} MB in memory, nothing on disk")
        row.operator("contrapposto.free_memory", icon="TRASH")
        layout.prop(self, "log_level")


def _beside(layout: bpy.types.UILayout, name: str = "") -> bpy.types.UILayout:
    """A column below the fields of properties, with a name where they have theirs."""
    split = layout.split(factor=_SHARE_OF_NAMES)
    names = split.column()
    names.alignment = "RIGHT"
    names.label(text=name)
    return split.column(align=True)


def _draw_models(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The files that may be models, or that there are none."""
    found = model_folder.models_in(model_folder.model_folder(context))
    for path in found[:_MOST_MODELS]:
        column.label(text=path.name, icon="OUTLINER_OB_ARMATURE", translate=False)
    if len(found) > _MOST_MODELS:
        column.label(text=f"and {len(found) - _MOST_MODELS} more")
    if not found:
        column.label(text="No .pkl or .npz file can be found in this folder", icon="ERROR")


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
