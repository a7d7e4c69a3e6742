# SPDX-License-Identifier: GPL-3.0-or-later
"""Keypoints and a calibration as what calibrated cameras saw of one person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from contrapposto.keypoints.body import usable
from contrapposto.keypoints.calibration import Calibration, read_calibration
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.detections import Detections, same_detector
from contrapposto.keypoints.people import everyone, follow
from contrapposto.keypoints.points import completed, recognise
from contrapposto.keypoints.reading import read_keypoints
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.tracking import NOBODY, Choice, Rule, wanted

LEAST_CONFIDENCE = 0.3
"""A point of which a detector is less sure counts as missing."""


@dataclass(frozen=True, eq=False)
class Footage:
    """What calibrated cameras saw of one person.

    Attributes:
        folders: of each camera, or its file.
        cameras: V of them.
        name: of the set that the detector finds.
        names: of the K points of it that are on a body.
        points: (V, T, K, 2) pixels, NaN where missing.
        confidence: (V, T, K), 0 where missing.
        first: number of the first frame, as the files have it.
    """

    folders: tuple[Path, ...]
    cameras: Camera
    name: str
    names: tuple[str, ...]
    points: np.ndarray
    confidence: np.ndarray
    first: int = 0


def read_footage(
    folders: Sequence[Path],
    calibration: Path | Calibration,
    name: str | None = None,
    numbers: Sequence[int] | None = None,
    form: str | None = None,
    person: Choice = Rule.BEST,
) -> Footage:
    """The one person who is meant in keypoints, a folder or file for each camera of the calibration.

    Args:
        folders: in the calibration's order.
        calibration: a file, see ``read_calibration``, or what was read of one.
        name: of the set of points; recognised if None.
        numbers: of the calibration's cameras, from 1, that the folders belong to; all if None.
        form: of the files, see ``reading.FORMATS``; told by their content if None.
        person: who is meant; the one whom the cameras agree on best by default.

    Raises:
        ValueError: with one sentence, if a file is missing or damaged, or they do not belong together.
    """
    crowd = _crowd(folders, calibration, name, numbers, form)
    meant = None if person is Rule.BEST else wanted(person, crowd.points, crowd.confidence, crowd.first)
    return of_person(crowd, follow(crowd.cameras, crowd.points, crowd.confidence, meant))


def read_everyone(
    folders: Sequence[Path],
    calibration: Path | Calibration,
    name: str | None = None,
    numbers: Sequence[int] | None = None,
    form: str | None = None,
) -> list[Footage]:
    """Everyone whom at least two cameras show, each by themselves, the best seen first.

    Args:
        folders, calibration, name, numbers, form: as ``read_footage`` takes them.

    Raises:
        ValueError: as ``read_footage``.
    """
    crowd = _crowd(folders, calibration, name, numbers, form)
    return [of_person(crowd, chosen) for chosen in everyone(crowd.cameras, crowd.points, crowd.confidence)]


def _crowd(
    folders: Sequence[Path],
    calibration: Path | Calibration,
    name: str | None,
    numbers: Sequence[int] | None,
    form: str | None,
) -> Footage:
    """What is read as footage of P people, (V, T, P, K, ...)."""
    if len(folders) < 2:
        raise ValueError("Two cameras or more are needed, each with its folder; one cannot tell how far away")
    calibrated = calibration if isinstance(calibration, Calibration) else read_calibration(calibration)
    calibrated = calibrated if numbers is None else calibrated.of_numbers(numbers)
    if len(folders) != len(calibrated):
        whose = "The calibration has" if numbers is None else "--cameras names"
        raise ValueError(
            f"{whose} {len(calibrated)} cameras, but {len(folders)} folders or files are given; one a camera "
            "is needed, and --cameras says which cameras they are"
        )
    cameras, views = calibrated.cameras, [read_keypoints(folder, form) for folder in folders]
    told = same_detector(views, folders)
    points, confidence, first = together(
        [view.in_pixels(size) for view, size in zip(views, cameras.size, strict=True)]
    )
    points = calibrated.straightened(points)
    confidence = np.where(np.isfinite(points[..., 0]), confidence, 0)
    name, names = which_set(points, confidence, name, told)
    used = usable(names)
    points, confidence, names = completed(
        points[..., used, :], confidence[..., used], tuple(names[index] for index in used)
    )
    return Footage(tuple(folders), cameras, name, names, points, confidence, first)


def which_set(
    points: np.ndarray, confidence: np.ndarray, name: str | None, told: tuple[str, ...] | None
) -> tuple[str, tuple[str, ...]]:
    """What the set of points (..., K, 2) is called, and the names of its points.

    Args:
        points, confidence: of anyone.
        name: of the set, if someone says so.
        told: names of the points, if the files say so.

    Raises:
        ValueError: with one sentence, if the set has another number of points, cannot be told, or none of
            the points is on a body.
    """
    if name is None and told is not None:
        if len(usable(told)) == 0:
            raise ValueError(
                f"No point has a name that is known, as {', '.join(told[:3])}; see the user guide"
            )
        return next((known for known, names in SETS.items() if names == told), "named points"), told
    name = name or recognise(points, confidence)
    if len(SETS[name]) != confidence.shape[-1]:
        raise ValueError(f"{name} has {len(SETS[name])} points a person, not {confidence.shape[-1]}")
    return name, SETS[name]


def together(views: Sequence[Detections]) -> tuple[np.ndarray, np.ndarray, int]:
    """Points (V, T, P, K, 2) and confidence (V, T, P, K) of the frames that all views have, and the first.

    Raises:
        ValueError: with one sentence, if there is none.
    """
    first = max(view.first for view in views)
    count = min(view.first + len(view) for view in views) - first
    if count < 1:
        raise ValueError("The cameras have no frame number in common")
    most = max(view.confidence.shape[1] for view in views)
    points, confidence = [], []
    for view in views:
        shared = view.frames(first, count)
        room = [(0, 0), (0, most - shared.confidence.shape[1]), (0, 0)]
        sure = np.where(shared.confidence < LEAST_CONFIDENCE, 0, shared.confidence)
        confidence.append(np.pad(sure, room))
        known = np.where(sure[..., None] > 0, shared.points, np.nan)
        points.append(np.pad(known, [*room, (0, 0)], constant_values=np.nan))
    return np.stack(points), np.stack(confidence), first


def of_person(crowd: Footage, chosen: np.ndarray) -> Footage:
    """The footage of the person who is (V, T) so manieth among the P of a crowd's."""
    at = np.maximum(chosen, 0)[..., None, None]
    points = np.take_along_axis(crowd.points, at[..., None], axis=2)[:, :, 0]
    confidence = np.take_along_axis(crowd.confidence, at, axis=2)[:, :, 0]
    confidence = np.where((chosen == NOBODY)[..., None], 0, confidence)
    return replace(crowd, points=np.where(confidence[..., None] > 0, points, np.nan), confidence=confidence)
