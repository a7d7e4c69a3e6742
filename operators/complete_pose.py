# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete Pose: the button, its redo panel and the options that the sidebar remembers."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

from ..addon.device import preferred_device
from ..addon.errors import Refusal
from ..addon.rule import Rule
from ..addon.settings import LARGEST_SEED, MOST_HYPOTHESES, Settings, preferred_weights
from .polling import NeedsArmature

OPTIONS = (
    "known_bones", "hypotheses", "diversity", "seed", "strength", "mirror", "keep_feet_on_floor",
    "insert_keys", "refill_generated",
)  # fmt: skip
"""The options that the sidebar shows; the redo panel has the alternative as well."""


class CompletePoseOptions:
    """The options of Complete Pose, in the sidebar and in the redo panel alike."""

    known_bones: EnumProperty(
        name="Known Bones",
        description="Which bones are kept as they are; the others are filled in",
        items=[
            ("KEYED", "Keyed", "Keep the bones that have a key on this frame"),
            ("SELECTED", "Selected Bones", "Keep the selected bones"),
            ("UNSELECTED", "Unselected Bones", "Keep the bones that are not selected"),
        ],
        default="KEYED",
    )
    hypotheses: IntProperty(
        name="Alternatives",
        description="How many alternatives to make",
        default=8,
        min=1,
        max=MOST_HYPOTHESES,
    )
    diversity: FloatProperty(
        name="Diversity",
        description="0 gives the likeliest alternatives, 1 those that differ most",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    seed: IntProperty(
        name="Seed",
        description="Another seed gives other alternatives; the same seed gives the same ones",
        default=0,
        min=0,
        max=LARGEST_SEED,
    )
    strength: FloatProperty(
        name="Strength",
        description="How far to go from the pose as it is to the completed one",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    mirror: BoolProperty(
        name="Mirror Known",
        description="Give a bone whose partner on the other side is known the mirrored rotation",
        default=False,
    )
    keep_feet_on_floor: BoolProperty(
        name="Keep Feet on Floor",
        description="Let the body stand on the floor at the height of the armature's origin; "
        "moves the hips up or down unless they are known. A body that is far from the floor stays there",
        default=True,
    )
    insert_keys: BoolProperty(
        name="Insert Keys",
        description="Key the completed bones with keys of the type Generated, also without auto-keying",
        default=False,
    )
    refill_generated: BoolProperty(
        name="Refill Generated",
        description="Fill in anew the bones that only have keys of the type Generated, which are those that "
        "Complete Pose made",
        default=False,
    )


class ContrappostoSceneOptions(CompletePoseOptions, bpy.types.PropertyGroup):
    """What the sidebar remembers with the scene."""


class CONTRAPPOSTO_OT_complete_pose(CompletePoseOptions, NeedsArmature, bpy.types.Operator):
    """Fill in the bones that are not known with a natural pose; known bones stay as they are"""

    bl_idname = "contrapposto.complete_pose"
    bl_label = "Complete Pose"

    alternative: IntProperty(
        name="Alternative",
        description="Which of the alternatives to take, the likeliest first",
        default=1,
        min=1,
        max=MOST_HYPOTHESES,
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Complete the pose of the active armature, or say why not."""
        from ..addon.complete import complete

        self.alternative = min(self.alternative, self.hypotheses)
        try:
            settings = Settings(
                rule=Rule(self.known_bones),
                hypotheses=self.hypotheses,
                alternative=self.alternative,
                diversity=self.diversity,
                seed=self.seed,
                strength=self.strength,
                mirror=self.mirror,
                keep_feet_on_floor=self.keep_feet_on_floor,
                insert_keys=True if self.insert_keys else None,
                refill_generated=self.refill_generated,
                weights=preferred_weights(context),
                device=preferred_device(context),
            )
            report = complete(context, context.object, settings, browse=True)
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        if report.warning:
            self.report({"WARNING"}, report.warning)
        self.report({"INFO"}, report.sentence)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The redo panel."""
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "alternative")
        for name in OPTIONS:
            layout.prop(self, name)


_CLASSES = (ContrappostoSceneOptions, CONTRAPPOSTO_OT_complete_pose)


def register() -> None:
    """Register the operator and its options in the scene."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.contrapposto = PointerProperty(type=ContrappostoSceneOptions)


def unregister() -> None:
    """Undo ``register``."""
    del bpy.types.Scene.contrapposto
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
