# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual poses, half of each hidden and completed again, as one contact sheet.

Each row is a hand-written pose that the training data hardly has: as it is, and for each hidden
half the alternative that is offered first and the one of eight that is nearest to the truth.
Grey and orange is known, blue is completed.

    make demo-unusual
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import bpy
import numpy as np
from figure import build
from picture import Colour, material
from sheet import Sheet

from contrapposto.evaluation.unusual import HIDDEN, trials
from contrapposto.evaluation.unusual_poses import POSES
from contrapposto.priors import pose

KNOWN: Colour = (0.82, 0.25, 0.015)
COMPLETED: Colour = (0.13, 0.30, 0.58)
TRUTH: Colour = (0.52, 0.52, 0.53)

WORDS = 0.2
"""Height of words, metres."""

TITLES = {
    "left_arm_right_leg": "left arm and right leg hidden",
    "legs": "legs hidden",
    "legs_on_the_ground": "legs hidden, hips' height known",
    "arms_spine_head": "all but legs hidden",
}


def draw(data: Path, output: Path) -> None:
    """Complete every pose and write the sheet."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    sheet = Sheet(1 + 2 * len(HIDDEN), len(POSES), cell=(1.9, 2.9), head=0.9, pixels=80)
    truth, known, completed = (
        material(name, colour)
        for name, colour in (("Truth", TRUTH), ("Known", KNOWN), ("Completed", COMPLETED))
    )
    rows, halves = list(POSES), list(HIDDEN)
    for trial in trials(data, pose.load()):
        row, column = rows.index(trial.name), 1 + 2 * halves.index(trial.half)
        if column == 1:
            sheet.put(build(trial.truth, [truth] * len(trial.hidden), trial.name), 0, row)
            sheet.write(trial.name, 0, row, up=0.15, size=WORDS)
        errors = trial.errors_mm("contrapposto")
        materials = [completed if hidden else known for hidden in trial.hidden]
        for offset, choice in enumerate((0, int(np.argmin(errors)))):
            rotations = trial.found["contrapposto"][choice]
            sheet.put(build(rotations, materials, trial.name), column + offset, row)
            sheet.write(f"{errors[choice]:.0f} mm", column + offset, row, up=0.15, size=WORDS)
    sheet.write("the pose", 0, -1, up=0.15, size=WORDS)
    for number, half in enumerate(halves):
        sheet.write(TITLES[half], 1.5 + 2 * number, -1, up=0.5, size=0.24)
        for offset, name in enumerate(("first", "best of 8")):
            sheet.write(name, 1 + 2 * number + offset, -1, up=0.15, size=WORDS)
    sheet.print(output)


def main() -> int:
    """Draw, and say in one sentence if that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="the motion data folder, for the standing pose"
    )
    parser.add_argument("--output", type=Path, required=True, help="the PNG to write")
    arguments = parser.parse_args()
    try:
        draw(arguments.data, arguments.output.resolve())
    except (ValueError, OSError) as error:
        print(f"unusual: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # Blender's own exit lingers
