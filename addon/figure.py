# SPDX-License-Identifier: GPL-3.0-or-later
"""A character's surface as it stands: its visible meshes, or its bones where it has none.

For pictures of it and for ghosts. Nothing in the scene is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy
import numpy as np

from .rig import Rig

PLAIN = np.array([0.62, 0.64, 0.68])
"""Of what has no material, as a screen shows it."""

_SURFACES = {"MESH", "CURVE", "SURFACE", "FONT", "META"}
_BONE_FAT = 0.14


@dataclass(frozen=True, eq=False)
class Figure:
    """Triangles in the world.

    Attributes:
        points: (V, 3).
        normals: (V, 3) of unit length, at the points.
        triangles: (F, 3) which points.
        colours: (F, 3) as a screen shows them, 0 to 1.
        is_bones: whether it is the bones.
    """

    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    colours: np.ndarray
    is_bones: bool = False


def figure(context: bpy.types.Context, rig: Rig, most: float = np.inf) -> Figure:
    """A character as evaluated; the view layer is up to date.

    Args:
        context: gives the view layer, and what of it is visible.
        rig: the character.
        most: triangles; one that has more of them is shown by its bones.
    """
    depsgraph = context.evaluated_depsgraph_get()
    parts = [
        part for owner in skins(context, rig.object) if (part := _surface(owner.evaluated_get(depsgraph)))
    ]
    if not parts or sum(len(part.triangles) for part in parts) > most:
        return _bones(rig)
    firsts = np.cumsum([0, *(len(part.points) for part in parts[:-1])])
    return Figure(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.triangles + first for part, first in zip(parts, firsts, strict=True)]),
        np.concatenate([part.colours for part in parts]),
    )


def skins(context: bpy.types.Context, armature_object: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """The visible objects with a surface that the armature deforms or carries."""
    carried = set(armature_object.children_recursive)
    for owner in context.view_layer.objects:
        if owner.type in _SURFACES and not owner.hide_render and owner.visible_get():
            deformed = any(m.type == "ARMATURE" and m.object == armature_object for m in owner.modifiers)
            if deformed or owner in carried:
                yield owner


def _surface(evaluated: bpy.types.Object) -> Figure | None:
    """The triangles of an evaluated object; None if it has none."""
    mesh = evaluated.to_mesh()
    if mesh is None:
        return None
    try:
        mesh.calc_loop_triangles()
        count = len(mesh.loop_triangles)
        if not count:
            return None
        triangles = np.empty(3 * count, dtype=np.int32)
        materials = np.empty(count, dtype=np.int32)
        places = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        normals = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        mesh.loop_triangles.foreach_get("vertices", triangles)
        mesh.loop_triangles.foreach_get("material_index", materials)
        mesh.vertices.foreach_get("co", places)
        mesh.vertices.foreach_get("normal", normals)
        world = np.array(evaluated.matrix_world, dtype=float)
        palette = np.array([_colour(material) for material in mesh.materials] or [PLAIN])
    finally:
        evaluated.to_mesh_clear()
    triangles = triangles.reshape(-1, 3)
    with np.errstate(all="ignore"):  # what is not finite is left out
        placed = places.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
        turned = normals.reshape(-1, 3) @ _for_normals(world[:3, :3])
    sound = np.isfinite(placed).all(axis=1) & np.isfinite(turned).all(axis=1)
    seen = sound[triangles].all(axis=1)
    if not seen.any():
        return None
    placed, turned = np.where(sound[:, None], placed, 0), np.where(sound[:, None], turned, 0)
    turned = turned / np.maximum(np.linalg.norm(turned, axis=-1, keepdims=True), 1e-30)
    return Figure(placed, turned, triangles[seen], palette[np.minimum(materials[seen], len(palette) - 1)])


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


def _bones(rig: Rig) -> Figure:
    """The bones that play the joints, as Blender draws them: an octahedron each."""
    bones = rig.object.pose.bones
    world = np.array(rig.object.matrix_world, dtype=float)
    ring = np.array([[1, 0.1, 0], [0, 0.1, 1], [-1, 0.1, 0], [0, 0.1, -1]]) * [_BONE_FAT, 1, _BONE_FAT]
    points = np.concatenate([[[0, 0, 0]], ring, [[0, 1, 0]]])
    faces = [(0, 1 + i, 1 + (i + 1) % 4) for i in range(4)] + [(5, 1 + (i + 1) % 4, 1 + i) for i in range(4)]
    found = []
    for joint in rig.rigmap.joints.values():
        for name in joint.read:
            matrix = world @ np.array(bones[name].matrix, dtype=float)
            place = bones[name].bone.length * points @ matrix[:3, :3].T + matrix[:3, 3]
            found.append(place[np.array(faces)])
    corners = np.concatenate(found)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return Figure(
        corners.reshape(-1, 3),
        np.repeat(normal, 3, axis=0),
        np.arange(3 * len(corners)).reshape(-1, 3),
        np.tile(PLAIN, (len(corners), 1)),
        is_bones=True,
    )
