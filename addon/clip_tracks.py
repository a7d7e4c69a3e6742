# SPDX-License-Identifier: GPL-3.0-or-later
"""A movie clip's own tracks, named after joints, as what a detector saw: the same value as of keypoint files.

Tracks are known by any common spelling (``knee.R``, ``RightKnee``; see core's ``naming``), others are
left out. Blender counts shares of the image from the bottom left, core pixels from the top left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from contrapposto.keypoints.calibrated import Calibrated
from contrapposto.keypoints.detections import Detections
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.naming import point_named
from contrapposto.keypoints.view import one_view

from .errors import Refusal

_COPY = re.compile(r"\.\d{3}$")
"""What Blender appends to a name that there is already."""

_UNSET_MM = (24.0, 35.0)
"""Focal length and sensor width that Blender gives a new clip: no one has said what its camera is."""


@dataclass(frozen=True, eq=False)
class ClipTracks:
    """What the tracks of a clip say.

    Attributes:
        detections: of one person, by the scene's frames; the confidence is the tracks' weight.
        size: width and height of the clip, pixels.
        camera: intrinsics and lens; None if they are as Blender gives them to every clip.
        left_out: names of tracks that stand for no joint.
    """

    detections: Detections
    size: tuple[int, int]
    camera: Calibrated | None
    left_out: tuple[str, ...]


def read_clip_tracks(clip: bpy.types.MovieClip) -> ClipTracks:
    """The tracks of a clip that are named after joints.

    Raises:
        Refusal: if the clip's image is not there, no track is named after a joint, two are of the same,
            none has a marker, or the lens is of a model that cannot be read.
    """
    width, height = clip.size
    # of a file that is not there Blender says that it is 256 pixels square
    if not Path(bpy.path.abspath(clip.filepath, library=clip.library)).exists() or not (width and height):
        raise Refusal(f"The images of clip '{clip.name}' cannot be read; choose its file anew")
    found: dict[str, bpy.types.MovieTrackingTrack] = {}
    left_out: list[str] = []
    for item in clip.tracking.objects:
        for track in item.tracks:
            point = point_named(_COPY.sub("", track.name))
            if point is None:
                left_out.append(track.name)
            elif point in found:
                raise Refusal(
                    f"Tracks '{found[point].name}' and '{track.name}' of clip '{clip.name}' are both the "
                    f"point '{point}'; rename one"
                )
            else:
                found[point] = track
    if not found:
        raise Refusal(
            f"No track of clip '{clip.name}' is named after a joint; "
            "name them like 'knee.R', 'wrist.L' or 'nose'"
        )
    return ClipTracks(_detections(clip, found), (width, height), _camera(clip), tuple(left_out))


def clip_footage(clip: bpy.types.MovieClip) -> Footage:
    """The person of a clip's tracks, seen by the clip's camera if it is set, by the likeliest else.

    Raises:
        Refusal: as ``read_clip_tracks``, and if nothing is sure.
    """
    tracks = read_clip_tracks(clip)
    try:
        return one_view(tracks.detections, Path(clip.name), size=tracks.size, camera=tracks.camera)
    except ValueError as error:
        raise Refusal(f"The tracks of clip '{clip.name}' cannot be used: {error}") from error


def _detections(clip: bpy.types.MovieClip, tracks: dict[str, bpy.types.MovieTrackingTrack]) -> Detections:
    places = {
        (marker.frame, column): (marker.co[0] + track.offset[0], marker.co[1] + track.offset[1], track.weight)
        for column, track in enumerate(tracks.values())
        for marker in track.markers
        if not marker.mute
    }
    if not places:
        raise Refusal(f"The tracks of clip '{clip.name}' have no marker on any frame; track them first")
    frames = [frame for frame, _ in places]
    first = min(frames)
    rows = np.zeros((max(frames) - first + 1, 1, len(tracks), 3))
    for (frame, column), (x, y, weight) in places.items():
        rows[frame - first, 0, column] = [x * clip.size[0], (1 - y) * clip.size[1], weight]
    confidence = np.where(np.isfinite(rows).all(axis=-1), np.clip(rows[..., 2], 0, 1), 0)
    if not confidence.any():
        raise Refusal(f"All tracks of clip '{clip.name}' have a weight of 0; raise it in their settings")
    points = np.where(confidence[..., None] > 0, rows[..., :2], np.nan)
    return Detections(points, confidence, first + clip.frame_start - 1, tuple(tracks))


def _camera(clip: bpy.types.MovieClip) -> Calibrated | None:
    """The clip's camera, if someone has set it."""
    camera = clip.tracking.camera
    width, height = clip.size
    model = camera.distortion_model
    radial = {
        "POLYNOMIAL": lambda: [camera.k1, camera.k2, 0, 0, camera.k3],
        "BROWN": lambda: [
            camera.brown_k1,
            camera.brown_k2,
            camera.brown_p1,
            camera.brown_p2,
            camera.brown_k3,
        ],
    }.get(model)
    if radial is None or (model == "BROWN" and camera.brown_k4 != 0):
        raise Refusal(
            f"The lens of clip '{clip.name}' has the distortion model '{model.title()}', which cannot be "
            "read; choose Polynomial in the Lens panel, and solve again"
        )
    if abs(camera.pixel_aspect - 1) > 1e-3:
        raise Refusal(f"Clip '{clip.name}' has pixels that are not square; render it with square ones first")
    middle = np.array(camera.principal_point_pixels)
    is_unset = np.allclose((camera.focal_length, camera.sensor_width), _UNSET_MM) and not any(radial())
    if is_unset and camera.units == "MILLIMETERS" and np.allclose(middle, [width / 2, height / 2], atol=0.6):
        return None
    focal = camera.focal_length_pixels
    try:
        return Calibrated.of(
            clip.name,
            Path(clip.name),
            intrinsics=np.array([[focal, 0, middle[0]], [0, focal, height - middle[1]], [0, 0, 1]]),
            distortion=np.array(radial(), dtype=float),
            size=np.array([width, height], dtype=float),
        )
    except ValueError as error:
        raise Refusal(f"The camera of clip '{clip.name}' cannot be used: {error}") from error
