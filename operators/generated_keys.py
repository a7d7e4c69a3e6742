# SPDX-License-Identifier: GPL-3.0-or-later
"""Select or remove the keys that a completion made."""

import bpy
from bpy.props import BoolProperty

from ..addon.errors import Refusal
from .polling import NeedsArmature


class GeneratedKeys(NeedsArmature):
    """What both operators share."""

    all_frames: BoolProperty(
        name="All Frames",
        description="Generated keys of the whole action, not only of this frame",
        default=False,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it and report how many keys there were, or say why not."""
        frame = None if self.all_frames else context.scene.frame_current_final
        try:
            count = self.apply(context.object, frame)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        if count == 0:
            where = "in this action" if self.all_frames else "on this frame"
            self.report({"WARNING"}, f"There is no generated key {where}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"{self.done} {count} generated key{'s' if count > 1 else ''}")
        return {"FINISHED"}


class CONTRAPPOSTO_OT_select_generated_keys(GeneratedKeys, bpy.types.Operator):
    """Select the keys that Complete Pose made, and deselect the others"""

    bl_idname = "contrapposto.select_generated_keys"
    bl_label = "Select Generated Keys"
    done = "Selected"

    def apply(self, armature_object: bpy.types.Object, frame: float | None) -> int:
        """How many there were."""
        from ..addon.keys import select_generated

        return select_generated(armature_object, frame)


class CONTRAPPOSTO_OT_remove_generated_keys(GeneratedKeys, bpy.types.Operator):
    """Remove the keys that Complete Pose made; your own keys stay"""

    bl_idname = "contrapposto.remove_generated_keys"
    bl_label = "Remove Generated Keys"
    done = "Removed"

    def apply(self, armature_object: bpy.types.Object, frame: float | None) -> int:
        """How many there were."""
        from ..addon.keys import remove_generated

        return remove_generated(armature_object, frame)


register, unregister = bpy.utils.register_classes_factory(
    (CONTRAPPOSTO_OT_select_generated_keys, CONTRAPPOSTO_OT_remove_generated_keys)
)
