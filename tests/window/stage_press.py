# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete Pose in a Blender window: pressed, redone with another option, browsed; then ghosts, and Esc.

A Rigify human stands partly keyed in pose mode, the sidebar shows the tab "Contrapposto". `hand.sh` does what
the story orders of mouse and keyboard; verdict.txt says what came of it.
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

import buttons  # noqa: E402
import crouch  # noqa: E402
import hand  # noqa: E402
import mannequin  # noqa: E402
import sidebar  # noqa: E402
from hand import Story  # noqa: E402

NUMBER = 7
"""The alternative that is taken."""
FOUR_COLUMNS = (0.13, 0.38, 0.63, 0.88)
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
    bpy.ops.ed.undo_push(message="Scene")  # what redo and undo go back to


def select(rig: bpy.types.Object, names: Iterable[str]) -> None:
    """Select bones, so that the timeline shows their keys."""
    for bone in rig.pose.bones:
        holder = bone if "select" in bone.bl_rna.properties else bone.bone
        holder.select = bone.name in names


def story() -> Story[str]:
    """Press, redo, browse, sample, stop."""
    set_scene()
    rig = bpy.context.view_layer.objects.active
    bits, pose, name = crouch.keyed_channels(rig), matrices(rig), rig.name
    sidebar.watch_tabs()
    yield from hand.until(sidebar.is_open, "the tab")
    yield from hand.photograph(FOLDER / "before.png")
    yield from buttons.press("complete_pose", then=lambda: last("CONTRAPPOSTO_OT_complete_pose"))
    rig = bpy.data.objects[name]
    completed = sum(matrices(rig)[bone] != pose[bone] for bone in pose)
    assert completed, "no control was completed by the click"
    assert crouch.keyed_channels(rig) == bits, "keyed channels were changed by the click"
    mannequin.tint(bpy.data.objects["Mannequin"], KEPT_PARTS, COMPLETED)
    yield from unfold_redo()
    yield from hand.photograph(FOLDER / "after.png")
    yield from redo(name, bits)
    yield from buttons.press(
        "take_alternative", f"number={NUMBER}", columns=FOUR_COLUMNS, then=lambda: taken(name) == NUMBER - 1
    )
    assert crouch.keyed_channels(bpy.data.objects[name]) == bits, "an alternative has changed keyed channels"
    yield from hand.pause(5)
    yield from hand.photograph(FOLDER / "alternative.png")
    yield from sample_ghosts()
    yield from stop_ghosts(name)
    return (
        f"{completed} controls completed by one click, 0 keyed channels changed; redone with another "
        f"alternative; alternative {NUMBER} taken by one click; {GHOSTS} ghosts; Esc leaves what was there"
    )


def last(idname: str) -> bpy.types.Operator | None:
    """The operator, if it is the last one that has run."""
    done = bpy.context.window_manager.operators
    return done[-1] if done and done[-1].bl_idname == idname else None


def redo_panel() -> bpy.types.Region:
    return buttons.region_of("HUD")[2]


def unfold_redo() -> Story[None]:
    """Click the header of the redo panel, which is folded at first."""
    yield from hand.until(lambda: redo_panel().height > 10, "the redo panel")
    yield from hand.pause(2)
    folded = redo_panel().height
    window = buttons.region_of("HUD")[0]
    for _ in range(3):
        redo = redo_panel()
        yield from hand.click((redo.x + redo.width // 2, window.height - redo.y - redo.height + 14))
        try:
            yield from hand.until(lambda: redo_panel().height > 2 * folded, "the options", 60)
        except TimeoutError:
            continue
        return
    raise TimeoutError("the redo panel stays folded")


def redo(name: str, bits: dict[str, bytes]) -> Story[None]:
    """Turn the wheel over the first field of the redo panel, which takes the next alternative."""
    window, _, panel = buttons.region_of("HUD")
    before = matrices(bpy.data.objects[name])
    for from_top in range(30, panel.height, buttons.STEP):
        place = panel.x + int(0.7 * panel.width), window.height - panel.y - panel.height + from_top
        yield from hand.order("move {} {}".format(*place))
        yield from hand.pause(1)
        yield from hand.order("wheel up ctrl")
        yield from hand.pause(4)
        if last("CONTRAPPOSTO_OT_complete_pose").properties.alternative > 1:
            break
    else:
        raise LookupError("no field of the redo panel takes the next alternative")
    yield from hand.photograph(FOLDER / "redone.png")
    rig = bpy.data.objects[name]
    assert matrices(rig) != before, "the redo panel has changed nothing"
    assert crouch.keyed_channels(rig) == bits, "the redo panel has changed keyed channels"


def taken(name: str) -> int | None:
    """Which alternative stands in the pose, from 0."""
    rig = bpy.data.objects[name]
    browsing = addon("alternatives").held_for(rig)
    return browsing and browsing.taken(rig)


def sample_ghosts() -> Story[None]:
    """Look from further away, and put ghosts beside the character."""
    _, area, _ = sidebar.view_3d()
    view = area.spaces.active.region_3d
    view.view_rotation = Euler((math.radians(80), 0, math.radians(-8))).to_quaternion()
    view.view_location = Vector((8.4, 0.0, 0.9))
    view.view_distance = 19.0
    call_ghosts()
    yield from hand.until(lambda: addon("running").progress() is None, "the ghosts")
    count = len(ghost_names())
    assert count == GHOSTS, f"{count} ghosts"
    yield from hand.pause(8)
    yield from hand.photograph(FOLDER / "ghosts.png")


def stop_ghosts(name: str) -> Story[None]:
    """Sample again, and press Esc after the first ghosts; what is left is what was there."""
    names, pose = ghost_names(), matrices(bpy.data.objects[name])
    call_ghosts()
    yield from hand.until(lambda: (addon("running").progress() or 0) > 0.2, "progress")
    yield from hand.order("key Escape")
    yield from hand.until(lambda: addon("running").progress() is None, "the end after Esc")
    assert ghost_names() == names, "ghosts have changed though it was stopped"
    assert matrices(bpy.data.objects[name]) == pose, "the pose has changed though it was stopped"


def call_ghosts() -> None:
    window, area, region = buttons.region_of("WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.contrapposto.sample_poses(
            "INVOKE_DEFAULT", destination="GHOSTS", samples=GHOSTS, kept_bones="NONE"
        )


def ghost_names() -> list[str]:
    return sorted(thing.name for thing in addon("ghosts").ghosts())


def addon(module: str):
    """A module of the installed extension's ``addon``."""
    return importlib.import_module(f"{sidebar.EXTENSION}.addon.{module}")


def matrices(rig: bpy.types.Object) -> dict[str, tuple]:
    """The pose of each bone, to the bit."""
    return {bone.name: tuple(tuple(row) for row in bone.matrix_basis) for bone in rig.pose.bones}


hand.tell(FOLDER, story)
