# SPDX-License-Identifier: GPL-3.0-or-later
"""A body model posed: its joints, its vertices, the points on its surface; on NumPy or torch.

Arguments that all functions share:
    model: in the same library and dtype as ``rotations``, see ``BodyModel.on``.
    rotations: (..., 22, 3, 3) or (..., J, 3, 3) local rotations. The first turns the body about
        its pelvis (``global_orient``). Joints beyond the 22 are ``relaxed`` if not given.
    betas: (b,) or (..., b) shape coefficients, b up to B; the others are 0. None: the mean body.
    transl: (..., 3) metres, added last. The pelvis lies where it does in the shape's rest pose,
        and ``transl`` from there: see ``transl_of_pelvis``.

Source: Loper et al. 2015, "SMPL", equations 2 to 10.
"""

from __future__ import annotations

import math

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.body.model import BodyModel
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics

BLOCK_VERTICES = 120_000
"""So many vertices are skinned at once, of one body or of several, so that memory stays small."""


def _varied(template: Array, directions: Array, betas: Array | None) -> Array:
    """(..., n, 3) a template (n, 3) with betas (..., b) of its directions (n, 3, B) added."""
    if betas is None:
        return template
    count = betas.shape[-1]
    if count > directions.shape[-1]:
        raise ValueError(f"{count} shape coefficients were given, the model has {directions.shape[-1]}")
    xp = namespace(template, betas)
    matrix = xp.reshape(directions[..., :count], (3 * template.shape[0], count))
    added = xp.reshape(betas @ xp.matrix_transpose(matrix), (*betas.shape[:-1], *template.shape))
    return template + added


def rest_joints(model: BodyModel, betas: Array | None = None) -> Array:
    """(..., J, 3) joints of a shape in the T-pose."""
    return _varied(model.J_template, model.J_shapedirs, betas)


def rest_vertices(model: BodyModel, betas: Array | None = None) -> Array:
    """(..., V, 3) surface of a shape in the T-pose."""
    return _varied(model.v_template, model.shapedirs, betas)


def rest_points(model: BodyModel, betas: Array | None = None) -> Array:
    """(..., N, 3) points on the surface of a shape in the T-pose."""
    return points_of(model, rest_vertices(model, betas))


def offsets(model: BodyModel, betas: Array | None = None) -> Array:
    """(..., J, 3) each joint from its parent, the pelvis from itself: for ``skeleton``'s kinematics."""
    joints = rest_joints(model, betas)
    parents = [max(parent, 0) for parent in model.parents]
    return joints - joints[..., parents, :]


def transl_of_pelvis(model: BodyModel, pelvis: Array, betas: Array | None = None) -> Array:
    """(..., 3) the ``transl`` that puts the pelvis at (..., 3), as a ``Pose`` says it."""
    return pelvis - rest_joints(model, betas)[..., 0, :]


def whole_pose(model: BodyModel, rotations: Array) -> Array:
    """(..., J, 3, 3) with relaxed joints where only those of the body are given.

    Raises:
        ValueError: if there are neither 22 nor J joints.
    """
    count = rotations.shape[-3]
    if count == model.num_joints:
        return rotations
    if count != NUM_JOINTS:
        raise ValueError(f"A pose has {NUM_JOINTS} joints of the body or all {model.num_joints}, not {count}")
    xp = namespace(rotations)
    rest = model.relaxed[NUM_JOINTS:] + xp.zeros_like(rotations[..., :1, :, :])
    return xp.concat([rotations, rest], axis=-3)


def pose_joints(
    model: BodyModel, rotations: Array, betas: Array | None = None, transl: Array | None = None
) -> tuple[Array, Array]:
    """World rotations (..., J, 3, 3) and positions (..., J, 3) of the joints, without any vertex.

    A hundred frames take about a millisecond.
    """
    joints = rest_joints(model, betas)
    world, positions = forward_kinematics(whole_pose(model, rotations), offsets(model, betas), model.parents)
    positions = positions + joints[..., :1, :]
    return world, positions if transl is None else positions + transl[..., None, :]


