# SPDX-License-Identifier: GPL-3.0-or-later
"""AlphaPose's JSON of a whole take, and COCO's results, which it follows.

Three layouts: a list of people, ``[{"image_id": "12.jpg", "keypoints": [x, y, c, ...]}]``, and the
formats that it calls ``open`` and ``cmu``, ``{"12.jpg": {"people": [...]}}`` and ``{"12.jpg":
{"bodies": [{"joints": [...]}]}}``, whose people have OpenPose's 18 points.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.frames import numbered_images
from contrapposto.keypoints.json_file import triples
from contrapposto.keypoints.openpose import people_of


def recognises(content: Any) -> bool:  # noqa: ANN401 - it comes out of a file
    """Whether this is a take of AlphaPose's."""
    if isinstance(content, list):
        return bool(content) and isinstance(content[0], dict) and {"image_id", "keypoints"} <= set(content[0])
    return isinstance(content, dict) and bool(_frames(content))


def people(content: Any, file: Path) -> dict[int, list[np.ndarray]]:  # noqa: ANN401 - it comes out of a file
    """Frame -> (K, 3) points of each person.

    Raises:
        ValueError: with one sentence naming the file, if it is of another layout or values cannot be.
    """
    if not isinstance(content, list):
        return _of_frames(content, file)
    by_image: dict[str, list[np.ndarray]] = {}
    for entry in content:
        image = entry.get("image_id") if isinstance(entry, dict) else None
        values = entry.get("keypoints") if isinstance(entry, dict) else None
        if not isinstance(image, str | float) or not isinstance(values, list):
            raise ValueError(f"{file} has a person without 'image_id' and 'keypoints'")
        if isinstance(image, float) and not image.is_integer():
            raise ValueError(f"{file} has an 'image_id' that is no whole number, {image:g}")
        name = image if isinstance(image, str) else f"{image:.0f}"
        by_image.setdefault(name, []).append(triples(values, file))
    numbers = numbered_images(by_image, file)
    return {number: by_image[name] for name, number in numbers.items()}


def _frames(content: dict[str, Any]) -> dict[str, Any]:
    """The entries that are frames, by the names of their images."""
    return {
        name: entry
        for name, entry in content.items()
        if isinstance(entry, dict) and (isinstance(entry.get("people", entry.get("bodies")), list))
    }


def _of_frames(content: Any, file: Path) -> dict[int, list[np.ndarray]]:  # noqa: ANN401 - as above
    frames = _frames(content) if isinstance(content, dict) else {}
    if not frames:
        raise ValueError(f"{file} has no list of people with 'keypoints'; it was not written by AlphaPose")
    found: dict[int, list[np.ndarray]] = {}
    for name, number in numbered_images(frames, file).items():
        entry = frames[name]
        if "people" in entry:
            found[number] = people_of(entry["people"], file)
            continue
        joints = [body.get("joints") if isinstance(body, dict) else None for body in entry["bodies"]]
        if not all(isinstance(values, list) for values in joints):
            raise ValueError(f"{file} has a body without 'joints'")
        found[number] = [triples(values, file) for values in joints if values is not None]
    return found
