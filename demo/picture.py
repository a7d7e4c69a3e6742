# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of figures on one floor, seen from one camera, with a caption under each, as a PNG.

The camera is orthographic, so that every figure is seen from the same side and at the same size wherever it
stands in the row. Workbench renders it: no GPU and no display are needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import bpy
from mathutils import Euler, Matrix, Vector

Colour = tuple[float, float, float]

FLOOR: Colour = (1.0, 1.0, 1.0)
TILE: Colour = (0.9, 0.9, 0.905)
TILE_SIZE = 0.3
"""Metres; the floor is a chequerboard, so that feet can be seen to stand on it."""
INK: Colour = (0.03, 0.035, 0.045)


@dataclass(frozen=True)
class View:
    """Where the camera looks from, and how much it sees.

    Attributes:
        azimuth_deg: 0 looks at the figure's front, positive from its left side.
        elevation_deg: above the horizon.
        spacing: metres between two figures in the picture.
        size: of the picture, pixels.
        footroom: metres of the picture below the point where a figure stands.
    """

    azimuth_deg: float = -38.0
    elevation_deg: float = 13.0
    spacing: float = 1.25
    size: tuple[int, int] = (2000, 640)
    footroom: float = 0.5

    def rotation(self) -> Matrix:
        """The camera's rotation in the world."""
        tilt = math.radians(90 - self.elevation_deg)
        return Euler((tilt, 0.0, math.radians(self.azimuth_deg))).to_matrix()

    def right(self) -> Vector:
        """The picture's right, on the floor."""
        return self.rotation().col[0].normalized()

    def place(self, column: float, columns: int) -> Vector:
        """The point of the floor where a column's figure stands."""
        return self.right() * (column - (columns - 1) / 2) * self.spacing


def material(name: str, colour: Colour) -> bpy.types.Material:
    """A plain material of one linear RGB colour."""
    made = bpy.data.materials.new(name)
    made.diffuse_color = (*colour, 1.0)
    made.roughness = 0.8
    return made


def add_caption(
    text: str, view: View, column: float, columns: int, *, line: int = 0, ink: Colour = INK
) -> bpy.types.Object:
    """Words under a figure, facing the camera; the first line is the larger one."""
    curve = bpy.data.curves.new("Caption", "FONT")
    curve.body = text
    curve.size = 0.115 if line == 0 else 0.085
    curve.align_x = "CENTER"
    curve.align_y = "CENTER"
    curve.materials.append(material("Ink", ink))
    words = bpy.data.objects.new("Caption", curve)
    rotation = view.rotation()
    up, towards_camera = rotation.col[1], rotation.col[2]
    # In front of the floor as the camera sees it, so that the floor does not cut through the letters.
    place = view.place(column, columns) - up * (0.235 + 0.15 * line) + towards_camera * 4.0
    words.matrix_world = Matrix.Translation(place) @ rotation.to_4x4()
    words.display.show_shadows = False
    bpy.context.scene.collection.objects.link(words)
    return words


def add_floor(view: View, tiles: int = 200) -> bpy.types.Object:
    """A chequered floor at z = 0, its rows across the picture."""
    corners = [
        ((x - tiles / 2) * TILE_SIZE, (y - tiles / 2) * TILE_SIZE, 0.0)
        for y in range(tiles + 1)
        for x in range(tiles + 1)
    ]
    squares = [(x, y) for y in range(tiles) for x in range(tiles)]
    row = tiles + 1
    faces = [(y * row + x, y * row + x + 1, (y + 1) * row + x + 1, (y + 1) * row + x) for x, y in squares]
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata(corners, [], faces)
    mesh.materials.append(material("Floor", FLOOR))
    mesh.materials.append(material("Tile", TILE))
    mesh.polygons.foreach_set("material_index", [(x + y) % 2 for x, y in squares])
    floor = bpy.data.objects.new("Floor", mesh)
    floor.rotation_euler.z = math.radians(view.azimuth_deg)
    bpy.context.scene.collection.objects.link(floor)
    return floor


def set_stage(view: View, columns: int) -> None:
    """Floor, camera, light and render settings of the active scene."""
    scene = bpy.context.scene
    add_floor(view)

    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.data.type = "ORTHO"
    width = (columns + 0.5) * view.spacing  # room for an arm stretched out at either end
    camera.data.ortho_scale = width
    camera.data.clip_end = 200.0
    height = width * view.size[1] / view.size[0]
    rotation = view.rotation()
    middle = rotation.col[1] * (height / 2 - view.footroom) + rotation.col[0] * 0.16  # they lean to the right
    camera.matrix_world = Matrix.Translation(middle + rotation.col[2] * 30) @ rotation.to_4x4()

    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = view.size
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = 1.0
    scene.display.render_aa = "11"
    scene.display.shadow_focus = 0.15
    scene.display.light_direction = Euler((math.radians(-30), math.radians(-24), 0)).to_matrix() @ Vector(
        (0, 0, 1)
    )
    shading = scene.display.shading
    shading.light = "STUDIO"
    shading.color_type = "MATERIAL"
    shading.show_shadows = True
    shading.shadow_intensity = 0.32
    shading.show_cavity = True
    shading.cavity_type = "BOTH"
    shading.cavity_ridge_factor = 0.0
    shading.cavity_valley_factor = 1.2
    shading.curvature_ridge_factor = 0.25
    shading.curvature_valley_factor = 0.9
    shading.show_specular_highlight = True


def render(path: Path) -> None:
    """Render the active scene to a PNG."""
    scene = bpy.context.scene
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
