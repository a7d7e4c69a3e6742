# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the scene in a Blender window for `drive.sh`, say where the button is, and judge what the press did.

A Rigify human stands partly keyed in pose mode, the sidebar shows the tab "Contrapposto". Complete Pose is
pressed, then an alternative; samples are made as ghosts, and stopped on another try. Timers do each
step, because a window has laid out its regions only after it has drawn; on a busy machine that takes long, so
each step waits until what it needs has been drawn.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import bpy
import addon_utils
from mathutils import Euler, Vector

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests" / "window")]

import crouch  # noqa: E402
import mannequin  # noqa: E402
import sidebar  # noqa: E402

BUTTON_FROM_TOP = 48  # pixels from the sidebar's upper edge to the middle of its first button, at scale 1
NUMBER, ALTERNATIVE = 7, (30, 523)
"""The alternative that is taken, and where its button is: right of the middle, below the upper edge."""
GHOSTS = 8
KEPT_PARTS = dict.fromkeys(crouch.PART_OF_CONTROL.values(), (0.82, 0.25, 0.015))
UNTOUCHED = (0.52, 0.52, 0.53)
COMPLETED = (0.13, 0.30, 0.58)
SHOWN_COLLECTIONS = ("Torso", "Arm.L (IK)", "Arm.R (IK)", "Leg.L (IK)", "Leg.R (IK)", "Root")


def set_scene() -> None:
    bpy.context.preferences.view.show_splash = False
    addon_utils.enable("rigify", default_set=True)
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    rig = crouch.rigify_human()
    for collection in rig.data.collections_all:
        collection.is_visible = collection.name in SHOWN_COLLECTIONS
    body = mannequin.build(rig)
    body.hide_select = True
    mannequin.tint(body, KEPT_PARTS, UNTOUCHED)
    crouch.key(rig)
    select(rig, crouch.KEYED)
    bpy.context.scene.contrapposto.keep_feet_on_floor = True

    _, area, _ = sidebar.view_3d()
    space = area.spaces.active
    space.show_region_ui = True
    space.show_region_toolbar = False
    space.shading.type = "SOLID"
    space.shading.color_type = "MATERIAL"
    space.shading.show_cavity = True
    space.shading.show_shadows = True
    space.shading.shadow_intensity = 0.3
    view = space.region_3d
    view.view_perspective = "ORTHO"
    view.view_rotation = Euler((math.radians(77), 0, math.radians(-38))).to_quaternion()
    view.view_location = Vector((0.0, -0.2, 0.62))
    view.view_distance = 2.7


def select(rig: bpy.types.Object, names: Iterable[str]) -> None:
    """Select bones, so that the timeline shows their keys."""
    for bone in rig.pose.bones:
        holder = bone if "select" in bone.bl_rna.properties else bone.bone
        holder.select = bone.name in names


def tell_button() -> float | None:
    """Once the tab is drawn, tell where its first button is."""
    if not sidebar.is_open():
        return 0.5
    x, y = sidebar.place(BUTTON_FROM_TOP)
    (FOLDER / "button.txt").write_text(f"{x} {y}\n", encoding="utf-8")
    return None


def judge(rig_name: str, bits: dict[str, bytes], pose: dict[str, tuple]) -> float | None:
    """Wait until the operator has run from the button, then write what it did."""
    if not any(
        done.bl_idname == "CONTRAPPOSTO_OT_complete_pose" for done in bpy.context.window_manager.operators
    ):
        return 0.5
    _, area, _ = sidebar.view_3d()
    redo = next(region for region in area.regions if region.type == "HUD")
    if redo.height < 10:  # it is laid out at the next drawing
        return 0.5
    rig = bpy.data.objects[rig_name]
    mannequin.tint(bpy.data.objects["Mannequin"], KEPT_PARTS, COMPLETED)
    window = bpy.context.window_manager.windows[0]
    x, y = redo.x + redo.width // 2, window.height - (redo.y + redo.height // 2)
    (FOLDER / "redo.txt").write_text(f"{x} {y}\n", encoding="utf-8")
    changed = [name for name, value in crouch.keyed_channels(rig).items() if value != bits[name]]
    completed = [bone.name for bone in rig.pose.bones if matrix(bone) != pose[bone.name]]
    verdict = "passed" if completed and not changed else "failed"
    (FOLDER / "verdict.txt").write_text(
        f"{verdict}: Blender {bpy.app.version_string}, {len(completed)} controls completed by one click, "
        f"{len(changed)} keyed channels changed\n",
        encoding="utf-8",
    )
    folded = redo.height
    bpy.app.timers.register(lambda: tell_unfolded(folded), first_interval=0.5)
    bpy.app.timers.register(lambda: judge_taken(rig_name, bits), first_interval=0.5)
    return None


