# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks``: ``speed``, memory and disk; ``rigs``, all of them; ``blender-ik``, its own IK."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import blender_ik, rigs, speed
from contrapposto.files.table import format_table, make_room, write_json
from contrapposto.priors import pose

MEASURES = {
    "completion": speed.measure,
    "denoise": speed.measure_denoise,
    "sample": speed.measure_sample,
    "lift": speed.measure_lift,
    "fit": speed.measure_fit,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "speed", help="Complete Pose, enabling the add-on, the size of the zip; denoise; sample; lift; fit"
    )
    one.add_argument("what", nargs="?", choices=tuple(MEASURES), default="completion")
    one.add_argument("--repeats", type=int, default=15, help="timed runs of each case (default 15)")
    one.add_argument("--quick", action="store_true", help="three timed runs of each case")
    one.add_argument("--json", type=Path, help="also write the records to this file")
    two = commands.add_parser("blender-ik", help="inverse kinematics, with Blender's own among the methods")
    two.add_argument("--data", type=Path, required=True, help="a folder with splits.json")
    two.add_argument("--split", default="val", help="train, val or test (default val)")
    two.add_argument("--weights", type=Path, help="a pose prior; the shipped one by default")
    two.add_argument("--blender", type=Path, default=blender_ik.BLENDER, help="a Python that has bpy")
    two.add_argument("--poses", type=int, default=200, help="how many poses of the split (default 200)")
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--quick", action="store_true", help="24 poses")
    two.add_argument("--json", type=Path, help="also write the records to this file")
    three = commands.add_parser("rigs", help="every rig: joints found, there and back, both operators")
    three.add_argument("--data", type=Path, required=True, help="a folder with bvh/ and rigs/")
    three.add_argument("--blender", type=Path, default=rigs.BLENDER, help="a Python that has bpy")
    three.add_argument("--only", nargs="*", default=(), metavar="RIG", help="only these rigs")
    three.add_argument("--seed", type=int, default=0)
    three.add_argument("--quick", action="store_true", help="six rigs, few armatures each")
    three.add_argument("--json", type=Path, help="also write the records to this file")
    return parser


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _records(arguments: argparse.Namespace) -> list[dict[str, str | float | int]]:
    if arguments.command == "speed":
        return list(MEASURES[arguments.what](3 if arguments.quick else arguments.repeats))
    if arguments.command == "rigs":
        return list(
            rigs.measure(
                arguments.data,
                blender=arguments.blender,
                only=arguments.only,
                quick=arguments.quick,
                seed=arguments.seed,
                tell=_tell,
            )
        )
    return list(
        blender_ik.measure(
            arguments.data,
            arguments.split,
            pose.load(arguments.weights or pose.WEIGHTS),
            poses=24 if arguments.quick else arguments.poses,
            seed=arguments.seed,
            blender=arguments.blender,
            tell=_tell,
        )
    )


def main() -> int:
    """Run a benchmark and print its table; 1 with one sentence when it cannot be run."""
    arguments = _parser().parse_args()
    try:
        if arguments.json:
            make_room(arguments.json)
        records = _records(arguments)
    except (ValueError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(format_table(records))
    if arguments.json:
        write_json(records, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
