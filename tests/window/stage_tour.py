# SPDX-License-Identifier: GPL-3.0-or-later
"""Every other button of the extension, pressed with the mouse, one after another.

A Mixamo-style character is detected, its map saved, exported and imported; it is completed, sampled and
judged; an action is cleaned and its report exported; a body is added, and another one fitted to keypoints
that nobody filmed: stopped, done, taken back, brought back, and put on the character. Then the file is saved
and opened again, and on the page of the preferences memory is freed and the extension switched off and on.
`hand.sh` does what the story orders; verdict.txt says what came of it.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(sys.argv[sys.argv.index("--") + 1]).resolve()
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("window", "blender", "core")]

import buttons  # noqa: E402
import hand  # noqa: E402
import rigs  # noqa: E402
import sidebar  # noqa: E402
from footage import four_cameras, points_of, seen_by, swing  # noqa: E402
from hand import Story  # noqa: E402
from motions import joints_of  # noqa: E402

from contrapposto.skeleton import PARENTS  # noqa: E402

HALVES = (0.25, 0.75)
FOUR_COLUMNS = (0.13, 0.38, 0.63, 0.88)
FILE, MAP, REPORT = FOLDER / "tour.blend", FOLDER / "rig.json", FOLDER / "report.json"
KEYPOINTS = FOLDER / "Swing.npy"
FILMED = FOLDER / "filmed"
FILMED_FRAMES, LIMB_PIXELS, DOLL = 48, 22, (0.15, 0.5, 0.55, 1.0)
FILLED_ZOOM = 8.0
"""By which the camera's frame fills the view."""


def story() -> Story[str]:
    """Press them all."""
    set_scene()
    sidebar.watch_tabs()
    yield from hand.until(sidebar.is_open, "the tab")
    pressed = set()
    for part in (rig_box, pose_boxes, samples, naturalness, mocap, body, fitted_body):
        pressed |= yield from part()
    left = set(dir(bpy.ops.contrapposto)) - pressed - ELSEWHERE
    assert not left, f"nothing has pressed {', '.join(sorted(left))}"
    yield from saved_and_opened()
    yield from preferences()
    return (
        f"{len(pressed)} operators pressed; saved and opened again; memory freed, switched off and on again"
    )


ELSEWHERE = {"set_rig_bone"}
"""Called by the fields of the Bones panel and by scripts; it has no button."""


def set_scene() -> None:
    bpy.context.preferences.filepaths.use_load_ui = False
    bpy.context.preferences.view.show_tooltips = False
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    rig = rigs.build(rigs.MIXAMO)
    rig.name = "Character"
    _, area, _ = sidebar.view_3d()
    space = area.spaces.active
    space.show_region_ui, space.show_region_toolbar = True, False
    view = space.region_3d
    view.view_rotation = Euler((math.radians(80), 0, math.radians(-20))).to_quaternion()
    view.view_location, view.view_distance = (0, 0, 0.9), 3.5
    bpy.ops.ed.undo_push(message="Scene")


def rig() -> bpy.types.Object:
    return bpy.data.objects["Character"]


def addon(module: str):
    """A module of the installed extension's ``addon``."""
    return importlib.import_module(f"{sidebar.EXTENSION}.addon.{module}")


def has_run(name: str) -> bool:
    done = bpy.context.window_manager.operators
    return bool(done) and done[-1].bl_idname == f"CONTRAPPOSTO_OT_{name}"


def press(name: str, *, then=None, columns: tuple[float, ...] = (0.5,)) -> Story[set[str]]:
    """Press a button of the sidebar until it has run."""
    yield from buttons.press(f"contrapposto.{name}(", columns=columns, then=then or (lambda: has_run(name)))
    yield from hand.pause(1)
    return {name}


def fold(name: str) -> Story[None]:
    """Fold the panel that has the button, or open it, with the key A."""
    place = yield from buttons.find(f"contrapposto.{name}(", columns=(0.5, 0.75))
    yield from toggle(place)


def choose(path: Path) -> Story[None]:
    """In the file browser that fills the window, take this file."""
    yield from hand.until(lambda: browser() is not None, "the file browser", 120)
    yield from hand.pause(2)
    space = browser().spaces.active
    space.params.directory = str(path.parent).encode()
    space.params.filename = path.name
    yield from hand.pause(2)
    area = browser()
    yield from hand.order(f"move {area.x + area.width // 2} 500")
    yield from hand.order("key Return")
    yield from hand.until(lambda: browser() is None, "the end of the file browser", 120)
    yield from hand.pause(2)


