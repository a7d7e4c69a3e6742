# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured motion on a rig, the button's function, and what an action plays, read back."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
from cleaner import Cleaner
from mathutils import Quaternion

from contrapposto.motion import Motion
from contrapposto.rotation import geodesic_angle, to_rotvec


def addon(extension: str, module: str):
    """A module of the extension's ``addon``."""
    return importlib.import_module(f"{extension}.addon.{module}")


def press(extension: str, cleaner: Cleaner, rig=None, **settings):
    """Denoise as the button does; the report of the one action."""
    module, options = addon(extension, "denoise"), addon(extension, "denoise_settings")
    outcome = module.denoise(bpy.context, rig, options.DenoiseSettings(**settings), solve=cleaner)
    (report,) = outcome.reports
    return report


def perform(
    rig, bones=None, *, frames=None, modes=None, degrees: float = 25.0, hips: str = "", seed: int = 1
):
    """Key the bones on the frames with smooth turns, the hips' location as well; the action.

    Args:
        modes: bone -> rotation mode.
        hips: the bone that travels.
    """
    frames = np.arange(1.0, 41.0) if frames is None else np.asarray(frames, dtype=float)
    rng = np.random.default_rng(seed)
    for name in bones or [bone.name for bone in rig.pose.bones]:
        bone = rig.pose.bones[name]
        bone.rotation_mode = (modes or {}).get(name, bone.rotation_mode)
        rate, start = rng.uniform(0.05, 0.2, 3), rng.uniform(0, 6, 3)
        rotvecs = np.radians(degrees) * np.sin(frames[:, None] * rate + start)
        path = path_of(bone)
        bone.keyframe_insert(path, frame=frames[0])
        if name == hips:
            bone.keyframe_insert("location", frame=frames[0])
            place(rig, name, "location", frames, 0.1 * np.sin(frames[:, None] * rate))
        place(rig, name, path, frames, channel_values(bone.rotation_mode, rotvecs))
    return rig.animation_data.action


def place(rig, bone: str, path: str, frames, values) -> None:
    """Give a property exactly these keys."""
    addons = (addon.module for addon in bpy.context.preferences.addons)
    for curve in curves(rig, next(name for name in addons if name.endswith(".contrapposto")), bone, path):
        points = curve.keyframe_points
        points.clear()
        points.add(len(frames))
        column = values[:, curve.array_index]
        points.foreach_set("co", np.stack([frames, column], axis=-1).astype(np.float32).reshape(-1))
        for key in points:
            key.interpolation = "LINEAR"
        curve.update()


def curves(rig, extension: str, bone: str, path: str):
    """The curves of a bone's property in the assigned action."""
    versions = addon(extension, "versions")
    wanted = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].{path}'
    return [curve for curve in versions.fcurves(rig) if curve.data_path == wanted]


def path_of(bone) -> str:
    modes = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
    return modes.get(bone.rotation_mode, "rotation_euler")


def channel_values(mode: str, rotvecs) -> np.ndarray:
    """Rotation vectors (T, 3) as the mode's channels, continuous over time."""
    rows, before = [], None
    for rotvec in rotvecs:
        angle = float(np.linalg.norm(rotvec))
        axis = rotvec / angle if angle > 1e-9 else np.array([0.0, 1.0, 0.0])
        quaternion = Quaternion(axis, angle)
        if mode == "QUATERNION":
            row = np.array(quaternion)
            row = -row if before is not None and row @ before < 0 else row
        elif mode == "AXIS_ANGLE":
            flip = before is not None and axis @ before[1:] < 0
            row = np.array([-angle if flip else angle, *(-axis if flip else axis)])
        else:
            row = np.array(quaternion.to_euler(mode))
        rows.append(row)
        before = row
    return np.array(rows)


def played(rig, extension: str, **settings) -> Motion:
    """The motion of what the rig's active action plays, as Denoise Mocap reads it."""
    clip = read(rig, extension, **settings)
    return clip.motion


def read(rig, extension: str, **settings):
    """The clip that Denoise Mocap reads off the rig's active action."""
    denoise, clip = addon(extension, "denoise"), addon(extension, "clip")
    options = addon(extension, "denoise_settings").DenoiseSettings(**settings)
    job = denoise.Denoising(bpy.context, rig, options)
    steps = clip.read_clip(bpy.context, rig, job._calibration, job.takes[0], options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def apart(first: Motion, second: Motion) -> tuple[float, float]:
    """The most that two motions differ: degrees of a joint, metres of the hips."""
    turn = geodesic_angle(first.poses.rotations, second.poses.rotations)
    return float(np.degrees(turn.max())), float(np.abs(first.poses.transl - second.poses.transl).max())


def keys_of(action_curves) -> dict:
    """Every key of the curves, to the bit."""
    return {
        (curve.data_path, curve.array_index): [
            (
                *key.co, *key.handle_left, *key.handle_right, key.interpolation, key.easing, key.type,
                key.handle_left_type, key.handle_right_type,
            )
            for key in curve.keyframe_points
        ]
        for curve in action_curves
    }  # fmt: skip


def dump_action(extension: str, action, rig) -> dict:
    """All that an action holds for the rig."""
    versions = addon(extension, "versions")
    found = {}
    for slot in versions.slots_of(action, rig):
        found |= keys_of(versions.curves_of(action, slot))
    return found


def turned_by(before: Motion, after: Motion) -> np.ndarray:
    """(T, 22) degrees between the local rotations."""
    steps = to_rotvec(before.poses.rotations.swapaxes(-1, -2) @ after.poses.rotations)
    return np.degrees(np.linalg.norm(steps, axis=-1))
