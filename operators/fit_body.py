# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit Body: the button with its progress, its options, and the list of views."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from contrapposto.keypoints.sets import SETS

from ..addon.errors import Refusal
from ..addon.fit_settings import LARGEST_FRAME, MOST_FPS, CameraSource, FitSettings, View
from ..addon.versions import BESIDE_BLEND
from .stoppable import Stoppable

if TYPE_CHECKING:
    from ..addon.fit_body import FitReport

OPTIONS = (
    "cameras",
    "calibration",
    "point_set",
    "person",
    "click",
    "click_frame",
    "click_camera",
    "fps",
    "first_frame",
)
BODY_OPTIONS = ("strength", "ground", "model", "correctives")
ALL_OPTIONS = ("source", "clip", *OPTIONS, *BODY_OPTIONS)
"""The options that the sidebar remembers with the scene, beside the views."""
BEST = "best"
"""Who is meant where no one is asked."""


class ContrappostoView(bpy.types.PropertyGroup):
    """What one camera saw."""

    keypoints: StringProperty(
        name="Keypoints",
        description="A file of keypoints, or the folder of files with one for each frame",
        subtype="FILE_PATH",
        options=BESIDE_BLEND,
    )
    movie: StringProperty(
        name="Movie",
        description="What was filmed, a movie or the first of numbered pictures, to be shown behind the "
        "body; may be empty",
        subtype="FILE_PATH",
        options=BESIDE_BLEND,
    )
    camera: IntProperty(
        name="Camera",
        description="Number of the calibration's camera; 0 takes them in the order of the file",
        default=0,
        min=0,
    )


