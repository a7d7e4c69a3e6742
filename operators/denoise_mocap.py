# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap: the button with its progress, the switch between before and after, the report as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    PointerProperty,
    StringProperty,
)

from ..addon import before_after
from ..addon.denoise_report import report_of
from ..addon.denoise_settings import PARTS, DenoiseSettings, KeyMode, Source
from ..addon.errors import Refusal
from ..addon.files import write_whole
from .polling import NeedsArmature
from .stoppable import Stoppable

if TYPE_CHECKING:
    from ..addon.denoise import Outcome

OPTIONS = ("source", "frames", "frame_start", "frame_end", "selected_only", "strength")
PART_OPTIONS = tuple(f"strength_{part}" for part in PARTS)
RESULT_OPTIONS = ("preserve_contacts", "fill_gaps", "keys", "reduce", "max_error_deg", "max_error_mm")
ALL_OPTIONS = (*OPTIONS, *PART_OPTIONS, *RESULT_OPTIONS)
"""The options that the sidebar remembers with the scene."""

_SOURCES = [
    ("ACTIVE", "Active Action", "The action that the armature plays"),
    ("STRIPS", "Selected Strips", "The actions of the selected NLA strips, which then play the results"),
    ("ALL", "All Actions", "Every action of this file that moves bones of the armature"),
]


def _part(part: str) -> object:
    return FloatProperty(
        name=part.title(),
        description=f"How far to go for the {part}, of the overall strength",
        default=1.0, min=0.0, max=1.0, subtype="FACTOR",
    )  # fmt: skip


class DenoiseMocapOptions:
    """The options of Denoise Mocap, in the sidebar and in the redo panel alike."""

    source: EnumProperty(name="Actions", description="Which actions are denoised", items=_SOURCES)
    frames: EnumProperty(
        name="Frames",
        description="Which frames are changed",
        items=[
            ("ALL", "Whole Action", "From the first key to the last"),
            ("SCENE", "Scene Range", "The scene's preview range, else its start to its end"),
            ("CUSTOM", "From, To", "The frames given"),
        ],
    )
    frame_start: FloatProperty(name="From", description="First frame that may change", default=1.0, step=100)
    frame_end: FloatProperty(name="To", description="Last frame that may change", default=250.0, step=100)
    selected_only: BoolProperty(
        name="Only Selected Bones", description="Leave bones that are not selected as they are", default=False
    )
    strength: FloatProperty(
        name="Strength",
        description="How far to go from the motion as it is to the clean one",
        default=1.0, min=0.0, max=1.0, subtype="FACTOR",
    )  # fmt: skip
    strength_hips: _part("hips")
    strength_torso: _part("torso")
    strength_head: _part("head")
    strength_arms: _part("arms")
    strength_legs: _part("legs")
    preserve_contacts: BoolProperty(
        name="Preserve Contacts", description="Hold a foot still while it stands on the floor", default=True
    )
    fill_gaps: BoolProperty(
        name="Fill Gaps",
        description="Fill in what was dropped, is frozen or jumps; keys in a gap get the type Generated",
        default=True,
    )
    keys: EnumProperty(
        name="Keys",
        description="Where the keys of the result lie",
        items=[
            ("KEEP", "Keep Times", "On the frames that have keys"),
            ("BAKE", "Bake", "On each frame"),
        ],
    )
    reduce: BoolProperty(
        name="Reduce Keys", description="Leave out keys as far as the errors below allow", default=False
    )
    max_error_deg: FloatProperty(
        name="Max Error",
        description="The most that leaving out keys may turn a bone, in degrees",
        default=0.5, min=0.01, soft_max=5.0,
    )  # fmt: skip
    max_error_mm: FloatProperty(
        name="Max Shift",
        description="The most that leaving out keys may move a bone, in millimetres",
        default=2.0, min=0.01, soft_max=50.0,
    )  # fmt: skip


class ContrappostoDenoiseOptions(DenoiseMocapOptions, bpy.types.PropertyGroup):
    """What the sidebar remembers with the scene."""


class ContrappostoActionName(bpy.types.PropertyGroup):
    """The name of a chosen action; a property group has it already."""


