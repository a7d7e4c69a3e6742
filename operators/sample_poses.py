# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample Poses: the button, its redo panel and the options that the sidebar remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..addon.device import preferred_device
from ..addon.errors import Refusal
from ..addon.rule import Rule
from ..addon.sample_settings import MOST_SPACING, MOST_STEP, Destination, SampleSettings
from ..addon.settings import LARGEST_SEED, MOST_HYPOTHESES, preferred_weights
from .polling import NeedsArmature
from .stoppable import Stoppable

if TYPE_CHECKING:
    from ..addon.sample import SampleReport

OPTIONS = (
    "destination",
    "kept_bones",
    "samples",
    "distance",
    "diversity",
    "seed",
    "mirrored",
    "keep_feet_on_floor",
)
OPTIONS_OF = {
    "POSE": ("insert_keys",),
    "KEYS": ("step",),
    "ASSETS": ("asset_name", "catalog", "tags"),
    "GHOSTS": ("spacing",),
}
"""The options of every destination, and those that only one has; the redo panel has the sample as well."""

ALL_OPTIONS = (*OPTIONS, *(name for names in OPTIONS_OF.values() for name in names))


class SamplePosesOptions:
    """The options of Sample Poses, in the sidebar and in the redo panel alike."""

    destination: EnumProperty(
        name="Into",
        description="Where the samples go",
        items=[
            (
                "POSE",
                "Current Pose",
                "One of them into the bones as they stand; step through the others below",
            ),
            ("KEYS", "Timeline", "One every few frames from this one on, with keys of the type Generated"),
            ("ASSETS", "Pose Assets", "All of them into pose assets of this file; the pose stays as it is"),
            ("GHOSTS", "Ghosts", "All of them as figures beside the character; the pose stays as it is"),
        ],
        default="POSE",
    )
    kept_bones: EnumProperty(
        name="Keep",
        description="Which bones are kept as they are; the others are sampled to agree with them",
        items=[
            ("KEYED", "Keyed Bones", "Keep the bones that have a key of yours on this frame"),
            ("KEYED_AND_SELECTED", "Keyed and Selected", "Keep the selected bones as well"),
            ("NONE", "Nothing", "Sample the whole body"),
        ],
        default="KEYED",
    )
    samples: IntProperty(
        name="Samples", description="How many poses to sample", default=8, min=1, max=MOST_HYPOTHESES
    )
    distance: FloatProperty(
        name="Distance",
        description="How far from the current pose: 0 is the pose itself, 1 is free of it",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    diversity: FloatProperty(
        name="Diversity",
        description="0 gives the likeliest samples, 1 those that differ most",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    seed: IntProperty(
        name="Seed",
        description="Another seed gives other samples; the same seed gives the same ones",
        default=0,
        min=0,
        max=LARGEST_SEED,
    )
    mirrored: BoolProperty(
        name="Mirror",
        description="Exchange left and right of every sample; only where nothing is kept",
        default=False,
    )
    keep_feet_on_floor: BoolProperty(
        name="Keep on Floor",
        description="Let the body stand, sit or lie on the floor at the height of the armature's origin; "
        "moves the hips up or down unless they are kept",
        default=True,
    )
    insert_keys: BoolProperty(
        name="Insert Keys",
        description="Key the sampled bones with keys of the type Generated, also without auto-keying",
        default=False,
    )
    step: IntProperty(
        name="Every",
        description="Frames from one keyed sample to the next",
        default=10,
        min=1,
        max=MOST_STEP,
    )
    spacing: FloatProperty(
        name="Spacing",
        description="From one ghost to the next, in heights of the body",
        default=1.0,
        min=0.1,
        max=MOST_SPACING,
    )
    asset_name: StringProperty(
        name="Name", description="Name of the pose assets; a number follows", default="Sample"
    )
    catalog: StringProperty(
        name="Catalog",
        description="Asset catalog of the pose assets, such as Poses/Ideas; empty for none",
        default="Contrapposto",
    )
    tags: StringProperty(
        name="Tags", description="Tags of the pose assets, with commas between them", default="contrapposto"
    )


class ContrappostoSampleOptions(SamplePosesOptions, bpy.types.PropertyGroup):
    """What the sidebar remembers with the scene."""


class CONTRAPPOSTO_OT_sample_poses(SamplePosesOptions, Stoppable, NeedsArmature, bpy.types.Operator):
    """Sample natural poses for this character, free or around the bones that are kept"""

    bl_idname = "contrapposto.sample_poses"
    bl_label = "Sample Poses"

    alternative: IntProperty(
        name="Sample",
        description="Which of the samples to take",
        default=1,
        min=1,
        max=MOST_HYPOTHESES,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """An armature, and nothing is being done."""
        return cls.is_free() and super().poll(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Sample poses for the active armature in one go, or say why not."""
        from ..addon.sample import sample

        try:
            report = sample(context, context.object, self.settings(context), browse=True)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.tell(report)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Do it while the window shows how far it is; Esc stops it."""
        from ..addon.sample import sampling_in_window

        try:
            settings = self.settings(context)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.begin(context, sampling_in_window(context, context.object, settings))

    def settings(self, context: bpy.types.Context) -> SampleSettings:
        """The options as the importable function takes them."""
        self.alternative = min(self.alternative, self.samples)
        return SampleSettings(
            rule=Rule(self.kept_bones),
            destination=Destination(self.destination),
            hypotheses=self.samples,
            alternative=self.alternative,
            distance=self.distance,
            diversity=self.diversity,
            seed=self.seed,
            mirrored=self.mirrored,
            keep_feet_on_floor=self.keep_feet_on_floor,
            insert_keys=True if self.insert_keys else None,
            step=self.step,
            spacing=self.spacing,
            name=self.asset_name,
            catalog=self.catalog,
            tags=tuple(tag.strip() for tag in self.tags.split(",") if tag.strip()),
            weights=preferred_weights(context),
            device=preferred_device(context),
        )

    def tell(self, report: SampleReport) -> set[str]:
        """Report what was done."""
        if report.warning:
            self.report({"WARNING"}, report.warning)
        self.report({"INFO"}, report.sentence)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The redo panel."""
        layout = self.layout
        layout.use_property_split = True
        if self.destination == "POSE":
            layout.prop(self, "alternative")
        for name in (*OPTIONS, *OPTIONS_OF[self.destination]):
            layout.prop(self, name)


_CLASSES = (ContrappostoSampleOptions, CONTRAPPOSTO_OT_sample_poses)


def register() -> None:
    """Register the operator and its options in the scene."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.contrapposto_sample = PointerProperty(type=ContrappostoSampleOptions)


def unregister() -> None:
    """Undo ``register``."""
    del bpy.types.Scene.contrapposto_sample
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
