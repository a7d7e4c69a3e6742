# SPDX-License-Identifier: GPL-3.0-or-later
"""Free Memory: let go of what is kept to be quick."""

import bpy

from ..addon import held, running


class CONTRAPPOSTO_OT_free_memory(bpy.types.Operator):
    """Let go of weights, bodies and the alternatives of the last press; what is needed again is read again"""

    bl_idname = "contrapposto.free_memory"
    bl_label = "Free Memory"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Not while something is computed with it."""
        if running.progress() is not None:
            cls.poll_message_set(f"{running.what()} is at work; press Esc to stop it")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Free it and say how much it was."""
        self.report({"INFO"}, f"Freed {held.free():.0f} MB")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_OT_free_memory,))
