# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete poses of a .blend file without a window.

    blender -b file.blend -P complete_pose.py -- --armature Rig --frames 1:20:5 --output done.blend

Runs with the installed extension; where there is none, from a checkout, if this Blender's Python has
array-api-compat. Of several frames, those are skipped on which nothing is known or nothing is left to fill
in. Exit codes: 0 at least one frame is completed and all files are written, 1 something was refused (one
sentence on stderr, and no file is written), 2 wrong usage (one sentence as well, and no file is opened).
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
PROGRAM = "blender -b FILE -P complete_pose.py --"

KNOWN = ("keyed", "selected", "unselected")

OPTION_FOR = {
    "CHOOSE_SELECTED": "give --known selected",
    "REFILL_GENERATED": "give --refill-generated",
    "NO_KEYS": "give --no-insert-keys",
}
"""What each ``Advice`` of the add-on is here."""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, and ends with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"complete_pose: {message} (--help lists the options)\n")


def main(arguments: list[str]) -> int:
    """Complete what the arguments ask for; the exit code."""
    options = parse(arguments)
    import bpy

    try:
        complete, known, errors = load("complete"), load("known"), load("errors")
    except ImportError as error:
        return fail(f"The extension cannot be loaded ({error}); install its zip in this Blender first")
    weights = str(options.weights.resolve()) if options.weights else preferred_weights(bpy)
    settings = settings_of(options, complete.Settings, known.Rule, weights)
    if options.file:
        try:
            with silent():
                bpy.ops.wm.open_mainfile(filepath=str(options.file.resolve()))
        except RuntimeError:
            return fail(f"{options.file} cannot be opened; it is no .blend file that this Blender can read")
    if is_input(options.output, bpy.data.filepath) and not options.overwrite:
        return fail(OVERWRITES.format(options.output), 2)
    try:
        reports = run(bpy, options, complete.complete, settings)
    except errors.Refusal as refusal:
        return fail(in_options(refusal))
    try:
        write(bpy, options, reports)
    except (OSError, RuntimeError) as error:
        return fail(f"The result cannot be written: {error}")
    for path in (options.output, options.report):
        if path:
            print(f"wrote {path}")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; wrong ones end the program with exit code 2."""
    parser = OneLineParser(
        prog=PROGRAM,
        description="Fill in the bones of an armature that are not known, frame by frame.",
    )
    parser.add_argument("file", nargs="?", type=Path, help="a .blend file, if Blender has not opened one")
    parser.add_argument("--armature", metavar="NAME", help="armature object; may be left out if there is one")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--frame", type=int, help="one frame (default: the file's current one)")
    when.add_argument(
        "--frames",
        type=frame_range,
        metavar="A:B[:STEP]",
        help="frames A to B inclusive; frames without keys are skipped",
    )
    parser.add_argument(
        "--known",
        default="keyed",
        metavar="keyed|selected|unselected|BONE,BONE",
        help="the bones that are kept: keyed on the frame (default), selected, not selected, or named",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=".blend file to write")
    parser.add_argument("--overwrite", action="store_true", help="--output may be the file that was opened")
    parser.add_argument("--report", type=Path, metavar="FILE", help="JSON file to write, one record a frame")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same result (default 0)")
    parser.add_argument(
        "--alternatives",
        "--hypotheses",
        type=int,
        default=8,
        metavar="N",
        help="how many to make (default 8)",
    )
    parser.add_argument("--alternative", type=int, default=1, metavar="K", help="the one to take (default 1)")
    parser.add_argument(
        "--diversity",
        type=float,
        default=0.0,
        metavar="D",
        help="0 for the likeliest alternatives, 1 for those that differ most (default 0)",
    )
    parser.add_argument("--strength", type=float, default=1.0, metavar="S", help="0 to 1 (default 1)")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a pose.npz trained on your own motion (default: as in the preferences, else the shipped one)",
    )
    parser.add_argument("--mirror", action="store_true", help="mirror known bones to the other side")
    parser.add_argument(
        "--keep-feet-on-floor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="may move the hips up or down (default: yes)",
    )
    parser.add_argument(
        "--refill-generated",
        action="store_true",
        help="fill in anew what only has keys of the type Generated",
    )
    parser.add_argument(
        "--insert-keys",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="key what is filled in, with keys of the type Generated (default: yes)",
    )
    options = parser.parse_args(arguments)
    check_files(options, parser.error)
    return options


def check_files(options: argparse.Namespace, refuse: Callable[[str], NoReturn]) -> None:
    """Refuse files that are not there, or that would be overwritten."""
    if not (options.output or options.report):
        refuse("nothing would be kept: give --output or --report")
    for path in (options.output, options.report):
        if path and not path.resolve().parent.is_dir():
            refuse(f"the folder of {path} does not exist")
    if options.output and options.report and options.output.resolve() == options.report.resolve():
        refuse("--output and --report name the same file")
    if options.weights and not options.weights.is_file():
        refuse(f"there is no weights file {options.weights}")
    if options.file and not options.file.is_file():
        refuse(f"there is no file {options.file}")
    if options.file and is_input(options.output, str(options.file)) and not options.overwrite:
        refuse(OVERWRITES.format(options.output))


OVERWRITES = "--output {} is the file that is read; choose another one, or give --overwrite"


def is_input(output: Path | None, opened: str) -> bool:
    """Whether the output would take the place of the file that is read."""
    return bool(output and opened) and output.resolve() == Path(opened).resolve()


def in_options(refusal: object) -> str:
    """The sentence of a ``Refusal`` with its advice in this program's options."""
    return refusal.beginning + (OPTION_FOR[refusal.advice.name] if refusal.advice else "")