def pose_vertices(
    model: BodyModel, rotations: Array, betas: Array | None = None, transl: Array | None = None
) -> Array:
    """(..., V, 3) the surface, by linear blend skinning.

    Memory beside the result is that of some twenty bodies, however many there are.
    """
    xp = namespace(rotations)
    lead = rotations.shape[:-3]
    count = math.prod(lead)
    R = xp.reshape(whole_pose(model, rotations), (count, model.num_joints, 3, 3))
    shape = betas
    if betas is not None and betas.ndim > 1:
        shape = xp.reshape(xp.broadcast_to(betas, (*lead, betas.shape[-1])), (count, -1))
    step = None if transl is None else xp.reshape(xp.broadcast_to(transl, (*lead, 3)), (count, 3))
    shared = rest_vertices(model, shape) if shape is None or shape.ndim == 1 else None
    blocks = [like(np.zeros((0, model.num_vertices, 3)), R)] if count == 0 else []
    at_once = max(BLOCK_VERTICES // model.num_vertices, 1)
    for start in range(0, count, at_once):
        some = slice(start, start + at_once)
        own = shape[some] if shape is not None and shape.ndim > 1 else shape
        rest = rest_vertices(model, own) if shared is None else shared
        blocks.append(_skin(model, R[some], own, rest, None if step is None else step[some]))
    return xp.reshape(xp.concat(blocks, axis=0), (*lead, model.num_vertices, 3))


def _skin(model: BodyModel, R: Array, betas: Array | None, rest: Array, transl: Array | None) -> Array:
    """(n, V, 3) of n bodies, whose rest surfaces are (n, V, 3), or (V, 3) for all."""
    xp = namespace(R)
    if model.posedirs is not None:
        rest = rest + _correctives(model.posedirs, R)
    joints = rest_joints(model, betas)
    world, positions = pose_joints(model, R, betas, transl)
    moved = positions - (world @ joints[..., None])[..., 0]
    transforms = xp.concat([xp.reshape(world, (*world.shape[:-2], 9)), moved], axis=-1)
    # Component after component, each for all vertices: few long rows are faster than many 3 x 3 products.
    rows = xp.reshape(xp.matrix_transpose(transforms), (-1, model.num_joints))
    blended = xp.reshape(rows @ xp.matrix_transpose(model.weights), (-1, 12, model.num_vertices))
    x = xp.matrix_transpose(rest)  # (n, 3, V)
    moved_to = [
        blended[:, 3 * row, :] * x[..., 0, :]
        + blended[:, 3 * row + 1, :] * x[..., 1, :]
        + blended[:, 3 * row + 2, :] * x[..., 2, :]
        + blended[:, 9 + row, :]
        for row in range(3)
    ]
    return xp.stack(moved_to, axis=-1)


def _correctives(posedirs: Array, R: Array) -> Array:
    """(n, V, 3) what the turns of all joints but the pelvis add, SMPL's equation 9."""
    xp = namespace(R)
    turns = xp.reshape(R[:, 1:] - like(np.eye(3), R), (R.shape[0], -1))
    matrix = xp.reshape(posedirs, (-1, posedirs.shape[-1]))
    return xp.reshape(turns @ xp.matrix_transpose(matrix), (R.shape[0], *posedirs.shape[:2]))


def points_of(model: BodyModel, vertices: Array) -> Array:
    """(..., N, 3) the points on the surface of posed vertices (..., V, 3)."""
    xp = namespace(vertices)
    number, each = model.points.vertices.shape
    flat = [int(vertex) for vertex in model.points.vertices.reshape(-1)]
    corners = xp.reshape(vertices[..., flat, :], (*vertices.shape[:-2], number, each, 3))
    return xp.sum(corners * model.points.weights[..., None], axis=-2)


def pose_points(
    model: BodyModel, rotations: Array, betas: Array | None = None, transl: Array | None = None
) -> Array:
    """(..., N, 3) the points on the surface, from those vertices alone that they need."""
    few = model.only_points()
    return points_of(few, pose_vertices(few, rotations, betas, transl))
