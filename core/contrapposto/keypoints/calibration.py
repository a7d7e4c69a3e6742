# SPDX-License-Identifier: GPL-3.0-or-later
"""Any calibration as cameras in core's world, and the lenses that points are freed of on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrapposto.keypoints.anipose import read_anipose
from contrapposto.keypoints.calibrated import Calibrated, content_of
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.intrinsics import lone_camera
from contrapposto.keypoints.lens import Lens, straightened
from contrapposto.keypoints.opencv import read_opencv, read_opencv_folder
from contrapposto.keypoints.qualisys import read_qualisys
from contrapposto.rotation import Z_UP_TO_Y_UP

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}

Y_UP = {
    "y": np.eye(3),
    "-y": np.diag([1.0, -1.0, -1.0]),
    "z": Z_UP_TO_Y_UP,
    "-z": Z_UP_TO_Y_UP @ np.diag([1.0, -1.0, -1.0]),
    "x": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "-x": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
"""Which axis of a world is up -> (3, 3) from that world to core's, whose up is y."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibrated cameras.

    Attributes:
        cameras: V pinholes, metres, y up.
        lenses: of each, what its image has to be freed of.
        names: of each, in the file.
        up: which axis of the file's world is up.
    """

    cameras: Camera
    lenses: tuple[Lens, ...]
    names: tuple[str, ...]
    up: str

    @classmethod
    def alone(cls, camera: Calibrated) -> Calibration:
        """One camera at the world's origin, see ``lone_camera``."""
        width, height = camera.size
        pinhole = lone_camera(float(width), float(height), camera.intrinsics)
        return cls(pinhole, (camera.lens,), (camera.name,), "y")

    def __len__(self) -> int:
        return len(self.names)

    def of_numbers(self, numbers: Sequence[int]) -> Calibration:
        """The cameras of these numbers, from 1.

        Raises:
            ValueError: with one sentence, for a number that there is not, or twice.
        """
        for number in numbers:
            if not 1 <= number <= len(self):
                raise ValueError(f"The calibration has no camera {number}, only 1 to {len(self)}")
        if len(set(numbers)) < len(numbers):
            raise ValueError("--cameras names a camera twice")
        at = [number - 1 for number in numbers]
        return Calibration(
            self.cameras[np.array(at)],
            tuple(self.lenses[index] for index in at),
            tuple(self.names[index] for index in at),
            self.up,
        )

    def straightened(self, points: np.ndarray) -> np.ndarray:
        """Pixels (V, ..., 2) as the pinholes see them; NaN where a lens shows nothing."""
        views = zip(points, self.cameras.intrinsics, self.lenses, strict=True)
        return np.stack([straightened(view, K, lens) for view, K, lens in views])


def read_calibration(path: Path | str, *, up: str | None = None, unit: str | None = None) -> Calibration:
    """The cameras of a Qualisys, TOML or OpenCV calibration, told by its content, in the file's order.

    Args:
        path: the file; for OpenCV also a folder of files, one a camera or EasyMocap's two.
        up: the axis of the file's world that is up, see ``Y_UP``. If None, z for Qualisys; else the
            axis along which most cameras stand upright.
        unit: of the file's places, see ``METRES``. If None, millimetres for Qualisys, else metres.

    Raises:
        ValueError: with one sentence, if it is missing, damaged, of an unknown kind, or does not say
            where the cameras are.
    """
    path = Path(path)
    cameras, is_qualisys = _cameras(path)
    rotations, centres = [], []
    for camera in cameras:
        if camera.rotation is None or camera.translation is None:
            raise ValueError(
                f"{path} does not say where camera {camera.name} is: its rotation and translation"
            )
        rotations.append(camera.rotation)
        centres.append(-camera.rotation.T @ camera.translation)
    rotation, centre = np.stack(rotations), np.stack(centres)
    if up is None:
        up = "z" if is_qualisys else upright(rotation)
    if unit is None:
        unit = "mm" if is_qualisys else "m"
    turn = Y_UP[up]
    pinholes = Camera(
        np.stack([camera.intrinsics for camera in cameras]),
        rotation @ turn.T,
        METRES[unit] * centre @ turn.T,
        np.stack([camera.size for camera in cameras]),
    )
    return Calibration(
        pinholes, tuple(camera.lens for camera in cameras), tuple(camera.name for camera in cameras), up
    )


def read_lens(path: Path | str) -> Calibrated:
    """The one camera of a calibration that need not say where it is: its intrinsics and lens.

    Raises:
        ValueError: with one sentence, as ``read_calibration``, and if it has several cameras.
    """
    cameras = read_cameras(path)
    if len(cameras) > 1:
        raise ValueError(f"{path} has {len(cameras)} cameras; of one view one is needed")
    return cameras[0]


def read_cameras(path: Path | str) -> list[Calibrated]:
    """The cameras of a calibration as its file has them; it need not say where they are.

    Raises:
        ValueError: with one sentence, if it is missing, damaged or of an unknown kind.
    """
    return _cameras(Path(path))[0]


def upright(rotation: np.ndarray) -> str:
    """The axis of a world along which cameras (V, 3, 3), from the world, stand upright by their mean."""
    mean = -rotation[:, 1].mean(axis=0)
    axis = int(np.abs(mean).argmax())
    return ("" if mean[axis] > 0 else "-") + "xyz"[axis]


def _cameras(path: Path) -> tuple[list[Calibrated], bool]:
    """The cameras of a file or folder, and whether it is Qualisys'."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".yml", ".yaml"))
        if not files:
            raise ValueError(f"{path} is a folder without calibration files of OpenCV's (.yml)")
        return read_opencv_folder(path, {file: content_of(file) for file in files}), False
    content = content_of(path)
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<") or path.name.lower().endswith(".qca.txt"):
        return read_qualisys(path, content), True
    if start.startswith(b"%YAML") or path.suffix.lower() in (".yml", ".yaml"):
        return read_opencv(path, content), False
    return read_anipose(path, content), False
