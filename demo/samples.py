# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of sampled poses: the pictures of the pose assets of a Rigify human, best first.

PYTHONPATH=core .venv/bpy-4.5/bin/python demo/samples.py --output docs/images/sample_poses.png
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

PROFILE = tempfile.TemporaryDirectory(prefix="contrapposto-samples-")
os.environ["BLENDER_USER_RESOURCES"] = PROFILE.name  # Blender reads it while it is imported
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import bpy  # noqa: E402
import addon_utils  # noqa: E402
import crouch  # noqa: E402
import mannequin  # noqa: E402
import numpy as np  # noqa: E402
from headless import load, silent  # noqa: E402

COLUMNS = 8
SKIN = (0.24, 0.4, 0.66)
PAPER = 0.95


def make(count: int, seed: int) -> tuple[list[np.ndarray], list[float]]:
    """Pictures (256, 256, 4) of the assets, and how natural each is, percent."""
    with silent():
        bpy.ops.wm.read_factory_settings(use_empty=True)
        addon_utils.enable("rigify", default_set=True)
        rig = crouch.rigify_human()
        mannequin.tint(mannequin.build(rig), {}, SKIN)
    settings = load("sample_settings")
    report = load("sample").sample(
        bpy.context,
        rig,
        settings.SampleSettings(
            destination=settings.Destination.ASSETS, hypotheses=count, seed=seed, catalog=""
        ),
    )
    print(report.sentence)
    return [picture(bpy.data.actions[name]) for name in report.assets], list(report.naturalness)


def picture(action: bpy.types.Action) -> np.ndarray:
    """An asset's own picture, the lowest row first."""
    width, height = action.preview.image_size
    pixels = np.empty(4 * width * height, dtype=np.float32)
    action.preview.image_pixels_float.foreach_get(pixels)
    return pixels.reshape(height, width, 4)


def lay_out(pictures: list[np.ndarray]) -> np.ndarray:
    """All pictures on one sheet of paper, in rows from the top."""
    rows = -(-len(pictures) // COLUMNS)
    height, width, _ = pictures[0].shape
    sheet = np.full((rows * height, min(COLUMNS, len(pictures)) * width, 4), PAPER, dtype=np.float32)
    sheet[..., 3] = 1.0
    for number, one in enumerate(pictures):
        row, column = rows - 1 - number // COLUMNS, number % COLUMNS
        cell = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        cell[..., :3] = one[..., :3] * one[..., 3:] + PAPER * (1 - one[..., 3:])
    return sheet


def main() -> int:
    """Sample, lay out, save; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--count", type=int, default=24, help="poses (default 24)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    pictures, natural = make(arguments.count, arguments.seed)
    sheet = lay_out(pictures)
    image = bpy.data.images.new("Sheet", sheet.shape[1], sheet.shape[0])
    image.pixels.foreach_set(sheet.reshape(-1))
    image.filepath_raw, image.file_format = str(arguments.output.resolve()), "PNG"
    image.save()
    print(", ".join(f"{percent:.0f}" for percent in natural), "percent of real poses are less natural")
    print(arguments.output)
    return 0


if __name__ == "__main__":
    status = main()
    PROFILE.cleanup()
    sys.stdout.flush()
    os._exit(status)  # Blender's own exit lingers
