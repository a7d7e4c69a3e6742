# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion as the action of a body in the scene, all keys of a channel at once."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from contrapposto.body.skinning import whole_pose
from contrapposto.motion import Motion
from contrapposto.skeleton import NUM_JOINTS

from .body_bones import bone_quaternions, rest_axes
from .body_mesh import corrective_names
from .body_scene import SceneBody, corrective_values, has_correctives, pelvis_location, relax
from .keyframes import blank_keys, item, put_keys
from .versions import assign, new_action, new_curve, slots_of


def write_motion(
    context: bpy.types.Context, body: SceneBody, motion: Motion, *, first_frame: float = 1.0
) -> bpy.types.Action:
    """A new action that plays a motion on a body, assigned to it; an action it had stays in the file.

    Keys are linear and as far apart as the motion's frames are in time, at the scene's frame rate. Pose
    correctives, where the body has them, get an action of their own.

    Args:
        context: whose scene's frame rate counts.
        body: in the scene.
        motion: T frames, the floor at y = 0, lengths those of the body.
        first_frame: of the scene, for the motion's first one.
    """
    frames = frames_of(context.scene, motion, first_frame)
    rotations = np.asarray(motion.poses.rotations, dtype=float)
    names = body.model.joint_names[:NUM_JOINTS]
    relax(body)
    action, curves = new_action(motion.name or body.armature.name, body.armature)
    location = pelvis_location(body, np.asarray(motion.poses.transl))
    write_curves(curves, f'pose.bones["{names[0]}"].location', frames, location, names[0])
    quaternions = bone_quaternions(rest_axes(body.armature, names), rotations)
    for joint, name in enumerate(names):
        body.armature.pose.bones[name].rotation_mode = "QUATERNION"
        path = f'pose.bones["{name}"].rotation_quaternion'
        write_curves(curves, path, frames, quaternions[:, joint], name)
    _assign(body.armature, action)
    if has_correctives(body):
        _write_correctives(body, whole_pose(body.model, rotations), frames, action.name)
    return action


def frames_of(scene: bpy.types.Scene, motion: Motion, first_frame: float = 1.0) -> np.ndarray:
    """(T,) the scene's frames on which a motion's frames lie, by time."""
    render = scene.render
    return first_frame + render.fps / render.fps_base / motion.fps * np.arange(len(motion))


def _write_correctives(body: SceneBody, rotations: np.ndarray, frames: np.ndarray, name: str) -> None:
    """Key the shape keys of the pose correctives, of those joints alone that move."""
    owner = body.mesh.data.shape_keys
    action, curves = new_action(f"{name} correctives", owner)
    values = corrective_values(rotations)
    for column, key in enumerate(corrective_names(body.model)):
        if np.ptp(values[:, column]) or values[0, column]:
            write_curves(curves, f'key_blocks["{key}"].value', frames, values[:, column, None], "Correctives")
    _assign(owner, action)


def write_curves(
    curves: Any,  # noqa: ANN401 - a Blender collection of F-curves
    path: str,
    frames: np.ndarray,
    values: np.ndarray,
    group: str,
) -> None:
    """One curve for each column of values (T, c), with linear keys on the frames."""
    table = blank_keys(len(frames))
    table["interpolation"][:] = item("interpolation", "LINEAR")
    for index, column in enumerate(values.T):
        curve = new_curve(curves, path, index, group)
        table["co"] = np.stack([frames, column], axis=-1).astype(np.float32)
        for handle in ("handle_left", "handle_right"):
            table[handle] = table["co"]
        put_keys(curve, table)
        curve.update()


def _assign(owner: bpy.types.ID, action: bpy.types.Action) -> None:
    data = owner.animation_data or owner.animation_data_create()
    assign(data, action, slots_of(action, owner)[0])
