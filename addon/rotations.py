# SPDX-License-Identifier: GPL-3.0-or-later
"""A bone's rotation channels: which one is live, and the equivalent nearest to the previous value.

A rotation can be written in many ways: q and -q, Euler angles a turn apart or flipped
by half a turn, an axis and its opposite. The one nearest to what the channel held
before is chosen, so that curves don't flip.
"""

from __future__ import annotations

import math

import bpy
from mathutils import Matrix, Quaternion, Vector

ROTATION_PATHS = ("rotation_quaternion", "rotation_euler", "rotation_axis_angle")
_TURN = 2 * math.pi


def rotation_path(bone: bpy.types.PoseBone) -> str:
    """The property that the bone's rotation mode reads."""
    return {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(
        bone.rotation_mode, "rotation_euler"
    )


def set_rotation(bone: bpy.types.PoseBone, rotation: Quaternion) -> None:
    """Write a local rotation in the bone's own mode, nearest to its previous value."""
    if bone.rotation_mode == "QUATERNION":
        previous = bone.rotation_quaternion
        bone.rotation_quaternion = rotation if rotation.dot(previous) >= 0 else -rotation
    elif bone.rotation_mode == "AXIS_ANGLE":
        bone.rotation_axis_angle = _nearest_axis_angle(rotation, tuple(bone.rotation_axis_angle))
    else:
        bone.rotation_euler = _nearest_euler(rotation, bone.rotation_mode, tuple(bone.rotation_euler))


def basis_matrix(bone: bpy.types.PoseBone, pose: Matrix, parent_pose: Matrix | None) -> Matrix:
    """The local matrix that puts the bone at ``pose`` in armature space, constraints aside.

    The bone's inheritance flags are honoured; ``parent_pose`` is where its parent will be.
    """
    rest = bone.bone
    if parent_pose is None or rest.parent is None:
        return rest.convert_local_to_pose(pose, rest.matrix_local, invert=True)
    return rest.convert_local_to_pose(
        pose,
        rest.matrix_local,
        parent_matrix=parent_pose,
        parent_matrix_local=rest.parent.matrix_local,
        invert=True,
    )


def posed_matrix(bone: bpy.types.PoseBone, basis: Matrix, parent_pose: Matrix | None) -> Matrix:
    """The inverse of ``basis_matrix``: armature space from the local matrix."""
    rest = bone.bone
    if parent_pose is None or rest.parent is None:
        return rest.convert_local_to_pose(basis, rest.matrix_local)
    return rest.convert_local_to_pose(
        basis, rest.matrix_local, parent_matrix=parent_pose, parent_matrix_local=rest.parent.matrix_local
    )


def _nearest_euler(rotation: Quaternion, order: str, previous: tuple[float, ...]) -> tuple[float, ...]:
    """Both triples of Euler angles that make the rotation, each angle brought within half a turn."""
    angles = tuple(rotation.to_euler(order))
    middle = "XYZ".index(order[1])
    flipped = tuple(math.pi - a if axis == middle else a + math.pi for axis, a in enumerate(angles))
    candidates = [
        tuple(a + _TURN * round((p - a) / _TURN) for a, p in zip(triple, previous, strict=True))
        for triple in (angles, flipped)
    ]
    return min(candidates, key=lambda c: sum((a - p) ** 2 for a, p in zip(c, previous, strict=True)))


def _nearest_axis_angle(rotation: Quaternion, previous: tuple[float, ...]) -> tuple[float, ...]:
    axis, angle = rotation.to_axis_angle()
    before = Vector(previous[1:])
    if abs(angle) < 1e-7 and before.length > 0:
        axis = before.normalized()
    elif axis.dot(before) < 0:
        axis, angle = -axis, -angle
    angle += _TURN * round((previous[0] - angle) / _TURN)
    return (angle, *axis)
