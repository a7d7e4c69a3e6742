# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto triangulate``: from keypoints of calibrated cameras to a BVH or npz file."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.files.motion_files import check_output, write_motion
from contrapposto.files.table import Record, format_table, make_room, write_json
from contrapposto.footage_options import add_footage_options
from contrapposto.keypoints.agreeing import check_agreement
from contrapposto.keypoints.calibration import read_calibration
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.correct import corrected
from contrapposto.keypoints.footage import Footage, read_everyone, read_footage
from contrapposto.keypoints.points import completed
from contrapposto.keypoints.robust import PIXELS
from contrapposto.keypoints.sets import LIMB_PARTS, SIDES
from contrapposto.keypoints.tracking import choice_of
from contrapposto.keypoints.trc import read_trc
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.rotation import geodesic_angle
from contrapposto.tasks.reconstruct import Reconstructed, reconstruct

READABLE = {
    "method": "",
    "reprojection_median_px": "off in the images (px)",
    "reprojection_p90_px": "worst tenth (px)",
    "limb_length_sd_mm": "limbs vary (mm)",
    "limbs_moved_mm": "arms and legs moved (mm)",
    "seen_percent": "seen (%)",
    "seconds": "seconds",
}
"""What the table calls what the records hold."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of ``triangulate`` its options."""
    add_footage_options(parser, keypoints="; or one file of markers (.trc), which needs no calibration")
    parser.add_argument("--fps", type=float, help="frames a second of the footage; a .trc file says its own")
    parser.add_argument(
        "--everyone", action="store_true", help="write all people, NAME_1.bvh, NAME_2.bvh and so on"
    )
    parser.add_argument(
        "--correct-cameras",
        action="store_true",
        help="turn each camera by what it takes, a degree or so, for all to agree: a tripod was knocked",
    )


def run(arguments: argparse.Namespace) -> None:
    """Find the person, triangulate, write the motion and say how well it fits.

    Args:
        arguments: of ``add_options``.

    Raises:
        ValueError: with one sentence, if an option or a file cannot be used; nothing is written.
        OSError: if a file cannot be written.
    """
    check_output(arguments.output)
    if arguments.json:
        make_room(arguments.json)
    if len(arguments.keypoints) == 1 and arguments.keypoints[0].suffix.lower() == ".trc":
        _from_markers(arguments)
    else:
        _from_cameras(arguments)


def _from_cameras(arguments: argparse.Namespace) -> None:
    began = time.perf_counter()
    if arguments.calibration is None or arguments.fps is None:
        raise ValueError(
            "Keypoints of cameras need a --calibration and their --fps; only a .trc file does not"
        )
    calibration = read_calibration(arguments.calibration, up=arguments.up, unit=arguments.unit)
    given = (arguments.keypoints, calibration, arguments.set, arguments.cameras, arguments.format)
    person = choice_of(arguments.person)
    people = read_everyone(*given) if arguments.everyone else [read_footage(*given, person)]
    if arguments.correct_cameras:
        cameras = _corrected(people)
        people = [replace(footage, cameras=cameras) for footage in people]
    results = _of_people(arguments, people, began)
    footage = people[0]
    print(
        f"{footage.name}, {footage.points.shape[1]} frames of {len(footage.cameras)} cameras, "
        f"{calibration.up} of the calibration is up"
    )
    _finish(arguments, [person for person, _ in results], [row for _, rows in results for row in rows])
    off, usual = float(results[0][1][0]["reprojection_median_px"]), PIXELS * float(footage.cameras.size.max())
    if not arguments.correct_cameras and off > usual:
        print(
            f"The cameras disagree by {off:.1f} px, a detector alone by {usual:.1f} or so: perhaps a tripod "
            "was knocked since the calibration; try --correct-cameras"
        )


Result = tuple[Reconstructed, list[Record]]


def _of_people(arguments: argparse.Namespace, people: Sequence[Footage], began: float) -> list[Result]:
    """The motions of the people; says who among several cannot be had, and why."""
    results: list[Result] = []
    reasons: list[ValueError] = []
    for number, footage in enumerate(people, start=1):
        if len(people) > 1:
            print(f"Person {number} of {len(people)}")
        try:
            results.append(_of_person(arguments, footage, began))
        except ValueError as reason:
            reasons.append(reason)
            if len(people) > 1:
                print(f"is left out: {reason}")
    if not results:
        raise reasons[0] if reasons else ValueError("No two cameras see anyone for long enough")
    return results


