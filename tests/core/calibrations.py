# SPDX-License-Identifier: GPL-3.0-or-later
"""The same cameras as each kind of calibration has them: in metres, z up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from footage import Y_UP_TO_Z_UP

from contrapposto.keypoints.cameras import Camera
from contrapposto.rotation import to_rotvec

BENT = (-0.28, 0.11, 0.001, -0.0007, -0.02)


def placed(camera: Camera, to_file: np.ndarray = Y_UP_TO_Z_UP) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation of one camera in a file's world."""
    rotation = camera.rotation @ to_file.T
    return rotation, -rotation @ to_file @ camera.centre


def write_toml(path: Path, cameras: Camera, unit: float = 1.0, to_file: np.ndarray = Y_UP_TO_Z_UP) -> Path:
    """As Pose2Sim writes it."""
    text = ""
    for number, camera in enumerate(cameras[i] for i in range(len(cameras))):
        rotation, translation = placed(camera, to_file)
        text += (
            f'[cam_{number:02d}]\nname = "cam_{number:02d}"\nsize = {camera.size.tolist()}\n'
            f"matrix = {camera.intrinsics.tolist()}\ndistortions = {list(BENT)}\n"
            f"rotation = {to_rotvec(rotation).tolist()}\ntranslation = {(translation / unit).tolist()}\n"
            "fisheye = false\n\n"
        )
    path.write_text(f"{text}[metadata]\nadjusted = false\nerror = 0.0\n", encoding="utf-8")
    return path


def matrix(key: str, values: np.ndarray) -> str:
    """A matrix as OpenCV writes it, its data on several lines."""
    values = np.atleast_2d(values)
    data = [repr(float(value)) for value in values.ravel()]
    half = len(data) // 2
    return (
        f"{key}: !!opencv-matrix\n   rows: {values.shape[0]}\n   cols: {values.shape[1]}\n   dt: d\n"
        f"   data: [ {', '.join(data[:half])}{',' if half else ''}\n       {', '.join(data[half:])} ]\n"
    )


def write_yaml_each(folder: Path, cameras: Camera) -> Path:
    """A file a camera."""
    folder.mkdir()
    for number in range(len(cameras)):
        camera = cameras[number]
        rotation, translation = placed(camera)
        width, height = camera.size
        (folder / f"cam{number}.yml").write_text(
            "%YAML:1.0\n---\n# of a checkerboard\n"
            f"image_width: {width:.0f}\nimage_height: {height:.0f}\n"
            + matrix("camera_matrix", camera.intrinsics)
            + matrix("distortion_coefficients", np.array(BENT)[:, None])
            + matrix("R", rotation)
            + matrix("T", translation[:, None]),
            encoding="utf-8",
        )
    return folder


def write_easymocap(folder: Path, cameras: Camera) -> Path:
    """EasyMocap's two files."""
    folder.mkdir()
    names = range(1, len(cameras) + 1)
    head = "%YAML:1.0\n---\nnames:\n" + "".join(f'  - "{name}"\n' for name in names)
    inner = outer = head
    for name, camera in zip(names, (cameras[i] for i in range(len(cameras))), strict=True):
        rotation, translation = placed(camera)
        inner += matrix(f"K_{name}", camera.intrinsics) + matrix(f"dist_{name}", np.array(BENT))
        inner += f"H_{name}: {camera.size[1]:.0f}\nW_{name}: {camera.size[0]:.0f}\n"
        outer += matrix(f"R_{name}", to_rotvec(rotation)[:, None]) + matrix(f"Rot_{name}", rotation)
        outer += matrix(f"T_{name}", translation[:, None])
    (folder / "intri.yml").write_text(inner, encoding="utf-8")
    (folder / "extri.yml").write_text(outer, encoding="utf-8")
    return folder


def write_yaml_maps(path: Path, cameras: Camera) -> Path:
    """One file, a map a camera, plain lists for matrices."""
    text = ""
    for number in range(len(cameras)):
        camera = cameras[number]
        rotation, translation = placed(camera)
        text += (
            f"cam{number}:\n  image_size: {camera.size.tolist()}\n"
            f"  camera_matrix: {camera.intrinsics.tolist()}\n"
            f"  dist_coeffs: {list(BENT)}\n  rvec: {to_rotvec(rotation).tolist()}\n"
            f"  tvec: {translation.tolist()}\n"
        )
    path.write_text(text, encoding="utf-8")
    return path


WRITERS = {
    "calib.toml": write_toml,
    "each": write_yaml_each,
    "easymocap": write_easymocap,
    "maps.yaml": write_yaml_maps,
}
