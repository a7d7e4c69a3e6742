# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitted bodies over the keypoints that they follow, as their cameras see them.

    PYTHONPATH=core .venv/bpy-4.5/bin/python demo/fit_body.py --footage FOLDER --output build/demo

Writes fit_body.png, one body fitted to all four cameras, and fit_body_single.png, a body fitted to each
camera alone, without its calibration. Rows are cameras, columns moments. Left is orange, right is green:
a body that faces the wrong way is seen at once. The last two columns of the second picture show the first and
the last moment from the side, where one camera had to guess.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path

PROFILE = tempfile.TemporaryDirectory(prefix="contrapposto-fit-")
os.environ["BLENDER_USER_RESOURCES"] = PROFILE.name  # Blender reads it while it is imported
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from headless import load, run, silent  # noqa: E402
from mathutils import Matrix  # noqa: E402

FPS = 60
POINT_SET = "body_25b"
FRAMES = (4, 28, 52, 76, 98)
CELL = (200, 300)
"""Width and height of a picture on the sheet, pixels."""
MARGIN = 1.4
"""Height of a picture by that of the person."""
DETAIL = 0.5
"""Pixels that are rendered for one of the footage."""
WIDER = 2
"""A picture from the side shows so much more than the camera did."""
PAPER = 0.95
SKIN = (0.42, 0.52, 0.66, 1.0)
LEFT, RIGHT, MIDDLE = (0.93, 0.45, 0.05), (0.05, 0.55, 0.2), (0.1, 0.1, 0.1)
LIMBS = (
    *((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right")
      for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
                   ("ankle", "big_toe"), ("shoulder", "hip"), ("ankle", "heel"))),
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
)  # fmt: skip


def views(footage: Path, numbers: tuple[int, ...]) -> tuple:
    """The keypoints of cameras, from 1, as the settings take them."""
    View = load("fit_settings").View
    return tuple(View(str(footage / "pose" / f"cam0{n}_json"), camera=n) for n in numbers)


def fit(footage: Path, numbers: tuple[int, ...]) -> object:
    """A new scene with a body that is fitted to some of the cameras; a lone one without its calibration."""
    module = load("fit_settings")
    with silent():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = FPS
    source = module.CameraSource.CALIBRATION if len(numbers) > 1 else module.CameraSource.ESTIMATED
    settings = module.FitSettings(
        views=views(footage, numbers),
        cameras=source,
        calibration=str(footage / "Calib.qca.txt"),
        point_set=POINT_SET,
    )
    report = load("fit_body").fit_body(bpy.context, settings)
    print(report.sentence, flush=True)
    return report


