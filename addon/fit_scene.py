# SPDX-License-Identifier: GPL-3.0-or-later
"""A fitted body in the scene: mesh and armature, its action, and the cameras that saw it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from contrapposto.body.model import BodyModel
from contrapposto.keypoints.cameras import Camera
from contrapposto.tasks.fit import Fitted
from contrapposto.tasks.fit_model import ModelFit

from .all_or_nothing import all_or_nothing
from .body_action import frames_of, write_motion
from .body_scene import SceneBody, add_body, visible_collection
from .fit_marks import key_errors, mark_worst
from .fit_settings import FitSettings
from .scene_camera import add_camera, first_number, load_movie, show_behind

NAME = "Fitted Body"
CAMERA = "Fit Camera"


@dataclass(frozen=True, eq=False)
class Solution:
    """What was found, without Blender.

    Attributes:
        model: the body that it is told in, on NumPy.
        found: its shape and motion, and how far it is off.
        cameras: V of them; None if the scene's own camera is the one.
        name: of the footage.
        first: number of the first frame, as the files have it.
        fitted: the body of free proportions that the model follows.
    """

    model: BodyModel
    found: ModelFit
    cameras: Camera | None
    name: str
    first: int
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class Built:
    """What is in the scene now.

    Attributes:
        body: mesh and armature.
        frames: (T,) of the scene, on which the keys lie.
        marked: frames that got a marker.
        cameras: that were made.
    """

    body: SceneBody
    frames: np.ndarray
    marked: tuple[int, ...]
    cameras: tuple[bpy.types.Object, ...]


def build(context: bpy.types.Context, solution: Solution, settings: FitSettings) -> Built:
    """Put what was found into the scene, whole or not at all.

    Raises:
        Refusal: if Blender is not in Object Mode, the shape is beyond what shape keys can hold, or a movie
            cannot be shown.
    """
    scene, found = context.scene, solution.found
    first = solution.first if settings.clip else settings.first_frame
    with all_or_nothing(context.view_layer):
        clips = _clips(solution, settings, first)
        body = add_body(context, solution.model, found.betas, name=NAME, correctives=settings.correctives)
        motion = replace(found.motion, name=solution.name)
        write_motion(context, body, motion, first_frame=first)
        frames = frames_of(scene, motion, first)
        key_errors(body.armature, frames, found.error)
        cameras = _add_cameras(context, solution.cameras, clips)
    marked = mark_worst(scene, frames, found.error, motion.fps)
    if cameras:
        scene.camera = cameras[0]
        scene.render.resolution_x, scene.render.resolution_y = (round(x) for x in solution.cameras.size[0])
        scene.render.resolution_percentage = 100
        scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.0
    for thing in context.selected_objects:
        thing.select_set(False)
    body.armature.select_set(True)
    context.view_layer.objects.active = body.armature
    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
    return Built(body, frames, marked, cameras)


def _clips(solution: Solution, settings: FitSettings, first: int) -> tuple[bpy.types.MovieClip | None, ...]:
    """What each view filmed, begun so that it shows a moment while the body is there."""
    if solution.cameras is None:
        return ()
    if settings.clip:
        return (bpy.data.movieclips[settings.clip],)
    found = []
    for view in settings.views:
        clip = load_movie(Path(bpy.path.abspath(view.movie))) if view.movie else None
        if clip is not None:
            clip.frame_start = first - (solution.first - first_number(clip))
        found.append(clip)
    return tuple(found)


def _add_cameras(
    context: bpy.types.Context, cameras: Camera | None, clips: tuple[bpy.types.MovieClip | None, ...]
) -> tuple[bpy.types.Object, ...]:
    made = []
    for index, clip in enumerate(clips):
        name = CAMERA if len(clips) == 1 else f"{CAMERA} {index + 1}"
        camera = add_camera(visible_collection(context), name, cameras[index])
        if clip is not None:
            show_behind(camera, clip)
        made.append(camera)
    return tuple(made)
