# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers in space out of a ``.trc`` file, as OpenSim and Pose2Sim write them: y is up.

Three lines of head, then the markers' names every three columns, their axes, and a row a frame.
An empty cell or a NaN is a missing value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrapposto.keypoints.body import ON_BODY
from contrapposto.keypoints.calibration import METRES
from contrapposto.keypoints.detections import check_size
from contrapposto.keypoints.naming import points_named

LARGEST_FILE = 1 << 28
"""Bytes."""


@dataclass(frozen=True, eq=False)
class Markers:
    """Points in space.

    Attributes:
        names: of the K that are on a body.
        points: (T, K, 3) metres, y up; NaN where missing.
        fps: frames a second.
    """

    names: tuple[str, ...]
    points: np.ndarray
    fps: float


def read_trc(file: Path) -> Markers:
    """The markers of a file that stand for points of a body, by their names (see ``naming``).

    Raises:
        ValueError: with one sentence naming the file, if it is damaged, or no marker is on a body.
    """
    lines = _lines(file)
    head = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    unit = METRES.get(head.get("Units", ""))
    if unit is None:
        raise ValueError(
            f"{file} is in '{head.get('Units', 'no unit')}', which is none of {', '.join(METRES)}"
        )
    fps = _value(head.get("DataRate", ""))
    if fps is None or not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"The rate of {file} is no number above 0")
    markers = [name.strip() for name in lines[3].split("\t")[2::3]]
    while markers and not markers[-1]:
        markers.pop()
    names = points_named(markers, file)
    used = [index for index, name in enumerate(names) if name in ON_BODY]
    if not used:
        raise ValueError(f"No marker of {file} has the name of a point of the body: {', '.join(markers[:5])}")
    rows = [line for line in lines[5:] if line.strip()]
    check_size((len(rows), len(names), 3), file)
    values = np.array([_row(row, 3 * len(names), file) for row in rows]).reshape(len(rows), len(names), 3)
    values = np.where(np.isfinite(values).all(axis=-1, keepdims=True), values, np.nan)
    if not np.isfinite(values[:, used]).any():
        raise ValueError(f"No marker is seen in any frame of {file}")
    return Markers(tuple(names[index] for index in used), values[:, used] * unit, fps)


def _lines(file: Path) -> list[str]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{file} is too large for a file of markers")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {file}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no file of markers (.trc)") from error
    if len(lines) < 6 or not lines[0].startswith("PathFileType"):
        raise ValueError(f"{file} is damaged or no file of markers (.trc)")
    return lines


def _row(line: str, count: int, file: Path) -> list[float]:
    """The values of a frame."""
    cells = line.rstrip("\r\n").split("\t")[2:]
    cells = cells[:count] + [""] * (count - len(cells))
    values = [_value(cell) for cell in cells]
    if any(value is None for value in values):
        raise ValueError(f"Frame {line.strip()[:10]} of {file} has a cell that is no number")
    return [value for value in values if value is not None]


def _value(cell: str) -> float | None:
    """A number, NaN where empty; None if it is anything else."""
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        return None
