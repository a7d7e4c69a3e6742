# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh of a body model: vertex groups for its bones, shape keys for its shapes and pose correctives.

A shape key stands for one component, its value for the coefficient. Correctives depend on the pose and are
keyed with it; one is a joint's rotation matrix less the identity, element by element.
"""

from __future__ import annotations

import bpy
import numpy as np

from contrapposto.body.model import BodyModel

from .body_bones import to_blender

LARGEST_SHAPE = 10.0
"""The sliders' ends, which Blender allows no farther."""
LARGEST_TURN = 2.0
"""An element of a rotation less the identity is within this."""


def new_mesh(name: str, model: BodyModel, lift: np.ndarray) -> bpy.types.Mesh:
    """The mean body at rest, smooth.

    Args:
        name: of the mesh.
        model: on NumPy.
        lift: (3,) added to every vertex, in Blender's axes.
    """
    mesh = bpy.data.meshes.new(name)
    places, faces = to_blender(model.v_template) + lift, model.faces.astype(np.int32)
    mesh.vertices.add(len(places))
    mesh.vertices.foreach_set("co", places.astype(np.float32).reshape(-1))
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.reshape(-1))
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), dtype=bool))
    mesh.update(calc_edges=True)
    return mesh


def add_groups(body: bpy.types.Object, model: BodyModel) -> None:
    """A vertex group for each joint, with the skin's weights."""
    for joint, name in enumerate(model.joint_names):
        group, weights = body.vertex_groups.new(name=name), model.weights[:, joint]
        for vertex in np.flatnonzero(weights).tolist():
            group.add((vertex,), float(weights[vertex]), "REPLACE")


def add_shape_keys(body: bpy.types.Object, model: BodyModel, *, correctives: bool) -> None:
    """A shape key for each component and, if asked for, each pose corrective of the model."""
    body.shape_key_add(name="Basis", from_mix=False)
    places = np.empty(3 * model.num_vertices, dtype=np.float32)
    body.data.vertices.foreach_get("co", places)
    for component, name in enumerate(shape_names(model)):
        _add_key(body, name, places, model.shapedirs[..., component], LARGEST_SHAPE)
    if correctives and model.posedirs is not None:
        for component, name in enumerate(corrective_names(model)):
            _add_key(body, name, places, model.posedirs[..., component], LARGEST_TURN)


def shape_names(model: BodyModel) -> list[str]:
    """What the shape keys of a model's components are called."""
    shapes = [f"Shape {number}" for number in range(1, model.num_betas + 1)]
    return shapes + [f"Expression {number}" for number in range(1, model.num_expressions + 1)]


def corrective_names(model: BodyModel) -> list[str]:
    """What the shape keys of its correctives are called: joint, row and column of its rotation."""
    return [
        f"Pose {name} {row}{column}" for name in model.joint_names[1:] for row in "xyz" for column in "xyz"
    ]


def set_shape_keys(body: bpy.types.Object, names: list[str], values: np.ndarray) -> None:
    """Give shape keys their values."""
    keys = body.data.shape_keys.key_blocks
    for name, value in zip(names, values.tolist(), strict=True):
        keys[name].value = value


def _add_key(
    body: bpy.types.Object, name: str, places: np.ndarray, directions: np.ndarray, limit: float
) -> None:
    key = body.shape_key_add(name=name, from_mix=False)
    key.slider_min, key.slider_max = -limit, limit
    moved = places + to_blender(directions).astype(np.float32).reshape(-1)
    key.data.foreach_set("co", moved)
