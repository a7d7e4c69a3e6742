# SPDX-License-Identifier: GPL-3.0-or-later
"""A body model in the scene: an armature with SMPL's joint names, and a mesh that follows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from contrapposto.body.body_file import default_body
from contrapposto.body.model import BodyModel
from contrapposto.body.skinning import rest_joints, rest_vertices
from contrapposto.body.smpl_files import read_smpl
from contrapposto.skeleton import NUM_JOINTS

from .body_bones import add_bones, bone_quaternions, move_bones, rest_axes, to_blender
from .body_mesh import (
    LARGEST_SHAPE,
    add_groups,
    add_shape_keys,
    corrective_names,
    new_mesh,
    set_shape_keys,
    shape_names,
)
from .errors import Refusal


@dataclass(frozen=True, eq=False)
class SceneBody:
    """A body in the scene.

    Attributes:
        model: what it was made of, on NumPy.
        armature: one bone a joint, with the joint's name.
        mesh: its child, deformed by it; a shape key for each component.
        lift: (3,) what was added to the model's places, so that it stands on the armature's origin.
    """

    model: BodyModel
    armature: bpy.types.Object
    mesh: bpy.types.Object
    lift: np.ndarray


def read_model(path: str = "") -> BodyModel:
    """The user's own SMPL, SMPL-H or SMPL-X file, or the default body if there is no path.

    Raises:
        Refusal: with one sentence, if the file is not such a model.
    """
    try:
        return read_smpl(Path(bpy.path.abspath(path))) if path else default_body()
    except (OSError, ValueError) as error:
        raise Refusal(str(error)) from error


def add_body(
    context: bpy.types.Context,
    model: BodyModel,
    betas: np.ndarray | None = None,
    *,
    name: str = "Body",
    correctives: bool = True,
) -> SceneBody:
    """Build a body in the T-pose, its soles on the armature's origin; the armature is active.

    Args:
        context: in Object Mode; its active collection gets the objects, or the scene's if that is hidden.
        model: on NumPy.
        betas: (b,) shape coefficients; the mean body if None.
        name: of the armature; the mesh has it as well.
        correctives: make shape keys of the model's pose correctives, if it has any: some hundred.

    Raises:
        Refusal: before anything is made, if Blender is not in Object Mode, or the coefficients are too many
            or too large.
    """
    if context.mode != "OBJECT":
        raise Refusal("Switch to Object Mode first")
    betas = _all_of(model, np.zeros(0) if betas is None else betas)
    lift = np.array([0.0, 0.0, -float(rest_vertices(model, betas)[:, 1].min())])
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    mesh = bpy.data.objects.new(f"{name} Mesh", new_mesh(f"{name} Mesh", model, lift))
    for made in (armature, mesh):
        visible_collection(context).objects.link(made)
    add_bones(context, armature, model, to_blender(rest_joints(model, betas)) + lift)
    add_groups(mesh, model)
    add_shape_keys(mesh, model, correctives=correctives)
    mesh.parent = armature
    modifier = mesh.modifiers.new("Armature", "ARMATURE")
    modifier.object, modifier.use_deform_preserve_volume = armature, False
    armature.show_in_front = True
    context.view_layer.objects.active = armature
    set_shape_keys(mesh, shape_names(model), betas)
    body = SceneBody(model, armature, mesh, lift)
    relax(body)
    return body


def set_shape(context: bpy.types.Context, body: SceneBody, betas: np.ndarray) -> None:
    """Give a body another shape: the values of its shape keys, and its bones at the joints of that shape.

    The sliders alone would move the surface and leave the bones.
    """
    betas = _all_of(body.model, betas)
    move_bones(context, body.armature, body.model, to_blender(rest_joints(body.model, betas)) + body.lift)
    set_shape_keys(body.mesh, shape_names(body.model), betas)


def relax(body: SceneBody) -> None:
    """Pose what no motion of the body's 22 joints says anything about: hands as the model has them."""
    names, relaxed = body.model.joint_names, np.asarray(body.model.relaxed, dtype=float)
    _pose_bones(body, names[NUM_JOINTS:], relaxed[NUM_JOINTS:])
    set_correctives(body, relaxed)


def set_correctives(body: SceneBody, rotations: np.ndarray) -> None:
    """Give the pose correctives the values of a pose (J, 3, 3), where the body has any."""
    if has_correctives(body):
        set_shape_keys(body.mesh, corrective_names(body.model), corrective_values(rotations))


def has_correctives(body: SceneBody) -> bool:
    """Whether pose correctives were made of the model's."""
    if body.model.posedirs is None:
        return False
    return corrective_names(body.model)[0] in body.mesh.data.shape_keys.key_blocks


def corrective_values(rotations: np.ndarray) -> np.ndarray:
    """(..., 9 (J - 1)) of poses (..., J, 3, 3), in the order of ``corrective_names``."""
    turns = rotations[..., 1:, :, :] - np.eye(3)
    return turns.reshape(*turns.shape[:-3], -1)


def pose_body(body: SceneBody, rotations: np.ndarray, pelvis: np.ndarray) -> None:
    """Pose a body on this frame, without keys.

    Args:
        body: in the scene.
        rotations: (J, 3, 3) local rotations in core's axes.
        pelvis: (3,) where the pelvis is, metres, the floor at y = 0.
    """
    _pose_bones(body, body.model.joint_names, rotations)
    root = body.model.joint_names[0]
    body.armature.pose.bones[root].location = pelvis_location(body, pelvis)
    set_correctives(body, rotations)


def pelvis_location(body: SceneBody, pelvis: np.ndarray) -> np.ndarray:
    """(..., 3) the location channel that puts the pelvis at places (..., 3) of core."""
    root = body.model.joint_names[:1]
    head = np.array(body.armature.data.bones[root[0]].head_local, dtype=float)
    return (to_blender(pelvis) - head) @ rest_axes(body.armature, root)[0]


def visible_collection(context: bpy.types.Context) -> bpy.types.Collection:
    """Where new objects are seen and can be edited."""
    chosen = context.view_layer.active_layer_collection
    fits = chosen.is_visible and not chosen.exclude and chosen.collection.library is None
    return chosen.collection if fits else context.scene.collection


def _pose_bones(body: SceneBody, names: tuple[str, ...], rotations: np.ndarray) -> None:
    if not names:
        return
    quaternions = bone_quaternions(rest_axes(body.armature, names), rotations[None])[0]
    for name, quaternion in zip(names, quaternions, strict=True):
        bone = body.armature.pose.bones[name]
        bone.rotation_mode, bone.rotation_quaternion = "QUATERNION", quaternion


def _all_of(model: BodyModel, betas: np.ndarray) -> np.ndarray:
    """(B,) coefficients, zero where none are given."""
    if len(betas) > model.num_shapes:
        raise Refusal(f"{len(betas)} shape coefficients were given, the model has {model.num_shapes}")
    for name, value in zip(shape_names(model), np.asarray(betas).tolist(), strict=False):
        if not abs(value) <= LARGEST_SHAPE:
            raise Refusal(
                f"'{name}' would be {value:g}, and a shape key holds no more than {LARGEST_SHAPE:g}"
            )
    return np.pad(np.asarray(betas, dtype=float), (0, model.num_shapes - len(betas)))
