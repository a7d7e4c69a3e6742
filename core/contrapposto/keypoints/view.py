# SPDX-License-Identifier: GPL-3.0-or-later
"""One person in the keypoints of one view, with a camera that is known or the likeliest one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.keypoints.body import usable
from contrapposto.keypoints.calibrated import Calibrated
from contrapposto.keypoints.calibration import Calibration
from contrapposto.keypoints.detections import Detections
from contrapposto.keypoints.footage import LEAST_CONFIDENCE, Footage, of_person, together, which_set
from contrapposto.keypoints.intrinsics import lone_camera
from contrapposto.keypoints.points import completed
from contrapposto.keypoints.reading import read_keypoints
from contrapposto.keypoints.tracking import Choice, Rule, one_person


def read_view(
    source: Path,
    *,
    size: Sequence[float] | None = None,
    camera: Calibrated | Calibration | None = None,
    name: str | None = None,
    form: str | None = None,
    person: Choice = Rule.BEST,
) -> Footage:
    """One person of a file or folder of keypoints, V = 1.

    Args:
        source: the keypoints.
        form: of the file; told by its content if None.
        size, camera, name, person: as ``one_view`` takes them.

    Raises:
        ValueError: with one sentence naming the file, as ``read_keypoints`` and ``one_view``.
    """
    return one_view(read_keypoints(source, form), source, size=size, camera=camera, name=name, person=person)


def one_view(
    seen: Detections,
    source: Path,
    *,
    size: Sequence[float] | None = None,
    camera: Calibrated | Calibration | None = None,
    name: str | None = None,
    person: Choice = Rule.BEST,
) -> Footage:
    """One person of what a detector saw, V = 1.

    A camera of which no one knows where it is stands at the world's origin, see ``lone_camera``.

    Args:
        seen: everyone.
        source: where it came from.
        size: width and height of the image in pixels; the camera's if None. If neither says, the
            image is taken to end where the points do.
        camera: its intrinsics and lens, see ``read_lens``, or a calibration of one camera, which says
            where it stands, too; likely ones if None.
        name: of the set of points; recognised if None.
        person: who is meant; the one with most confidence in all frames together by default.

    Raises:
        ValueError: with one sentence, if no point is sure, the size is needed and not known, the set
            cannot be told, or no one is where someone clicked.
    """
    calibration = Calibration.alone(camera) if isinstance(camera, Calibrated) else camera
    known = calibration.cameras.size[0] if size is None and calibration is not None else size
    points, confidence, first = together([seen.in_pixels(known)])
    if not confidence.any():
        raise ValueError(f"No point in {source} is sure by {LEAST_CONFIDENCE:.0%} or more")
    width, height = np.nanmax(points.reshape(-1, 2), axis=0) + 1 if known is None else known
    pinhole = lone_camera(float(width), float(height))
    if calibration is not None:
        pinhole = replace(calibration.cameras, size=pinhole.size)
        points = calibration.straightened(points)
        confidence = np.where(np.isfinite(points[..., 0]), confidence, 0)
    name, names = which_set(points, confidence, name, seen.names)
    used = usable(names)
    points, confidence, names = completed(
        points[..., used, :], confidence[..., used], tuple(names[index] for index in used)
    )
    crowd = Footage((source,), pinhole, name, names, points, confidence, first)
    return of_person(crowd, one_person(points[0], confidence[0], person, first)[None])
