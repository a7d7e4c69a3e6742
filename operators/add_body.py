# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Body: a rigged body at the 3D cursor, the one that comes along or that of the user's own file."""

import bpy
from bpy.props import BoolProperty, StringProperty

from ..addon.errors import Refusal


class CONTRAPPOSTO_OT_add_body(bpy.types.Operator):
    """Add a rigged human body at the 3D cursor, with shape keys for its proportions"""

    bl_idname = "contrapposto.add_body"
    bl_label = "Body"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="Model File",
        description="A SMPL, SMPL-H or SMPL-X file of your own (.pkl or .npz); empty for the free body",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    correctives: BoolProperty(
        name="Pose Correctives",
        description="Shape keys for how the skin bulges with the pose, of a model file that has them",
        default=False,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Bones are made in Edit Mode, which is entered from Object Mode."""
        if context.mode != "OBJECT":
            cls.poll_message_set("Switch to Object Mode first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Build it, or say why the file cannot be read."""
        from ..addon.body_scene import add_body, read_model

        try:
            body = add_body(context, read_model(self.filepath), correctives=self.correctives)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        body.armature.location = context.scene.cursor.location
        for thing in context.selected_objects:
            thing.select_set(False)
        body.armature.select_set(True)
        self.report({"INFO"}, f"'{body.armature.name}': {body.model.num_vertices} vertices on its bones")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((CONTRAPPOSTO_OT_add_body,))
