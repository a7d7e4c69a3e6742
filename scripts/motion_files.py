# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files into Blender and out again: .blend, .bvh, .fbx, .glb."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from headless import open_blend, silent, to_object_mode

SUFFIXES = (".blend", ".bvh", ".fbx", ".glb")
_IMPORTERS = {".bvh": "io_anim_bvh", ".fbx": "io_scene_fbx", ".glb": "io_scene_gltf2"}


def read(bpy: ModuleType, path: Path) -> str:
    """Open or import a file into an empty scene; what is wrong with it, empty if nothing is."""
    suffix = path.suffix.lower()
    wrong = f"{path} cannot be opened; it is no {suffix} file that this Blender can read"
    if suffix == ".blend":
        return "" if open_blend(bpy, path) else wrong
    import addon_utils

    with silent():
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        addon_utils.enable(_IMPORTERS[suffix])
        try:
            if suffix == ".bvh":
                bpy.ops.import_anim.bvh(filepath=str(path), update_scene_fps=True, update_scene_duration=True)
            elif suffix == ".fbx":
                bpy.ops.import_scene.fbx(filepath=str(path))
            else:
                bpy.ops.import_scene.gltf(filepath=str(path))
        except Exception:  # noqa: BLE001 - an importer fails on a broken file in any way there is
            return wrong
    return ""


def write(bpy: ModuleType, path: Path, rig: object, suffix: str) -> None:
    """Save or export the scene; to ``path``, whatever its name ends with.

    A .bvh holds the action that plays, other files hold every action, under its name.

    Raises:
        OSError, RuntimeError: if that fails.
    """
    with silent():
        if suffix == ".blend":
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
            return
        select_only(bpy, rig)
        if suffix == ".bvh":
            scene = bpy.context.scene
            if rig.animation_data and rig.animation_data.action:
                first, last = rig.animation_data.action.frame_range
                scene.frame_start, scene.frame_end = math.floor(first), math.ceil(last)
            with _y_up(rig.data):
                bpy.ops.export_anim.bvh(
                    filepath=str(path), frame_start=scene.frame_start, frame_end=scene.frame_end
                )
        elif suffix == ".fbx":
            _without_object(bpy, f"{rig.name}|", "")
            bpy.ops.export_scene.fbx(
                filepath=str(path), add_leaf_bones=False, bake_anim_use_nla_strips=False,
                bake_anim_simplify_factor=0.0,
            )  # fmt: skip
        else:
            if "slots" not in bpy.types.Action.bl_rna.properties:  # before 4.4
                _without_object(bpy, "", f"_{rig.name}")
            bpy.ops.export_scene.gltf(
                filepath=str(path), export_format="GLB", export_animation_mode="ACTIONS"
            )


def _without_object(bpy: ModuleType, prefix: str, suffix: str) -> None:
    """Actions under the names that they have in a file: importers put the object's name to each."""
    for action in bpy.data.actions:
        action.name = action.name.removeprefix(prefix).removesuffix(suffix)


@contextmanager
def _y_up(armature: object) -> Iterator[None]:
    """The armature as it lies in a .bvh: Blender's importer turns y up to z up, its exporter not back."""
    from mathutils import Matrix

    down = Matrix.Rotation(math.radians(-90), 4, "X")
    armature.transform(down)
    armature.update_tag()
    try:
        yield
    finally:
        armature.transform(down.inverted())
        armature.update_tag()


def select_only(bpy: ModuleType, rig: object) -> None:
    """Select one object and make it the active one, in Object Mode."""
    to_object_mode(bpy)
    for other in bpy.context.view_layer.objects:
        other.select_set(other == rig)
    bpy.context.view_layer.objects.active = rig
