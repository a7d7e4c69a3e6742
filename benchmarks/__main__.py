# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks``: ``speed``, memory and disk of the product; ``blender-ik``, Blender's own IK."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import blender_ik, speed
from contrapposto.evaluation.table import format_table, make_room, write_json
from contrapposto.priors import pose

MEASURES = {
    "completion": speed.measure,
    "denoise": speed.measure_denoise,
    "sample": speed.measure_sample,
    "lift": speed.measure_lift,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "speed", help="Complete Pose, enabling the add-on, the size of the zip; denoise; sample; lift"
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
    return parser


def _records(arguments: argparse.Namespace) -> list[dict[str, str | float | int]]:
    if arguments.command == "speed":
        return list(MEASURES[arguments.what](3 if arguments.quick else arguments.repeats))
    return list(
        blender_ik.measure(
            arguments.data,
            arguments.split,
            pose.load(arguments.weights or pose.WEIGHTS),
            poses=24 if arguments.quick else arguments.poses,
            seed=arguments.seed,
            blender=arguments.blender,
            tell=lambda text: print(text, file=sys.stderr, flush=True),
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
