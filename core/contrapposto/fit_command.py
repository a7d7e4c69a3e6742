# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto fit``: from keypoints of one camera or several to a BVH or npz file."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from contrapposto.files.motion_files import check_output, write_motion
from contrapposto.files.table import format_table, make_room, write_json
from contrapposto.footage_options import add_footage_options
from contrapposto.keypoints.calibrated import Calibrated
from contrapposto.keypoints.calibration import Calibration, read_calibration, read_cameras
from contrapposto.keypoints.footage import Footage, read_footage
from contrapposto.keypoints.tracking import choice_of
from contrapposto.keypoints.view import read_view
from contrapposto.motion import Motion, Pose
from contrapposto.tasks.fit import Fitted, fit
from contrapposto.tasks.fit_refine import ankles_standing
from contrapposto.tasks.fit_remarks import NOTHING_STANDS, remarks
from contrapposto.tasks.fit_start import reprojection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``fit`` its options."""
    add_footage_options(
        parser,
        calibration="; one camera does without, level, with a likely lens, or with one that has no place",
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
    parser.add_argument(
        "--strength", type=float, default=1.0, help="0 is where the fit begins, 1 all the way (default 1)"
    )
    parser.add_argument(
        "--ground", action="store_true", help="set feet on a plane, without sliding or sinking"
    )


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
    calibration = _calibration(arguments)
    footage = _footage(arguments, calibration)
    found = fit(footage, arguments.fps, strength=arguments.strength, ground=arguments.ground)
    record = {"task": "fit", **_measures(found), "seconds": time.perf_counter() - began}
    motion = replace(found.motion, name=arguments.output.stem)
    if calibration is None or isinstance(calibration, Calibrated):
        motion = _above_floor(motion, found.body.offsets)
    write_motion(arguments.output, motion, found.body.offsets)
    count = len(footage.cameras)
    print(f"{footage.name}, {len(found.motion)} frames of {count} camera{'s' * (count > 1)}")
    print(format_table([record]))
    for remark in remarks(found, footage.first + np.arange(len(found.motion))):
        print(remark)
    if arguments.ground and not found.grounded:
        print(NOTHING_STANDS)
    if not found.improved:
        print("The prior's rounds fitted the keypoints worse than the start did, so the start was kept")
    if arguments.json:
        write_json([record], arguments.json)
    print(f"wrote {arguments.output}")


def _calibration(a: argparse.Namespace) -> Calibrated | Calibration | None:
    """Of the cameras that the keypoints belong to; of one it may say its lens alone, or there is none."""
    several = len(a.keypoints) > 1
    if a.calibration is None:
        if several:
            raise ValueError("Several cameras need a calibration; one camera can do without")
        if a.cameras is not None or a.up is not None or a.unit is not None:
            raise ValueError("--cameras, --up and --unit are of a calibration; give it with --calibration")
        return None
    if a.focal is not None or a.size is not None:
        raise ValueError("--focal and --size are for one camera without calibration")
    if several:
        return read_calibration(a.calibration, up=a.up, unit=a.unit)
    cameras = read_cameras(a.calibration)
    numbers = a.cameras or list(range(1, len(cameras) + 1))
    if len(numbers) != 1:
        raise ValueError(
            f"{a.calibration} has {len(cameras)} cameras and one folder is given; "
            "say with --cameras N which one it is"
        )
    number = numbers[0]
    if 1 <= number <= len(cameras) and cameras[number - 1].rotation is None:
        if a.up is not None or a.unit is not None:
            raise ValueError(
                f"{a.calibration} does not say where the camera is, so --up and --unit say nothing"
            )
        return cameras[number - 1]
    return read_calibration(a.calibration, up=a.up, unit=a.unit).of_numbers(numbers)


def _footage(a: argparse.Namespace, calibration: Calibrated | Calibration | None) -> Footage:
    """What the options say was seen."""
    person = choice_of(a.person)
    if len(a.keypoints) > 1 and isinstance(calibration, Calibration):
        return read_footage(a.keypoints, calibration, a.set, a.cameras, a.format, person)
    if a.size is not None and not all(np.isfinite(side) and side >= 1 for side in a.size):
        raise ValueError(f"An image cannot be {a.size[0]:g} x {a.size[1]:g} pixels")
    one = read_view(a.keypoints[0], size=a.size, camera=calibration, name=a.set, form=a.format, person=person)
    return _focused(one, a.focal)


def _focused(footage: Footage, focal: float | None) -> Footage:
    if focal is None:
        return footage
    if not (np.isfinite(focal) and focal > 0):
        raise ValueError(f"A focal length must be above 0 pixels, not {focal:g}")
    intrinsics = footage.cameras.intrinsics.copy()
    intrinsics[:, [0, 1], [0, 1]] = focal
    return replace(footage, cameras=replace(footage.cameras, intrinsics=intrinsics))


def _above_floor(motion: Motion, offsets: np.ndarray) -> Motion:
    """The motion with its standing feet at y = 0: a lone camera does not know where the floor is."""
    poses = motion.poses
    floor = ankles_standing(poses.rotations, poses.transl, offsets) - ANKLE_METRES
    return replace(motion, poses=Pose(poses.rotations, poses.transl - [0, floor, 0]))


ANKLE_METRES = 0.08
"""Height of an ankle above the sole."""


def _measures(found: Fitted) -> dict[str, float]:
    footage = found.footage
    off = reprojection(footage.cameras, footage.points, found.body, found.motion.poses)
    off = off[(footage.confidence > 0) & np.isfinite(off)]
    return {
        "frames": len(found.error),
        "frames_unseen": int(found.unseen.sum()),
        "reprojection_median_px": float(np.median(off)),
        "reprojection_p90_px": float(np.percentile(off, 90)),
        "worst_frame": footage.first + int(np.nanargmax(found.error)),
        "worst_frame_px": float(np.nanmax(found.error)),
    }
