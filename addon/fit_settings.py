# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of Fit Body chooses; light, so that drawing a panel imports no numerics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from contrapposto.keypoints.sets import SETS

from .errors import Refusal

MOST_FPS = 1000.0
LARGEST_FRAME = 1_000_000


class CameraSource(Enum):
    """Who says where the cameras are and what lenses they have."""

    ESTIMATED = "ESTIMATED"
    CALIBRATION = "CALIBRATION"
    SCENE = "SCENE"


@dataclass(frozen=True)
class View:
    """What one camera saw.

    Attributes:
        keypoints: a file, or a folder of files, one a frame.
        movie: what it filmed, a movie or the first of numbered pictures, to be shown behind the body; may
            be empty.
        camera: number of the calibration's camera, from 1; 0 takes them in the file's order.
    """

    keypoints: str
    movie: str = ""
    camera: int = 0


@dataclass(frozen=True)
class FitSettings:
    """What the user chooses, checked.

    Attributes:
        views: what each camera saw.
        clip: name of a movie clip whose tracks are the keypoints, instead of ``views``.
        cameras: who knows the cameras.
        calibration: its file.
        point_set: name of the set that the points are of; recognised if empty.
        person: who is meant, as core's ``choice_of`` reads it: ``best``, ``largest``, ``longest``, or where
            someone clicked, ``X,Y,FRAME`` or ``X,Y,FRAME,CAMERA``.
        fps: frames a second of the footage; the scene's if 0.
        first_frame: of the scene, for the footage's first one; a clip's tracks lie where the clip does.
        strength: 0 stays where the fit begins, 1 goes all the way.
        ground: feet stand on one plane, without sliding or sinking.
        model: file of a SMPL-family body; the free one if empty.
        correctives: make shape keys of that body's pose correctives, and key them.

    Raises:
        Refusal: if something is missing, contradicts itself, or is out of its range.
    """

    views: tuple[View, ...] = ()
    clip: str = ""
    cameras: CameraSource = CameraSource.ESTIMATED
    calibration: str = ""
    point_set: str = ""
    person: str = "best"
    fps: float = 0.0
    first_frame: int = 1
    strength: float = 1.0
    ground: bool = False
    model: str = ""
    correctives: bool = False

    def __post_init__(self) -> None:
        if not self.clip and not self.views:
            raise Refusal("Choose a file or folder of keypoints first")
        for number, view in enumerate(self.views, start=1):
            if not view.keypoints:
                raise Refusal(f"View {number} has no keypoints; choose their file or folder, or remove it")
        numbers = [view.camera for view in self.views]
        if any(numbers) and not all(numbers):
            raise Refusal("Give each view the number of its camera, or none of them")
        if any(numbers) and len(set(numbers)) < len(numbers):
            raise Refusal("Two views have the number of the same camera; give each its own")
        if len(self.views) > 1 and self.cameras is not CameraSource.CALIBRATION:
            raise Refusal(
                "Several views need to know where their cameras are; give a calibration, or one view alone"
            )
        if self.cameras is CameraSource.CALIBRATION and not self.calibration:
            raise Refusal("Choose the calibration's file first")
        if self.point_set and self.point_set not in SETS:
            raise Refusal(f"There is no set of points '{self.point_set}'; there are {', '.join(SETS)}")
        if not (math.isfinite(self.fps) and 0 <= self.fps <= MOST_FPS):
            raise Refusal(f"Frames a second must be 0 to {MOST_FPS:g}, not {self.fps:g}")
        if not abs(self.first_frame) <= LARGEST_FRAME:
            raise Refusal(f"A first frame is within {LARGEST_FRAME:,}, not {self.first_frame}")
        if not 0 <= self.strength <= 1:
            raise Refusal(f"Strength must be 0 to 1, not {self.strength:g}")
