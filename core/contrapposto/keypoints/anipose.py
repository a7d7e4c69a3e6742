# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrations as TOML, which anipose began and Pose2Sim, FreeMoCap and caliscope write, too.

A table a camera: ``size``, ``matrix``, ``distortions``, ``rotation`` (axis-angle), ``translation``,
and perhaps ``name`` and ``fisheye``. Tables without a ``matrix``, such as ``metadata``, are none.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.calibrated import Calibrated

KIND = "calibration of anipose's or Pose2Sim's (.toml)"


def read_anipose(path: Path, content: bytes) -> list[Calibrated]:
    """The cameras, in the file's order.

    Raises:
        ValueError: with one sentence, if the file is damaged or of another kind.
    """
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged or no {KIND}") from error
    nested = tables.get("cameras")
    tables = nested if isinstance(nested, dict) else tables
    cameras = {key: table for key, table in tables.items() if isinstance(table, dict) and "matrix" in table}
    if not cameras:
        raise ValueError(f"{path} has no camera with a 'matrix'; it is no {KIND}")
    return [_camera(path, str(table.get("name", key)), table) for key, table in cameras.items()]


def _camera(path: Path, name: str, table: dict[str, Any]) -> Calibrated:
    def numbers(key: str, *shape: int) -> np.ndarray:
        try:
            values = np.array(table.get(key), dtype=float)
        except (ValueError, TypeError, OverflowError):
            values = np.empty(0)
        if values.shape != shape and not (shape == (-1,) and values.ndim == 1):
            raise ValueError(
                f"Camera {name} of {path} has no '{key}' of {' x '.join(map(str, shape))} numbers"
            )
        return values

    rotation = table.get("rotation")
    is_matrix = isinstance(rotation, list) and bool(rotation) and isinstance(rotation[0], list)
    is_placed = "rotation" in table or "translation" in table
    return Calibrated.of(
        name,
        path,
        intrinsics=numbers("matrix", 3, 3),
        distortion=numbers("distortions", -1) if "distortions" in table else np.zeros(0),
        size=numbers("size", 2),
        rotation=numbers("rotation", *((3, 3) if is_matrix else (3,))) if is_placed else None,
        translation=numbers("translation", 3) if is_placed else None,
        is_fisheye=table.get("fisheye") is True,
    )