def tell_unfolded(folded: int) -> float | None:
    """Wait until the redo panel shows its options, then tell where an alternative is."""
    _, area, _ = sidebar.view_3d()
    redo = next(region for region in area.regions if region.type == "HUD")
    if redo.height < 2 * folded:
        return 0.5
    x, y = sidebar.place(ALTERNATIVE[1])
    (FOLDER / "alternative.txt").write_text(f"{x + ALTERNATIVE[0]} {y}\n", encoding="utf-8")
    (FOLDER / "unfolded.txt").write_text("the redo panel is open\n", encoding="utf-8")
    return None


def judge_taken(rig_name: str, bits: dict[str, bytes]) -> float | None:
    """Wait until the alternative has been taken by a click, then write what it did."""
    rig = bpy.data.objects[rig_name]
    browsing = addon("alternatives").held_for(rig)
    taken = browsing and browsing.taken(rig)
    if not taken:  # the press itself has taken the first
        return 0.5
    changed = [name for name, value in crouch.keyed_channels(rig).items() if value != bits[name]]
    verdict = "failed" if changed or taken != NUMBER - 1 else "passed"
    (FOLDER / "taken.txt").write_text(
        f"{verdict}: alternative {taken + 1} where {NUMBER} was meant, "
        f"taken by one click, {len(changed)} keyed channels changed\n",
        encoding="utf-8",
    )
    bpy.app.timers.register(lambda: sample_ghosts(rig_name), first_interval=5.0)
    return None


def sample_ghosts(rig_name: str) -> float | None:
    """Look from further away, and put ghosts beside the character."""
    if not (FOLDER / "alternative.png").exists():
        return 0.5
    window, area, _ = sidebar.view_3d()
    view = area.spaces.active.region_3d
    view.view_rotation = Euler((math.radians(80), 0, math.radians(-8))).to_quaternion()
    view.view_location = Vector((7.6, 0.0, 0.9))
    view.view_distance = 17.5
    press_ghosts(window, area)
    bpy.app.timers.register(lambda: judge_ghosts(rig_name), first_interval=0.5)
    return None


def press_ghosts(window: bpy.types.Window, area: bpy.types.Area) -> None:
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.contrapposto.sample_poses(
            "INVOKE_DEFAULT", destination="GHOSTS", samples=GHOSTS, kept_bones="NONE"
        )


def judge_ghosts(rig_name: str) -> float | None:
    """Wait until the ghosts stand there, then press again and have it stopped."""
    if addon("running").progress() is not None:
        return 0.5
    names = sorted(thing.name for thing in addon("ghosts").ghosts())
    verdict = "passed" if len(names) == GHOSTS else "failed"
    (FOLDER / "ghosts.txt").write_text(f"{verdict}: {len(names)} ghosts\n", encoding="utf-8")
    bpy.app.timers.register(lambda: stop_ghosts(rig_name, names), first_interval=1.0)
    return None


def stop_ghosts(rig_name: str, names: list[str]) -> float | None:
    """Once the ghosts are photographed, sample again; the hand presses Esc on the way."""
    if not (FOLDER / "ghosts.png").exists():
        return 0.5
    rig = bpy.data.objects[rig_name]
    pose = {bone.name: matrix(bone) for bone in rig.pose.bones}
    window, area, _ = sidebar.view_3d()
    press_ghosts(window, area)
    bpy.app.timers.register(lambda: judge_stopped(rig_name, names, pose), first_interval=0.1)
    return None


def judge_stopped(rig_name: str, names: list[str], pose: dict[str, tuple]) -> float | None:
    """Have Esc pressed after the first ghosts; what is left is what was there."""
    done = addon("running").progress()
    if done is not None:
        if done > 0.2:
            (FOLDER / "running.txt").write_text("press Esc\n", encoding="utf-8")
        return 0.1
    rig = bpy.data.objects[rig_name]
    left = sorted(thing.name for thing in addon("ghosts").ghosts())
    is_same = left == names and {bone.name: matrix(bone) for bone in rig.pose.bones} == pose
    verdict = "passed" if is_same and (FOLDER / "running.txt").exists() else "failed"
    (FOLDER / "stopped.txt").write_text(f"{verdict}: Esc leaves what was there\n", encoding="utf-8")
    return None


def addon(module: str):
    """A module of the installed extension's ``addon``."""
    name = next(a.module for a in bpy.context.preferences.addons if a.module.endswith(".contrapposto"))
    return importlib.import_module(f"{name}.addon.{module}")


def matrix(bone: bpy.types.PoseBone) -> tuple:
    return tuple(tuple(row) for row in bone.matrix_basis)


def begin() -> None:
    set_scene()
    rig = bpy.context.view_layer.objects.active
    bits = crouch.keyed_channels(rig)
    pose = {bone.name: matrix(bone) for bone in rig.pose.bones}
    name = rig.name
    sidebar.watch_tabs()
    bpy.app.timers.register(tell_button, first_interval=2.0)
    bpy.app.timers.register(lambda: judge(name, bits, pose), first_interval=3.0)


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(begin, first_interval=1.0)
