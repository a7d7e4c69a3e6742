# SPDX-License-Identifier: GPL-3.0-or-later
"""Keypoints as a table, ``.csv``: a row a frame, a row a point, or DeepLabCut's.

A row a frame has columns ``left_knee_x``, ``left_knee_y``, ``left_knee_confidence``, or numbers for
names (``x0``, ``y0`` or ``0_x``). A row a point has columns ``frame``, ``landmark``, ``x``, ``y``,
and perhaps ``person`` and ``confidence``. DeepLabCut's has rows ``scorer``, ``bodyparts``,
``coords`` above, several people ``individuals``. A table without a header has x, y and confidence of
each point of a set in turn. Depth is left out, an empty cell is a missing value.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from contrapposto.keypoints.array_file import from_array
from contrapposto.keypoints.detections import Detections, check_size
from contrapposto.keypoints.naming import points_named
from contrapposto.keypoints.sets import SETS

LARGEST_FILE = 1 << 28
"""Bytes."""

MOST_CELLS = 1 << 23
"""Of a table; half a gigabyte while it is read."""

_AXES = {
    "x": "x", "y": "y", "z": "z", "c": "c", "confidence": "c", "score": "c", "likelihood": "c", "conf": "c",
    "visibility": "c", "v": "c", "presence": "z",
}  # fmt: skip
"""What a column holds; depth and presence are left out."""

_COLUMN = re.compile(r"(?P<name>.+?)[ _.:-]+(?P<axis>[A-Za-z]+)$|(?P<short>[A-Za-z]+?)_?(?P<number>\d+)$")
_POINT_COLUMNS = ("landmark", "joint", "keypoint", "bodypart", "point", "name", "landmark_id", "id", "index")
_PERSON_COLUMNS = ("person", "person_id", "individual", "track_id")
_FRAME_COLUMNS = ("frame", "frame_id", "frame_number", "image_id")


@dataclass(frozen=True)
class _Column:
    """A column of a row a frame."""

    person: str
    point: str
    axis: str


@dataclass(frozen=True)
class _Cells:
    """A column of numbers, and what each is of."""

    frames: list[str]
    people: list[str]
    points: list[str]
    axis: str
    numbers: list[str]


def read_csv(file: Path) -> Detections:
    """Everyone in a table.

    Raises:
        ValueError: with one sentence naming the file.
    """
    table = _table(file)
    heads = [cell.strip().lower() for cell in table[0]]
    if heads[0] == "scorer":
        return _of_rows(_deeplabcut(table, file), [row[0] for row in table], table, file)
    if _number(table[0][0]) is not None and all(_number(cell) is not None for cell in table[0]):
        return _without_header(table, file)
    if {"x", "y"} <= set(heads):
        return _of_points(heads, table[1:], file)
    columns = {index: column for index, cell in enumerate(table[0]) if (column := _column(cell))}
    frame, person = _index(heads, _FRAME_COLUMNS), _index(heads, _PERSON_COLUMNS)
    frames = [str(place) if frame is None else row[frame] for place, row in enumerate(table[1:])]
    people = None if person is None else [row[person] for row in table[1:]]
    return _of_rows(columns, frames, table[1:], file, people)


def _index(heads: list[str], known: tuple[str, ...]) -> int | None:
    """Which column has one of the names."""
    return next((index for index, head in enumerate(heads) if head in known), None)


def _table(file: Path) -> list[list[str]]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{file} is too large for a table of keypoints")
        content = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {file}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no table of keypoints (.csv)") from error
    head = content[:10_000]
    separator = max(",;\t", key=head.count)
    if content.count(separator) + content.count("\n") > MOST_CELLS:
        raise ValueError(f"{file} holds more than fits into memory: over {MOST_CELLS} cells")
    try:
        table = [row for row in csv.reader(content.splitlines(), delimiter=separator) if row]
    except csv.Error as error:
        raise ValueError(f"{file} is no table of keypoints (.csv): {error}") from error
    if len(table) < 2:
        raise ValueError(f"{file} is no table of keypoints (.csv): it has no two rows")
    wide = len(table[0])
    if wide == 1:
        raise ValueError(f"{file} is no table of keypoints (.csv): its first row is one cell")
    for place, row in enumerate(table, start=1):
        if len(row) != wide:
            raise ValueError(f"Row {place} of {file} has {len(row)} cells, not {wide}; it may be cut off")
    return table


def _number(cell: str) -> float | None:
    """A cell as a number, NaN where empty; None if it holds anything else."""
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        return None


def _column(cell: str) -> _Column | None:
    found = _COLUMN.match(cell.strip())
    if not found:
        return None
    axis = _AXES.get((found["axis"] or found["short"]).lower())
    if axis is None:
        return None
    point = found["name"] or found["number"]
    return _Column("", re.sub(r"^(landmark|keypoint|point|kp)[ _]*(?=\d+$)", "", point), axis)


def _deeplabcut(table: list[list[str]], file: Path) -> dict[int, _Column]:
    """The columns below DeepLabCut's header, which is taken off the table."""
    heads: dict[str, list[str]] = {}
    while table and (head := table[0][0].strip().lower()) in ("scorer", "individuals", "bodyparts", "coords"):
        heads[head] = table.pop(0)
    if not {"bodyparts", "coords"} <= set(heads):
        raise ValueError(f"{file} has no rows 'bodyparts' and 'coords' below its 'scorer'")
    people = heads.get("individuals", [""] * len(heads["coords"]))
    return {
        index: _Column(people[index], heads["bodyparts"][index], _AXES[axis])
        for index, axis in enumerate(heads["coords"])
        if axis in _AXES
    }