def browser() -> bpy.types.Area | None:
    areas = bpy.context.window_manager.windows[0].screen.areas
    return next((area for area in areas if area.type == "FILE_BROWSER"), None)


def rig_box() -> Story[set[str]]:
    """Detect, save, export, clear, import; what is below other panels is seen with one of them folded."""
    yield from fold("denoise_mocap")
    yield from doubtful()
    pressed = yield from press("detect_rig")
    pressed |= yield from press(
        "accept_rig", columns=HALVES, then=lambda: "contrapposto_rig_map" in rig().data
    )
    yield from buttons.press("contrapposto.export_rig(", columns=HALVES, then=lambda: browser() is not None)
    yield from choose(MAP)
    yield from hand.until(MAP.exists, "the exported map", 60)
    assert json.loads(MAP.read_text(encoding="utf-8"))
    pressed |= yield from press(
        "clear_rig", columns=(0.85, 0.5), then=lambda: "contrapposto_rig_map" not in rig().data
    )
    yield from buttons.press("contrapposto.import_rig(", columns=HALVES, then=lambda: browser() is not None)
    yield from choose(MAP)
    yield from hand.until(lambda: "contrapposto_rig_map" in rig().data, "the imported map", 60)
    yield from fold("export_rig")
    return pressed | {"export_rig", "import_rig"}


def doubtful() -> Story[None]:
    """A picture of the box with its fields, while a hand has a name that tells nothing."""
    hand_bone = next(bone for bone in rig().data.bones if bone.name.endswith("LeftHand"))
    name, hand_bone.name = hand_bone.name, "Bone.012"
    yield from press("detect_rig")
    yield from fold("complete_pose")
    x, y = yield from buttons.find("contrapposto.export_rig(", columns=HALVES)
    title_below = x, y + 2 * buttons.STEP
    yield from toggle(title_below)
    yield from hand.photograph(FOLDER / "rig.png")
    yield from toggle(title_below)
    yield from open_panel("complete_pose")
    hand_bone.name = name


def toggle(place: buttons.Place) -> Story[None]:
    """Fold the panel that is there, or open it, with the key A."""
    yield from hand.order("move {} {}".format(*place))
    yield from hand.order("key a")
    yield from hand.pause(2)


def pose_boxes() -> Story[set[str]]:
    """Complete with keys, select and remove them; take one, keep it; press again and discard."""
    rigs.key(rig(), "LeftArm" if "LeftArm" in rig().pose.bones else "mixamorig:LeftArm")
    bpy.context.scene.contrapposto.insert_keys = True
    bpy.ops.ed.undo_push(message="Key")
    pressed = yield from press("complete_pose")
    held = addon("alternatives").held_for
    pressed |= yield from press(
        "take_alternative", columns=FOUR_COLUMNS[1:], then=lambda: (held(rig()).taken(rig()) or 0) > 0
    )
    pressed |= yield from press("keep_alternative", columns=HALVES, then=lambda: held(rig()) is None)
    pressed |= yield from press("select_generated_keys")
    pressed |= yield from press("remove_generated_keys")
    bpy.context.scene.contrapposto.insert_keys = False
    yield from press("complete_pose")
    pressed |= yield from press(
        "discard_alternatives", columns=(0.75, 0.25), then=lambda: held(rig()) is None
    )
    yield from fold("complete_pose")
    return pressed


def samples() -> Story[set[str]]:
    """Ghosts by the button, one taken, all removed."""
    options = bpy.context.scene.contrapposto_sample
    options.destination, options.samples, options.kept_bones = "GHOSTS", 3, "NONE"
    bpy.context.scene.frame_set(10)  # where no key is in the way of a pose that is taken
    yield from open_panel("sample_poses")
    ghosts = addon("ghosts").ghosts
    pressed = yield from press(
        "sample_poses", then=lambda: addon("running").progress() is None and len(list(ghosts())) == 3
    )
    bpy.ops.object.mode_set(mode="OBJECT")
    for thing in bpy.context.selected_objects:
        thing.select_set(False)
    first = next(iter(ghosts()))
    first.select_set(True)
    bpy.context.view_layer.objects.active = first
    bpy.ops.ed.undo_push(message="Select")
    yield from hand.photograph(FOLDER / "ghosts.png")
    pressed |= yield from press("take_ghost", then=lambda: has_run("take_ghost"))
    pressed |= yield from press("remove_ghosts", then=lambda: not list(ghosts()))
    bpy.context.view_layer.objects.active = rig()
    bpy.ops.object.mode_set(mode="POSE")
    yield from hand.pause(2)
    yield from fold("sample_poses")
    return pressed


