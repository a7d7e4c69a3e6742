# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto triangulate``: from keypoints of calibrated cameras to a BVH or npz file."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.evaluation.table import format_table, make_room, write_json
from contrapposto.files.motion_files import check_output, write_motion
from contrapposto.keypoints.correct import corrected
from contrapposto.keypoints.footage import Footage, read_footage
from contrapposto.keypoints.reading import FORMATS
from contrapposto.keypoints.sets import LIMB_PARTS, SETS, SIDES
from contrapposto.keypoints.triangulate import Triangulated, triangulate
from contrapposto.rotation import geodesic_angle
from contrapposto.tasks.reconstruct import reconstruct

LEAST_AGREEMENT = 0.5
"""Of what a camera's points could count in triangulation, what they count where all is in order: 0.8 to 1."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``triangulate`` its options."""
    parser.add_argument(
        "--keypoints",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="a file of keypoints, or a folder of JSON files, for each camera, in the calibration's order",
    )
    parser.add_argument("--format", choices=FORMATS, help="of the keypoints; told by the files by default")
    parser.add_argument("--calibration", type=Path, required=True, help="a Qualisys calibration (.qca.txt)")
    parser.add_argument(
        "--cameras",
        type=int,
        nargs="+",
        metavar="N",
        help="the calibration's cameras, from 1, that the folders belong to (default all)",
    )
    parser.add_argument("--fps", type=float, required=True, help="frames a second of the footage")
    parser.add_argument("--output", type=Path, required=True, help="the .bvh or .npz file to write")
    parser.add_argument(
        "--set", choices=tuple(SETS), help="the set that the points are of; recognised by default"
    )
    parser.add_argument(
        "--correct-cameras",
        action="store_true",
        help="turn each camera by what it takes, a degree or so, for all to agree: a tripod was knocked",
    )
    parser.add_argument("--json", type=Path, help="also write the table's records to this file")


def run(arguments: argparse.Namespace) -> None:
    """Find the person, triangulate, write the motion and say how well it fits.

    Args:
        arguments: of ``add_options``.

    Raises:
        ValueError: with one sentence, if an option or a file cannot be used; nothing is written.
        OSError: if a file cannot be written.
    """
    output = arguments.output
    check_output(output)
    if arguments.json:
        make_room(arguments.json)
    began = time.perf_counter()
    footage = read_footage(
        arguments.keypoints, arguments.calibration, arguments.set, arguments.cameras, arguments.format
    )
    if arguments.correct_cameras:
        footage = _corrected(footage)
    found = triangulate(footage.cameras, footage.points, footage.confidence)
    _check_agreement(footage, found)
    triangulated = time.perf_counter() - began
    sure = np.where(np.isfinite(found.points[..., 0]), found.weight.max(axis=0), 0)
    person = reconstruct(found.points, sure, footage.names, arguments.fps)
    person = replace(person, motion=replace(person.motion, name=output.stem))
    case = {"task": "triangulate", "case": "corrected" if arguments.correct_cameras else "calibrated"}
    times = {"triangulated": triangulated, "motion": time.perf_counter() - began}
    records = [
        {**case, "method": method, **_measures(footage, places, found.points), "seconds": times[method]}
        for method, places in (("triangulated", found.points), ("motion", person.points))
    ]
    write_motion(output, person.motion, person.body.offsets)
    print(f"{footage.name}, {len(found.points)} frames of {len(footage.cameras)} cameras")
    print(format_table(records))
    if arguments.json:
        write_json(records, arguments.json)
    print(f"wrote {output}")


def _corrected(footage: Footage) -> Footage:
    """The footage with its cameras turned so that they agree; says by how much."""
    cameras = corrected(footage.cameras, footage.points, footage.confidence)
    turns = geodesic_angle(cameras.rotation, footage.cameras.rotation)
    for folder, turn in zip(footage.folders, turns, strict=True):
        print(f"{folder}: turned by {np.degrees(turn):.2f} degrees")
    return replace(footage, cameras=cameras)


def _check_agreement(footage: Footage, found: Triangulated) -> None:
    """Refuse a view that sees the person elsewhere; say which ones never see them."""
    could, counts = footage.confidence.sum(axis=(1, 2)), found.weight.sum(axis=(1, 2))
    for folder, blind in zip(footage.folders, could == 0, strict=True):
        if blind:
            print(f"{folder}: never shows the person and is left out")
    share = np.where(could > 0, counts / np.maximum(could, 1e-9), 1)
    if share.min() < LEAST_AGREEMENT:
        raise ValueError(
            f"{footage.folders[int(share.argmin())]} does not show the person where the other cameras do; "
            "are the folders in the order of the calibration, and synchronised? --cameras leaves one out"
        )


def _measures(footage: Footage, places: np.ndarray, triangulated: np.ndarray) -> dict[str, float]:
    """How well points in space (T, K, 3) agree with what the cameras saw, and with a body."""
    pixels = footage.cameras.project(places.reshape(1, -1, 3)).reshape(footage.points.shape)
    error = np.linalg.norm(pixels - footage.points, axis=-1)[footage.confidence > 0]
    error = error[np.isfinite(error)]
    at = {name: index for index, name in enumerate(footage.names)}
    limbs = [[at[f"{side}_{part}"] for part in pair] for pair in LIMB_PARTS for side in SIDES]
    lengths = [np.linalg.norm(places[:, a] - places[:, b], axis=-1) for a, b in limbs]
    away = np.linalg.norm(places - triangulated, axis=-1)[:, sorted({end for limb in limbs for end in limb})]
    return {
        "reprojection_median_px": float(np.median(error)),
        "reprojection_p90_px": float(np.percentile(error, 90)),
        "limb_length_sd_mm": float(np.mean([1000 * np.nanstd(length) for length in lengths])),
        "limbs_moved_mm": float(1000 * np.nanmean(away)),
        "seen_percent": float(100 * np.isfinite(places[..., 0]).mean()),
    }
