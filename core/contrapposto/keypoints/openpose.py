# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of OpenPose JSON files, one a frame, as an array of everyone who was seen."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LARGEST_FILE = 1 << 24
"""Bytes that one frame may have; a crowd of a hundred people takes less than a million."""

MOST_MISSING = 10
"""A folder may lack so many times the frames that it has; with more, the numbers are no frames'."""

_LAST_NUMBER = re.compile(r"\d+(?![\ddD])(?!.*\d(?![\ddD]))")
"""Less the 2 of ``keypoints_2d``."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector saw of everyone in a view.

    Attributes:
        points: (T, P, K, 2) pixels, NaN where missing; P is the most people of a frame,
            in no stable order.
        confidence: (T, P, K) 0 to 1; 0 where missing.
        first: number of the first frame.
    """

    points: np.ndarray
    confidence: np.ndarray
    first: int = 0

    def __len__(self) -> int:
        return len(self.points)

    def frames(self, first: int, count: int) -> Detections:
        """``count`` frames from the one that is numbered ``first``."""
        rows = slice(first - self.first, first - self.first + count)
        return Detections(self.points[rows], self.confidence[rows], first)


def read_openpose(folder: Path | str) -> Detections:
    """Everyone in a folder of OpenPose JSON files.

    Files are frames by the last number in their names, ``2d`` is none; a number that is missing between the
    first and the last is a frame with no one, a file that is named otherwise than most is
    none of them. ``0, 0, 0`` is a missing point. Confidence above 1 counts as 1.

    Raises:
        ValueError: with one sentence naming the file, if the folder has no frames, or a
            file is damaged, of another layout, or holds values that cannot be.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}")
    files = _frames(folder)
    first = min(files)
    if max(files) - first > MOST_MISSING * len(files):
        raise ValueError(f"Most of the frames from {first} to {max(files)} are missing in {folder}")
    people = {number - first: _people(file) for number, file in files.items()}
    shapes = {person.shape for seen in people.values() for person in seen}
    if not shapes:
        raise ValueError(f"No one is seen in any frame of {folder}")
    if len(shapes) > 1:
        counts = sorted(shape[0] for shape in shapes)
        raise ValueError(f"The frames in {folder} differ in points a person: {counts[0]} and {counts[-1]}")
    most = max(len(seen) for seen in people.values())
    values = np.zeros((max(people) + 1, most, *shapes.pop()))
    for frame, seen in people.items():
        if seen:
            values[frame, : len(seen)] = seen
    confidence = np.minimum(values[..., 2], 1)
    return Detections(np.where(confidence[..., None] > 0, values[..., :2], np.nan), confidence, first)


def _frames(folder: Path) -> dict[int, Path]:
    """The files of a folder by frame number: those that are named alike, as most of them are."""
    alike: dict[tuple[str, str], dict[int, Path]] = {}
    for file in sorted(folder.glob("*.json")):
        number = _LAST_NUMBER.search(file.stem)
        if number:
            before, after = file.stem[: number.start()], file.stem[number.end() :]
            alike.setdefault((before, after), {})[int(number.group())] = file
    counts = sorted((len(files) for files in alike.values()), reverse=True)
    if not counts:
        raise ValueError(f"There are no JSON files with a frame number in {folder}")
    if len(counts) > 1 and 2 * counts[1] >= counts[0]:
        raise ValueError(f"{folder} holds the frames of more than one camera; give each its own folder")
    return max(alike.values(), key=len)


def _people(file: Path) -> list[np.ndarray]:
    """The (K, 3) points of each person in a file."""
    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{file} is too large for one frame of keypoints")
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"), parse_int=float)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not valid JSON (line {error.lineno}); it may be cut off") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{file} is not valid JSON") from error
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise ValueError(f"{file} has no list of 'people'; it was not written by OpenPose")
    found = [_points(file, person) for person in people]
    return [points for points in found if np.any(points[:, 2] > 0)]


def _points(file: Path, person: Any) -> np.ndarray:  # noqa: ANN401 - it comes out of a file
    numbers = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
    if not isinstance(numbers, list):
        raise ValueError(f"{file} has a person without 'pose_keypoints_2d'")
    if not numbers or len(numbers) % 3:
        raise ValueError(f"{file} has a person of {len(numbers)} numbers, not three a point")
    if not all(isinstance(value, float) for value in numbers):
        raise ValueError(f"{file} has a point that is no number")
    points = np.array(numbers, dtype=float).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise ValueError(f"{file} has a point that is not a finite number")
    if np.any(points[:, 2] < 0):
        raise ValueError(f"{file} has a point with negative confidence")
    return points
