# SPDX-License-Identifier: GPL-3.0-or-later
"""MediaPipe's landmarks as JSON: there is no standard file, so the ways that scripts write it.

A take is a list of frames, or ``{"frames": [...]}``. A frame is a list of 33 landmarks, or holds one
as ``landmarks`` (or ``pose_landmarks``, ``poseLandmarks``), of one person or of several; null or an
empty list is a frame with no one. A landmark is ``{"x": .., "y": .., "z": .., "visibility": ..}``.
x and y are shares of the image's width and height.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.detections import checked
from contrapposto.keypoints.json_file import numbers

LANDMARKS = ("landmarks", "pose_landmarks", "poseLandmarks")


def recognises(content: Any) -> bool:  # noqa: ANN401 - it comes out of a file
    """Whether this is a take of landmarks."""
    frames = _frames(content)
    return frames is not None and any(_people(frame) for frame in frames)


def people(content: Any, file: Path) -> dict[int, list[np.ndarray]]:  # noqa: ANN401 - it comes out of a file
    """Frame -> (K, 3) points of each person.

    Raises:
        ValueError: with one sentence naming the file, if it is of another layout or values cannot be.
    """
    frames = _frames(content)
    if frames is None:
        raise ValueError(f"{file} is no list of frames with landmarks")
    found: dict[int, list[np.ndarray]] = {}
    for place, frame in enumerate(frames):
        everyone = _people(frame)
        if everyone is None:
            raise ValueError(f"{file} has a frame, the {place + 1}., without landmarks")
        found[place] = [_points(landmarks, file) for landmarks in everyone]
    return found


def _frames(content: Any) -> list[Any] | None:  # noqa: ANN401 - as above
    frames = content.get("frames") if isinstance(content, dict) else content
    return frames if isinstance(frames, list) else None


def _people(frame: Any) -> list[list[Any]] | None:  # noqa: ANN401 - as above
    """The lists of landmarks of a frame; None if it is nothing of the kind."""
    if isinstance(frame, dict):
        frame = next((frame[key] for key in LANDMARKS if key in frame), 0)
    if frame is None or frame == []:
        return []
    if not isinstance(frame, list):
        return None
    if all(_is_landmark(entry) for entry in frame):
        return [frame]
    several = all(isinstance(entry, list) and entry and _is_landmark(entry[0]) for entry in frame)
    return frame if several else None


def _is_landmark(entry: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(entry, dict) and {"x", "y"} <= set(entry)


def _points(landmarks: list[Any], file: Path) -> np.ndarray:
    """(K, 3) of one person."""
    if not all(_is_landmark(landmark) for landmark in landmarks):
        raise ValueError(f"{file} has a landmark without 'x' and 'y'")
    values = [
        value
        for landmark in landmarks
        for value in (landmark["x"], landmark["y"], landmark.get("visibility", 1.0))
    ]
    return checked(numbers(values, file).reshape(-1, 3), file)
