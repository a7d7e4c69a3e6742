# SPDX-License-Identifier: GPL-3.0-or-later
"""Keypoints as plain arrays, ``.npy`` and ``.npz``. Nothing in them is executed.

An array is (T, K, D) of one person or (T, P, K, D) of several. D is 2 for x, y; 3 for x, y and
confidence (of 33 points with a number below 0 there, depth); 4 for x, y, depth and
visibility; 5 for these and presence, as MediaPipe has it. An ``.npz`` may hold the confidence by
itself, the ``names`` of the points, and anything else.
"""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from contrapposto.keypoints.detections import Detections, check_size
from contrapposto.keypoints.naming import points_named

POINTS = ("keypoints", "points", "keypoints_2d", "landmarks", "poses_2d")
CONFIDENCE = ("confidence", "scores", "keypoint_scores", "conf", "visibility")
NAMES = "names"

LARGEST = 1 << 30
"""Bytes that the arrays of a file may have."""

MEDIAPIPE_POINTS = 33
"""Of these a third number may be depth."""

_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, OSError, EOFError, ValueError,
    TypeError, SyntaxError, KeyError, OverflowError, MemoryError, RecursionError, RuntimeError,
)  # fmt: skip
"""What NumPy and zip raise over damaged bytes."""


def read_npy(file: Path) -> Detections:
    """Everyone in a ``.npy`` file.

    Raises:
        ValueError: with one sentence naming the file.
    """
    try:
        room = file.stat().st_size
        with file.open("rb") as stream:
            array = _array(stream, min(room, LARGEST))
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {file}") from error
    except _DAMAGE as error:
        raise ValueError(f"{file} is damaged, or holds objects instead of numbers (.npy)") from error
    return from_array(array, file)


def read_npz(file: Path) -> Detections:
    """Everyone in a ``.npz`` file.

    Raises:
        ValueError: with one sentence naming the file.
    """
    arrays = _arrays(file)
    name = next((name for name in POINTS if name in arrays), None)
    if name is None:
        many = [name for name, array in arrays.items() if array.dtype.kind in "fiu" and array.ndim >= 3]
        if len(many) != 1:
            raise ValueError(f"{file} has no array called {', '.join(POINTS[:-1])} or {POINTS[-1]}")
        name = many[0]
    points = arrays[name]
    if NAMES in arrays and arrays[NAMES].dtype.kind != "U":
        raise ValueError(f"The array '{NAMES}' in {file} holds no words")
    names = points_named((str(name) for name in arrays[NAMES].ravel()), file) if NAMES in arrays else None
    sure = next((arrays[name] for name in CONFIDENCE if name in arrays), None)
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


def _array(stream: IO[bytes], room: int) -> np.ndarray:
    """The array of an npy stream, if what its head promises fits into the bytes that there are."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = read[version](stream)
    if dtype.hasobject or any(count < 0 for count in shape) or math.prod(shape) * dtype.itemsize > room:
        raise ValueError("objects, or cut off")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays that can be read without pickle; what is needed and cannot be read is missed later."""
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(file) as stored:
            entries = [entry for entry in stored.infolist() if entry.filename.endswith(".npy")]
            is_large = sum(entry.file_size for entry in entries) > LARGEST
            for entry in () if is_large else entries:
                with suppress(*_DAMAGE), stored.open(entry) as stream:
                    arrays[entry.filename.removesuffix(".npy")] = _array(stream, entry.file_size)
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {file}") from error
    except _DAMAGE as error:
        raise ValueError(f"{file} is damaged or no .npz file") from error
    if is_large:
        raise ValueError(f"{file} holds more than fits into memory")
    return arrays
