# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks speed``: how fast the product is, how much memory and disk it takes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import speed
from contrapposto.evaluation.table import format_table, write_json


def main() -> int:
    """Run a benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("speed", help="Complete Pose, enabling the add-on, the size of the zip")
    one.add_argument("--repeats", type=int, default=15, help="timed runs of each case (default 15)")
    one.add_argument("--quick", action="store_true", help="three timed runs of each case")
    one.add_argument("--json", type=Path, help="also write the records to this file")
    arguments = parser.parse_args()
    records = list(speed.measure(3 if arguments.quick else arguments.repeats))
    print(format_table(records))
    if arguments.json:
        write_json(records, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
