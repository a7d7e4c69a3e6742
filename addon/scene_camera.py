# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's cameras as core's pinholes, and the other way, with what was filmed behind them."""

from __future__ import annotations

import re
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from contrapposto.keypoints.cameras import Camera

from .body_bones import CORE_TO_BLENDER
from .errors import Refusal

_SENSOR_MM = 36.0
_TO_PINHOLE = np.diag([1.0, -1.0, -1.0])
"""Blender's camera has y up and looks back along z; a pinhole has y down and looks along z."""

_SHEAR = 1e-3
"""Cosine between two axes of a camera, from which on they are not upright on each other."""

_FARTHEST = 1000.0
"""Metres; what a camera of a scene clips."""


def read_camera(context: bpy.types.Context, size: tuple[int, int] | None = None) -> Camera:
    """The scene's camera on this frame, V = 1.

    Args:
        context: whose scene it is.
        size: width and height in pixels of what it filmed; those of the render if None.

    Raises:
        Refusal: if there is none, or it is no pinhole.
    """
    scene, camera = context.scene, context.scene.camera
    if camera is None or camera.type != "CAMERA":
        raise Refusal("The scene has no camera; add one, or let it be estimated")
    if camera.data.type != "PERSP":
        raise Refusal(f"Camera '{camera.name}' is not a perspective one; set its type to Perspective")
    if not np.isclose(scene.render.pixel_aspect_x, scene.render.pixel_aspect_y):
        raise Refusal("The render has pixels that are not square; set its aspect X and Y to 1")
    width, height = size or (scene.render.resolution_x, scene.render.resolution_y)
    depsgraph = context.evaluated_depsgraph_get()
    projection = np.array(camera.evaluated_get(depsgraph).calc_matrix_camera(depsgraph, x=width, y=height))
    world = np.array(camera.matrix_world)
    axes = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
    if not (np.isfinite(projection).all() and np.isfinite(axes).all() and np.isfinite(world).all()):
        raise Refusal(f"Camera '{camera.name}' has a transform that cannot be; clear its scale")
    if not np.allclose(axes.T @ axes, np.eye(3), atol=_SHEAR) or np.linalg.det(axes) < 0:
        raise Refusal(f"Camera '{camera.name}' is mirrored or sheared; clear its scale and its parents'")
    intrinsics = np.array(
        [
            [projection[0, 0] * width / 2, 0.0, (1 - projection[0, 2]) * width / 2],
            [0.0, projection[1, 1] * height / 2, (1 + projection[1, 2]) * height / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    rotation = _TO_PINHOLE @ axes.T @ CORE_TO_BLENDER
    centre = CORE_TO_BLENDER.T @ world[:3, 3]
    return Camera(intrinsics[None], rotation[None], centre[None], np.array([[width, height]], dtype=float))


def add_camera(collection: bpy.types.Collection, name: str, camera: Camera) -> bpy.types.Object:
    """A camera object of one pinhole; it lines up where the render has the image's size.

    Of focal lengths that differ between width and height their mean is taken.
    """
    width, height = camera.size
    data = bpy.data.cameras.new(name)
    data.sensor_fit, data.sensor_width, data.clip_end = "HORIZONTAL", _SENSOR_MM, _FARTHEST
    focal = (camera.intrinsics[0, 0] + camera.intrinsics[1, 1]) / 2
    data.lens_unit, data.lens = "MILLIMETERS", float(focal * _SENSOR_MM / width)
    data.shift_x = float((width / 2 - camera.intrinsics[0, 2]) / width)
    data.shift_y = float((camera.intrinsics[1, 2] - height / 2) / width)
    made = bpy.data.objects.new(name, data)
    world = np.eye(4)
    world[:3, :3] = CORE_TO_BLENDER @ camera.rotation.T @ _TO_PINHOLE
    world[:3, 3] = CORE_TO_BLENDER @ camera.centre
    made.matrix_world = Matrix(world.tolist())
    collection.objects.link(made)
    return made


def load_movie(path: Path) -> bpy.types.MovieClip:
    """A movie, or numbered pictures by one of them, as a clip of its own.

    Raises:
        Refusal: if it is missing or nothing that Blender shows; then no clip is left.
    """
    if not path.is_file():
        raise Refusal(f"There is no movie or picture {path}")
    try:
        clip = bpy.data.movieclips.load(str(path))
    except RuntimeError as error:
        raise Refusal(f"{path.name} is no movie or picture that Blender can show") from error
    if not clip.frame_duration:  # of what it cannot read Blender says that it is 256 pixels square
        bpy.data.movieclips.remove(clip)
        raise Refusal(f"{path.name} is no movie or picture that Blender can show")
    return clip


def first_number(clip: bpy.types.MovieClip) -> int:
    """The number in the name of a clip's first picture; 0 of a movie, whose pictures count from 0."""
    numbers = re.findall(r"\d+", Path(clip.filepath).stem)
    return int(numbers[-1]) if clip.source == "SEQUENCE" and numbers else 0


def show_behind(camera: bpy.types.Object, clip: bpy.types.MovieClip) -> None:
    """Show a clip behind what a camera sees, as wide as its frame."""
    picture = camera.data.background_images.new()
    picture.source, picture.clip = "MOVIE_CLIP", clip
    picture.alpha, picture.frame_method, picture.display_depth = 1.0, "CROP", "BACK"
    camera.data.show_background_images = True
