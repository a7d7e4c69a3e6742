# SPDX-License-Identifier: GPL-3.0-or-later
"""The first look at Contrapposto: three controls of a Rigify human are keyed, one press completes the rest.

Installs the built zip into a Blender profile that is deleted afterwards, keys the hips, the right hand and
the head of a newly generated rig, presses Complete Pose once an alternative, checks that every keyed channel
has kept its very bits and that the feet stand on the floor, and writes complete_pose.png,
complete_pose.blend and, as it was before, keyed.blend. Ends with status 1 if a check fails.

    .venv/bpy-4.5/bin/python demo/run.py --extension dist/contrapposto-0.1.0.zip --output build/demo
"""

from __future__ import annotations

import argparse
import struct
import time
from pathlib import Path

import blender_profile
import bpy
import addon_utils
import crouch
import mannequin
import picture

ALTERNATIVES = 4
REACH_TOLERANCE_MM = 1.0
FLOOR_TOLERANCE_MM = 10.0

KEPT = (0.82, 0.25, 0.015)
COMPLETED = (0.13, 0.30, 0.58)
UNTOUCHED = (0.52, 0.52, 0.53)


def keyframes(rig: bpy.types.Object) -> list[bytes]:
    """The bits of every key in the action."""
    return [
        struct.pack("<2f", *key.co)
        for curve in rig.animation_data.action.fcurves
        for key in curve.keyframe_points
    ]


def reach_mm(rig: bpy.types.Object) -> float:
    """How far the right wrist stays away from its keyed control."""
    bones = rig.pose.bones
    return (bones["DEF-hand.R"].head - bones["hand_ik.R"].head).length * 1000


def soles_mm(body: bpy.types.Object) -> dict[str, float]:
    """How high the lowest point of each foot of the mannequin is above the floor."""
    return {side: 1000 * mannequin.lowest(body, f"foot.{side}") for side in mannequin.SIDES}


def check(passed: bool, sentence: str) -> bool:
    """Print one check and return whether it passed."""
    print(f"  {'ok  ' if passed else 'FAIL'} {sentence}")
    return passed


def complete(alternative: int, *, insert_keys: bool) -> float:
    """Press the button; return the seconds that it took."""
    start = time.perf_counter()
    with blender_profile.quiet():
        result = bpy.ops.contrapposto.complete_pose(
            known_bones="KEYED",
            hypotheses=8,
            alternative=alternative,
            seed=0,
            keep_feet_on_floor=True,
            insert_keys=insert_keys,
        )
    if result != {"FINISHED"}:
        message = f"Complete Pose ended with {result}"
        raise RuntimeError(message)
    seconds = time.perf_counter() - start
    bpy.context.view_layer.update()
    return seconds


def run(archive: Path, output: Path) -> bool:
    """Do all of it; return whether every check passed."""
    output.mkdir(parents=True, exist_ok=True)
    print(f"Blender {bpy.app.version_string}: installing {archive.name}, generating a Rigify human")
    with blender_profile.quiet():
        blender_profile.install(archive)
        addon_utils.enable("rigify", default_set=True)
        rig = crouch.rigify_human()
        body = mannequin.build(rig)
        crouch.key(rig)
    kept = dict.fromkeys(crouch.PART_OF_CONTROL.values(), KEPT)
    view = picture.View()
    columns = ALTERNATIVES + 1

    with blender_profile.quiet():
        bpy.context.preferences.filepaths.save_version = 0
        bpy.ops.wm.save_as_mainfile(
            filepath=str((output / "keyed.blend").resolve()), compress=True, copy=True
        )
    statues = [show(body, "Keyed", view, 0, columns, kept, UNTOUCHED)]
    channels, keys = crouch.keyed_channels(rig), keyframes(rig)
    before = {bone.name: bone.matrix_basis.copy() for bone in rig.pose.bones}
    passed = True
    for alternative in range(1, columns):
        for bone in rig.pose.bones:
            bone.matrix_basis = before[bone.name]
        bpy.context.scene.frame_set(crouch.FRAME)
        seconds = complete(alternative, insert_keys=False)
        print(f"Alternative {alternative}: {seconds:.2f} s", flush=True)
        now = crouch.keyed_channels(rig)
        for name, bits in channels.items():
            passed &= check(now[name] == bits, f"{name} is bit for bit as keyed")
        passed &= check(keyframes(rig) == keys, "the action's keys are bit for bit as they were")
        distance = reach_mm(rig)
        passed &= check(distance < REACH_TOLERANCE_MM, f"the wrist is {distance:.2f} mm from hand_ik.R")
        lower = abs(min(soles_mm(body).values()))
        passed &= check(lower < FLOOR_TOLERANCE_MM, f"the lower sole is {lower:.1f} mm from the floor")
        moved = sum(b.matrix_basis != before[b.name] for b in rig.pose.bones)
        passed &= check(moved > 0, f"{moved} controls were completed")
        statues.append(show(body, f"Alternative {alternative}", view, alternative, columns, kept, COMPLETED))

    for bone in rig.pose.bones:
        bone.matrix_basis = before[bone.name]
    bpy.context.scene.frame_set(crouch.FRAME)
    complete(1, insert_keys=True)
    body.hide_render = True
    picture.add_caption("orange: hips, right hand, head", view, 0, columns, line=1, ink=darker(KEPT))
    picture.add_caption("blue: completed", view, columns / 2, columns, line=1, ink=darker(COMPLETED))
    picture.set_stage(view, columns)
    print("Rendering")
    with blender_profile.quiet():
        picture.render(output / "complete_pose.png")
        mannequin.tint(body, kept, COMPLETED)
        bpy.ops.wm.save_as_mainfile(filepath=str((output / "complete_pose.blend").resolve()), compress=True)
    print(f"{output / 'complete_pose.png'}\n{output / 'complete_pose.blend'}")
    return passed


def darker(colour: picture.Colour) -> picture.Colour:
    """The same colour as ink on a light floor."""
    return tuple(0.5 * c for c in colour)


def show(
    body: bpy.types.Object,
    name: str,
    view: picture.View,
    column: int,
    columns: int,
    kept: dict[str, picture.Colour],
    other: picture.Colour,
) -> bpy.types.Object:
    """Leave a still copy of the present pose in its column, with its caption."""
    copy = mannequin.statue(body, name)
    mannequin.tint(copy, kept, other)
    copy.location += view.place(column, columns)
    picture.add_caption(name, view, column, columns)
    return copy


def main() -> int:
    """Read the command line and run; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, required=True, help="the built zip")
    parser.add_argument("--output", type=Path, required=True, help="folder for the picture and the .blend")
    arguments = parser.parse_args()
    return 0 if run(arguments.extension.resolve(), arguments.output) else 1


if __name__ == "__main__":
    blender_profile.ending(main)
