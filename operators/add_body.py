# SPDX-License-Identifier: GPL-3.0-or-later
"""Add Body: a rigged body at the 3D cursor, the one that comes along or that of the user's own file."""

import bpy
from bpy.props import BoolProperty, StringProperty

from ..addon import model_folder
from ..addon.errors import Refusal


class AddsBody:
    """What both ways to add a body share."""

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


class CONTRAPPOSTO_OT_add_body(AddsBody, bpy.types.Operator):
    """Add a rigged human body at the 3D cursor, with shape keys for its proportions"""

    bl_idname = "contrapposto.add_body"
    bl_label = "Body"


class CONTRAPPOSTO_OT_add_body_from_file(AddsBody, bpy.types.Operator):
    """Choose a SMPL, SMPL-H or SMPL-X file of your own, and add its body at the 3D cursor"""

    bl_idname = "contrapposto.add_body_from_file"
    bl_label = "Body from File"

    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in model_folder.SUFFIXES), options={"HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file, beginning in the folder of the preferences."""
        self.filepath = model_folder.choosing_begins_at(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


register, unregister = bpy.utils.register_classes_factory(
    (CONTRAPPOSTO_OT_add_body, CONTRAPPOSTO_OT_add_body_from_file)
)
