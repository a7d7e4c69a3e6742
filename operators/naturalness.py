# SPDX-License-Identifier: GPL-3.0-or-later
"""Show how natural the bones of a pose stand, and mark the frames of an action that do not."""

import bpy
from bpy.props import FloatProperty, IntProperty

from ..addon.errors import Refusal
from ..addon.settings import preferred_weights
from .polling import NeedsArmature, redraw


class CONTRAPPOSTO_OT_show_naturalness(NeedsArmature, bpy.types.Operator):
    """Draw each bone in the colour of how natural it stands, or take the drawing away"""

    bl_idname = "contrapposto.show_naturalness"
    bl_label = "Show Naturalness"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Toggle the drawing, and name the joint that stands least naturally."""
        from ..addon import natural_bones

        try:
            if natural_bones.is_shown(context.object):
                natural_bones.hide()
            else:
                found = natural_bones.show(context, context.object, preferred_weights(context))
                joint, percent = min(found.items(), key=lambda item: item[1])
                self.report(
                    {"INFO"}, f"The {joint.replace('_', ' ')} stands least naturally: {percent:.0f} %"
                )
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        redraw(context)
        return {"FINISHED"}


class CONTRAPPOSTO_OT_mark_unnatural_frames(NeedsArmature, bpy.types.Operator):
    """Put markers on the frames of the active action on which the pose is least natural"""

    bl_idname = "contrapposto.mark_unnatural_frames"
    bl_label = "Mark Unnatural Frames"

    most: IntProperty(name="Most", description="How many markers at most", default=10, min=1, max=100)
    below: FloatProperty(
        name="Below",
        description="Mark frames that are more natural than fewer than this percent of real poses",
        default=5.0,
        min=0.0,
        max=100.0,
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Judge every frame and mark the worst, or say why not."""
        from ..addon.natural_frames import mark_unnatural

        try:
            report = mark_unnatural(
                context, most=self.most, below=self.below, weights=preferred_weights(context)
            )
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        self.report({"INFO"}, report.sentence)
        return {"FINISHED"}


class CONTRAPPOSTO_OT_clear_unnatural_frames(NeedsArmature, bpy.types.Operator):
    """Remove the markers of Mark Unnatural Frames; your own markers stay"""

    bl_idname = "contrapposto.clear_unnatural_frames"
    bl_label = "Clear Unnatural Frames"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove them and say how many there were."""
        from ..addon.natural_frames import clear_marks

        count = clear_marks(context.scene)
        if not count:
            self.report({"WARNING"}, "There is no marker of an unnatural frame")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Removed {count} marker{'s' if count > 1 else ''}")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        CONTRAPPOSTO_OT_show_naturalness,
        CONTRAPPOSTO_OT_mark_unnatural_frames,
        CONTRAPPOSTO_OT_clear_unnatural_frames,
    )
)
