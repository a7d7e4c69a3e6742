# SPDX-License-Identifier: GPL-3.0-or-later
"""What Sample Poses put beside a character: take the pose of a ghost, remove the ghosts."""

from typing import ClassVar

import bpy

from ..addon.errors import Refusal
from ..addon.ghosts import has_ghosts, is_ghost, remove_ghosts, take_ghost


class CONTRAPPOSTO_OT_take_ghost(bpy.types.Operator):
    """Give the pose of the active ghost to its character; bones that the sample kept stay as they are"""

    bl_idname = "contrapposto.take_ghost"
    bl_label = "Take This Pose"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """A ghost has to be active."""
        if not is_ghost(context.object):
            cls.poll_message_set("Select a ghost first, in Object Mode")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take it, or say why not."""
        try:
            sentence = take_ghost(context, context.object)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        self.report({"INFO"}, sentence)
        return {"FINISHED"}


class CONTRAPPOSTO_OT_remove_ghosts(bpy.types.Operator):
    """Remove the ghosts that Sample Poses put beside characters, all of them"""

    bl_idname = "contrapposto.remove_ghosts"
    bl_label = "Remove Ghosts"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:  # noqa: ARG003 - Blender gives it
        """There has to be one."""
        if not has_ghosts():
            cls.poll_message_set("There is no ghost")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove them and say how many there were."""
        count = remove_ghosts()
        self.report({"INFO"}, f"Removed {count} ghost{'' if count == 1 else 's'}")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (CONTRAPPOSTO_OT_take_ghost, CONTRAPPOSTO_OT_remove_ghosts)
)
