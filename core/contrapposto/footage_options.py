# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of commands that read keypoints of cameras: which files, which cameras, and who is meant."""

from __future__ import annotations

import argparse
from pathlib import Path

from contrapposto.keypoints.calibration import METRES, Y_UP
from contrapposto.keypoints.reading import FORMATS
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.tracking import Rule


def add_footage_options(
    parser: argparse.ArgumentParser, *, keypoints: str = "", calibration: str = ""
) -> None:
    """Give a parser the options of footage and of what is written.

    Args:
        parser: of the command.
        keypoints, calibration: what else is to be said of these two options.
    """
    parser.add_argument(
        "--keypoints",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="a file of keypoints, or a folder of JSON files, for each camera, in the calibration's order"
        + keypoints,
    )
    parser.add_argument("--format", choices=FORMATS, help="of the keypoints; told by the files by default")
    parser.add_argument(
        "--set", choices=tuple(SETS), help="the set that the points are of; recognised by default"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        help="of Qualisys (.qca.txt), Pose2Sim or anipose (.toml) or OpenCV (.yml, or a folder of them)"
        + calibration,
    )
    parser.add_argument(
        "--up", choices=tuple(Y_UP), help="the axis of the calibration's world that is up, as in --up=-y"
    )
    parser.add_argument(
        "--unit", choices=tuple(METRES), help="of the calibration; metres by default, Qualisys mm"
    )
    parser.add_argument(
        "--cameras",
        type=int,
        nargs="+",
        metavar="N",
        help="the calibration's cameras, from 1, that the folders belong to (default all)",
    )
    parser.add_argument(
        "--person",
        default=Rule.BEST.value,
        metavar="WHO",
        help="best (of several cameras whom they agree on most, of one the largest and surest; the default), "
        "largest, longest (in the picture), or X,Y,FRAME or X,Y,FRAME,CAMERA: who is at these pixels in this "
        "frame",
    )
    parser.add_argument("--output", type=Path, required=True, help="the .bvh or .npz file to write")
    parser.add_argument("--json", type=Path, help="also write the table's records to this file")
