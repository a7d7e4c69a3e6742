# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a button is grey: shared by every operator that needs an armature."""

from typing import ClassVar

import bpy


class NeedsArmature:
    """Poll for an active armature in Object Mode or Pose Mode."""

    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Say what is missing; looks at nothing but the active object."""
        active = context.object
        if active is None or active.type != "ARMATURE":
            cls.poll_message_set("Select an armature first")
            return False
        if active.mode not in {"OBJECT", "POSE"}:
            cls.poll_message_set("Switch the armature to Pose Mode or Object Mode first")
            return False
        return True


def redraw(context: bpy.types.Context) -> None:
    """Have every editor drawn anew: something that no data says has changed."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()
