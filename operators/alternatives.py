# SPDX-License-Identifier: GPL-3.0-or-later
"""Browse the alternatives of the last Complete Pose or Sample Poses: take one, keep it, discard them."""

from typing import ClassVar

import bpy
from bpy.props import IntProperty

from ..addon import alternatives
from ..addon.errors import Refusal
from ..addon.settings import MOST_HYPOTHESES
from .polling import NeedsArmature, redraw


class Browses(NeedsArmature):
    """What they share: an armature whose alternatives are at hand."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Say what to press first."""
        if not super().poll(context):
            return False
        if alternatives.held_for(context.object) is None:
            cls.poll_message_set("Press Complete Pose or Sample Poses first")
            return False
        return True


class CONTRAPPOSTO_OT_take_alternative(Browses, bpy.types.Operator):
    """Put this alternative into the pose, in place of the one that is there"""

    bl_idname = "contrapposto.take_alternative"
    bl_label = "Take Alternative"

    number: IntProperty(
        name="Alternative",
        description="Which of the alternatives to take, best first",
        default=1,
        min=1,
        max=MOST_HYPOTHESES,
    )

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """What is known of this one, for the tooltip."""
        browsing = alternatives.held_for(context.object)
        if browsing is None or properties.number > len(browsing.alternatives):
            return cls.__doc__
        found = browsing.alternatives[properties.number - 1]
        percent = found.naturalness
        natural = "" if percent is None else f".\nMore natural than {percent:.0f} % of real poses"
        return cls.__doc__ + natural + (f".\n{found.why_failing}" if found.why_failing else "")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Take it, or say why not."""
        from ..addon.browsing import take

        try:
            report = take(context, context.object, self.number)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        if report.warning:
            self.report({"WARNING"}, report.warning)
        self.report({"INFO"}, report.sentence)
        redraw(context)
        return {"FINISHED"}


class CONTRAPPOSTO_OT_keep_alternative(Browses, bpy.types.Operator):
    """Keep the pose as it is now, and put the other alternatives away"""

    bl_idname = "contrapposto.keep_alternative"
    bl_label = "Keep Alternative"
    bl_options: ClassVar[set[str]] = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """End the browsing; there is nothing to undo."""
        from ..addon.browsing import keep

        keep(context)
        redraw(context)
        return {"FINISHED"}


class CONTRAPPOSTO_OT_discard_alternatives(Browses, bpy.types.Operator):
    """Bring the pose and its keys back as they were before the alternatives were made, and put these away"""

    bl_idname = "contrapposto.discard_alternatives"
    bl_label = "Discard Alternatives"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Go back, or say why not."""
        from ..addon.browsing import discard

        try:
            discard(context)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        self.report({"INFO"}, "The pose is as it was before")
        redraw(context)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        CONTRAPPOSTO_OT_take_alternative,
        CONTRAPPOSTO_OT_keep_alternative,
        CONTRAPPOSTO_OT_discard_alternatives,
    )
)
