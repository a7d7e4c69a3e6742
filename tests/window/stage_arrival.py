# SPDX-License-Identifier: GPL-3.0-or-later
"""The first minute: Blender has just been started with the extension, and the first pose is completed.

A Rigify human is generated and keyed, the button's operator runs in the window, and Blender quits;
verdict.txt says what came of it. No hand is needed.
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

import bpy
import addon_utils

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
sys.path[:0] = [str(ROOT / "demo"), str(ROOT / "tests" / "window")]

import crouch  # noqa: E402
import sidebar  # noqa: E402


def complete_first_pose() -> str:
    """Key a crouch and complete it; what came of it."""
    addon_utils.enable("rigify", default_set=True)
    rig = crouch.rigify_human()
    crouch.key(rig)
    kept = crouch.keyed_channels(rig)
    before = {bone.name: bone.matrix_basis.copy() for bone in rig.pose.bones}
    window, area, _ = sidebar.view_3d()
    region = next(region for region in area.regions if region.type == "WINDOW")
    begun = time.perf_counter()
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.contrapposto.complete_pose("INVOKE_DEFAULT")
    seconds = time.perf_counter() - begun
    completed = sum(bone.matrix_basis != before[bone.name] for bone in rig.pose.bones)
    is_kept = crouch.keyed_channels(rig) == kept
    verdict = "passed" if completed and is_kept else "failed"
    return (
        f"{verdict}: Blender {bpy.app.version_string}, {completed} controls completed by the first press in "
        f"{seconds:.1f} s, keys {'kept' if is_kept else 'CHANGED'}"
    )


def arrive() -> None:
    """Do it, tell it, and quit."""
    try:
        verdict = complete_first_pose()
    except Exception:  # noqa: BLE001 - told, not swallowed: a timer's error would be seen by nobody
        verdict = f"failed: Blender {bpy.app.version_string}\n{traceback.format_exc()}"
    (FOLDER / "verdict.txt").write_text(verdict + "\n", encoding="utf-8")
    bpy.ops.wm.quit_blender()


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(arrive, first_interval=0.1)