def _of_person(arguments: argparse.Namespace, footage: Footage, began: float) -> Result:
    """A person's motion, and how well it and the points in space fit."""
    found = triangulate(footage.cameras, footage.points, footage.confidence)
    _tell_blind(footage)
    check_agreement(footage, found)
    triangulated = time.perf_counter() - began
    sure = np.where(np.isfinite(found.points[..., 0]), found.weight.max(axis=0), 0)
    person = reconstruct(found.points, sure, footage.names, arguments.fps)
    case = {"task": "triangulate", "case": "corrected" if arguments.correct_cameras else "calibrated"}
    times = {"triangulated": triangulated, "motion": time.perf_counter() - began}
    return person, [
        {
            **case,
            "method": method,
            **_errors(footage, places),
            **_lengths(footage.names, places, found.points),
            "seconds": times[method],
        }
        for method, places in (("triangulated", found.points), ("motion", person.points))
    ]


def _from_markers(arguments: argparse.Namespace) -> None:
    began = time.perf_counter()
    markers = read_trc(arguments.keypoints[0])
    known = np.isfinite(markers.points[..., 0]).astype(float)
    points, sure, names = completed(markers.points, known, markers.names)
    person = reconstruct(points, sure, names, arguments.fps or markers.fps)
    measured = _lengths(names, person.points, points)
    record = {"task": "triangulate", "case": "markers", "method": "motion", **measured}
    print(f"{len(markers.names)} markers on the body, {len(markers.points)} frames")
    _finish(arguments, [person], [{**record, "seconds": time.perf_counter() - began}])


def _finish(
    arguments: argparse.Namespace, people: Sequence[Reconstructed], records: Sequence[Record]
) -> None:
    """Write the motions, and say how well they fit."""
    output: Path = arguments.output
    names = [output.with_stem(f"{output.stem}_{number}") for number in range(1, len(people) + 1)]
    names = names if arguments.everyone else [output]
    for name, person in zip(names, people, strict=True):
        write_motion(name, replace(person.motion, name=name.stem), person.body.offsets)
    rows = [
        {READABLE[key]: _readable(value) for key, value in row.items() if key in READABLE} for row in records
    ]
    print(format_table(rows))
    if arguments.json:
        write_json(records, arguments.json)
    for name in names:
        print(f"wrote {name}")


def _readable(value: str | float) -> str | float:
    return "points in space" if value == "triangulated" else value


def _corrected(people: Sequence[Footage]) -> Camera:
    """The cameras, turned so that they agree on the people; says by how much."""
    footage = people[0]
    cameras = corrected(
        footage.cameras,
        np.concatenate([person.points for person in people], axis=1),
        np.concatenate([person.confidence for person in people], axis=1),
    )
    turns = geodesic_angle(cameras.rotation, footage.cameras.rotation)
    for folder, turn in zip(footage.folders, turns, strict=True):
        print(f"{folder}: turned by {np.degrees(turn):.2f} degrees")
    return cameras


def _tell_blind(footage: Footage) -> None:
    """Say which views never see the person."""
    for folder, could in zip(footage.folders, footage.confidence.sum(axis=(1, 2)), strict=True):
        if could == 0:
            print(f"{folder}: never shows the person and is left out")


def _errors(footage: Footage, places: np.ndarray) -> dict[str, float]:
    """How far points in space (T, K, 3) are from what the cameras saw."""
    pixels = footage.cameras.project(places.reshape(1, -1, 3)).reshape(footage.points.shape)
    error = np.linalg.norm(pixels - footage.points, axis=-1)[footage.confidence > 0]
    error = error[np.isfinite(error)]
    return {
        "reprojection_median_px": float(np.median(error)),
        "reprojection_p90_px": float(np.percentile(error, 90)),
    }


def _lengths(names: tuple[str, ...], places: np.ndarray, seen: np.ndarray) -> dict[str, float]:
    """How well points in space (T, K, 3) agree with a body, and with where they were seen (T, K, 3)."""
    at = {name: index for index, name in enumerate(names)}
    known = np.isfinite(seen[..., 0])
    limbs = [[at[f"{side}_{part}"] for part in pair] for pair in LIMB_PARTS for side in SIDES]
    limbs = [limb for limb in limbs if known[:, limb].all(axis=1).any()]
    seen_percent = float(100 * np.isfinite(places[..., 0]).mean())
    if not limbs:
        return {"seen_percent": seen_percent}
    lengths = [np.linalg.norm(places[:, a] - places[:, b], axis=-1) for a, b in limbs]
    away = np.linalg.norm(places - seen, axis=-1)[:, sorted({end for limb in limbs for end in limb})]
    return {
        "limb_length_sd_mm": float(np.mean([1000 * np.nanstd(length) for length in lengths])),
        "limbs_moved_mm": float(1000 * np.nanmean(away)),
        "seen_percent": seen_percent,
    }
