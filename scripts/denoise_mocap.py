# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise the actions of motion files without a window: one file, or a folder in parallel processes.

    blender -b -P denoise_mocap.py -- walk.fbx --output walk_clean.fbx
    blender -b -P denoise_mocap.py -- captured/ --output clean/ --jobs 4

Reads .blend, .bvh, .fbx and .glb, and writes the same kind of file, or .blend with --format blend. Runs with
the installed extension, or from a checkout without it. Beside each output lies a report, OUTPUT.json. Both
take their names when they are complete; an input is never written. A folder that was interrupted goes on
where it was: a file is skipped if its report says that it was made from the same input with the same options.
Exit codes: 0 everything is done, 1 something was refused or failed (one sentence each on stderr; everything
else is written), 2 wrong usage (one sentence, and nothing is loaded).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parent))

from headless import OneLineParser, find_armature, in_options, is_same_file, load, run
from motion_files import SUFFIXES, read, write
from parallel import in_parallel, remove_leftovers

NAME = "denoise_mocap"
KINDS = ", ".join(SUFFIXES)
PARTS = ("hips", "torso", "head", "arms", "legs")


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for; the exit code."""
    options = parse(arguments)
    if options.input is not None and options.input.is_dir():
        return denoise_folder(options)
    import bpy

    source = options.input or Path(bpy.data.filepath)
    report = options.report or report_path(options.output)
    record = denoise_file(bpy, source, options.output, report, options)
    if "refused" in record:
        return fail(record["refused"])
    for action in record["actions"]:
        print(action["sentence"])
        if action["warning"]:
            print(f"{NAME}: {action['warning']}", file=sys.stderr)
    for sentence in record["skipped"]:
        print(f"{NAME}: skipped. {sentence}", file=sys.stderr)
    print(f"wrote {options.output}")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options; wrong ones end the program with exit code 2."""
    parser = OneLineParser(NAME, "Denoise the actions of motion files.")
    parser.add_argument(
        "input", nargs="?", type=Path, help=f"a file or a folder: {KINDS}; else what is opened"
    )
    parser.add_argument("--output", type=Path, metavar="PATH", help="file to write, or folder for a folder")
    parser.add_argument("--format", choices=("same", "blend"), default="same", help="of a folder's outputs")
    parser.add_argument("--report", type=Path, metavar="FILE", help="JSON file (default: beside each output)")
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="processes for a folder (default: one a core)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace outputs that this program did not write"
    )
    parser.add_argument("--armature", metavar="NAME", help="armature object; may be left out if there is one")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--action", action="append", metavar="NAME", help="an action; may be given several times"
    )
    which.add_argument(
        "--all-actions", action="store_true", help="every action that moves the armature's bones"
    )
    which.add_argument(
        "--selected-strips", action="store_true", help="the actions of the selected NLA strips"
    )
    parser.add_argument(
        "--frames", type=frame_range, metavar="A:B", help="change only frames A to B of the action"
    )
    parser.add_argument(
        "--selected-bones", action="store_true", help="change only bones that are selected in the file"
    )
    parser.add_argument("--strength", type=float, default=1.0, metavar="S", help="0 to 1 (default 1)")
    parser.add_argument(
        "--part", action="append", default=[], type=part_strength, metavar="PART=S",
        help=f"strength of a body part, 0 to 1: {', '.join(PARTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--preserve-contacts", action=argparse.BooleanOptionalAction, default=True,
        help="hold feet that stand (default: yes)",
    )  # fmt: skip
    parser.add_argument(
        "--fill-gaps",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="fill in what is missing (default: yes)",
    )
    parser.add_argument(
        "--bake", action="store_true", help="key each frame (default: the frames that have keys)"
    )
    parser.add_argument(
        "--max-error-deg", type=float, metavar="D", help="leave out keys, up to this error in degrees"
    )
    parser.add_argument("--max-error-mm", type=float, metavar="M", help="the same for places, in millimetres")
    options = parser.parse_args(arguments)
    check_numbers(parser, options)
    check_paths(parser, options)
    return options


