# SPDX-License-Identifier: GPL-3.0-or-later
"""Keypoints as plain arrays, ``.npy`` and ``.npz``. Nothing in them is executed.

An array is (T, K, D) of one person or (T, P, K, D) of several. D is 2 for x, y; 3 for x, y and
confidence (of 33 points with a number below 0 there, depth); 4 for x, y, depth and
visibility; 5 for these and presence, as MediaPipe has it. An ``.npz`` may hold the confidence by
itself, the ``names`` of the points, and anything else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contrapposto.files.npz import DAMAGE, Stored, read_array, stored_arrays
from contrapposto.keypoints.detections import Detections, check_size
from contrapposto.keypoints.naming import points_named

POINTS = ("keypoints", "points", "keypoints_2d", "landmarks", "poses_2d")
CONFIDENCE = ("confidence", "scores", "keypoint_scores", "conf", "visibility")
NAMES = "names"

LARGEST = 1 << 30
"""Bytes that the arrays of a file may have."""

MEDIAPIPE_POINTS = 33
"""Of these a third number may be depth."""


def read_npy(file: Path) -> Detections:
    """Everyone in a ``.npy`` file.

    Raises:
        ValueError: with one sentence naming the file.
    """
    try:
        room = file.stat().st_size
        with file.open("rb") as stream:
            array = read_array(stream, min(room, LARGEST))
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {file}") from error
    except DAMAGE as error:
        raise ValueError(f"{file} is damaged, or holds objects instead of numbers (.npy)") from error
    return from_array(array, file)


def read_npz(file: Path) -> Detections:
    """Everyone in a ``.npz`` file.

    Raises:
        ValueError: with one sentence naming the file.
    """
    stored = stored_arrays(file, most_bytes=LARGEST)
    points = _first(POINTS, stored, file)
    points = _only_one(stored, file) if points is None else points
    words, sure = _first((NAMES,), stored, file), _first(CONFIDENCE, stored, file)
    if words is not None and words.dtype.kind != "U":
        raise ValueError(f"The array '{NAMES}' in {file} holds no words")
    names = None if words is None else points_named(map(str, words.ravel()), file)
    if sure is not None:
        sure = sure[..., 0] if sure.ndim == points.ndim and sure.shape[-1:] == (1,) else sure
        if sure.shape != points.shape[:-1] or points.shape[-1] < 2 or sure.dtype.kind not in "fiu":
            raise ValueError(
                f"The points in {file} are {points.shape}, their confidence is {sure.shape}, not one a point"
            )
        points = np.concatenate([points[..., :2], sure[..., None]], axis=-1)
    return from_array(points, file, names)


def from_array(array: np.ndarray, source: object, names: tuple[str, ...] | None = None) -> Detections:
    """Everyone in an array, as the head of this file has it; points at ``0, 0`` are missing.

    Raises:
        ValueError: with one sentence, for other shapes or values that cannot be.
    """
    if array.dtype.kind not in "fiu" or array.ndim not in (3, 4) or not 2 <= array.shape[-1] <= 5:
        raise ValueError(
            f"{source} holds {array.dtype} of shape {array.shape}; keypoints are numbers, "
            "frames x points x 2 to 5, or frames x people x points x 2 to 5"
        )
    if names is not None and len(names) != array.shape[-2]:
        raise ValueError(f"{source} has {array.shape[-2]} points a person, but {len(names)} names")
    if 0 in array.shape:
        raise ValueError(f"No one is seen in any frame of {source}")
    check_size(array.shape, source)
    with np.errstate(invalid="ignore"):  # a damaged float32 may be a NaN that signals
        rows = array.astype(float)
    if rows.ndim == 3:
        rows = rows[:, None]
    points = rows[..., :2]
    if rows.shape[-1] > 3:
        sure = rows[..., 3:].min(axis=-1)
    elif rows.shape[-1] == 3 and not (rows.shape[-2] == MEDIAPIPE_POINTS and np.any(rows[..., 2] < 0)):
        sure = rows[..., 2]
    else:
        sure = np.ones(rows.shape[:-1])
    sure = np.where((points == 0).all(axis=-1), 0, sure)
    return Detections.of(points, sure, source, names)


def _first(names: tuple[str, ...], stored: Stored, file: Path) -> np.ndarray | None:
    """The first of these arrays that there is; one that cannot be read is not passed over."""
    for name in names:
        if name in stored.unreadable:
            raise ValueError(f"The array '{name}' in {file} cannot be read: {stored.unreadable[name]}")
        if name in stored.arrays:
            return stored.arrays[name]
    return None


def _only_one(stored: Stored, file: Path) -> np.ndarray:
    """The only array that may be one of points, whatever its name."""
    many = [array for array in stored.arrays.values() if array.dtype.kind in "fiu" and array.ndim >= 3]
    if len(many) != 1:
        raise ValueError(f"{file} has no array called {', '.join(POINTS[:-1])} or {POINTS[-1]}")
    return many[0]
