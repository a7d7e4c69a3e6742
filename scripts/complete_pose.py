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
import sys
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent))

from headless import (
    OPTION_FOR,
    OVERWRITES,
    OneLineParser,
    check_files,
    find_armature,
    in_options,
    is_same_file,
    load,
    open_blend,
    preferred_device,
    preferred_weights,
    run,
    write,
)

__all__ = ["OPTION_FOR"]

KNOWN = ("keyed", "selected", "unselected")


def main(arguments: list[str]) -> int:
    """Complete what the arguments ask for; the exit code."""
    options = parse(arguments)
    import bpy

    try:
        complete, known, errors = load("complete"), load("known"), load("errors")
    except ImportError as error:
        return fail(f"The extension cannot be loaded ({error}); install its zip in this Blender first")
    weights = str(options.weights.resolve()) if options.weights else preferred_weights(bpy)
    settings = settings_of(options, complete.Settings, known.Rule, weights, preferred_device(bpy))
    if options.file and not open_blend(bpy, options.file):
        return fail(f"{options.file} cannot be opened; it is no .blend file that this Blender can read")
    if is_same_file(options.output, bpy.data.filepath) and not options.overwrite:
        return fail(OVERWRITES.format(options.output), 2)
    try:
        reports = complete_frames(bpy, options, complete.complete, settings)
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
        "complete_pose", "Fill in the bones of an armature that are not known, frame by frame."
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


def frame_range(text: str) -> range:
    """A:B or A:B:STEP, both ends included."""
    try:
        numbers = [int(part) for part in text.split(":")]
        first, last, step = (*numbers, 1) if len(numbers) == 2 else numbers
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no range of frames, such as 1:20 or 1:20:5; one frame is asked for with --frame"
        ) from error
    if step < 1 or last < first:
        raise argparse.ArgumentTypeError(f"'{text}' holds no frame")
    return range(first, last + 1, step)


def settings_of(options: argparse.Namespace, settings: type, rule: type, weights: str, device: str) -> object:
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
            device=device,
        )
    except load("errors").Refusal as refusal:
        raise SystemExit(fail(in_options(refusal), 2)) from refusal


def complete_frames(
    bpy: ModuleType, options: argparse.Namespace, complete: object, settings: object
) -> list[dict]:
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


def fail(sentence: str, code: int = 1) -> int:
    """Say it on stderr; the exit code."""
    print(f"complete_pose: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run(main, __file__)