def check_numbers(parser: OneLineParser, options: argparse.Namespace) -> None:
    """End the program if a number makes no sense."""
    for name, value in (("--strength", options.strength), *((f"--part {p}", s) for p, s in options.part)):
        if not 0 <= value <= 1:
            parser.error(f"{name} must be 0 to 1, not {value:g}")
    for name, value in (("--max-error-deg", options.max_error_deg), ("--max-error-mm", options.max_error_mm)):
        if value is not None and not value > 0:
            parser.error(f"{name} must be above 0, not {value:g}")
    if options.jobs < 0:
        parser.error(f"--jobs must be 1 or more, not {options.jobs}")


def check_paths(parser: OneLineParser, options: argparse.Namespace) -> None:
    """End the program if paths make no sense, before anything is read."""
    source, output, report = options.input, options.output, options.report
    if output is None:
        parser.error("nothing would be kept: give --output")
    if source is not None and source.is_dir():
        check_folder(parser, source, output)
    else:
        check_file(parser, source, output)
    if report and not report.resolve().parent.is_dir():
        parser.error(f"the folder of {report} does not exist")
    if report and report.resolve() in {path.resolve() for path in (source, output) if path}:
        parser.error(f"--report {report} would take the place of another file")


def check_folder(parser: OneLineParser, source: Path, output: Path) -> None:
    """The same for a folder."""
    if output.exists() and not output.is_dir():
        parser.error(f"{output} is no folder, but {source} is one")
    if output.resolve() == source.resolve():
        parser.error("--output is the folder that is read; choose another one")


def check_file(parser: OneLineParser, source: Path | None, output: Path) -> None:
    """The same for one file; None if Blender has opened it."""
    if source is not None and not source.is_file():
        parser.error(f"there is no file or folder {source}")
    if output.is_dir():
        parser.error(f"{output} is a folder; give the name of a file")
    suffixes = SUFFIXES if source is None else (source.suffix.lower(), ".blend")
    if suffixes[0] not in SUFFIXES:
        parser.error(f"{source} is none of {KINDS}")
    if output.suffix.lower() not in suffixes:
        parser.error(f"{output} must end with {' or '.join(dict.fromkeys(suffixes))}")
    if source is not None and is_same_file(output, str(source)):
        parser.error(f"--output {output} is the file that is read; choose another one")
    if not output.resolve().parent.is_dir():
        parser.error(f"the folder of {output} does not exist")


def frame_range(text: str) -> tuple[float, float]:
    """A:B, both ends included."""
    try:
        first, last = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no range of frames, such as 1:200") from error
    if not first < last:
        raise argparse.ArgumentTypeError(f"'{text}' holds less than two frames")
    return first, last


