# SPDX-License-Identifier: GPL-3.0-or-later
"""Find, edit, keep and share which bones play which joint of the body."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, PointerProperty, StringProperty

from contrapposto.joint_names import JOINT_NAMES, NUM_JOINTS

from ..addon import rig_storage
from ..addon.errors import Refusal
from .polling import NeedsArmature

_SUFFIX = ".rig.json"

_refusals: dict[int, str] = {}
"""Session id of an armature -> why the last entry in a field of its was not taken: a field cannot say so."""


def joint_label(joint: str) -> str:
    """A joint's name for people: "Left Hip"."""
    return joint.replace("_", " ").title()


class RigOperator(NeedsArmature):
    """An operator on the active rig's map: errors become one sentence."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it, or say why not."""
        _refusals.pop(context.object.data.session_uid, None)
        try:
            self.report({"INFO"}, self.apply(context))
        except ValueError as error:  # Refusal, NotHumanoid
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class CONTRAPPOSTO_OT_detect_rig(RigOperator, bpy.types.Operator):
    """Find the bones of the body anew; a mapping saved on the armature is dropped"""

    bl_idname = "contrapposto.detect_rig"
    bl_label = "Detect Rig"

    def apply(self, context: bpy.types.Context) -> str:
        """Detect and tell how much was found."""
        data = context.object.data
        rigmap = rig_storage.detect(context.object)
        if rig_storage.PROPERTY in data:
            rig_storage.clear(data)
            rigmap = rig_storage.detect(context.object)
        return f"{rigmap.profile}: {len(rigmap.joints)} of {NUM_JOINTS} joints mapped"


class CONTRAPPOSTO_OT_accept_rig(RigOperator, bpy.types.Operator):
    """Confirm the mapping as it is shown and save it on the armature"""

    bl_idname = "contrapposto.accept_rig"
    bl_label = "Save Mapping"

    def apply(self, context: bpy.types.Context) -> str:
        """Save the map."""
        rigmap = rig_storage.map_of(context.object)
        rig_storage.save(context.object.data, rig_storage.accepted(rigmap))
        return f"Saved the mapping on '{context.object.data.name}'"


class CONTRAPPOSTO_OT_clear_rig(RigOperator, bpy.types.Operator):
    """Remove the mapping that is saved on the armature"""

    bl_idname = "contrapposto.clear_rig"
    bl_label = "Clear Mapping"

    def apply(self, context: bpy.types.Context) -> str:
        """Remove it."""
        if not rig_storage.clear(context.object.data):
            raise Refusal(f"No mapping is saved on '{context.object.data.name}'")
        return "Cleared the mapping; the rig is detected again when it is needed"


class CONTRAPPOSTO_OT_set_rig_bone(RigOperator, bpy.types.Operator):
    """Choose the bone that plays a joint and save the mapping on the armature"""

    bl_idname = "contrapposto.set_rig_bone"
    bl_label = "Set Joint's Bone"

    joint: EnumProperty(
        name="Joint",
        description="Joint of the body",
        items=[(joint, joint_label(joint), "") for joint in JOINT_NAMES],
    )
    bone: StringProperty(name="Bone", description="Bone that plays the joint; empty for none")

    def apply(self, context: bpy.types.Context) -> str:
        """Change one joint."""
        if self.bone and self.bone not in context.object.data.bones:
            raise Refusal(f"'{context.object.name}' has no bone named '{self.bone}'")
        rigmap = rig_storage.known_map(context.object.data) or rig_storage.map_of(context.object)
        rig_storage.save(context.object.data, rig_storage.with_bone(rigmap, self.joint, self.bone))
        return f"{joint_label(self.joint)}: {self.bone or 'no bone'}"


class PresetFile:
    """A preset chosen in the file browser."""

    filepath: StringProperty(name="File Path", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        self.filepath = self.filepath or f"{bpy.path.clean_name(context.object.data.name)}{_SUFFIX}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def path(self) -> Path:
        """The chosen file.

        Raises:
            Refusal: if there is none.
        """
        if not self.filepath:
            raise Refusal("Choose a file for the preset")
        return Path(bpy.path.abspath(self.filepath))


class CONTRAPPOSTO_OT_export_rig(PresetFile, RigOperator, bpy.types.Operator):
    """Write the mapping to a preset file"""

    bl_idname = "contrapposto.export_rig"
    bl_label = "Export Mapping"
    bl_options = {"REGISTER"}

    def apply(self, context: bpy.types.Context) -> str:
        """Write the file."""
        rig_storage.export_preset(rig_storage.map_of(context.object), self.path())
        return f"Wrote {self.path().name}"


class CONTRAPPOSTO_OT_import_rig(PresetFile, RigOperator, bpy.types.Operator):
    """Read the mapping from a preset file and save it on the armature"""

    bl_idname = "contrapposto.import_rig"
    bl_label = "Import Mapping"

    def apply(self, context: bpy.types.Context) -> str:
        """Read the file."""
        rigmap = rig_storage.import_preset(self.path(), context.object.data)
        rig_storage.save(context.object.data, rigmap)
        return f"{rigmap.profile}: {len(rigmap.joints)} of {NUM_JOINTS} joints mapped"


def last_refusal(data: bpy.types.Armature) -> str:
    """Why the last entry in a bone field was not taken; empty if it was."""
    return _refusals.get(data.session_uid, "")


def _bone_field(joint: str) -> object:
    """A text field without a value of its own: it shows and edits the armature's map."""

    def read(self: bpy.types.PropertyGroup) -> str:
        try:
            rigmap = rig_storage.known_map(self.id_data)
        except Refusal:
            return ""
        bones = rigmap.joints.get(joint) if rigmap else None
        return bones.read[0] if bones else ""

    def write(self: bpy.types.PropertyGroup, bone: str) -> None:
        data = self.id_data
        _refusals.pop(data.session_uid, None)
        try:
            rigmap = rig_storage.known_map(data)
            if rigmap is not None and bone != read(self):
                if bone and bone not in data.bones:
                    raise Refusal(f"'{data.name}' has no bone named '{bone}'")
                rig_storage.save(data, rig_storage.with_bone(rigmap, joint, bone))
        except Refusal as refusal:
            _refusals[data.session_uid] = str(refusal)

    return StringProperty(
        name=joint_label(joint), description="Bone that plays this joint", get=read, set=write
    )


class ContrappostoRigFields(bpy.types.PropertyGroup):
    """One field a joint, for the panel."""

    __annotations__ = {joint: _bone_field(joint) for joint in JOINT_NAMES}


_CLASSES = (
    ContrappostoRigFields,
    CONTRAPPOSTO_OT_detect_rig,
    CONTRAPPOSTO_OT_accept_rig,
    CONTRAPPOSTO_OT_clear_rig,
    CONTRAPPOSTO_OT_set_rig_bone,
    CONTRAPPOSTO_OT_export_rig,
    CONTRAPPOSTO_OT_import_rig,
)


def register() -> None:
    """Register the operators and the fields on armature data."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Armature.contrapposto = PointerProperty(type=ContrappostoRigFields)


def unregister() -> None:
    """Undo ``register``."""
    _refusals.clear()
    del bpy.types.Armature.contrapposto
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
