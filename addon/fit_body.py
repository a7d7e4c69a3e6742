# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit Body as one function: the button, the batch script and the tests all call it.

What Blender knows of the footage is gathered first, the files are read and the body is fitted without
Blender, on a thread of its own where there is a window, and the scene is changed at the end, at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from contrapposto.body.body_file import default_body
from contrapposto.body.smpl_files import read_smpl
from contrapposto.motion import Pose
from contrapposto.tasks.fit import fit
from contrapposto.tasks.fit_model import ModelFit, fit_model
from contrapposto.tasks.fit_remarks import NOTHING_STANDS, remarks

from .device import FAILURES, reason
from .errors import Advice, Refusal
from .fit_footage import NUMBER_VIEWS, Sources, footage_of, sources
from .fit_scene import Built, Solution, build
from .fit_settings import FitSettings
from .steps import Progress, Steps, on_thread, within

READ, BEGUN, FITTED = 0.1, 0.3, 0.95
"""How much of the solving is done once the files are read, once it begins to refine, and once it has."""
_SOLVED = 0.95

_ADVICE = {"name it with --set": Advice.NAME_SET, NUMBER_VIEWS: Advice.NUMBER_VIEWS}
"""How core ends a sentence -> the advice that it gives."""


@dataclass(frozen=True)
class FitReport:
    """What was done.

    Attributes:
        armature: name of the object.
        cameras: names of the cameras that were made, one a view.
        action: name of the action.
        frames: how many frames the motion has.
        views: how many cameras saw it.
        error_px: of each frame, by how many pixels half of the points are off at most; None where nothing
            was seen.
        first_frame, last_frame: of the scene.
        fps: frames a second of the footage.
        step: frames of the scene from one key to the next.
        marked: frames that got a marker.
        warning: what is amiss, on one line; empty if nothing is.
    """

    armature: str
    cameras: tuple[str, ...]
    action: str
    frames: int
    views: int
    error_px: tuple[float | None, ...]
    first_frame: float
    last_frame: float
    fps: float
    step: float
    marked: tuple[int, ...]
    warning: str = ""

    @property
    def sentence(self) -> str:
        """For the status bar."""
        what = "1 image" if self.frames == 1 else f"{self.frames} frames"
        whom = "1 camera" if self.views == 1 else f"{self.views} cameras"
        text = f"'{self.armature}' follows {what} of {whom}"
        seen = [error for error in self.error_px if error is not None]
        if seen:
            text += f", {np.median(seen):.1f} px off"
        if seen and self.frames > 1:
            worst = self.error_px.index(max(seen))
            frame = self.first_frame + worst * self.step
            text += f", {max(seen):.1f} px on frame {frame:g}"
        if self.frames > 1 and abs(self.step - 1) > 1e-6:
            text += f"; keys lie {self.step:.3g} frames apart, for the footage has {self.fps:g} a second"
        return text


def fit_body(
    context: bpy.types.Context, settings: FitSettings, *, progress: Progress | None = None
) -> FitReport:
    """Put a body into the scene that follows keypoints of footage.

    Args:
        context: in Object Mode.
        settings: what the user chose.
        progress: told how much is done; may raise to stop, and then nothing has changed.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    job = _Job(context, settings)
    solution = job.solve(progress or (lambda _: None))
    return job.finish(context, solution)


def fitting_in_window(context: bpy.types.Context, settings: FitSettings) -> Steps[FitReport]:
    """The same as a window needs it: solved on a thread of its own.

    Closed before the end, it leaves nothing.
    """
    return _steps(context, _Job(context, settings))


def _steps(context: bpy.types.Context, job: _Job) -> Steps[FitReport]:
    solution = yield from within(on_thread(job.solve), 0.0, _SOLVED)
    return job.finish(context, solution)


class _Job:
    """One press: what Blender knows is gathered here, ``solve`` may run on any thread."""

    def __init__(self, context: bpy.types.Context, settings: FitSettings) -> None:
        if context.mode != "OBJECT":
            raise Refusal("Switch to Object Mode first")
        render = context.scene.render
        self.settings = settings
        self.fps = settings.fps or render.fps / render.fps_base
        self.asked: Sources = sources(context, settings)
        self.model = Path(bpy.path.abspath(settings.model)) if settings.model else None

    def solve(self, told: Progress) -> Solution:
        """Read the files and fit; touches nothing of Blender's.

        Raises:
            Refusal: if a file cannot be used, or the footage shows too little.
        """
        try:
            model = default_body() if self.model is None else read_smpl(self.model)
            footage = footage_of(self.asked)
            told(READ)
            fitted = fit(
                footage,
                self.fps,
                strength=self.settings.strength,
                callback=lambda step, steps: told(BEGUN + (FITTED - BEGUN) * step / steps),
            )
            told(FITTED)
            found = fit_model(model, fitted, ground=self.settings.ground)
        except FAILURES as error:
            raise _refusal(error) from error
        cameras = None if self.asked.camera is not None else footage.cameras
        if self.asked.is_estimated:
            found, cameras = _on_floor(found), replace(cameras, centre=cameras.centre - [0, found.floor, 0])
        return Solution(model, found, cameras, self._name, footage.first, fitted)

    def finish(self, context: bpy.types.Context, solution: Solution) -> FitReport:
        """Put what was found into the scene."""
        if context.mode != "OBJECT":
            raise Refusal("Switch to Object Mode first")
        built = build(context, solution, self.settings)
        return _report(solution, built, self.settings)

    @property
    def _name(self) -> str:
        return self.asked.clip or self.asked.keypoints[0].stem


def _refusal(error: Exception) -> Refusal:
    """Core's sentence, with its advice in the words of whoever reads it."""
    for ending, advice in _ADVICE.items():
        if str(error).endswith(ending):
            return Refusal(str(error).removesuffix(ending), advice)
    if isinstance(error, (OSError, ValueError)):
        return Refusal(str(error))
    return Refusal(f"The body could not be fitted: {reason(error, 'CPU')}")


def _on_floor(found: ModelFit) -> ModelFit:
    """The body with its standing feet at height 0: a lone camera does not know where the floor is."""
    poses = found.motion.poses
    lowered = Pose(poses.rotations, poses.transl - [0, found.floor, 0])
    return replace(found, motion=replace(found.motion, poses=lowered))


def _report(solution: Solution, built: Built, settings: FitSettings) -> FitReport:
    found, frames = solution.found, built.frames
    return FitReport(
        armature=built.body.armature.name,
        cameras=tuple(camera.name for camera in built.cameras),
        action=built.body.armature.animation_data.action.name,
        frames=len(frames),
        views=1 if solution.cameras is None else len(solution.cameras),
        error_px=tuple(round(float(e), 3) if np.isfinite(e) else None for e in found.error),
        first_frame=float(frames[0]),
        last_frame=float(frames[-1]),
        fps=found.motion.fps,
        step=float(frames[1] - frames[0]) if len(frames) > 1 else 1.0,
        marked=built.marked,
        warning=_warning(solution, frames, settings),
    )


def _warning(solution: Solution, frames: np.ndarray, settings: FitSettings) -> str:
    """What is amiss, in frames (T,) of the scene."""
    told = remarks(solution.fitted, frames)
    if settings.ground and not solution.found.grounded:
        told.append(NOTHING_STANDS)
    if not solution.fitted.improved:
        told.append(
            "What people usually do did not fit these keypoints, so the body stays where the fit began"
        )
    return "; ".join(told)