def open_panel(name: str) -> Story[None]:
    """Open the panel of a button that does not show: press A over each header until it does."""
    window, _, region = buttons.region_of("UI")
    for y in range(region.y + region.height - buttons.STEP, region.y + region.height // 3, -20):
        place = region.x + region.width // 2, window.height - y
        yield from hand.order("move {} {}".format(*place))
        yield from hand.pause(0.5)
        said = buttons.under("UI", "VIEW_3D")
        if f"contrapposto.{name}(" in said:
            return
        if said:
            continue
        yield from hand.order("key a")
        yield from hand.pause(2)
        try:
            yield from buttons.find(f"contrapposto.{name}(", pages=1)
        except LookupError:
            yield from hand.order("move {} {}".format(*place))
            yield from hand.order("key a")
            yield from hand.pause(2)
        else:
            return
    raise LookupError(f"no panel has {name}")


def naturalness() -> Story[set[str]]:
    """Bones in colours, and markers."""
    yield from open_panel("show_naturalness")
    names = [bone.name for bone in rig().pose.bones]
    for frame in (1, 20, 40):
        rigs.key(rig(), *names[4:12], frame=frame)
    bpy.context.scene.frame_set(20)
    pressed = yield from press("show_naturalness", then=lambda: addon("natural_bones").is_shown(rig()))
    yield from hand.photograph(FOLDER / "naturalness.png")
    scene = bpy.context.scene
    pressed |= yield from press("mark_unnatural_frames", then=lambda: len(scene.timeline_markers) > 0)
    pressed |= yield from press("clear_unnatural_frames", then=lambda: not scene.timeline_markers)
    yield from fold("show_naturalness")
    return pressed


def mocap() -> Story[set[str]]:
    """A short action cleaned, toggled, and its report exported."""
    yield from open_panel("denoise_mocap")
    names = [bone.name for bone in rig().pose.bones]
    for frame in range(1, 31):
        rigs.key(rig(), *names[1 : 4 + frame % 2], frame=frame)
    action = rig().animation_data.action
    original = action.name
    playing = lambda: rig().animation_data.action.name  # noqa: E731 - asked again and again
    pressed = yield from press(
        "denoise_mocap", then=lambda: addon("running").progress() is None and playing() != original
    )
    pressed |= yield from press("toggle_denoised", then=lambda: playing() == original)
    yield from press("toggle_denoised", then=lambda: playing() != original)
    yield from buttons.press("contrapposto.export_denoise_report(", then=lambda: browser() is not None)
    yield from choose(REPORT)
    yield from hand.until(REPORT.exists, "the report", 60)
    return pressed | {"export_denoise_report"}


def body() -> Story[set[str]]:
    """Add > Armature > Body, and Body from File, through the menu."""
    window, area, region = buttons.region_of("WINDOW")
    bpy.ops.object.mode_set(mode="OBJECT")
    before = len(bpy.data.armatures)
    preferences = bpy.context.preferences.addons[sidebar.EXTENSION].preferences
    preferences.body_models = str(FOLDER)
    yield from hand.order("move {} {}".format(*hand.AWAY))
    yield from hand.pause(1)
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.wm.call_menu(name="VIEW3D_MT_armature_add")
    yield from hand.pause(3)
    x, y = hand.AWAY
    yield from hand.order(f"shot {FOLDER / 'menu.png'} 560x200+{x - 180}+{y - 70}")
    yield from hand.order("key Down")  # from Blender's own entry to ours
    yield from hand.order("key Return")
    yield from hand.until(lambda: len(bpy.data.armatures) > before, "the body", 120)
    yield from hand.photograph(FOLDER / "body.png")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.contrapposto.add_body_from_file("INVOKE_DEFAULT")
    yield from hand.until(lambda: browser() is not None, "the file browser", 120)
    yield from hand.pause(2)
    opened = Path(browser().spaces.active.params.directory.decode())
    assert opened == FOLDER, f"the file chooser begins in {opened}"
    yield from hand.photograph(FOLDER / "choose.png")
    yield from hand.order("key Escape")
    yield from hand.until(lambda: browser() is None, "the end of the file browser", 120)
    preferences.body_models = ""  # the picture of the preferences shows no folder of this machine
    return {"add_body", "add_body_from_file", "free_memory"}


def fitted_body() -> Story[set[str]]:
    """Views listed; stopped with Esc, then to the end, undone and redone; put on the character."""
    film()
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.wm.save_as_mainfile(filepath=str(FILE))  # so that the fields show paths beside the file
    yield from fold("denoise_mocap")
    yield from open_panel("fit_body")
    options, progress = bpy.context.scene.contrapposto_fit, addon("running").progress
    for count in (1, 2):
        pressed = yield from press("add_view", then=lambda count=count: len(options.views) == count)
    pressed |= yield from press("remove_view", columns=(0.9, 0.95), then=lambda: len(options.views) == 1)
    options.views[0].keypoints = f"//{KEYPOINTS.name}"
    options.views[0].movie = f"//{FILMED.name}/0001.png"
    buttons.region_of("UI")[2].tag_redraw()  # the button holds the options that it was drawn with
    yield from hand.pause(2)
    bpy.ops.ed.undo_push(message="Keypoints")
    before, is_there = things(), lambda: "Fitted Body" in bpy.data.objects
    pressed |= yield from press("fit_body", then=lambda: progress("Fit Body") is not None or is_there())
    yield from hand.order("key Escape")
    yield from hand.until(lambda: progress() is None, "the end after Esc", 120)
    yield from hand.pause(3)
    assert things() == before, "something is in the file though it was stopped"
    yield from press("fit_body", then=lambda: progress("Fit Body") is not None or is_there())
    yield from hand.order(f"shot {FOLDER / 'fitting.png'}")
    yield from hand.until(lambda: progress() is None and is_there(), "the fitted body", 120)
    yield from filmed()
    fitted = things()
    for keys, expected in (("ctrl+z", before), ("ctrl+shift+z", fitted)):
        yield from hand.order(f"key {keys}")
        yield from hand.pause(4)
        assert things() == expected, f"{keys} after Fit Body leaves {things()}, not {expected}"
    bpy.context.view_layer.objects.active = rig()
    original = rig().animation_data.action.name
    pressed |= yield from press(
        "retarget", then=lambda: progress() is None and rig().animation_data.action.name != original
    )
    yield from hand.photograph(FOLDER / "put_on.png")
    yield from fold("fit_body")
    return pressed


def filmed() -> Story[None]:
    """A picture of the fitted body, alone, as its camera sees it."""
    scene, view = bpy.context.scene, sidebar.view_3d()[1].spaces.active.region_3d
    shading = sidebar.view_3d()[1].spaces.active.shading
    others = [thing for thing in bpy.data.objects if thing.name in ("Body", "Character")]
    before, scene.camera = scene.camera, bpy.data.objects["Fit Camera"]
    scene.frame_set(FILMED_FRAMES // 2)
    for thing in others:
        thing.hide_set(True)
    view.view_perspective, view.view_camera_zoom = "CAMERA", FILLED_ZOOM
    shading.show_xray, shading.xray_alpha = True, 0.6
    yield from hand.photograph(FOLDER / "fitted.png", seconds=6)
    shading.show_xray = False
    view.view_perspective, scene.camera = "PERSP", before
    for thing in others:
        thing.hide_set(False)


def film() -> None:
    """Where one camera sees the joints of a body that swings, and pictures of a jointed doll that does."""
    cameras = four_cameras()[:1]
    motion = swing(FILMED_FRAMES)
    (pixels,) = seen_by(cameras, points_of(motion, "coco_17"))
    np.save(KEYPOINTS, np.concatenate([pixels, np.full((*pixels.shape[:-1], 1), 0.9)], axis=-1))
    (joints,) = seen_by(cameras, joints_of(motion))
    width, height = cameras.size[0].astype(int).tolist()
    skirting = cameras.project(np.array([[[0.0, 0.0, -4.0]]]))[0, 0, 1]
    wall = np.where(np.arange(height)[:, None, None] < skirting, (0.36, 0.38, 0.41, 1), (0.24, 0.23, 0.22, 1))
    picture = bpy.data.images.new("Filmed", width, height)
    FILMED.mkdir(exist_ok=True)
    for number, points in enumerate(joints, start=1):
        shown = np.broadcast_to(wall, (height, width, 4)).astype(np.float32)
        for child, parent in enumerate(PARENTS[1:], start=1):
            paint_limb(shown, points[parent], points[child])
        picture.pixels.foreach_set(shown[::-1].ravel())
        picture.filepath_raw, picture.file_format = str(FILMED / f"{number:04d}.png"), "PNG"
        picture.save()
    bpy.data.images.remove(picture)


def paint_limb(shown: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Paint a limb into a picture (height, width, 4), the highest row first, between two pixels."""
    low = np.maximum(np.minimum(start, end) - LIMB_PIXELS, 0).astype(int)
    high = (np.maximum(start, end) + LIMB_PIXELS).astype(int)
    part = shown[low[1] : high[1], low[0] : high[0]]
    rows, columns = np.indices(part.shape[:2])
    along = end - start
    away = np.stack([columns + low[0], rows + low[1]], axis=-1) - start
    share = np.clip(away @ along / max(along @ along, 1.0), 0, 1)
    part[np.linalg.norm(away - share[..., None] * along, axis=-1) < LIMB_PIXELS] = DOLL


def things() -> dict[str, list[str]]:
    """Everything that Fit Body could leave in the file."""
    kinds = ("objects", "meshes", "armatures", "cameras", "actions", "shape_keys", "movieclips")
    return {kind: sorted(thing.name for thing in getattr(bpy.data, kind)) for kind in kinds}


def saved_and_opened() -> Story[None]:
    """Ctrl S, and the file as it was saved."""
    bpy.context.view_layer.objects.active = rig()
    bpy.ops.wm.save_as_mainfile(filepath=str(FILE))
    rig().location.x = 0.25
    bpy.ops.ed.undo_push(message="Move")
    bpy.context.scene.contrapposto.seed = 7
    changed = FILE.stat().st_mtime_ns
    yield from hand.order("move {} {}".format(*hand.AWAY))
    yield from hand.order("key ctrl+s")
    yield from hand.until(lambda: FILE.stat().st_mtime_ns != changed, "the file to be saved", 120)
    rig().location.x = 0.5
    bpy.ops.wm.open_mainfile(filepath=str(FILE))
    yield from hand.pause(3)
    assert rig().location.x == 0.25, "the file is not what was saved"
    assert bpy.context.scene.contrapposto.seed == 7, "the options were not saved"
    assert "contrapposto_rig_map" in rig().data, "the map of the rig was not saved"
    yield from hand.photograph(FOLDER / "opened.png")


def install_menu(area: bpy.types.Area) -> Story[None]:
    """A picture of where Install from Disk is."""
    preferences = bpy.context.preferences
    window, _, region = buttons.region_of("WINDOW", "PREFERENCES")
    preferences.active_section = "EXTENSIONS"
    yield from hand.pause(3)
    yield from hand.order(
        f"move {region.x + region.width - 320} {window.height - region.y - region.height + 20}"
    )
    yield from hand.pause(1)  # a menu opens where Blender has seen the mouse
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.wm.call_menu(name="USERPREF_MT_extensions_settings")
    yield from hand.pause(3)
    top = window.height - area.y - area.height
    yield from hand.order(f"shot {FOLDER / 'install.png'} {region.width}x230+{region.x}+{top}")
    yield from hand.order("key Escape")
    preferences.active_section = "ADDONS"
    yield from hand.pause(3)


def preferences() -> Story[None]:
    """The extension's page: a picture, memory freed, switched off and on again."""
    window, area, _ = sidebar.view_3d()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Contrapposto"
    yield from hand.pause(3)
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.preferences.addon_expand(module=sidebar.EXTENSION)
    held = addon("held").held_mb
    assert held() > 0, "nothing is kept in memory"
    where = {"kind": "WINDOW", "area_type": "PREFERENCES"}
    _, free = yield from buttons.find("free_memory", columns=(0.8,), **where)
    above, below = 150, 50  # Blender does not tell which property of the preferences is under the mouse
    crop = f"{area.width * 6 // 7}x{above + below}+{area.x + area.width // 7}+{free - above}"
    yield from hand.photograph(FOLDER / "preferences.png", crop=crop)
    yield from install_menu(area)
    yield from buttons.press("free_memory", columns=(0.8, 0.9, 0.7), then=lambda: held() == 0, **where)
    enabled = lambda: hasattr(bpy.types, "CONTRAPPOSTO_PT_complete_pose")  # noqa: E731 - as above
    columns = tuple(0.01 * at for at in range(2, 12, 2))
    yield from buttons.press(
        "preferences.addon_disable(", columns=columns, then=lambda: not enabled(), **where
    )
    left = [name for name in dir(bpy.types) if "contrapposto" in name.lower()]
    assert not left, f"left behind: {left}"
    yield from hand.photograph(FOLDER / "disabled.png")
    yield from buttons.press("preferences.addon_enable(", columns=columns, then=enabled, **where)
    area.type = "VIEW_3D"
    yield from hand.until(sidebar.is_open, "the tab")
    yield from open_panel("complete_pose")
    yield from hand.photograph(FOLDER / "enabled.png")


hand.tell(FOLDER, story)
