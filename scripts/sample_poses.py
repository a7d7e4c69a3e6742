# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample poses for a character of a .blend file without a window: pose assets, keys, or ghosts beside it.

    blender -b character.blend -P sample_poses.py -- --count 24 --output character_poses.blend
    blender -b character.blend -P sample_poses.py -- --into keys --every 10 --output ideas.blend

Runs with the installed extension; where there is none, from a checkout, if this Blender's Python has
array-api-compat. Exit codes: 0 poses are sampled and all files are written, 1 something was refused (one
sentence on stderr, and no file is written), 2 wrong usage (one sentence as well, and no file is opened).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent))

from headless import (
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

KEEP = ("keyed", "selected", "nothing")


def main(arguments: list[str]) -> int:
    """Sample what the arguments ask for; the exit code."""
    options = parse(arguments)
    import bpy

    try:
        sample, errors = load("sample"), load("errors")
    except ImportError as error:
        return fail(f"The extension cannot be loaded ({error}); install its zip in this Blender first")
    settings = settings_of(bpy, options)
    if options.file and not open_blend(bpy, options.file):
        return fail(f"{options.file} cannot be opened; it is no .blend file that this Blender can read")
    if is_same_file(options.output, bpy.data.filepath) and not options.overwrite:
        return fail(OVERWRITES.format(options.output), 2)
    try:
        rig = find_armature(bpy, options.armature)
        if options.frame is not None:
            bpy.context.scene.frame_set(options.frame)
        report = sample.sample(bpy.context, rig, settings)
    except errors.Refusal as refusal:
        return fail(in_options(refusal))
    print(report.sentence)
    if report.warning:
        print(report.warning, file=sys.stderr)
    try:
        write(bpy, options, records(report, options))
    except (OSError, RuntimeError) as error:
        return fail(f"The result cannot be written: {error}")
    for path in (options.output, options.report):
        if path:
            print(f"wrote {path}")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; wrong ones end the program with exit code 2."""
    parser = OneLineParser("sample_poses", "Sample natural poses for an armature.")
    parser.add_argument("file", nargs="?", type=Path, help="a .blend file, if Blender has not opened one")
    parser.add_argument("--armature", metavar="NAME", help="armature object; may be left out if there is one")
    parser.add_argument("--frame", type=int, help="the frame of the current pose (default: the file's)")
    parser.add_argument(
        "--into",
        choices=("assets", "keys", "pose", "ghosts"),
        default="assets",
        help="pose assets (default), keys on the timeline, the pose of the frame, or ghosts beside the "
        "character",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=".blend file to write")
    parser.add_argument("--overwrite", action="store_true", help="--output may be the file that was opened")
    parser.add_argument("--report", type=Path, metavar="FILE", help="JSON file to write, one record a pose")
    parser.add_argument("--count", type=int, default=24, metavar="N", help="how many poses (default 24)")
    parser.add_argument(
        "--keep",
        default="keyed",
        metavar="keyed|selected|nothing|BONE,BONE",
        help="the bones that are kept: keyed on the frame (default), or selected as well, none, or named",
    )
    parser.add_argument(
        "--distance", type=float, default=1.0, metavar="D", help="0 is the current pose, 1 free (default 1)"
    )
    parser.add_argument(
        "--diversity",
        type=float,
        default=1.0,
        metavar="D",
        help="0 for the likeliest poses, 1 for those that differ most (default 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same poses (default 0)")
    parser.add_argument("--mirrored", action="store_true", help="exchange left and right of every pose")
    parser.add_argument(
        "--keep-feet-on-floor",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let the body rest on the floor (default: yes)",
    )
    parser.add_argument("--every", type=int, default=10, metavar="K", help="frames between two keyed poses")
    parser.add_argument(
        "--spacing",
        type=float,
        default=1.0,
        metavar="H",
        help="from one ghost to the next, in heights of the body (default 1)",
    )
    parser.add_argument(
        "--sample", type=int, default=1, metavar="K", help="the one for --into pose (default 1)"
    )
    parser.add_argument("--name", default="Sample", help="of the pose assets, a number follows")
    parser.add_argument("--catalog", default="Contrapposto", help="of the pose assets; '' for none")
    parser.add_argument("--tags", default="contrapposto", help="of the pose assets, with commas between")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a pose.npz trained on your own motion (default: as in the preferences, else the shipped one)",
    )
    options = parser.parse_args(arguments)
    check_files(options, parser.error)
    return options


def settings_of(bpy: ModuleType, options: argparse.Namespace) -> object:
    """The options as the settings of ``addon.sample``; wrong ones end the program with exit code 2."""
    module, rule = load("sample_settings"), load("known").Rule
    rules = dict(zip(KEEP, (rule.KEYED, rule.KEYED_AND_SELECTED, rule.NONE), strict=True))
    try:
        return module.SampleSettings(
            rule=rules.get(options.keep, rule.NAMED),
            bones=() if options.keep in rules else tuple(options.keep.split(",")),
            destination=module.Destination(options.into.upper()),
            hypotheses=options.count,
            alternative=options.sample,
            distance=options.distance,
            diversity=options.diversity,
            seed=options.seed,
            mirrored=options.mirrored,
            keep_feet_on_floor=options.keep_feet_on_floor,
            insert_keys=True,
            step=options.every,
            spacing=options.spacing,
            name=options.name,
            catalog=options.catalog,
            tags=tuple(tag.strip() for tag in options.tags.split(",") if tag.strip()),
            home=str(options.output.resolve()) if options.output else "",
            weights=str(options.weights.resolve()) if options.weights else preferred_weights(bpy),
            device=preferred_device(bpy),
        )
    except load("errors").Refusal as refusal:
        raise SystemExit(fail(in_options(refusal), 2)) from refusal


def records(report: object, options: argparse.Namespace) -> list[dict]:
    """One record a pose that was written."""
    where = [{"asset": name} for name in report.assets]
    where += [{"frame": frame} for frame in report.frames]
    where += [{"ghost": name} for name in report.ghosts]
    return [
        {
            "armature": report.armature,
            "sample": number,
            **place,
            "seed": options.seed,
            "naturalness_percent": percent,
            "failing": number > report.samples - report.failing,
        }
        for number, (place, percent) in enumerate(
            zip(where or [{"frame": options.frame}], report.naturalness, strict=True),
            start=report.alternative or 1,
        )
    ]


def fail(sentence: str, code: int = 1) -> int:
    """Say it on stderr; the exit code."""
    print(f"sample_poses: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run(main, __file__)
