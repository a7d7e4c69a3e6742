# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrations as OpenCV's YAML, as its samples, ROS, EasyMocap and most scripts write them.

One camera a file: ``camera_matrix``, ``distortion_coefficients``, ``image_width``, ``image_height``,
and for its place ``rvec`` (or ``R``) and ``tvec`` (or ``T``). Several: a map of such maps by the
cameras' names; EasyMocap's ``K_1``, ``dist_1``, ``R_1``, ``Rot_1``, ``T_1``; a stereo pair's ``M1``,
``D1``, ``M2``, ``D2``, ``R``, ``T``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.keypoints.calibrated import Calibrated
from contrapposto.keypoints.filestorage import parse_filestorage

KIND = "calibration of OpenCV's (.yml)"

_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "matrix": ("cameramatrix", "intrinsicmatrix", "intrinsics", "k", "m", "matrix"),
    "distortion": ("distortioncoefficients", "distortioncoeffs", "distcoeffs", "dist", "d", "distortions"),
    "width": ("imagewidth", "width", "w"),
    "height": ("imageheight", "height", "h"),
    "size": ("imagesize", "size"),
    "turn": ("rot", "rotationmatrix", "rvec", "rotationvector", "r", "rotation"),
    "place": ("tvec", "translationvector", "t", "translation"),
}  # fmt: skip
"""What is called what, letters and digits alone; of several the first."""

_SUFFIXED = re.compile(r"(?P<key>K|dist|R|Rot|T|H|W)_(?P<name>.+)")


def read_opencv(path: Path, content: bytes) -> list[Calibrated]:
    """The cameras, in the file's order.

    Raises:
        ValueError: with one sentence, if the file is damaged or of another kind.
    """
    found = [_camera(path, name, entries) for name, entries in entries_of(path, content).items()]
    if not found:
        raise ValueError(f"{path} has no camera with a 'camera_matrix'; it is no {KIND}")
    return found


def read_opencv_folder(folder: Path, contents: Mapping[Path, bytes]) -> list[Calibrated]:
    """The cameras of several files: one each, or what each says of the same, as EasyMocap has it.

    Raises:
        ValueError: as ``read_opencv``.
    """
    merged: dict[str, dict[str, Any]] = {}
    for path, content in contents.items():
        for name, entries in entries_of(path, content).items():
            merged.setdefault(name, {}).update(entries)
    cameras = {name: entries for name, entries in merged.items() if _get(entries, "matrix") is not None}
    if not cameras:
        raise ValueError(f"{folder} has no camera with a 'camera_matrix'; its files are no {KIND}")
    return [_camera(folder, name, entries) for name, entries in cameras.items()]


def entries_of(path: Path, content: bytes) -> dict[str, dict[str, Any]]:
    """Camera name -> what the file says of it.

    Raises:
        ValueError: with one sentence naming the file.
    """
    try:
        stored = parse_filestorage(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged or no {KIND}: {error}") from error
    if {"M1", "M2"} <= set(stored):
        return _stereo(stored)
    suffixed: dict[str, dict[str, Any]] = {}
    for key, value in stored.items():
        if match := _SUFFIXED.fullmatch(key):
            suffixed.setdefault(match["name"], {})[match["key"]] = value
    if suffixed:
        return suffixed
    if _get(stored, "matrix") is not None:
        return {path.stem: stored}
    return {name: entries for name, entries in stored.items() if isinstance(entries, dict)}


def _stereo(stored: dict[str, Any]) -> dict[str, dict[str, Any]]:
    sizes = {
        key: stored[key] for key in ("image_width", "image_height", "size", "image_size") if key in stored
    }
    first = {"M": stored["M1"], "D": stored.get("D1"), "R": np.eye(3), "T": np.zeros(3), **sizes}
    second = {"M": stored["M2"], "D": stored.get("D2"), "R": stored.get("R"), "T": stored.get("T"), **sizes}
    return {"1": first, "2": second}


def _get(entries: Mapping[str, Any], what: str) -> Any:  # noqa: ANN401 - it comes out of a file
    plain = {re.sub(r"[^a-z0-9]", "", key.lower()): value for key, value in entries.items()}
    return next((plain[name] for name in _SPELLINGS[what] if plain.get(name) is not None), None)


def _camera(path: Path, name: str, entries: Mapping[str, Any]) -> Calibrated:
    def numbers(what: str) -> np.ndarray | None:
        value = _get(entries, what)
        if value is None:
            return None
        try:
            return np.array(value, dtype=float)
        except (ValueError, TypeError) as error:
            raise ValueError(f"Camera {name} of {path} has a {what} that is no numbers") from error

    def shaped(what: str, *shapes: tuple[int, ...]) -> np.ndarray | None:
        values = numbers(what)
        if values is None:
            return None
        for shape in shapes:
            if values.size == int(np.prod(shape)):
                return values.reshape(shape)
        raise ValueError(f"Camera {name} of {path} has a {what} of {values.size} numbers")

    intrinsics = shaped("matrix", (3, 3))
    if intrinsics is None:
        raise ValueError(f"Camera {name} of {path} has no 'camera_matrix'")
    distortion, size = numbers("distortion"), shaped("size", (2,))
    width, height = shaped("width", ()), shaped("height", ())
    if width is not None and height is not None:
        size = np.array([float(width), float(height)])
    model = _words(entries.get("distortion_model", entries.get("camera_model", "")))
    return Calibrated.of(
        name,
        path,
        intrinsics=intrinsics,
        distortion=np.zeros(0) if distortion is None else distortion.ravel(),
        size=size,
        rotation=shaped("turn", (3, 3), (3,)),
        translation=shaped("place", (3,)),
        is_fisheye="fisheye" in model or "equidistant" in model or "kannala" in model,
    )


def _words(value: Any) -> str:  # noqa: ANN401 - as above
    return value.lower() if isinstance(value, str) else ""
