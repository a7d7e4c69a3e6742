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
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import bpy
from mathutils import Euler

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
sys.path[:0] = [str(ROOT / "tests" / "window"), str(ROOT / "tests" / "blender")]

import sidebar  # noqa: E402
from cleaner import Cleaner  # noqa: E402

FIRST_HEADER, BUTTON = 12, 134
"""Pixels from the sidebar's upper edge: the first panel's header, and the button once that is folded."""
PATIENCE_SECONDS = 600.0
SOON_SECONDS = 1.0
"""From Esc to the end, on a machine with a free processor."""
ESC_AT = {"reading": 0.02, "cleaning": 0.21, "writing keys": 0.86}
"""What it is doing -> how far the progress is when Esc is pressed."""
CLOSE_UP = 2.6
TICK_SECONDS = 0.02

Result = TypeVar("Result")
Story = Generator[None, None, Result]
orders = 0


def order(what: str) -> Story[float]:
    """Have the hand do something; when it was done."""
    global orders  # noqa: PLW0603 - the hand counts, too
    orders += 1
    sent, done = FOLDER / f"order-{orders}.tmp", FOLDER / f"done-{orders}.txt"
    sent.write_text(f"{what}\n", encoding="utf-8")
    sent.rename(FOLDER / f"order-{orders}.txt")
    yield from until(done.exists, f"the hand to {what}")
    return float(done.read_text())


def until(is_true: Callable[[], bool], what: str) -> Story[None]:
    """Wait."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
        yield


def pause(seconds: float) -> Story[None]:
    """Let the window draw, and panels that grow or shrink come to rest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sidebar.view_3d()[2].tag_redraw()
        yield


def addon(module: str):
    """A module of the installed extension's ``addon``."""
    name = next(a.module for a in bpy.context.preferences.addons if a.module.endswith(".contrapposto"))
    return importlib.import_module(f"{name}.addon.{module}")


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


def story() -> Story[None]:
    """All that happens; says what went wrong."""
    set_scene()
    sidebar.watch_tabs()
    yield from until(sidebar.is_open, "the tab")
    yield from order("click {} {}".format(*sidebar.place(FIRST_HEADER)))  # Complete Pose folds
    yield from order("move 500 500")
    yield from pause(3)
    yield from order(f"shot {FOLDER}/before.png")
    wrong = yield from press_and_take_back()
    stopped, seconds = yield from press_and_stop()
    wrong += stopped
    times = ", ".join(f"{taken:.2f} s while {doing}" for doing, taken in seconds.items())
    tell(
        wrong,
        "new action, original kept, toggle, one undo; "
        f"10,000 frames end {times} after Esc ({load():.1f} tasks a processor)",
    )


def press_and_take_back() -> Story[list[str]]:
    """The short take: denoised, compared, undone."""
    name = "Walk"
    before, original = everything(name), playing(name).name
    yield from order("click {} {}".format(*sidebar.place(BUTTON)))
    yield from order("move 500 500")
    yield from until(lambda: (progress() or 0) > 0.2 or playing(name).name != original, "progress")
    yield from order(f"shot {FOLDER}/progress.png")
    yield from until(lambda: playing(name).name != original and progress() is None, "the new action")
    yield from pause(8)
    yield from order(f"shot {FOLDER}/denoise.png")
    wrong, made = [], playing(name)
    if made.name != f"{original} denoised" or all_keys(made) == before[2]:
        wrong.append(f"plays '{made.name}' after the press")
    if all_keys(bpy.data.actions[original]) != before[2]:
        wrong.append("the original has changed")
    for expected in (original, f"{original} denoised"):
        bpy.ops.contrapposto.toggle_denoised()
        if playing(name).name != expected:
            wrong.append(f"plays '{playing(name).name}' after the toggle")
    yield from order("key ctrl+z")
    yield from until(lambda: len(bpy.data.actions) == len(before[0]), "the undo")
    yield from pause(2)
    if everything(name) != before:
        wrong.append("one undo does not take it back")
    return wrong


def press_and_stop() -> Story[tuple[list[str], dict[str, float]]]:
    """The long take: Esc, three times; what went wrong, and the seconds from key to end."""
    activate("Long Walk")
    yield from pause(3)
    before, wrong, seconds = everything("Long Walk"), [], {}
    for doing, at in ESC_AT.items():
        if doing == "writing keys":  # at once, without the minutes of cleaning before it
            addon("denoise")._core_denoise = lambda: Cleaner(degrees=2.0)
        yield from order("click {} {}".format(*sidebar.place(BUTTON)))
        yield from order("move 500 500")
        yield from until(lambda at=at: (progress() or 0) >= at, f"{at:.0%}")
        pressing = order("key Escape")
        ended = None
        for _ in pressing:
            ended = time.time() if ended is None and progress() is None else ended
            yield
        pressed = float((FOLDER / f"done-{orders}.txt").read_text())
        while ended is None:
            ended = time.time() if progress() is None else None
            yield
        seconds[doing] = ended - pressed
        yield from pause(2)
        if everything("Long Walk") != before:
            wrong.append(f"something has changed though it was stopped while {doing}")
        if seconds[doing] > SOON_SECONDS * max(1.0, load()):
            wrong.append(f"it ended {seconds[doing]:.2f} s after Esc while {doing}")
    return wrong, seconds


def tell(wrong: list[str], what: str) -> None:
    verdict = f"failed: {'; '.join(wrong)}" if wrong else "passed"
    text = f"{verdict}: Blender {bpy.app.version_string}, {what}\n"
    (FOLDER / "verdict.txt").write_text(text, encoding="utf-8")


def told() -> Story[None]:
    """The story to its end, be it a bad one."""
    try:
        yield from story()
    except Exception as error:  # noqa: BLE001 - the verdict is where it is read
        traceback.print_exc()
        tell([f"{type(error).__name__}: {error}"], "the story has ended early")
        yield from order(f"shot {FOLDER}/failed.png")
    yield from order("end")


telling = told()


def tick() -> float | None:
    return next(telling, None) or TICK_SECONDS


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(tick, first_interval=1.0, persistent=True)
