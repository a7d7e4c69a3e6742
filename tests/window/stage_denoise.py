# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap in a Blender window: pressed, looked at, taken back, and stopped with Esc.

Two captured walks tremble. The short one is cleaned to the end; on the long one, of 10,000 frames, Esc is
pressed while it is read, while it is cleaned and while keys are written. `hand.sh` does what the story
orders of mouse and keyboard; verdict.txt says what came of it.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import sys
import time
from pathlib import Path

import bpy
from mathutils import Euler

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
sys.path[:0] = [str(ROOT / "tests" / "window"), str(ROOT / "tests" / "blender")]

import buttons  # noqa: E402
import hand  # noqa: E402
import sidebar  # noqa: E402
from cleaner import Cleaner  # noqa: E402
from hand import Story  # noqa: E402

SOON_SECONDS = 1.0
"""From Esc to the end, on a machine with a free processor."""
ESC_AT = {"reading": 0.02, "cleaning": 0.21, "writing keys": 0.86}
"""What it is doing -> how far the progress is when Esc is pressed."""
CLOSE_UP = 2.6
ACTIONS = 2
"""How many are in the file: one a take."""


def addon(module: str):
    """A module of the installed extension's ``addon``."""
    return importlib.import_module(f"{sidebar.EXTENSION}.addon.{module}")


def progress() -> float | None:
    """What the panel shows of the task that is running."""
    return addon("running").progress()


def load() -> float:
    """How many tasks wait for each processor."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def playing(name: str) -> bpy.types.Action:
    return bpy.data.objects[name].animation_data.action


def all_keys(action: bpy.types.Action) -> str:
    """A fingerprint of every key."""
    versions, found = addon("versions"), hashlib.sha256()
    for slot in versions.slots_of(action, bpy.context.object):
        for curve in versions.curves_of(action, slot):
            values = [0.0] * (2 * len(curve.keyframe_points))
            curve.keyframe_points.foreach_get("co", values)
            found.update(repr((curve.data_path, curve.array_index, values)).encode())
    return found.hexdigest()


def everything(name: str) -> tuple:
    """What must be as before once it is stopped or undone."""
    action = playing(name)
    return sorted(a.name for a in bpy.data.actions), action.name, all_keys(action), action.use_fake_user


def activate(name: str) -> None:
    for thing in bpy.data.objects:
        thing.hide_set(thing.name != name)
        thing.select_set(thing.name == name)
    bpy.context.view_layer.objects.active = bpy.data.objects[name]


def set_scene() -> None:
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    bpy.context.scene.render.fps = 30
    for name in ("Long Walk", "Walk"):
        bpy.ops.import_anim.bvh(filepath=str(FOLDER / f"{name}.bvh"), update_scene_fps=False)
        bpy.context.object.data.display_type = "OCTAHEDRAL"
    activate("Walk")
    bpy.context.scene.frame_end = int(playing("Walk").frame_range[1])
    bpy.context.scene.frame_set(40)
    _, area, _ = sidebar.view_3d()
    space = area.spaces.active
    space.show_region_ui, space.show_region_toolbar = True, False
    space.overlay.show_relationship_lines = False
    view = space.region_3d
    view.view_perspective = "ORTHO"
    view.view_rotation = Euler((math.radians(80), 0, math.radians(-30))).to_quaternion()
    rig = bpy.data.objects["Walk"]
    view.view_location = rig.matrix_world @ rig.pose.bones[0].head
    view.view_distance = CLOSE_UP
    bpy.ops.ed.undo_push(message="Import")


def story() -> Story[str]:
    """All that happens."""
    set_scene()
    sidebar.watch_tabs()
    yield from hand.until(sidebar.is_open, "the tab")
    yield from fold_complete_pose()
    yield from hand.photograph(FOLDER / "before.png")
    yield from press_and_take_back()
    seconds = yield from press_and_stop()
    times = ", ".join(f"{taken:.2f} s while {doing}" for doing, taken in seconds.items())
    return (
        "new action, original kept, toggle, one undo; "
        f"10,000 frames end {times} after Esc ({load():.1f} tasks a processor)"
    )


def fold_complete_pose() -> Story[None]:
    """With the key A, which folds the panel under the mouse."""
    place = yield from buttons.find("complete_pose")
    yield from hand.order("move {} {}".format(*place))
    yield from hand.order("key a")
    yield from hand.pause(3)


def press_denoise() -> Story[None]:
    yield from buttons.press(
        "denoise_mocap", then=lambda: progress() is not None or len(bpy.data.actions) > ACTIONS
    )


def press_and_take_back() -> Story[None]:
    """The short take: denoised, compared, undone."""
    name = "Walk"
    before, original = everything(name), playing(name).name
    yield from press_denoise()
    yield from hand.until(lambda: (progress() or 0) > 0.2 or playing(name).name != original, "progress")
    yield from hand.order(f"shot {FOLDER}/progress.png")
    yield from hand.until(lambda: playing(name).name != original and progress() is None, "the new action")
    yield from hand.photograph(FOLDER / "denoise.png", seconds=8)
    made = playing(name)
    assert made.name == f"{original} denoised", f"plays '{made.name}' after the press"
    assert all_keys(made) != before[2], "nothing has changed"
    assert all_keys(bpy.data.actions[original]) == before[2], "the original has changed"
    for expected in (original, f"{original} denoised"):
        yield from buttons.press(
            "toggle_denoised", then=lambda expected=expected: playing(name).name == expected
        )
        yield from hand.pause(1)
    for _ in range(3):  # the press, and the two toggles
        yield from hand.order("key ctrl+z")
        yield from hand.pause(4)
        if everything(name) == before:
            break
    assert everything(name) == before, "the undo does not take it back"


def press_and_stop() -> Story[dict[str, float]]:
    """The long take: Esc, three times; the seconds from key to end."""
    activate("Long Walk")
    yield from hand.pause(3)
    before, seconds = everything("Long Walk"), {}
    for doing, at in ESC_AT.items():
        if doing == "writing keys":  # at once, without the minutes of cleaning before it
            addon("denoise")._core_denoise = lambda *_: Cleaner(degrees=2.0)
        yield from press_denoise()
        yield from hand.until(lambda at=at: (progress() or 0) >= at, f"{at:.0%}")
        ended = None
        pressing = hand.order("key Escape")
        while True:
            try:
                next(pressing)
            except StopIteration as stop:
                pressed = stop.value
                break
            ended = time.time() if ended is None and progress() is None else ended
            yield
        while ended is None:
            ended = time.time() if progress() is None else None
            yield
        seconds[doing] = ended - pressed
        yield from hand.pause(2)
        assert everything("Long Walk") == before, f"something has changed though it was stopped while {doing}"
        assert seconds[doing] <= SOON_SECONDS * max(1.0, load()), (
            f"it ended {seconds[doing]:.2f} s after Esc while {doing}"
        )
    return seconds


hand.tell(FOLDER, story)
