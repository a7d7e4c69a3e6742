# SPDX-License-Identifier: GPL-3.0-or-later
"""A captured take before and after Denoise Mocap: a strip of figures, and one joint's curve.

A take of a person whom the prior has never seen is made to tremble and to jump, and one arm of it
to freeze; it is written as BVH, brought in by Blender's importer and cleaned by the button.
Writes denoise_strip.png and denoise_curve.svg.

    PYTHONPATH=core .venv/bpy-4.5/bin/python demo/denoise.py --extension dist/contrapposto-0.1.0.zip \
        --data ../shared/data/mocap --output docs/images
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import blender_profile
import bpy
import numpy as np
from figure import TO_BLENDER, build
from picture import Colour, material
from sheet import Sheet

from contrapposto.files.bvh import write_bvh
from contrapposto.files.mocap import read_split
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec, to_rotvec
from contrapposto.skeleton import (
    JOINT_INDEX,
    JOINT_NAMES,
    NUM_JOINTS,
    PARENTS,
    STANDARD_OFFSETS,
    forward_kinematics,
)

SUBJECT, FIRST, FRAMES = "cmu/cmu049", 5, 150
"""Of the ``val`` split; 30 frames a second."""

TREMBLE_DEG, SPIKES, SPIKE_DEG = 4.0, 24, 50.0
FROZEN = (70, 95)
FROZEN_JOINTS = ("left_collar", "left_shoulder", "left_elbow", "left_wrist")
"""Frames through which an arm keeps its rotations."""

SHOWN = (60, 66, 72, 78, 84, 90, 96, 102, 108)
CURVE_OF = "left_elbow"

CAPTURED: Colour = (0.82, 0.25, 0.015)
CLEANED: Colour = (0.13, 0.30, 0.58)
TRUTH: Colour = (0.52, 0.52, 0.53)


def take(data: Path) -> Motion:
    """The clean take.

    Raises:
        ValueError: if the data has no such take.
    """
    for clip in read_split(data, "val"):
        if clip.subject == SUBJECT and len(clip) >= FIRST + FRAMES:
            frames = slice(FIRST, FIRST + FRAMES)
            rotations = from_rotvec(clip.rotvec[frames].astype(float))
            return Motion(Pose(rotations, clip.transl[frames].astype(float)), 30.0)
    raise ValueError(f"The data has no take of {SUBJECT} of {FIRST + FRAMES} frames")


def badly_captured(clean: Motion, rng: np.random.Generator) -> Motion:
    """The take as a bad capture shows it."""
    tremble = np.radians(TREMBLE_DEG / 3**0.5) * rng.standard_normal((FRAMES, NUM_JOINTS, 3))
    for frame, joint in zip(
        rng.integers(0, FRAMES, SPIKES), rng.integers(1, NUM_JOINTS, SPIKES), strict=True
    ):
        axis = rng.standard_normal(3)
        tremble[frame, joint] = np.radians(SPIKE_DEG) * axis / np.linalg.norm(axis)
    R = clean.poses.rotations @ from_rotvec(tremble)
    arm = [JOINT_INDEX[joint] for joint in FROZEN_JOINTS]
    R[FROZEN[0] : FROZEN[1], arm] = R[FROZEN[0], arm]
    return Motion(Pose(R, clean.poses.transl), clean.fps)


def rotations_played(rig: bpy.types.Object) -> np.ndarray:
    """(FRAMES, 22, 3, 3) local rotations that the rig plays: how its bones have turned since their rest."""
    rest = {bone.name: np.array(bone.matrix_local.to_3x3()) for bone in rig.data.bones}
    world = np.empty((FRAMES, NUM_JOINTS, 3, 3))
    for frame in range(FRAMES):
        bpy.context.scene.frame_set(1 + frame)
        for joint, name in enumerate(JOINT_NAMES):
            turned = np.array(rig.pose.bones[name].matrix.to_3x3()) @ rest[name].T
            world[frame, joint] = TO_BLENDER.T @ turned @ TO_BLENDER
    above = world[:, [max(0, parent) for parent in PARENTS]].swapaxes(-1, -2)
    above[:, 0] = np.eye(3)
    return above @ world


def cleaned(captured: Motion, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The rotations (FRAMES, 22, 3, 3) of a take that comes in as BVH, before and after the button."""
    path = folder / "take.bvh"
    write_bvh(path, captured, STANDARD_OFFSETS)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = round(captured.fps), 1.0
    bpy.ops.import_anim.bvh(filepath=str(path), update_scene_fps=False)
    rig = bpy.context.object
    before = rotations_played(rig)
    if bpy.ops.contrapposto.denoise_mocap() != {"FINISHED"}:
        raise RuntimeError("Denoise Mocap did not finish")
    after = rotations_played(rig)
    bpy.data.objects.remove(rig)
    return before, after


