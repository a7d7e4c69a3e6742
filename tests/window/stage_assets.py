# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples in a Blender window: in the pose first, where the window lives meanwhile and one undo is enough.

Then as pose assets: saved, opened again, and applied by the Asset Browser's own operator. Last, the bones are
shown in the colours of their naturalness, and the add-on is disabled: nothing of it may stay. verdict.txt
says what came of it. No hand is needed; Blender quits by itself.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import addon_utils
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(sys.argv[sys.argv.index("--") + 1]).resolve()
sys.path[:0] = [str(ROOT / "tests" / "window"), str(ROOT / "tests" / "blender")]

import rigs  # noqa: E402
import sidebar  # noqa: E402

EXTENSION = "bl_ext.user_default.contrapposto"
PATIENCE_SECONDS = 300.0
SAMPLES, MANY = 2, 64
TOLERANCE = 1e-3
FILE = FOLDER / "assets.blend"

Story = Iterator[None]


def until(is_true: Callable[[], object], what: str) -> Story:
    """Wait, a tick at a time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        if time.monotonic() > end:
            message = f"waited in vain for {what}"
            raise TimeoutError(message)
        yield


def bones() -> dict[str, np.ndarray]:
    """Where the rig's bones are."""
    rig = bpy.context.view_layer.objects.active
    bpy.context.view_layer.update()
    return {bone.name: np.array(bone.matrix) for bone in rig.pose.bones}


def browser() -> dict[str, object]:
    """The context of the Asset Browser that an area has become."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.ui_type == "ASSETS")
    return {"window": window, "area": area, "region": next(r for r in area.regions if r.type == "WINDOW")}


def find(action: bpy.types.Action) -> bool:
    """Make the action the active asset of the browser, as a click does; whether it has been listed."""
    place = browser()
    space = place["area"].spaces.active
    if space.params is None:
        return False
    space.params.asset_library_reference = "LOCAL"
    space.activate_asset_by_id(action)
    place["area"].tag_redraw()
    with bpy.context.temp_override(**place):
        asset = bpy.context.asset
        return asset is not None and asset.name == action.name


def story() -> Story:
    """Make, save, open, apply, compare; show, disable, look for traces."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    rigs.build(rigs.MIXAMO)
    yield from press_and_take_back()
    bpy.ops.wm.save_as_mainfile(filepath=str(FILE))
    before = bones()
    bpy.ops.contrapposto.sample_poses(destination="ASSETS", samples=SAMPLES)
    bpy.ops.wm.save_mainfile()
    bpy.ops.contrapposto.sample_poses(samples=SAMPLES, alternative=SAMPLES)
    wanted = bones()
    bpy.ops.wm.open_mainfile(filepath=str(FILE))
    yield from until(lambda: bpy.data.filepath == str(FILE), "the file")
    sampled = sorted((a for a in bpy.data.actions if a.asset_data), key=lambda action: action.name)
    check(len(sampled) == SAMPLES, f"{len(sampled)} assets after opening")
    check(far(bones(), before) < TOLERANCE, "the pose of the file is another one")
    member = next(
        area for area in bpy.context.window_manager.windows[0].screen.areas if area.type != "VIEW_3D"
    )
    member.ui_type = "ASSETS"
    yield from until(lambda: find(sampled[-1]), "the asset in the browser")
    with bpy.context.temp_override(**browser()):
        bpy.ops.pose.select_all(action="DESELECT")
        check(bpy.ops.poselib.apply_pose_asset() == {"FINISHED"}, "the operator did not finish")
    check(far(bones(), wanted) < TOLERANCE, f"bones are {far(bones(), wanted):.4f} off")
    check(far(bones(), before) > 10 * TOLERANCE, "the pose has not changed")

    natural_bones = importlib.import_module(f"{EXTENSION}.addon.natural_bones")
    window, area, _ = sidebar.view_3d()
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.contrapposto.show_naturalness()
    drawing = natural_bones._handle  # Blender has no list of what is drawn
    check(drawing is not None, "nothing is drawn")
    yield
    addon_utils.disable(EXTENSION)
    try:
        bpy.types.SpaceView3D.draw_handler_remove(drawing, "WINDOW")
    except ValueError:
        pass
    else:
        check(is_true=False, complaint="the drawing stayed")
    check(not [name for name in dir(bpy.types) if "contrapposto" in name.lower()], "classes stayed")


def press_and_take_back() -> Story:
    """Press for the current pose, see the window go on while it is solved, and undo once."""
    running = importlib.import_module(f"{EXTENSION}.addon.running")
    bpy.ops.ed.undo_push(message="Rig")
    before, seen = bones(), set()
    window, area, _ = sidebar.view_3d()
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.contrapposto.sample_poses("INVOKE_DEFAULT", samples=MANY)
    check(far(bones(), before) == 0, "the pose has changed before anything was solved")
    while (done := running.progress()) is not None:
        seen.add(done)
        yield
    check(len(seen) > 1, f"the window saw no progress but {seen}")
    check(far(bones(), before) > 10 * TOLERANCE, "no sample was taken")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.ed.undo()
    check(far(bones(), before) < TOLERANCE, "one undo does not take it back")


def far(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest difference between two sets of matrices."""
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


def check(is_true: bool, complaint: str) -> None:
    """End the story with a complaint unless this is true."""
    if not is_true:
        raise AssertionError(complaint)


def tick(running: Story) -> float | None:
    """Go on with the story; at its end, write the verdict and quit."""
    try:
        next(running)
    except StopIteration:
        verdict = f"passed: Blender {bpy.app.version_string}, samples taken and undone, an asset applied"
    except Exception:  # noqa: BLE001 - told, not swallowed: a timer's error would be seen by nobody
        verdict = f"failed: Blender {bpy.app.version_string}\n{traceback.format_exc()}"
    else:
        return 0.1
    (FOLDER / "verdict.txt").write_text(verdict + "\n", encoding="utf-8")
    bpy.ops.wm.quit_blender()
    return None


bpy.context.preferences.view.show_splash = False
RUNNING = story()
bpy.app.timers.register(lambda: tick(RUNNING), first_interval=2.0, persistent=True)