def seen(footage: Path, number: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels (T, K, 2) of the person in one view, NaN where missing, and the points' names."""
    found = load("fit_footage").footage_of(
        load("fit_footage").sources(
            bpy.context,
            load("fit_settings").FitSettings(views=views(footage, (number,)), point_set=POINT_SET),
        )
    )
    return found.points[0], found.names


def stage(armature: bpy.types.Object) -> None:
    """Workbench, nothing behind the body."""
    scene, shading = bpy.context.scene, bpy.context.scene.display.shading
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    shading.light, shading.color_type, shading.single_color = "STUDIO", "SINGLE", SKIN[:3]
    shading.show_cavity = True
    armature.hide_render = True


def picture(camera: bpy.types.Object, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 4) what a camera sees in ``DETAIL``, the top row first.

    Args:
        camera: of the scene.
        size: width and height of its footage.
    """
    scene = bpy.context.scene
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = round(100 * DETAIL)
    path = Path(PROFILE.name) / "picture.png"
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    scene.render.filepath = str(path)
    with silent():
        bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(4 * width * height, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


def cell(shown: np.ndarray, points: np.ndarray, names: tuple[str, ...], box: tuple[float, ...]) -> np.ndarray:
    """A part of a picture on paper, with keypoints over it.

    Args:
        shown: (H, W, 4) the body, in ``DETAIL``.
        points: (K, 2) pixels.
        names: of the points.
        box: left, top and pixels a pixel of the cell.
    """
    left, top, scale = box
    width, height = CELL
    y, x = np.mgrid[:height, :width]
    at = DETAIL * (np.array([top, left])[:, None, None] + scale * (np.stack([y, x]) + 0.5))
    rows, columns = np.floor(at).astype(int)
    inside = (rows >= 0) & (rows < shown.shape[0]) & (columns >= 0) & (columns < shown.shape[1])
    body = np.where(inside[..., None], shown[rows * inside, columns * inside], 0)
    image = body[..., :3] * body[..., 3:] + PAPER * (1 - body[..., 3:])
    places = (points - [left, top]) / scale
    for a, b in LIMBS:
        if a in names and b in names:
            line(image, places[names.index(a)], places[names.index(b)], colour_of(a, b))
    for name, place in zip(names, places, strict=True):
        line(image, place, place, colour_of(name, name), 2.6)
    return image


def line(image: np.ndarray, a: np.ndarray, b: np.ndarray, colour: tuple, radius: float = 0.9) -> None:
    """A line, or a dot, over an image."""
    if not np.isfinite([*a, *b]).all():
        return
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    at = np.stack([x, y], axis=-1) - a
    along = np.clip((at @ (b - a)) / max(float((b - a) @ (b - a)), 1e-9), 0, 1)
    away = np.linalg.norm(at - along[..., None] * (b - a), axis=-1)
    cover = np.clip(radius + 0.5 - away, 0, 1)[..., None]
    image[:] = image * (1 - cover) + np.array(colour) * cover


def colour_of(a: str, b: str) -> tuple[float, float, float]:
    """Orange for the body's left, green for its right."""
    sides = {name.partition("_")[0] for name in (a, b)}
    return LEFT if sides == {"left"} else RIGHT if sides == {"right"} else MIDDLE


def box_of(points: np.ndarray) -> tuple[float, float, float]:
    """The part of the image that shows the person in a moment (K, 2)."""
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    scale = MARGIN * max((high[1] - low[1]) / CELL[1], (high[0] - low[0]) / CELL[0])
    middle = (low + high) / 2
    return middle[0] - scale * CELL[0] / 2, middle[1] - scale * CELL[1] / 2, scale


def turned(armature: bpy.types.Object, camera: bpy.types.Object) -> Matrix:
    """Where a camera is after a quarter turn about the body."""
    middle = armature.matrix_world @ armature.pose.bones["pelvis"].head
    about = Matrix.Rotation(math.pi / 2, 4, "Z")
    return Matrix.Translation(middle) @ about @ Matrix.Translation(-middle) @ camera.matrix_world


def row(
    armature: bpy.types.Object,
    camera: bpy.types.Object,
    number: int,
    footage: Path,
    size: tuple[int, int],
    *,
    side: bool,
) -> list[np.ndarray]:
    """What a camera sees over time, and if asked for the last moment from the side."""
    points, names = seen(footage, number)
    cells = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        at = points[frame - 1]
        cells.append(cell(picture(camera, size), at, names, box_of(at)))
    if side:
        for frame in (FRAMES[0], FRAMES[-1]):
            bpy.context.scene.frame_set(frame)
            before, lens = camera.matrix_world.copy(), camera.data.lens
            camera.matrix_world, camera.data.lens = turned(armature, camera), lens / WIDER
            shown = picture(camera, size)
            camera.matrix_world, camera.data.lens = before, lens
            rows, columns = np.nonzero(shown[..., 3] > 0.5)
            extent = np.stack([columns, rows], axis=-1) / DETAIL
            cells.append(cell(shown, np.empty((0, 2)), (), box_of(extent)))
    return cells


def save(rows: list[list[np.ndarray]], path: Path) -> None:
    """Write rows of pictures as a PNG."""
    sheet = np.concatenate([np.concatenate(cells, axis=1) for cells in rows], axis=0)[::-1]
    height, width, _ = sheet.shape
    image = bpy.data.images.new("Sheet", width, height)
    image.pixels.foreach_set(
        np.concatenate([sheet, np.ones((height, width, 1))], axis=-1).astype(np.float32).ravel()
    )
    image.filepath_raw, image.file_format = str(path.resolve()), "PNG"
    image.save()
    print(path)


def main(words: list[str]) -> int:
    """Fit, look, save; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--footage", type=Path, required=True, help="folder with pose/ and Calib.qca.txt")
    parser.add_argument("--output", type=Path, required=True, help="folder of the pictures")
    arguments = parser.parse_args(words)
    if not (arguments.footage / "Calib.qca.txt").is_file():
        print(f"fit_body: there is no footage in {arguments.footage}", file=sys.stderr)
        return 1
    numbers = (1, 2, 3, 4)
    with PROFILE:
        rows = []
        report = fit(arguments.footage, numbers)
        size = (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y)
        armature = bpy.data.objects[report.armature]
        stage(armature)
        for number, name in zip(numbers, report.cameras, strict=True):
            rows.append(row(armature, bpy.data.objects[name], number, arguments.footage, size, side=False))
        save(rows, arguments.output / "fit_body.png")
        rows = []
        for number in numbers:
            report = fit(arguments.footage, (number,))
            size = (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y)
            armature, camera = bpy.data.objects[report.armature], bpy.data.objects[report.cameras[0]]
            stage(armature)
            rows.append(row(armature, camera, number, arguments.footage, size, side=True))
        save(rows, arguments.output / "fit_body_single.png")
    return 0


if __name__ == "__main__":
    run(main, __file__)
