# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet: figures in rows and columns, each on a floor of its own, words beside them.

One orthographic camera sees all of it. Moving a figure within the picture's plane does not change
how it looks, so the whole sheet is one scene and one render.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import bpy
from mathutils import Matrix, Vector
from picture import INK, Colour, View, material, render

FLOOR: Colour = (0.86, 0.86, 0.85)

SEEN_FROM = View(azimuth_deg=-50.0, elevation_deg=14.0)


@dataclass(frozen=True)
class Sheet:
    """How a sheet is laid out, metres in the picture.

    Attributes:
        columns, rows: cells.
        cell: width and height of a cell.
        head: room above the first row, for words.
        pixels: of a metre.
        view: where from each figure is seen.
    """

    columns: int
    rows: int
    cell: tuple[float, float] = (1.9, 2.5)
    head: float = 0.5
    pixels: int = 100
    view: View = SEEN_FROM

    def at(self, column: float, row: float) -> Vector:
        """The point of the world that shows at the middle of a cell's lower edge."""
        axes = self.view.rotation()
        return axes.col[0] * (column + 0.5) * self.cell[0] - axes.col[1] * (row + 1) * self.cell[1]

    def put(self, figure: bpy.types.Object, column: int, row: int) -> None:
        """Set a figure, with a floor under it, into a cell, the middle of its box in the cell's middle."""
        corners = [Vector(corner) for corner in figure.bound_box]
        middle = Vector(((corners[0].x + corners[6].x) / 2, (corners[0].y + corners[6].y) / 2, 0.0))
        place = self.at(column, row) + self.view.rotation().col[1] * 0.45
        figure.location = place - middle
        bpy.ops.mesh.primitive_circle_add(vertices=96, radius=0.88, fill_type="NGON", location=place)
        bpy.context.object.data.materials.append(_floor())

    def write(self, text: str, column: float, row: float, *, up: float = 0.0, size: float = 0.15) -> None:
        """Centred words, ``up`` metres above the lower edge of a cell."""
        axes = self.view.rotation()
        curve = bpy.data.curves.new("Words", "FONT")
        curve.body, curve.size, curve.align_x, curve.align_y = text, size, "CENTER", "CENTER"
        curve.materials.append(material("Ink", INK))
        words = bpy.data.objects.new("Words", curve)
        place = self.at(column, row) + axes.col[1] * up + axes.col[2] * 3.0
        words.matrix_world = Matrix.Translation(place) @ axes.to_4x4()
        bpy.context.scene.collection.objects.link(words)

    def print(self, path: Path) -> None:
        """Render the sheet to a PNG."""
        scene = bpy.context.scene
        axes = self.view.rotation()
        width, height = self.columns * self.cell[0], self.rows * self.cell[1] + self.head
        camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(camera)
        scene.camera = camera
        camera.data.type = "ORTHO"
        camera.data.ortho_scale = max(width, height)
        camera.data.clip_end = 200.0
        middle = axes.col[0] * width / 2 - axes.col[1] * (height / 2 - self.head)
        camera.matrix_world = Matrix.Translation(middle + axes.col[2] * 50) @ axes.to_4x4()
        scene.render.engine = "BLENDER_WORKBENCH"
        scene.render.resolution_x = math.ceil(width * self.pixels)
        scene.render.resolution_y = math.ceil(height * self.pixels)
        scene.render.resolution_percentage = 100
        scene.view_settings.view_transform = "Standard"
        scene.view_settings.exposure = 0.7
        scene.display.render_aa = "11"
        if scene.world is None:
            scene.world = bpy.data.worlds.new("World")
        scene.world.color = (1.0, 1.0, 1.0)
        shading = scene.display.shading
        shading.light, shading.color_type = "STUDIO", "MATERIAL"
        shading.show_cavity, shading.cavity_type = True, "BOTH"
        shading.cavity_ridge_factor, shading.cavity_valley_factor = 0.0, 1.2
        shading.curvature_ridge_factor, shading.curvature_valley_factor = 0.25, 0.9
        render(path)


def _floor() -> bpy.types.Material:
    return bpy.data.materials.get("Floor disc") or material("Floor disc", FLOOR)
