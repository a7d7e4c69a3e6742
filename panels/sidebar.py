# SPDX-License-Identifier: GPL-3.0-or-later
"""The Contrapposto tab of the 3D view's sidebar. Always there; says what is missing."""

import bpy

from contrapposto.joint_names import JOINT_NAMES, NUM_JOINTS
from contrapposto.rig.rigmap import RigMap

from ..addon.errors import Refusal
from ..addon.rig_storage import PROPERTY, known_map
from ..addon.told import last_warning
from ..operators import rig_mapping
from ..operators.complete_pose import OPTIONS
from ..operators.rig_mapping import joint_label
from .button import draw_complete_pose
from .drawing import SidebarPanel, hindrance, write


class CONTRAPPOSTO_PT_complete_pose(SidebarPanel, bpy.types.Panel):
    """Complete Pose with its options."""

    bl_label = "Complete Pose"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the button, or what stands in its way."""
        layout = self.layout
        sentence = hindrance(context, "to complete its pose")
        if sentence:
            write(layout, sentence, icon="INFO")
        row = layout.row()
        row.scale_y = 1.4
        draw_complete_pose(row, context.scene, icon="ARMATURE_DATA")
        warning = last_warning(context.object, context.scene.frame_current_final)
        if warning:
            write(layout, warning, icon="ERROR")
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in OPTIONS:
            column.prop(context.scene.contrapposto, name)
        column = layout.column(align=True)
        column.operator("contrapposto.select_generated_keys", text="Select Generated")
        column.operator("contrapposto.remove_generated_keys", text="Remove Generated")


class CONTRAPPOSTO_PT_rig(SidebarPanel, bpy.types.Panel):
    """What is known of the rig."""

    bl_label = "Rig"
    bl_order = 5

    def draw(self, context: bpy.types.Context) -> None:
        """Draw profile, count and doubtful joints."""
        layout = self.layout
        active = context.object
        if active is None or active.type != "ARMATURE":
            layout.label(text="No armature is active", icon="INFO")
            return
        try:
            rigmap = known_map(active.data)
        except Refusal as refusal:
            write(layout, str(refusal), icon="ERROR")
            layout.operator("contrapposto.clear_rig")
            return
        if rigmap is None:
            write(layout, "Rig not detected yet; Complete Pose does it, or press Detect", icon="INFO")
            layout.operator("contrapposto.detect_rig", icon="VIEWZOOM")
        else:
            _draw_map(layout, rigmap, saved=PROPERTY in active.data)
        row = layout.row(align=True)
        row.operator("contrapposto.import_rig", text="Import", icon="IMPORT")
        row.operator("contrapposto.export_rig", text="Export", icon="EXPORT")


class CONTRAPPOSTO_PT_rig_bones(SidebarPanel, bpy.types.Panel):
    """One field a joint, and why the last entry was not taken."""

    bl_label = "Bones"
    bl_parent_id = "CONTRAPPOSTO_PT_rig"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only where there is a map to edit."""
        active = context.object
        if active is None or active.type != "ARMATURE":
            return False
        try:
            return known_map(active.data) is not None
        except Refusal:
            return False

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the fields."""
        data = context.object.data
        if sentence := rig_mapping.last_refusal(data):
            write(self.layout, sentence, icon="ERROR")
        column = self.layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for joint in JOINT_NAMES:
            column.prop_search(data.contrapposto, joint, data, "bones", icon="BONE_DATA")


def _draw_map(layout: bpy.types.UILayout, rigmap: RigMap, *, saved: bool) -> None:
    state = "saved" if saved else "detected"
    layout.label(text=f"{rigmap.profile} ({state})", icon="CHECKMARK" if saved else "VIEWZOOM")
    layout.label(text=f"{len(rigmap.joints)} of {NUM_JOINTS} joints mapped")
    if missing := rigmap.missing_required:
        write(layout, "Missing: " + ", ".join(map(joint_label, missing)), icon="ERROR")
    for joint in rigmap.doubtful():
        bones = rigmap.joints[joint]
        write(
            layout,
            f"{joint_label(joint)}: '{bones.read[0]}', {bones.confidence:.0%} sure, {bones.reason}",
            icon="QUESTION",
        )
    row = layout.row(align=True)
    row.operator("contrapposto.detect_rig", text="Detect")
    row.operator("contrapposto.accept_rig", text="Save")
    if saved:
        row.operator("contrapposto.clear_rig", text="Clear")


register, unregister = bpy.utils.register_classes_factory(
    (CONTRAPPOSTO_PT_complete_pose, CONTRAPPOSTO_PT_rig, CONTRAPPOSTO_PT_rig_bones)
)
