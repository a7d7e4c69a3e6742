# SPDX-License-Identifier: GPL-3.0-or-later
"""What every script here needs: the extension, its options on one line, Blender's silence, an end.

Blender does not put the folder of a script on Python's path: each script does so before it imports this.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent

OPTION_FOR = {
    "SELECT_ARMATURE": "name one with --armature",
    "CHOOSE_SELECTED": "give --known selected",
    "REFILL_GENERATED": "give --refill-generated",
    "NO_KEYS": "give --no-insert-keys",
    "NO_AUTO_KEYS": "give --no-insert-keys",
    "CHOOSE_STRIPS": "give --all-actions or --selected-strips",
    "ALL_BONES": "leave out --selected-bones",
    "OTHER_FRAMES": "give other --frames",
    "OTHER_START": "give another --frame or --every",
    "OTHER_START_OR_AIR": "give another --frame, or --no-keep-feet-on-floor",
    "KEEP_KEYED": "give --keep keyed",
    "WITHOUT_KEY": "give another --frame",
    "NAME_SET": "name it with --set",
    "NUMBER_VIEWS": "say with --cameras which cameras they are",
}
"""What each ``Advice`` of the add-on is here."""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, and ends with exit code 2."""

    def __init__(self, name: str, description: str) -> None:
        as_command = f"blender --command contrapposto {name}"
        as_script = f"blender -b FILE -P {name}.py --"
        prog = as_command if "--command" in sys.argv or "-c" in sys.argv else as_script
        super().__init__(prog=prog, description=description)
        self.name = name

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"{self.name}: {message} (--help lists the options)\n")


def load(module: str) -> ModuleType:
    """A module of the extension's ``addon``: of the installed extension, else of this checkout."""
    import bpy
    import addon_utils

    for name in bpy.context.preferences.addons.keys():  # noqa: SIM118 - a Blender collection yields values
        if name.startswith("bl_ext.") and name.endswith(".contrapposto"):
            return importlib.import_module(f"{name}.addon.{module}")
    for entry in addon_utils.modules():
        name = entry.__name__
        if name.startswith("bl_ext.") and name.endswith(".contrapposto"):
            addon_utils.enable(name)
            return importlib.import_module(f"{name}.addon.{module}")
    package = "contrapposto_extension"
    if package not in sys.modules:
        if (ROOT / "core").is_dir():
            sys.path.insert(0, str(ROOT / "core"))
        spec = importlib.util.spec_from_file_location(
            package, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )
        sys.modules[package] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{package}.addon.{module}")


def open_blend(bpy: ModuleType, path: Path) -> bool:
    """Open a .blend file; whether this Blender can read it."""
    try:
        with silent():
            bpy.ops.wm.open_mainfile(filepath=str(path.resolve()))
    except RuntimeError:
        return False
    return True


def to_object_mode(bpy: ModuleType) -> None:
    """Leave Pose Mode or whatever mode a file was saved in."""
    if bpy.context.object is not None and bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def find_armature(bpy: ModuleType, name: str | None) -> object:
    """The named armature object, or the only one of the scene that is visible and no metarig.

    Raises:
        Refusal: if there is none or if several could be meant.
    """
    refusal = load("errors").Refusal
    rigs = [o for o in bpy.context.scene.objects if o.type == "ARMATURE"]
    listed = ", ".join(f"'{rig.name}'" for rig in rigs)
    if name is None:
        meant = [rig for rig in rigs if rig.visible_get() and not is_metarig(rig)] if len(rigs) > 1 else rigs
        if len(meant) == 1:
            return meant[0]
        raise refusal(
            f"Choose an armature with --armature: {listed}" if rigs else "The scene has no armature"
        )
    found = bpy.context.scene.objects.get(name)
    if found is None:
        raise refusal(f"The scene has no object '{name}'" + (f"; its armatures: {listed}" if rigs else ""))
    return found


def is_metarig(rig: object) -> bool:
    """Whether Rigify generates a character from this armature; a generated one carries a ``rig_id``."""
    member = load("versions").member
    return "rig_id" not in rig.data and any(member(bone, "rigify_type") for bone in rig.pose.bones)


def in_options(refusal: object) -> str:
    """The sentence of a ``Refusal`` with its advice in a script's options."""
    return refusal.beginning + (OPTION_FOR[refusal.advice.name] if refusal.advice else "")


def is_same_file(output: Path | None, opened: str) -> bool:
    """Whether the output would take the place of the file that is read."""
    return bool(output and opened) and output.resolve() == Path(opened).resolve()


def preferred_weights(bpy: ModuleType) -> str:
    """The weights file of the add-on's preferences; empty for the shipped ones."""
    return load("settings").preferred_weights(bpy.context)


def preferred_device(bpy: ModuleType) -> str:
    """What the add-on's preferences compute on."""
    return load("device").preferred_device(bpy.context)


def check_files(options: argparse.Namespace, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse files that are not there, would be overwritten, or are called what they are not."""
    if not (options.output or options.report):
        refuse("nothing would be kept: give --output or --report")
    for path in (options.output, options.report):
        if path and not path.resolve().parent.is_dir():
            refuse(f"the folder of {path} does not exist")
    for path, suffix in ((options.output, ".blend"), (options.report, ".json")):
        if path and path.suffix.lower() != suffix:
            refuse(f"{path} would be a {suffix} file; give it that ending")
    if options.output and options.report and options.output.resolve() == options.report.resolve():
        refuse("--output and --report name the same file")
    if options.weights and not options.weights.is_file():
        refuse(f"there is no weights file {options.weights}")
    if options.file and not options.file.is_file():
        refuse(f"there is no file {options.file}")
    if options.file and is_same_file(options.output, str(options.file)) and not options.overwrite:
        refuse(OVERWRITES.format(options.output))


OVERWRITES = "--output {} is the file that is read; choose another one, or give --overwrite"


def write(bpy: ModuleType, options: argparse.Namespace, reports: list[dict]) -> None:
    """Write the report and the .blend file: both or none.

    Raises:
        OSError, RuntimeError: if one of them cannot be written.
    """
    paths = [path.resolve() for path in (options.report, options.output) if path]
    with load("files").whole(*paths) as temporaries:
        if options.report:
            text = json.dumps(reports, indent=1, ensure_ascii=False) + "\n"
            temporaries[0].write_bytes(text.encode())
        if options.output:
            with silent():
                bpy.ops.wm.save_as_mainfile(filepath=str(temporaries[-1]), copy=True, check_existing=False)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep what Blender prints of its own, also from C, away from a program's sentences."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(stream) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, before in zip((1, 2), saved, strict=True):
            os.dup2(before, stream)
            os.close(before)
        os.close(nowhere)


def script_arguments(file: str) -> list[str]:
    """What stands behind ``--``, or everything where Python runs the file itself."""
    name = Path(file).name
    if "--" in sys.argv:
        before, after = sys.argv[: sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
        own = Path(before[0]).name == name if before else False
        return [*before[1:], *after] if own else after
    return sys.argv[1:] if Path(sys.argv[0]).name == name else []


def run(main: Callable[[list[str]], int], file: str) -> NoReturn:
    """Run a program and end at once: Blender 4.2 and 4.5 as Python modules do not shut down cleanly."""
    try:
        code = main(script_arguments(file))
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - Blender alone would print it and exit with 0
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
