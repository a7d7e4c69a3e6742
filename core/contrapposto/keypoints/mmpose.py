# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of MMPose and those that follow it (RTMPose, ViTPose, Sapiens).

A take is ``{"instance_info": [{"frame_id": 1, "instances": [...]}]}`` or only that list, a picture
the list of its instances; one is ``{"keypoints": [[x, y], ...], "keypoint_scores": [...]}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.detections import checked
from contrapposto.keypoints.json_file import numbers

_MOST_FRAMES = 1e9


def recognises(content: Any) -> bool:  # noqa: ANN401 - it comes out of a file
    """Whether this is a take or a picture of MMPose's."""
    entries = _entries(content)
    if not entries:
        return isinstance(content, dict) and "instance_info" in content
    return isinstance(entries[0], dict) and ("instances" in entries[0] or _is_instance(entries[0]))


def people(content: Any, file: Path) -> dict[int, list[np.ndarray]]:  # noqa: ANN401 - it comes out of a file
    """Frame -> (K, 3) points of each person.

    Raises:
        ValueError: with one sentence naming the file, if it is of another layout or values cannot be.
    """
    entries = _entries(content)
    if entries is None:
        raise ValueError(f"{file} has no 'instance_info'; it was not written by MMPose")
    if entries and all(_is_instance(entry) for entry in entries):
        return {0: [_points(entry, file) for entry in entries]}
    found: dict[int, list[np.ndarray]] = {}
    for place, entry in enumerate(entries):
        instances = entry.get("instances") if isinstance(entry, dict) else None
        frame = entry.get("frame_id", float(place)) if isinstance(entry, dict) else None
        if not isinstance(instances, list):
            raise ValueError(f"{file} has a frame without 'instances'")
        if not isinstance(frame, float) or not 0 <= frame <= _MOST_FRAMES or not frame.is_integer():
            raise ValueError(f"{file} has a frame whose 'frame_id' is no whole number")
        if int(frame) in found:
            raise ValueError(
                f"{file} has two frames whose 'frame_id' is {frame:.0f}; each camera needs its own file"
            )
        found[int(frame)] = [_points(instance, file) for instance in instances]
    return found


def _entries(content: Any) -> list[Any] | None:  # noqa: ANN401 - as above
    entries = content.get("instance_info") if isinstance(content, dict) else content
    return entries if isinstance(entries, list) else None


def _is_instance(entry: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(entry, dict) and "keypoints" in entry and "image_id" not in entry


def _points(instance: Any, file: Path) -> np.ndarray:  # noqa: ANN401 - as above
    """(K, 3) of one instance."""
    places = instance.get("keypoints") if isinstance(instance, dict) else None
    if not isinstance(places, list) or not places:
        raise ValueError(f"{file} has an instance without 'keypoints'")
    if not all(isinstance(place, list) and len(place) == 2 for place in places):
        raise ValueError(f"{file} has a point that is not two numbers, x and y")
    points = numbers([value for place in places for value in place], file).reshape(-1, 2)
    scores = instance.get("keypoint_scores")
    sure = np.ones(len(points)) if scores is None else numbers(scores, file)
    if len(sure) != len(points):
        raise ValueError(f"{file} has an instance of {len(points)} points with {len(sure)} scores")
    return checked(np.column_stack([points, sure]), file)