def error_mm(rotations: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(FRAMES,) mean distance of the joints, the pelvis held."""
    (_, found), (_, true) = (forward_kinematics(R) for R in (rotations, truth))
    return 1000 * np.linalg.norm(found - true, axis=-1).mean(axis=-1)


def draw_strip(rows: dict[str, tuple[np.ndarray, Colour]], truth: np.ndarray, path: Path) -> None:
    """A row of figures for each of the takes, the error under each figure."""
    sheet = Sheet(1 + len(SHOWN), len(rows), cell=(1.5, 2.3), pixels=90)
    for row, (name, (rotations, colour)) in enumerate(rows.items()):
        ink = [material(name, colour)] * NUM_JOINTS
        sheet.write(name, 0, row, up=1.0, size=0.2)
        errors = error_mm(rotations, truth)
        for column, frame in enumerate(SHOWN, start=1):
            sheet.put(build(rotations[frame], ink, f"{name} {frame}"), column, row)
            if rotations is not truth:
                sheet.write(f"{errors[frame]:.0f} mm", column, row, up=0.1)
    for column, frame in enumerate(SHOWN, start=1):
        sheet.write(f"frame {frame}", column, -1, up=0.12)
    sheet.print(path)


def draw_curve(rows: dict[str, tuple[np.ndarray, Colour]], path: Path) -> None:
    """How far one joint is bent over time, a line for each of the takes, as SVG."""
    width, height, margin = 960, 320, 42
    angles = {
        name: np.degrees(np.linalg.norm(to_rotvec(rotations[:, JOINT_INDEX[CURVE_OF]]), axis=-1))
        for name, (rotations, _) in rows.items()
    }
    top = 10 * np.ceil(max(angle.max() for angle in angles.values()) / 10)

    def at(frame: float, angle: float) -> str:
        x = margin + (width - 2 * margin) * frame / (FRAMES - 1)
        return f"{x:.1f},{height - margin - (height - 2 * margin) * angle / top:.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        "<style>text { font: 13px sans-serif }</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for angle in np.arange(0, top + 1, 20):
        left, right = at(0, angle), at(FRAMES - 1, angle)
        x, y = left.split(",")
        lines.append(f'<polyline points="{left} {right}" stroke="#ddd" fill="none"/>')
        lines.append(f'<text x="{float(x) - 8}" y="{float(y) + 4}" text-anchor="end">{angle:.0f}°</text>')
    begin, end = (float(at(frame, 0).split(",")[0]) for frame in FROZEN)
    lines.append(
        f'<rect x="{begin}" y="{margin}" width="{end - begin}" height="{height - 2 * margin}" '
        'fill="#f4efe6"/>'
        f'<text x="{(begin + end) / 2}" y="{margin + 14}" text-anchor="middle" fill="#888">frozen</text>'
    )
    for number, (name, (_, colour)) in enumerate(rows.items()):
        hexes = "#" + "".join(f"{round(255 * c ** (1 / 2.2)):02x}" for c in colour)
        points = " ".join(at(frame, angle) for frame, angle in enumerate(angles[name]))
        thick = 1.2 if number == 0 else 2.0
        lines.append(f'<polyline points="{points}" stroke="{hexes}" stroke-width="{thick}" fill="none"/>')
        lines.append(f'<text x="{margin + 130 * number}" y="{height - 12}" fill="{hexes}">{name}</text>')
    title = f"bend of the {CURVE_OF.replace('_', ' ')}, frames 0 to {FRAMES - 1}"
    lines += [f'<text x="{width - margin}" y="{height - 12}" text-anchor="end">{title}</text>', "</svg>"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw(archive: Path, data: Path, output: Path) -> None:
    """Clean the take, print what it gained, and write both pictures."""
    truth = take(data)
    captured = badly_captured(truth, np.random.default_rng(0))
    with blender_profile.quiet(), tempfile.TemporaryDirectory() as folder:
        blender_profile.install(archive)
        before, after = cleaned(captured, Path(folder))
    print(
        f"{SUBJECT}: {error_mm(before, truth.poses.rotations).mean():.1f} mm off before, "
        f"{error_mm(after, truth.poses.rotations).mean():.1f} mm after"
    )
    rows = {
        "captured": (before, CAPTURED),
        "Denoise Mocap": (after, CLEANED),
        "performed": (truth.poses.rotations, TRUTH),
    }
    output.mkdir(parents=True, exist_ok=True)
    behind = dict(sorted(rows.items(), key=lambda row: row[0] == "Denoise Mocap"))  # drawn last, on top
    draw_curve(behind, output / "denoise_curve.svg")
    with blender_profile.quiet():
        draw_strip(rows, truth.poses.rotations, (output / "denoise_strip.png").resolve())


def main() -> int:
    """Draw, and say in one sentence if that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, required=True, help="the built zip")
    parser.add_argument("--data", type=Path, required=True, help="the motion data folder")
    parser.add_argument("--output", type=Path, required=True, help="folder for the pictures")
    arguments = parser.parse_args()
    try:
        draw(arguments.extension.resolve(), arguments.data, arguments.output)
    except (ValueError, OSError) as error:
        print(f"denoise: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    blender_profile.ending(main)
