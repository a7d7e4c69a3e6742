# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto fit``: from keypoints of one camera or several to a BVH or npz file."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.evaluation.table import format_table, make_room, write_json
from contrapposto.files.motion_files import check_output, write_motion
from contrapposto.keypoints.calibration import Calibration, read_calibration
from contrapposto.keypoints.footage import Footage, read_footage
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.view import read_view
from contrapposto.motion import Motion, Pose
from contrapposto.tasks.fit import Fitted, fit
from contrapposto.tasks.fit_refine import ankles_standing
from contrapposto.tasks.fit_start import reprojection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``fit`` its options."""
    parser.add_argument(
        "--keypoints",
        type=Path,
        nargs="+",
        required=True,
        metavar="SOURCE",
        help="a folder or file of keypoints for each camera, in the calibration's order",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        help="of Qualisys, Pose2Sim, anipose or OpenCV; one camera does without, level, with a likely lens",
    )
    parser.add_argument(
        "--cameras",
        type=int,
        nargs="+",
        metavar="N",
        help="the calibration's cameras, from 1, that the folders belong to (default all)",
    )
    parser.add_argument(
        "--focal", type=float, help="focal length in pixels of one camera that has no calibration"
    )
    parser.add_argument(
        "--size",
        type=float,
        nargs=2,
        metavar=("WIDTH", "HEIGHT"),
        help="of that camera's image in pixels (default: where the points end)",
    )
    parser.add_argument("--fps", type=float, required=True, help="frames a second of the footage")
    parser.add_argument("--output", type=Path, required=True, help="the .bvh or .npz file to write")
    parser.add_argument(
        "--set", choices=tuple(SETS), help="the set that the points are of; recognised by default"
    )
    parser.add_argument(
        "--strength", type=float, default=1.0, help="0 is where the fit begins, 1 all the way (default 1)"
    )
    parser.add_argument(
        "--ground", action="store_true", help="set feet on a plane, without sliding or sinking"
    )
    parser.add_argument("--json", type=Path, help="also write the table's record to this file")


def run(arguments: argparse.Namespace) -> None:
    """Find the person, fit a body, write the motion and say how well it fits.

    Args:
        arguments: of ``add_options``.

    Raises:
        ValueError: with one sentence, if an option or a file cannot be used; nothing is written.
        OSError: if a file cannot be written.
    """
    check_output(arguments.output)
    if arguments.json:
        make_room(arguments.json)
    began = time.perf_counter()
    footage = _footage(arguments)
    found = fit(footage, arguments.fps, strength=arguments.strength, ground=arguments.ground)
    record = {"task": "fit", **_measures(footage, found), "seconds": time.perf_counter() - began}
    motion = replace(found.motion, name=arguments.output.stem)
    if arguments.calibration is None:
        motion = _above_floor(motion, found.body.offsets)
    write_motion(arguments.output, motion, found.body.offsets)
    print(f"{footage.name}, {len(found.motion)} frames of {len(footage.cameras)} cameras")
    print(format_table([record]))
    if not found.improved:
        print("The prior's rounds fitted the keypoints worse than the start did, so the start was kept")
    if arguments.json:
        write_json([record], arguments.json)
    print(f"wrote {arguments.output}")


def _footage(a: argparse.Namespace) -> Footage:
    """What the options say was seen."""
    if len(a.keypoints) > 1:
        if a.calibration is None:
            raise ValueError("Several cameras need a calibration; one camera can do without")
        if a.focal is not None or a.size is not None:
            raise ValueError("--focal and --size are for one camera; the calibration says what several have")
        return read_footage(a.keypoints, a.calibration, a.set, a.cameras)
    if a.calibration is None:
        if a.cameras is not None:
            raise ValueError("--cameras names cameras of a calibration; give it with --calibration")
        if a.size is not None and not all(np.isfinite(side) and side >= 1 for side in a.size):
            raise ValueError(f"An image cannot be {a.size[0]:g} x {a.size[1]:g} pixels")
        return _focused(read_view(a.keypoints[0], size=a.size, name=a.set), a.focal)
    if a.focal is not None or a.size is not None:
        raise ValueError("--focal and --size are for a camera without calibration")
    calibration = _calibrated(a)
    seen = read_view(a.keypoints[0], size=tuple(calibration.cameras.size[0]), name=a.set)
    points = calibration.straightened(seen.points)
    sure = np.where(np.isfinite(points[..., 0]), seen.confidence, 0)
    return replace(seen, points=points, confidence=sure, cameras=calibration.cameras)


def _focused(footage: Footage, focal: float | None) -> Footage:
    if focal is None:
        return footage
    if not (np.isfinite(focal) and focal > 0):
        raise ValueError(f"A focal length must be above 0 pixels, not {focal:g}")
    intrinsics = footage.cameras.intrinsics.copy()
    intrinsics[:, [0, 1], [0, 1]] = focal
    return replace(footage, cameras=replace(footage.cameras, intrinsics=intrinsics))


def _calibrated(a: argparse.Namespace) -> Calibration:
    """The calibration of the one camera that the keypoints belong to."""
    calibration = read_calibration(a.calibration)
    numbers = a.cameras or list(range(1, len(calibration) + 1))
    if len(numbers) != 1:
        raise ValueError(
            f"{a.calibration} has {len(calibration)} cameras and one folder is given; "
            "say with --cameras N which one it is"
        )
    return calibration.of_numbers(numbers)


def _above_floor(motion: Motion, offsets: np.ndarray) -> Motion:
    """The motion with its standing feet at y = 0: a lone camera does not know where the floor is."""
    poses = motion.poses
    floor = ankles_standing(poses.rotations, poses.transl, offsets) - ANKLE_METRES
    return replace(motion, poses=Pose(poses.rotations, poses.transl - [0, floor, 0]))


ANKLE_METRES = 0.08
"""Height of an ankle above the sole."""


def _measures(footage: Footage, found: Fitted) -> dict[str, float]:
    off = reprojection(footage.cameras, footage.points, found.body, found.motion.poses)
    off = off[(footage.confidence > 0) & np.isfinite(off)]
    return {
        "frames": len(found.error),
        "reprojection_median_px": float(np.median(off)),
        "reprojection_p90_px": float(np.percentile(off, 90)),
        "worst_frame": int(np.nanargmax(found.error)),
        "worst_frame_px": float(np.nanmax(found.error)),
    }
