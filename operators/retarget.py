# SPDX-License-Identifier: GPL-3.0-or-later
"""Put on Character: the motion of a fitted body onto the active, mapped armature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..addon.errors import Refusal
from .polling import NeedsArmature
from .stoppable import Stoppable

if TYPE_CHECKING:
    from ..addon.retarget import RetargetReport


class CONTRAPPOSTO_OT_retarget(Stoppable, NeedsArmature, bpy.types.Operator):
    """Give the active character the motion of the fitted body, or of the other selected armature"""

    bl_idname = "contrapposto.retarget"
    bl_label = "Put on Character"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """An armature, and nothing is being done."""
        return cls.is_free() and super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it in one go, or say why not."""
        from ..addon.retarget import retarget

        try:
            report = retarget(context, context.object)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.tell(report)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Do it while the window shows how far it is; Esc stops it."""
        from ..addon.retarget import retargeting

        return self.begin(context, retargeting(context, context.object))

    def tell(self, report: RetargetReport) -> set[str]:
        """Report what was done."""
        self.report({"INFO"}, report.sentence)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_OT_retarget,))
