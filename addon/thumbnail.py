# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a character as it stands, for a pose asset: its own meshes, seen from its front left.

A character without meshes shows its bones. Nothing in the scene is touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import bpy
import numpy as np

from contrapposto.rotation import from_rotvec, split_heading

from .raster import draw
from .rig import Rig
from .space import BLENDER_TO_CORE

THUMBNAIL = 256
"""Pixels of a side."""

AZIMUTH_DEG, ELEVATION_DEG = 32.0, 12.0
"""Where it is seen from: to the left of where the body faces, and above."""

MARGIN = 0.06
"""Share of the picture that stays free at each side."""

SMALLEST = 0.62
"""A crouch is not shown larger than as if it was this share of the standing height."""

PLAIN = np.array([0.62, 0.64, 0.68])
"""Of what has no material, as a screen shows it."""

_SURFACES = {"MESH", "CURVE", "SURFACE", "FONT", "META"}
_BONE_FAT = 0.14

Triangles = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Corners (F, 3, 3) and their normals (F, 3, 3) in the world, colours (F, 3)."""


class Photographer:
    """Takes pictures of one character, all from the same side.

    Attributes:
        rig: the character.
        axes: (3, 3) rows are the picture's right, up and towards the viewer, in the world.
        height: of the character at rest, in the world.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        to_blender = BLENDER_TO_CORE[:3, :3].T
        facing = to_blender @ split_heading(rig.pose.global_orient)[0] @ to_blender.T
        self.axes = _axes(facing)
        heads = rig.armature.heads
        world = np.array(rig.object.matrix_world, dtype=float)
        standing = heads @ world[:3, :3].T
        self.height = float(np.ptp(standing, axis=0).max()) * 1.1

    def picture(self, context: bpy.types.Context) -> np.ndarray:
        """(THUMBNAIL, THUMBNAIL, 4) float32 of the character as evaluated, the lowest row first."""
        depsgraph = context.evaluated_depsgraph_get()
        parts = [
            part
            for owner in skins(context, self.rig.object)
            if (part := _surface(owner.evaluated_get(depsgraph)))
        ]
        corners, normals, colours = (
            np.concatenate(group) for group in zip(*parts or [_bones(self.rig)], strict=True)
        )
        corners, normals = corners @ self.axes.T, normals @ self.axes.T
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        half = max(*(high - low)[:2], SMALLEST * self.height) / 2 / (1 - 2 * MARGIN)
        middle = (low + high) / 2
        return draw((corners - middle) / half, normals, colours, THUMBNAIL)


def skins(context: bpy.types.Context, armature_object: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """The visible objects with a surface that the armature deforms or carries."""
    carried = set(armature_object.children_recursive)
    for owner in context.view_layer.objects:
        if owner.type in _SURFACES and not owner.hide_render and owner.visible_get():
            deformed = any(m.type == "ARMATURE" and m.object == armature_object for m in owner.modifiers)
            if deformed or owner in carried:
                yield owner


def _axes(facing: np.ndarray) -> np.ndarray:
    """The picture's axes for a body that is turned by ``facing`` from looking along -y."""
    turn = from_rotvec(np.array([0.0, 0.0, math.radians(AZIMUTH_DEG)]))
    ahead = facing @ turn @ np.array([0.0, -1.0, 0.0])
    up = np.array([0.0, 0.0, 1.0])
    tilt = math.radians(ELEVATION_DEG)
    towards = math.cos(tilt) * ahead + math.sin(tilt) * up
    right = np.cross(up, towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def _surface(evaluated: bpy.types.Object) -> Triangles | None:
    """The triangles of an evaluated object; None if it has none."""
    mesh = evaluated.to_mesh()
    if mesh is None:
        return None
    try:
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        if not count:
            return None
        corners = np.empty(3 * count, dtype=np.int32)
        materials = np.empty(count, dtype=np.int32)
        places = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        normals = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        mesh.loop_triangles.foreach_get("material_index", materials)
        mesh.vertices.foreach_get("co", places)
        mesh.vertices.foreach_get("normal", normals)
        world = np.array(evaluated.matrix_world, dtype=float)
        palette = np.array([_colour(material) for material in mesh.materials] or [PLAIN])
    finally:
        evaluated.to_mesh_clear()
    at = corners.reshape(-1, 3)
    with np.errstate(all="ignore"):  # what is not finite is left out
        placed = (places.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])[at]
        turned = (normals.reshape(-1, 3) @ _for_normals(world[:3, :3]))[at]
    seen = np.isfinite(placed).all(axis=(1, 2)) & np.isfinite(turned).all(axis=(1, 2))
    if not seen.any():
        return None
    turned = turned[seen] / np.maximum(np.linalg.norm(turned[seen], axis=-1, keepdims=True), 1e-30)
    return placed[seen], turned, palette[np.minimum(materials[seen], len(palette) - 1)]


def _for_normals(linear: np.ndarray) -> np.ndarray:
    """(3, 3) what rows of normals are multiplied by: the inverse but for its length, and always there.

    An object whose scale is zero along an axis has no inverse, but its cofactors.
    """
    cofactors = np.cross(np.roll(linear, -1, axis=0), np.roll(linear, -2, axis=0))
    return cofactors.T * (-1.0 if np.linalg.det(linear) < 0 else 1.0)


def _colour(material: bpy.types.Material | None) -> np.ndarray:
    """As a screen shows a material's plain colour: the viewport's if it was chosen, else its shader's."""
    if material is None:
        return PLAIN
    colour = material.diffuse_color
    default = material.bl_rna.properties["diffuse_color"].default_array
    tree = material.node_tree if np.allclose(colour, default) else None
    for node in tree.nodes if tree else ():
        if node.type == "BSDF_PRINCIPLED" and not node.inputs["Base Color"].is_linked:
            colour = node.inputs["Base Color"].default_value
    linear = np.clip(np.array(colour[:3]), 0, 1)
    return np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _bones(rig: Rig) -> Triangles:
    """The bones that play the joints, as Blender draws them: an octahedron each."""
    bones = rig.object.pose.bones
    world = np.array(rig.object.matrix_world, dtype=float)
    ring = np.array([[1, 0.1, 0], [0, 0.1, 1], [-1, 0.1, 0], [0, 0.1, -1]]) * [_BONE_FAT, 1, _BONE_FAT]
    points = np.concatenate([[[0, 0, 0]], ring, [[0, 1, 0]]])
    faces = [(end, 1 + i, 1 + (i + 1) % 4) for end in (0, 5) for i in range(4)]
    found = []
    for joint in rig.rigmap.joints.values():
        for name in joint.read:
            matrix = world @ np.array(bones[name].matrix, dtype=float)
            place = bones[name].bone.length * points @ matrix[:3, :3].T + matrix[:3, 3]
            found.append(place[np.array(faces)])
    corners = np.concatenate(found)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return corners, np.repeat(normal[:, None], 3, axis=1), np.tile(PLAIN, (len(corners), 1))
