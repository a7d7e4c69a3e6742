# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPose's JSON: one file a frame, ``{"people": [{"pose_keypoints_2d": [x, y, c, ...]}]}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.json_file import triples


def recognises(content: Any) -> bool:  # noqa: ANN401 - it comes out of a file
    """Whether this is a frame of OpenPose's."""
    return isinstance(content, dict) and isinstance(content.get("people"), list)


def people(content: Any, file: Path) -> dict[int, list[np.ndarray]]:  # noqa: ANN401 - it comes out of a file
    """Frame -> (K, 3) points of each person; a file is one frame, whose number its name tells.

    Raises:
        ValueError: with one sentence naming the file, if it is of another layout or values cannot be.
    """
    if not recognises(content):
        raise ValueError(f"{file} has no list of 'people'; it was not written by OpenPose")
    return {0: people_of(content["people"], file)}


def people_of(entries: list[Any], file: Path) -> list[np.ndarray]:
    """The (K, 3) points of each entry of a list of people.

    Raises:
        ValueError: with one sentence naming the file.
    """
    found = []
    for person in entries:
        values = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
        if not isinstance(values, list):
            raise ValueError(f"{file} has a person without 'pose_keypoints_2d'")
        found.append(triples(values, file))
    return found