class CONTRAPPOSTO_OT_denoise_mocap(DenoiseMocapOptions, Stoppable, NeedsArmature, bpy.types.Operator):
    """Clean captured motion: a new action without jitter, pops and sliding feet; the original is kept"""

    bl_idname = "contrapposto.denoise_mocap"
    bl_label = "Denoise Mocap"

    actions: CollectionProperty(
        name="Actions by Name",
        description="Names of the actions to denoise, instead of the choice of actions",
        type=ContrappostoActionName,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """An armature, and nothing is being done."""
        return cls.is_free() and super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it in one go, or say why not."""
        from ..addon.denoise import denoise

        try:
            outcome = denoise(context, context.object, self.settings(context))
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.tell(outcome)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Do it while the window shows how far it is; Esc stops it."""
        from ..addon.denoise import Denoising, denoising_in_window

        try:
            job = Denoising(context, context.object, self.settings(context))
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.begin(context, denoising_in_window(job))

    def draw(self, context: bpy.types.Context) -> None:
        """The redo panel."""
        layout = self.layout
        layout.use_property_split = True
        for name in ALL_OPTIONS:
            if is_shown(self, name):
                layout.prop(self, name)

    def settings(self, context: bpy.types.Context) -> DenoiseSettings:
        """The options as the importable function takes them."""
        named = tuple(entry.name for entry in self.actions)
        return DenoiseSettings(
            source=Source.NAMED if named else Source(self.source),
            actions=named,
            frame_range=self._frame_range(context.scene),
            selected_only=self.selected_only,
            strength=self.strength,
            parts={part: getattr(self, f"strength_{part}") for part in PARTS},
            preserve_contacts=self.preserve_contacts,
            fill_gaps=self.fill_gaps,
            keys=KeyMode(self.keys),
            reduce=self.reduce,
            max_error_deg=self.max_error_deg,
            max_error_mm=self.max_error_mm,
        )

    def _frame_range(self, scene: bpy.types.Scene) -> tuple[float, float] | None:
        if self.frames == "ALL":
            return None
        if self.frames == "CUSTOM":
            return self.frame_start, self.frame_end
        if scene.use_preview_range:
            return float(scene.frame_preview_start), float(scene.frame_preview_end)
        return float(scene.frame_start), float(scene.frame_end)

    def tell(self, outcome: Outcome) -> set[str]:
        """Report what was done, action by action."""
        for refusal in outcome.skipped:
            self.report({"WARNING"}, f"Skipped: {refusal}")
        for report in outcome.reports:
            if report.warning:
                self.report({"WARNING"}, report.warning)
            self.report({"INFO"}, report.sentence)
        return {"FINISHED"}


class CONTRAPPOSTO_OT_toggle_denoised(NeedsArmature, bpy.types.Operator):
    """Play the original instead of the denoised action, or the denoised one again"""

    bl_idname = "contrapposto.toggle_denoised"
    bl_label = "Toggle Before and After"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Change what plays, or say why not."""
        try:
            action = before_after.toggle(context.object)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Playing '{action.name}'")
        return {"FINISHED"}


class CONTRAPPOSTO_OT_export_denoise_report(NeedsArmature, bpy.types.Operator):
    """Write the report on the denoised action to a JSON file"""

    bl_idname = "contrapposto.export_denoise_report"
    bl_label = "Export Report"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File Path", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        data = context.object.animation_data
        name = data.action.name if data and data.action else context.object.name
        self.filepath = self.filepath or f"{bpy.path.clean_name(name)}.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the file, or say why not."""
        report = shown_report(context.object)
        if report is None:
            self.report({"ERROR"}, f"'{context.object.name}' plays nothing that was denoised")
            return {"CANCELLED"}
        path = Path(bpy.path.abspath(self.filepath)) if self.filepath else None
        if path is None:
            self.report({"ERROR"}, "Choose a file for the report")
            return {"CANCELLED"}
        try:
            text = json.dumps(report.to_dict(), indent=1, ensure_ascii=False) + "\n"
            write_whole(path, text.encode())
        except OSError as error:
            self.report({"ERROR"}, f"The report cannot be written to {path}: {error.strerror}")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {path.name}")
        return {"FINISHED"}


def shown_report(armature_object: bpy.types.Object) -> object | None:
    """The report of what the armature plays, or of what was made of it; None if there is none."""
    data = armature_object.animation_data
    for action in before_after.played_actions(data):
        report = report_of(action) or report_of(before_after.partner(action))
        if report is not None:
            return report
    return None


def is_shown(options: object, name: str) -> bool:
    """Whether an option matters with the others as they are."""
    if name in {"frame_start", "frame_end"}:
        return options.frames == "CUSTOM"
    if name in {"max_error_deg", "max_error_mm"}:
        return options.reduce
    return True


_CLASSES = (
    ContrappostoDenoiseOptions,
    ContrappostoActionName,
    CONTRAPPOSTO_OT_denoise_mocap,
    CONTRAPPOSTO_OT_toggle_denoised,
    CONTRAPPOSTO_OT_export_denoise_report,
)


def register() -> None:
    """Register the operators and the options in the scene."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.contrapposto_denoise = PointerProperty(type=ContrappostoDenoiseOptions)


def unregister() -> None:
    """Undo ``register``."""
    del bpy.types.Scene.contrapposto_denoise
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