def frame_range(text: str) -> range:
    """A:B or A:B:STEP, both ends included."""
    try:
        numbers = [int(part) for part in text.split(":")]
        first, last, step = (*numbers, 1) if len(numbers) == 2 else numbers
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no range of frames, such as 1:20 or 1:20:5") from error
    if step < 1 or last < first:
        raise argparse.ArgumentTypeError(f"'{text}' holds no frame")
    return range(first, last + 1, step)


def preferred_weights(bpy: ModuleType) -> str:
    """The weights file of the add-on's preferences; empty for the shipped ones."""
    return load("settings").preferred_weights(bpy.context)


def settings_of(options: argparse.Namespace, settings: type, rule: type, weights: str) -> object:
    """The options as the settings of ``addon.complete``; wrong ones end the program with exit code 2."""
    words = {"keyed": rule.KEYED, "selected": rule.SELECTED, "unselected": rule.UNSELECTED}
    try:
        return settings(
            rule=words.get(options.known, rule.NAMED),
            bones=() if options.known in words else tuple(options.known.split(",")),
            hypotheses=options.alternatives,
            alternative=options.alternative,
            diversity=options.diversity,
            seed=options.seed,
            strength=options.strength,
            mirror=options.mirror,
            keep_feet_on_floor=options.keep_feet_on_floor,
            insert_keys=options.insert_keys,
            refill_generated=options.refill_generated,
            weights=weights,
        )
    except load("errors").Refusal as refusal:
        raise SystemExit(fail(in_options(refusal), 2)) from refusal


def run(bpy: ModuleType, options: argparse.Namespace, complete: object, settings: object) -> list[dict]:
    """Complete every frame on which something is known and something is not; one record each.

    Raises:
        Refusal: at the first frame that cannot be completed, or if all are skipped.
    """
    context, errors = bpy.context, load("errors")
    rig = find_armature(bpy, options.armature)
    check_names(rig, options.known)
    frames = options.frames or [context.scene.frame_current if options.frame is None else options.frame]
    records = []
    for frame in frames:
        context.scene.frame_set(frame)
        try:
            report = complete(context, rig, settings)
        except errors.NothingToDo as nothing:
            sentence = in_options(nothing)
            records.append({"frame": frame, "skipped": sentence})
            if len(frames) > 1:  # a single one is refused
                print(f"frame {frame}: skipped. {sentence}")
            continue
        print(f"frame {frame}: {report.sentence}")
        if report.warning:
            print(f"frame {frame}: {report.warning}", file=sys.stderr)
        records.append(
            {
                "armature": report.armature,
                "frame": frame,
                "completed": {joint: list(bones) for joint, bones in report.completed.items()},
                "kept": {joint: list(bones) for joint, bones in report.kept.items()},
                "alternative": report.alternative,
                "alternatives": report.alternatives,
                "seed": options.seed,
                "energy": report.energy,
                "naturalness_percent": report.naturalness,
                "unreachable_mm": dict(report.unreachable),
                "short_of_turn_deg": dict(report.short_of_turn),
                "bent_too_far_deg": dict(report.bent_too_far),
                "failing_alternatives": report.failing,
                "warning": report.warning,
                "keyed_channels": report.keyed_channels,
            }
        )
    if all("skipped" in record for record in records):
        first = records[0]["skipped"]
        raise errors.Refusal(first if len(records) == 1 else f"No frame could be completed. {first}")
    return records


def check_names(rig: object, known: str) -> None:
    """Refuse names of bones that the rig does not have.

    Raises:
        Refusal: naming the first one.
    """
    for name in () if known in KNOWN else known.split(","):
        if rig.type == "ARMATURE" and name not in rig.data.bones:
            words = ", ".join(KNOWN)
            raise load("errors").Refusal(
                f"'{rig.name}' has no bone named '{name}'; --known takes {words}, or names of bones"
            )


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
    """Keep what Blender prints of its own, also from C, away from this program's sentences."""
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


def fail(sentence: str, code: int = 1) -> int:
    """Say it on stderr; the exit code."""
    print(f"complete_pose: {sentence}", file=sys.stderr)
    return code


def script_arguments() -> list[str]:
    """What stands behind ``--``, or everything where Python runs the file itself."""
    if "--" in sys.argv:
        before, after = sys.argv[: sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
        own = Path(before[0]).name == Path(__file__).name if before else False
        return [*before[1:], *after] if own else after
    return sys.argv[1:] if Path(sys.argv[0]).name == Path(__file__).name else []


def leave(code: int) -> None:
    """End at once: Blender 4.2 and 4.5 as Python modules do not shut down cleanly."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        exit_code = main(script_arguments())
    except SystemExit as end:
        exit_code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - Blender alone would print it and exit with 0
        traceback.print_exc()
        exit_code = 1
    leave(exit_code)
