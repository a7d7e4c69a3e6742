# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, by which cameras: gathered on Blender's thread, read from files on any.

What Blender knows (tracks of a clip, the scene's camera, the size of a movie) is asked for first; the files
of keypoints and calibrations are read where no window waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from contrapposto.keypoints.calibration import Calibration, read_calibration
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.footage import Footage, read_footage
from contrapposto.keypoints.reading import read_keypoints
from contrapposto.keypoints.tracking import Choice, choice_of
from contrapposto.keypoints.view import one_view

from .clip_tracks import ClipTracks, read_clip_tracks
from .errors import Refusal
from .fit_settings import CameraSource, FitSettings
from .scene_camera import load_movie, read_camera

NUMBER_VIEWS = "and --cameras says which cameras they are"
"""How core ends a sentence on views of which no one says whose they are."""


@dataclass(frozen=True, eq=False)
class Sources:
    """What is to be read, and what Blender knows of it.

    Attributes:
        keypoints: of each view; empty if tracks are taken.
        numbers: of the calibration's cameras that the views belong to; all in their order if None.
        tracks: of a movie clip.
        clip: its name.
        calibration: the file; None if another knows the cameras.
        camera: the scene's, if it counts.
        size: width and height of the only view's image, as far as a movie says it.
        point_set: that the points are of; recognised if None.
        person: who is meant.
    """

    keypoints: tuple[Path, ...]
    numbers: tuple[int, ...] | None
    tracks: ClipTracks | None
    clip: str
    calibration: Path | None
    camera: Camera | None
    size: tuple[int, int] | None
    point_set: str | None
    person: Choice

    @property
    def is_estimated(self) -> bool:
        """Whether no one knows where the camera is."""
        return self.camera is None and self.calibration is None


def sources(context: bpy.types.Context, settings: FitSettings) -> Sources:
    """What Blender knows of the footage.

    Raises:
        Refusal: if a clip, a movie or a camera cannot be used.
    """
    tracks, size = None, None
    if settings.clip:
        clip = bpy.data.movieclips.get(settings.clip)
        if clip is None:
            raise Refusal(f"There is no movie clip '{settings.clip}' in this file; choose another one")
        tracks = read_clip_tracks(clip)
        size = tracks.size
    else:
        sizes = [_size_of(Path(bpy.path.abspath(view.movie))) for view in settings.views if view.movie]
        size = sizes[0] if len(settings.views) == len(sizes) == 1 else None
    try:
        person = choice_of(settings.person)
    except ValueError as error:
        raise Refusal(str(error)) from error
    is_calibrated = settings.cameras is CameraSource.CALIBRATION
    return Sources(
        keypoints=tuple(Path(bpy.path.abspath(view.keypoints)) for view in settings.views)
        if not tracks
        else (),
        numbers=tuple(view.camera for view in settings.views if view.camera) or None,
        tracks=tracks,
        clip=settings.clip,
        calibration=Path(bpy.path.abspath(settings.calibration)) if is_calibrated else None,
        camera=read_camera(context, size) if settings.cameras is CameraSource.SCENE else None,
        size=size,
        point_set=settings.point_set or None,
        person=person,
    )


def footage_of(asked: Sources) -> Footage:
    """The one person who is meant, and the cameras that saw them; touches nothing of Blender's.

    Raises:
        ValueError: with one sentence, if a file is missing or damaged, or they do not belong together.
    """
    if len(asked.keypoints) > 1:
        return read_footage(
            asked.keypoints,
            asked.calibration,
            name=asked.point_set,
            numbers=asked.numbers,
            person=asked.person,
        )
    if asked.calibration is not None:
        calibration = _only(asked)
        seen = _seen(asked, tuple(calibration.cameras.size[0]))
        points = calibration.straightened(seen.points)
        sure = np.where(np.isfinite(points[..., 0]), seen.confidence, 0)
        return replace(seen, points=points, confidence=sure, cameras=calibration.cameras)
    if asked.camera is not None:
        return replace(_seen(asked, tuple(asked.camera.size[0])), cameras=asked.camera)
    return _seen(asked, asked.size)


def _seen(asked: Sources, size: tuple[float, float] | None) -> Footage:
    """The only view; a clip's own lens counts, unless a calibration has one."""
    if asked.tracks is None:
        (source,) = asked.keypoints
        seen = read_keypoints(source)
        return one_view(seen, source, size=size, name=asked.point_set, person=asked.person)
    lens = asked.tracks.camera if asked.calibration is None else None
    return one_view(asked.tracks.detections, Path(asked.clip), size=size, camera=lens, person=asked.person)


def _only(asked: Sources) -> Calibration:
    """The calibration of the one camera that the view belongs to."""
    calibration = read_calibration(asked.calibration)
    if asked.numbers is not None:
        return calibration.of_numbers(asked.numbers)
    if len(calibration) != 1:
        raise ValueError(
            f"{asked.calibration.name} has {len(calibration)} cameras and there is one view; {NUMBER_VIEWS}"
        )
    return calibration


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height of a movie or picture; nothing of it stays in the file."""
    clip = load_movie(path)
    width, height = clip.size
    bpy.data.movieclips.remove(clip)
    return width, height
