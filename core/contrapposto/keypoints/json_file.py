# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON out of a file that may be anything, and points out of JSON that may be anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.detections import checked

LARGEST_FRAME = 1 << 24
"""Bytes that a file of one frame may have; a crowd of a hundred people takes less than a million."""

LARGEST_TAKE = 1 << 28
"""Bytes that a file of a whole take may have."""

MOST_VALUES = 1 << 24
"""Numbers, lists and maps that a file may hold; half a gigabyte while they are read."""


def read_json(file: Path, largest: int = LARGEST_TAKE) -> Any:  # noqa: ANN401 - it comes out of a file
    """What a file holds, all numbers as float.

    Raises:
        ValueError: with one sentence, if it is missing, too large, cut off or no JSON.
    """
    try:
        if file.stat().st_size > largest:
            raise ValueError(f"{file} is too large for a file of keypoints")
        content = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {file}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not valid JSON") from error
    if sum(map(content.count, ",[{")) > MOST_VALUES:
        raise ValueError(f"{file} holds more than fits into memory: over {MOST_VALUES} values")
    try:
        return json.loads(content, parse_int=float)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not valid JSON (line {error.lineno}); it may be cut off") from error
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{file} is not valid JSON") from error


def numbers(values: Any, source: object) -> np.ndarray:  # noqa: ANN401 - it comes out of a file
    """(N,) the numbers of a flat list, NaN for null.

    Raises:
        ValueError: with one sentence, if one is no number.
    """
    if not isinstance(values, list) or not set(map(type, values)) <= {float, type(None)}:
        raise ValueError(f"{source} has a point that is no number")
    return np.array(values, dtype=float)


def triples(values: list[Any], source: object) -> np.ndarray:
    """(K, 3) points of a flat list ``x, y, confidence, x, ...``.

    Raises:
        ValueError: with one sentence, if they are not three a point, or values cannot be.
    """
    if not values or len(values) % 3:
        raise ValueError(f"{source} has a person of {len(values)} numbers, not three a point")
    return checked(numbers(values, source).reshape(-1, 3), source)