class FitBodyOptions:
    """The options of Fit Body, in the sidebar and in the redo panel alike."""

    source: EnumProperty(
        name="Keypoints",
        description="Where the keypoints come from",
        items=[
            ("FILES", "Files", "Files of a detector, one view or several"),
            ("CLIP", "Movie Clip", "Tracks of a movie clip that are named after joints, such as knee.R"),
        ],
    )
    views: CollectionProperty(
        name="Views", description="What each camera saw", type=ContrappostoView, options={"SKIP_SAVE"}
    )
    clip: StringProperty(name="Clip", description="The movie clip whose tracks are taken")
    cameras: EnumProperty(
        name="Camera",
        description="Who knows the lens of the camera, and where it is",
        items=[
            ("ESTIMATED", "Estimated", "No one: a level camera with a likely lens, the floor below the feet"),
            ("CALIBRATION", "Calibration", "A file of Qualisys, Pose2Sim, anipose or OpenCV"),
            ("SCENE", "Scene Camera", "The scene's camera as it is on this frame; it stays as it is"),
        ],
    )
    calibration: StringProperty(
        name="Calibration",
        description="File of the calibration",
        subtype="FILE_PATH",
        options=BESIDE_BLEND,
    )
    point_set: EnumProperty(
        name="Point Set",
        description="Which points of a body the files hold",
        items=[
            ("AUTO", "Recognised", "Told by the files, or by the number of points and how they lie"),
            *((name, name.replace("_", " ").title(), "The points of this set") for name in SETS),
        ],
    )
    person: EnumProperty(
        name="Person",
        description="Who is meant, where several are seen",
        items=[
            ("BEST", "Surest", "Who is seen best over all frames"),
            ("LARGEST", "Largest", "Who is largest in the image"),
            ("LONGEST", "Longest", "Who is seen on most frames"),
            ("CLICK", "At a Point", "Who is at a point of a frame"),
        ],
    )
    click: FloatVectorProperty(
        name="Point", description="Pixels from the left and from the top of the image", size=2
    )
    click_frame: IntProperty(name="On Frame", description="As the files number their frames", default=0)
    click_camera: IntProperty(name="In View", description="Which of the views", default=1, min=1)
    fps: FloatProperty(
        name="Frame Rate",
        description="Frames a second of the footage; 0 is the scene's own. Keys lie where their time is",
        default=0.0,
        min=0.0,
        max=MOST_FPS,
    )
    first_frame: IntProperty(
        name="Start",
        description="Frame of the scene for the first one of the footage",
        default=1,
        min=-LARGEST_FRAME,
        max=LARGEST_FRAME,
    )
    strength: FloatProperty(
        name="Strength",
        description="How far to go from where the fit begins",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    ground: BoolProperty(
        name="Feet on Ground",
        description="Set standing feet on one plane, without sliding or sinking; not for stairs or beams",
        default=False,
    )
    model: StringProperty(
        name="Model File",
        description="A SMPL, SMPL-H or SMPL-X file of your own (.pkl or .npz); empty for the free body",
        subtype="FILE_PATH",
        options=BESIDE_BLEND,
    )
    correctives: BoolProperty(
        name="Pose Correctives",
        description="Shape keys for how the skin bulges with the pose, keyed; of a model file that has them",
        default=False,
    )


class ContrappostoFitOptions(FitBodyOptions, bpy.types.PropertyGroup):
    """What the sidebar remembers with the scene."""

    views: CollectionProperty(name="Views", description="What each camera saw", type=ContrappostoView)


class CONTRAPPOSTO_OT_fit_body(FitBodyOptions, Stoppable, bpy.types.Operator):
    """Put a rigged body into the scene that follows keypoints of footage, with the cameras that saw it"""

    bl_idname = "contrapposto.fit_body"
    bl_label = "Fit Body"
    bl_options: ClassVar[set[str]] = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Object Mode, and nothing is being done."""
        if context.mode != "OBJECT":
            cls.poll_message_set("Switch to Object Mode first")
            return False
        return cls.is_free()

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Fit in one go, or say why not."""
        from ..addon.fit_body import fit_body

        try:
            report = fit_body(context, self.settings())
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.tell(report)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Do it while the window shows how far it is; Esc stops it."""
        from ..addon.fit_body import fitting_in_window

        try:
            steps = fitting_in_window(context, self.settings())
        except Refusal as refusal:
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        return self.begin(context, steps)

    def settings(self) -> FitSettings:
        """The options as the importable function takes them."""
        from_clip, is_calibrated = self.source == "CLIP", is_shown(self, "calibration")
        if from_clip and not self.clip:
            raise Refusal("Choose a movie clip first")
        views = (
            ()
            if from_clip
            else tuple(View(v.keypoints, v.movie, v.camera if is_calibrated else 0) for v in self.views)
        )
        return FitSettings(
            views=views,
            clip=self.clip if from_clip else "",
            cameras=CameraSource(self.cameras),
            person=self._person(),
            **{
                name: getattr(self, name)
                for name in ("calibration", "point_set", "first_frame", "correctives")
                if is_shown(self, name) and getattr(self, name) != "AUTO"
            },
            fps=self.fps,
            strength=self.strength,
            ground=self.ground,
            model=self.model,
        )

    def _person(self) -> str:
        """Who is meant, by the options that are shown."""
        if not is_shown(self, "click"):
            return self.person.lower() if is_shown(self, "person") else BEST
        view = self.click_camera if is_shown(self, "click_camera") else 1
        return f"{self.click[0]},{self.click[1]},{self.click_frame},{view}"

    def tell(self, report: FitReport) -> set[str]:
        """Report what was done."""
        if report.warning:
            self.report({"WARNING"}, report.warning)
        self.report({"INFO"}, report.sentence)
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The redo panel."""
        layout = self.layout
        layout.use_property_split = True
        for name in (*OPTIONS, *BODY_OPTIONS):
            if is_shown(self, name):
                layout.prop(self, name)


class CONTRAPPOSTO_OT_add_view(bpy.types.Operator):
    """Add a view: keypoints of one more camera"""

    bl_idname = "contrapposto.add_view"
    bl_label = "Add View"
    bl_options: ClassVar[set[str]] = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Add an empty one to the list in the sidebar."""
        context.scene.contrapposto_fit.views.add()
        return {"FINISHED"}


class CONTRAPPOSTO_OT_remove_view(bpy.types.Operator):
    """Remove this view from the list"""

    bl_idname = "contrapposto.remove_view"
    bl_label = "Remove View"
    bl_options: ClassVar[set[str]] = {"INTERNAL", "UNDO"}

    number: IntProperty(name="Number", description="Which view, from 0", options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remove it."""
        context.scene.contrapposto_fit.views.remove(self.number)
        return {"FINISHED"}


def is_shown(options: object, name: str) -> bool:
    """Whether an option matters with the others as they are."""
    if name == "calibration":
        return options.cameras == "CALIBRATION"
    if name in {"click", "click_frame"}:
        return is_shown(options, "person") and options.person == "CLICK"
    if name == "click_camera":
        return is_shown(options, "click") and len(options.views) > 1
    if name in {"point_set", "person", "first_frame"}:
        return options.source == "FILES"
    if name == "correctives":
        return bool(options.model)
    return True


_CLASSES = (
    ContrappostoView,
    ContrappostoFitOptions,
    CONTRAPPOSTO_OT_fit_body,
    CONTRAPPOSTO_OT_add_view,
    CONTRAPPOSTO_OT_remove_view,
)


def register() -> None:
    """Register the operators and the options in the scene."""
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.contrapposto_fit = PointerProperty(type=ContrappostoFitOptions)


def unregister() -> None:
    """Undo ``register``."""
    del bpy.types.Scene.contrapposto_fit
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
