# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit a rigged body to keypoints of footage without a window, with the cameras that saw it.

    blender -b -P fit_body.py -- --keypoints cam01_json cam02_json --calibration Calib.toml --fps 60 \
        --output fitted.blend

Without a .blend file it begins in an empty scene at the footage's frame rate. Runs with the installed
extension; where there is none, from a checkout, if this Blender's Python has array-api-compat. Exit codes: 0
the body is fitted and all files are written, 1 something was refused (one sentence on stderr, and no file is
written), 2 wrong usage (one sentence as well, and no file is opened).
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent))

from headless import (
    OVERWRITES,
    OneLineParser,
    check_files,
    in_options,
    is_same_file,
    load,
    open_blend,
    run,
    silent,
    to_object_mode,
    write,
)


def main(arguments: list[str]) -> int:
    """Fit what the arguments ask for; the exit code."""
    options = parse(arguments)
    import bpy

    try:
        fit_body, errors = load("fit_body"), load("errors")
    except ImportError as error:
        return fail(f"The extension cannot be loaded ({error}); install its zip in this Blender first")
    settings = settings_of(options)
    if options.file and not open_blend(bpy, options.file):
        return fail(f"{options.file} cannot be opened; it is no .blend file that this Blender can read")
    if is_same_file(options.output, bpy.data.filepath) and not options.overwrite:
        return fail(OVERWRITES.format(options.output), 2)
    is_new = not bpy.data.filepath
    if is_new:
        begin_empty(bpy, options.fps)
    to_object_mode(bpy)
    try:
        with silent():  # of a movie that it cannot read, Blender complains as well
            report = fit_body.fit_body(bpy.context, settings)
    except errors.Refusal as refusal:
        return fail(in_options(refusal))
    if is_new:
        play_all(bpy, options)
    print(report.sentence)
    if report.warning:
        print(report.warning, file=sys.stderr)
    try:
        write(bpy, options, [asdict(report)])
    except (OSError, RuntimeError) as error:
        return fail(f"The result cannot be written: {error}")
    for path in (options.output, options.report):
        if path:
            print(f"wrote {path}")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; wrong ones end the program with exit code 2."""
    parser = OneLineParser("fit_body", "Fit a rigged body to keypoints of footage.")
    parser.add_argument("file", nargs="?", type=Path, help="a .blend file, if Blender has not opened one")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--keypoints",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="a folder or file of keypoints for each camera, in the calibration's order",
    )
    source.add_argument("--clip", metavar="NAME", help="a movie clip whose tracks are named after joints")
    parser.add_argument(
        "--movies",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what each camera filmed, to be shown behind the body: movies, or firsts of numbered pictures",
    )
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--calibration", type=Path, help="of Qualisys, Pose2Sim, anipose or OpenCV")
    known.add_argument("--scene-camera", action="store_true", help="the .blend file's camera filmed it")
    parser.add_argument(
        "--cameras",
        type=int,
        nargs="+",
        metavar="N",
        help="the calibration's cameras, from 1, that the keypoints belong to (default all)",
    )
    parser.add_argument("--set", default="", help="the set that the points are of; recognised by default")
    parser.add_argument(
        "--person",
        default="best",
        metavar="best|largest|longest|X,Y,FRAME",
        help="who is meant, where several are seen (default best)",
    )
    parser.add_argument(
        "--fps", type=float, default=0.0, help="frames a second of the footage (default: the scene's)"
    )
    parser.add_argument("--start", type=int, default=1, metavar="FRAME", help="of the scene (default 1)")
    parser.add_argument(
        "--strength", type=float, default=1.0, help="0 is where the fit begins, 1 all the way (default 1)"
    )
    parser.add_argument(
        "--ground", action="store_true", help="set feet on a plane, without sliding or sinking"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="a SMPL-family body of your own")
    parser.add_argument("--correctives", action="store_true", help="key the model's pose correctives, too")
    parser.add_argument("--output", type=Path, metavar="FILE", help=".blend file to write")
    parser.add_argument("--overwrite", action="store_true", help="--output may be the file that was opened")
    parser.add_argument("--report", type=Path, metavar="FILE", help="JSON file to write, with the errors")
    parser.set_defaults(weights=None)
    options = parser.parse_args(arguments)
    check_files(options, parser.error)
    for name, per_view in (("--movies", options.movies), ("--cameras", options.cameras)):
        if per_view and len(per_view) != len(options.keypoints or ()):
            parser.error(f"{name} needs one for each of --keypoints")
    return options


def settings_of(options: argparse.Namespace) -> object:
    """The options as the settings of ``addon.fit_body``; wrong ones end the program with exit code 2."""
    module = load("fit_settings")
    sources = [str(path.resolve()) for path in options.keypoints or ()]
    movies = [str(path.resolve()) for path in options.movies or ()] or [""] * len(sources)
    numbers = options.cameras or [0] * len(sources)
    source = module.CameraSource.SCENE if options.scene_camera else module.CameraSource.ESTIMATED
    try:
        return module.FitSettings(
            views=tuple(module.View(*one) for one in zip(sources, movies, numbers, strict=True)),
            clip=options.clip or "",
            cameras=module.CameraSource.CALIBRATION if options.calibration else source,
            calibration=str(options.calibration.resolve()) if options.calibration else "",
            point_set=options.set,
            person=options.person,
            fps=options.fps,
            first_frame=options.start,
            strength=options.strength,
            ground=options.ground,
            model=str(options.model.resolve()) if options.model else "",
            correctives=options.correctives,
        )
    except load("errors").Refusal as refusal:
        raise SystemExit(fail(in_options(refusal), 2)) from refusal


def begin_empty(bpy: ModuleType, fps: float) -> None:
    """An empty scene at the footage's frame rate, as exactly as Blender can say it."""
    with silent():
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    if fps:
        render = bpy.context.scene.render
        render.fps = max(1, round(fps))
        render.fps_base = render.fps / fps


def play_all(bpy: ModuleType, options: argparse.Namespace) -> None:
    """The scene that was begun plays what was fitted, and says how fast if nobody did."""
    scene = bpy.context.scene
    first, last = bpy.context.object.animation_data.action.frame_range
    scene.frame_start, scene.frame_end = int(first), max(int(first), math.ceil(last))
    if not options.fps:
        print(f"--fps is not given: the footage is taken to have {scene.render.fps:g} frames a second")


def fail(sentence: str, code: int = 1) -> int:
    """Say it on stderr; the exit code."""
    print(f"fit_body: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run(main, __file__)