def part_strength(text: str) -> tuple[str, float]:
    """PART=S."""
    part, _, number = text.partition("=")
    try:
        strength = float(number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no strength of a part, such as legs=0.5") from error
    if part not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no body part '{part}'; there are {', '.join(PARTS)}")
    return part, strength


def choices(options: argparse.Namespace) -> dict[str, object]:
    """What the result depends on, beside the input."""
    return {
        "armature": options.armature,
        "actions": options.action,
        "all_actions": options.all_actions,
        "selected_strips": options.selected_strips,
        "frames": list(options.frames) if options.frames else None,
        "selected_bones": options.selected_bones,
        "strength": options.strength,
        "parts": dict(options.part),
        "preserve_contacts": options.preserve_contacts,
        "fill_gaps": options.fill_gaps,
        "bake": options.bake,
        "max_error_deg": options.max_error_deg,
        "max_error_mm": options.max_error_mm,
    }


def settings_of(options: argparse.Namespace) -> object:
    """The options as the settings of ``addon.denoise``."""
    module = load("denoise_settings")
    source = module.Source.ACTIVE
    if options.action:
        source = module.Source.NAMED
    elif options.all_actions:
        source = module.Source.ALL
    elif options.selected_strips:
        source = module.Source.STRIPS
    defaults = module.DenoiseSettings()
    return module.DenoiseSettings(
        source=source,
        actions=tuple(options.action or ()),
        frame_range=options.frames,
        selected_only=options.selected_bones,
        strength=options.strength,
        parts=dict(options.part),
        preserve_contacts=options.preserve_contacts,
        fill_gaps=options.fill_gaps,
        keys=module.KeyMode.BAKE if options.bake else module.KeyMode.KEEP,
        reduce=options.max_error_deg is not None or options.max_error_mm is not None,
        max_error_deg=options.max_error_deg or defaults.max_error_deg,
        max_error_mm=options.max_error_mm or defaults.max_error_mm,
    )


# One file


def denoise_file(
    bpy: ModuleType, source: Path, output: Path, report: Path, options: argparse.Namespace
) -> dict[str, object]:
    """Denoise one file; its record, with ``refused`` and a sentence if nothing was written but a report."""
    began = time.perf_counter()
    record: dict[str, object] = {
        "input": str(source),
        "output": str(output),
        "made_from": made_from(source, options),
    }
    try:
        denoise, errors, files = load("denoise"), load("errors"), load("files")
    except ImportError as error:
        return record | {
            "refused": f"The extension cannot be loaded ({error}); install its zip in this Blender first"
        }
    try:
        if is_same_file(output, str(source)):
            raise errors.Refusal(f"--output {output} is the file that is read; choose another one")
        if not options.overwrite and output.exists() and not is_ours(output, report):
            raise errors.Refusal(
                f"{output} exists and was not made by this program; give --overwrite to replace it"
            )
        if options.input is not None and (wrong := read(bpy, source)):
            raise errors.Refusal(wrong)
        rig = find_armature(bpy, options.armature)
        outcome = denoise.denoise(bpy.context, rig, settings_of(options))
    except errors.Refusal as refusal:
        record["refused"] = in_options(refusal)
        try:
            with files.whole(report) as (temporary,):
                write_json(temporary, record)
        except OSError as error:
            record["refused"] = f"{record['refused']} (and {report} cannot be written: {error.strerror})"
        return record
    record["actions"] = [
        {"sentence": r.sentence, "warning": r.warning, **r.to_dict()} for r in outcome.reports
    ]
    record["skipped"] = [in_options(refusal) for refusal in outcome.skipped]
    record["seconds"] = round(time.perf_counter() - began, 2)
    if output.suffix.lower() != ".blend":
        take_places(bpy, outcome.reports)
    try:
        with files.whole(report, output) as (temporary_report, temporary_output):
            write_json(temporary_report, record)
            write(bpy, temporary_output, rig, output.suffix.lower())
    except (OSError, RuntimeError) as error:
        return record | {"refused": f"The result cannot be written: {error}"}
    return record


def take_places(bpy: ModuleType, reports: Iterable) -> None:
    """Have denoised actions take the names of their originals, which do not leave with the file."""
    for report in reports:
        original, denoised = bpy.data.actions[report.original], bpy.data.actions[report.action]
        bpy.data.actions.remove(original)
        denoised.name = report.original


def write_json(path: Path, record: object) -> None:
    """Write a record."""
    path.write_bytes((json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def made_from(source: Path, options: argparse.Namespace) -> dict[str, object]:
    """What tells whether an output is up to date."""
    found = source.stat() if source.is_file() else None
    return {
        "bytes": found.st_size if found else 0,
        "modified_ns": found.st_mtime_ns if found else 0,
        "options": choices(options),
    }


def report_path(output: Path) -> Path:
    """Where the report on an output lies."""
    return output.with_name(f"{output.name}.json")


def read_record(report: Path) -> dict[str, object]:
    """A report as it was written; empty if there is none that can be read."""
    try:
        record = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def is_ours(output: Path, report: Path) -> bool:
    """Whether an output that exists was written by this program."""
    record = read_record(report)
    return "made_from" in record and Path(str(record.get("output"))).name == output.name


# A folder


def denoise_folder(options: argparse.Namespace) -> int:
    """Denoise every motion file of a folder and of those in it; the exit code."""
    sources = find_files(options.input, options.output)
    if not sources:
        return fail(f"{options.input} holds no {KINDS} file")
    records: list[dict[str, object]] = []
    todo: list[tuple[Path, Path]] = []
    for source in sources:
        output = output_path(source, options)
        record = read_record(report_path(output))
        if output.is_file() and record.get("made_from") == made_from(source, options) and "actions" in record:
            print(f"{source}: done before")
            records.append(record)
        else:
            output.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(output)
            todo.append((source, output))
    before = len(records)
    for job, code, errors in in_parallel(todo, lambda job: command(*job, options), options.jobs):
        records.append(told(*job, code, errors))
    refused = sum("refused" in record for record in records)
    if options.report:
        try:
            with load("files").whole(options.report) as (temporary,):
                write_json(temporary, sorted(records, key=lambda record: str(record["input"])))
        except OSError as error:
            return fail(f"{options.report} cannot be written: {error.strerror}")
    print(f"{len(records) - before - refused} denoised, {before} done before, {refused} refused or failed")
    return 1 if refused else 0


def find_files(folder: Path, output: Path) -> list[Path]:
    """The motion files of a folder, without those of the output folder where that lies within."""
    inside = output.resolve()
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(p for p in found if not p.name.startswith(".") and inside not in p.resolve().parents)


def output_path(source: Path, options: argparse.Namespace) -> Path:
    """Where the result of one file of the folder goes."""
    path = options.output / source.relative_to(options.input)
    if options.format == "blend" and path.suffix.lower() != ".blend":
        path = path.with_name(f"{path.name}.blend")
    return path


def command(source: Path, output: Path, options: argparse.Namespace) -> list[str]:
    """This program for one file, with the options that hold for each."""
    import bpy

    blender = bpy.app.binary_path
    own = [blender, "-b", "-P", __file__, "--"] if blender else [sys.executable, __file__, "--"]
    given = [str(source), "--output", str(output)]
    valued = {
        name: getattr(options, name) for name in ("armature", "strength", "max_error_deg", "max_error_mm")
    }
    given += [f"--{name.replace('_', '-')}={value}" for name, value in valued.items() if value is not None]
    for name in ("overwrite", "all_actions", "selected_strips", "selected_bones", "bake"):
        given += [f"--{name.replace('_', '-')}"] * getattr(options, name)
    for name in ("preserve_contacts", "fill_gaps"):
        given += [f"--no-{name.replace('_', '-')}"] * (not getattr(options, name))
    given += [f"--action={name}" for name in options.action or ()]
    given += [f"--part={part}={strength}" for part, strength in options.part]
    if options.frames:
        given.append(f"--frames={options.frames[0]}:{options.frames[1]}")
    return [*own, *given]


def told(source: Path, output: Path, code: int, errors: str) -> dict[str, object]:
    """What came of a file that another process worked on: printed, and its record."""
    if code == 0:
        record = read_record(report_path(output))
        sentences = [str(action["sentence"]) for action in record.get("actions", [])]
        print(f"{source}: {'; '.join(sentences)}", flush=True)
        return record
    lines = [line.removeprefix(f"{NAME}: ") for line in errors.splitlines() if line.startswith(f"{NAME}: ")]
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    sentence = lines[-1] if lines else f"Blender ended with {how} while it denoised {source}"
    of = "" if sentence.startswith(str(source)) else f"{source}: "
    print(f"{NAME}: {of}{sentence}", file=sys.stderr, flush=True)
    return {"input": str(source), "output": str(output), "refused": sentence}


def fail(sentence: str, code: int = 1) -> int:
    """Say it on stderr; the exit code."""
    print(f"{NAME}: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run(main, __file__)