def _of_rows(
    columns: dict[int, _Column],
    frames: list[str],
    table: list[list[str]],
    file: Path,
    people: list[str] | None = None,
) -> Detections:
    """What rows hold that are of a frame, or of a person in a frame."""
    cells = [
        _Cells(
            frames,
            people or [column.person] * len(table),
            [column.point] * len(table),
            column.axis,
            [row[index] for row in table],
        )
        for index, column in columns.items()
        if column.axis != "z"
    ]
    return _of_cells(cells, file)


def _of_points(heads: list[str], table: list[list[str]], file: Path) -> Detections:
    """What rows of a point each hold."""
    point, person, frame = (
        _index(heads, known) for known in (_POINT_COLUMNS, _PERSON_COLUMNS, _FRAME_COLUMNS)
    )
    if point is None or frame is None:
        raise ValueError(f"{file} has columns 'x' and 'y', but none called 'frame' and 'landmark'")
    cells = [
        _Cells(
            [row[frame] for row in table],
            [""] * len(table) if person is None else [row[person] for row in table],
            [row[point] for row in table],
            _AXES[head],
            [row[index] for row in table],
        )
        for index, head in enumerate(heads)
        if _AXES.get(head, "z") != "z"
    ]
    return _of_cells(cells, file)


def _of_cells(columns: list[_Cells], file: Path) -> Detections:
    """What columns hold, each number with its frame, person and point."""
    points = list(dict.fromkeys(point for column in columns for point in column.points))
    if not points or not {"x", "y"} <= {column.axis for column in columns}:
        raise ValueError(f"{file} has no columns like 'left_knee_x' and 'left_knee_y', nor 'x' and 'y'")
    names = None
    if all(point.isdecimal() for point in points):
        points = sorted(points, key=int)
    else:
        names = points_named(points, file)
    people = list(dict.fromkeys(person for column in columns for person in column.people))
    frames = {text: _frame(text, file) for column in columns for text in dict.fromkeys(column.frames)}
    first, last = min(frames.values()), max(frames.values())
    shape = (last - first + 1, len(people), len(points), 3)
    check_size(shape, file)
    rows = np.full(shape, np.nan)
    if not any(column.axis == "c" for column in columns):
        rows[..., 2] = 1
    at_point, at_person = {p: i for i, p in enumerate(points)}, {p: i for i, p in enumerate(people)}
    flat, told = rows.reshape(-1), np.zeros(rows.size, dtype=bool)
    for column in columns:
        at = (
            [frames[text] - first for text in column.frames],
            [at_person[person] for person in column.people],
            [at_point[point] for point in column.points],
            ["xyc".index(column.axis)] * len(column.frames),
        )
        places = np.ravel_multi_index(at, shape)
        if told[places].any() or len(np.unique(places)) < len(places):
            raise ValueError(
                f"{file} tells a point of a frame twice; a column 'person' tells people apart, "
                "and each camera needs its own file"
            )
        told[places] = True
        flat[places] = _numbers(column, file)
    return replace(Detections.of(rows[..., :2], _sure(rows), file, names), first=first)


def _numbers(column: _Cells, file: Path) -> list[float]:
    values = [_number(cell) for cell in column.numbers]
    if None in values:
        odd = values.index(None)
        cell, point = column.numbers[odd][:20], column.points[odd][:40]
        raise ValueError(f"{file} has a cell '{cell}' that is no number, of the point '{point}'")
    return [value for value in values if value is not None]


def _sure(rows: np.ndarray) -> np.ndarray:
    """The confidence; 0 where a point is at ``0, 0``."""
    return np.where((rows[..., :2] == 0).all(axis=-1), 0, rows[..., 2])


def _frame(text: str, file: Path) -> int:
    value = _number(text)
    if value is None or not math.isfinite(value) or not 0 <= value < 1e9 or not value.is_integer():
        raise ValueError(f"{file} has a frame '{text[:20]}' that is no whole number")
    return int(value)


def _without_header(table: list[list[str]], file: Path) -> Detections:
    """A row a frame of numbers alone, perhaps with the frame's number before them."""
    firsts = [_number(row[0]) for row in table]
    are_frames = all(b is not None and a is not None and b - a == 1 for a, b in pairwise(firsts))
    skip, wide = int(are_frames), len(table[0]) - int(are_frames)
    each = next((n for n in (3, 2, 4) if wide % n == 0 and wide // n in map(len, SETS.values())), None)
    if each is None:
        raise ValueError(f"{file} has no header, and {wide} columns are no set of points; give it a header")
    values = [[_number(cell) for cell in row[skip:]] for row in table]
    if any(value is None for row in values for value in row):
        raise ValueError(f"{file} has a cell that is no number")
    return from_array(np.array(values, dtype=float).reshape(len(table), -1, each), file)
