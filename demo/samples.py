# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of sampled poses: the pictures of the pose assets of a character, best first.

    PYTHONPATH=core .venv/bpy-4.5/bin/python demo/samples.py rigify --output build/rigify.png

`make demo-samples` writes those of all three rig families.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PROFILE = tempfile.TemporaryDirectory(prefix="contrapposto-samples-")
os.environ["BLENDER_USER_RESOURCES"] = PROFILE.name  # Blender reads it while it is imported
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import bpy  # noqa: E402
import characters  # noqa: E402
import numpy as np  # noqa: E402
from headless import load, run, silent  # noqa: E402

CHARACTERS = {
    "rigify": characters.rigify,
    "mixamo": characters.mixamo,
    "unreal": characters.unreal,
}

COLUMNS = 8
CELL = 192
"""Pixels of a picture on the sheet."""

PAPER, FLOOR = 0.95, 0.87

STANDS, FLOOR_ENDS = 0.07, 0.2
"""Shares of a picture's height: where the lowest part of each figure is, and how far up the floor goes."""


def make(character: Callable[[], bpy.types.Object], count: int, seed: int) -> tuple[list[np.ndarray], str]:
    """Pictures (256, 256, 4) of the assets, and what there is to say of them."""
    with silent():
        bpy.ops.wm.read_factory_settings(use_empty=True)
        rig = character()
    settings = load("sample_settings")
    report = load("sample").sample(
        bpy.context,
        rig,
        settings.SampleSettings(
            destination=settings.Destination.ASSETS, hypotheses=count, seed=seed, catalog=""
        ),
    )
    natural = ", ".join(f"{percent:.0f}" for percent in report.naturalness)
    sentence = f"{report.sentence}; percent of real poses that are less natural: {natural}"
    return [picture(bpy.data.actions[name]) for name in report.assets], sentence


def picture(action: bpy.types.Action) -> np.ndarray:
    """An asset's own picture, the lowest row first."""
    width, height = action.preview.image_size
    pixels = np.empty(4 * width * height, dtype=np.float32)
    action.preview.image_pixels_float.foreach_get(pixels)
    return pixels.reshape(height, width, 4)


def lay_out(pictures: list[np.ndarray]) -> np.ndarray:
    """All pictures on one sheet of paper, in rows from the top, each figure on the floor of its row."""
    rows = -(-len(pictures) // COLUMNS)
    height, width, _ = pictures[0].shape
    sheet = np.full((rows * height, min(COLUMNS, len(pictures)) * width, 4), PAPER, dtype=np.float32)
    sheet[..., 3] = 1.0
    for row in range(rows):
        sheet[row * height : row * height + round(FLOOR_ENDS * height), :, :3] = FLOOR
    for number, one in enumerate(map(on_floor, pictures)):
        row, column = rows - 1 - number // COLUMNS, number % COLUMNS
        cell = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        cell[..., :3] = one[..., :3] * one[..., 3:] + cell[..., :3] * (1 - one[..., 3:])
    return sheet


def on_floor(one: np.ndarray) -> np.ndarray:
    """A picture moved down until its figure's lowest row is where figures stand."""
    lowest = np.flatnonzero(one[..., 3].max(axis=1))[0]
    return np.roll(one, round(STANDS * len(one)) - lowest, axis=0)


def save(sheet: np.ndarray, path: Path) -> None:
    """Write a sheet as a PNG, its pictures ``CELL`` pixels wide."""
    height, width, _ = sheet.shape
    image = bpy.data.images.new("Sheet", width, height)
    image.pixels.foreach_set(sheet.reshape(-1))
    columns = min(COLUMNS, width // 256)
    image.scale(columns * CELL, height * columns * CELL // width)
    image.filepath_raw, image.file_format = str(path.resolve()), "PNG"
    image.save()


def main(words: list[str]) -> int:
    """Sample, lay out, save; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("character", choices=CHARACTERS)
    parser.add_argument("--output", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--count", type=int, default=24, help="poses (default 24)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(words)
    with PROFILE:
        try:
            pictures, sentence = make(CHARACTERS[arguments.character], arguments.count, arguments.seed)
        except FileNotFoundError as error:
            print(f"samples: {error}", file=sys.stderr)
            return 1
    save(lay_out(pictures), arguments.output)
    print(f"{arguments.output}: {sentence}")
    return 0


if __name__ == "__main__":
    run(main, __file__)
