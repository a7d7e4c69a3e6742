# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion carried onto a rig's own controls, and how far the body that it shows is from another."""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import mocap
import numpy as np
from cleaner import Cleaned

from contrapposto.motion import Motion


class Carrier:
    """In place of core's denoise: whatever the rig does, this motion is wanted."""

    def __init__(self, motion: Motion) -> None:
        self.motion = motion

    def __call__(self, motion: Motion, **_: object) -> Cleaned:
        count = len(motion)
        return Cleaned(
            Motion(self.motion.poses, motion.fps),
            np.zeros(22),
            np.zeros((count, 22), dtype=bool),
            np.zeros(22, dtype=int),
            np.zeros((count, 2), dtype=bool),
            np.zeros(count),
        )


def carry(
    rig, extension: str, motion: Motion, *, turned: Iterable[str], moved: Iterable[str], passes: int = 2
):
    """Have the rig play a motion, with a key on each control and frame; the action."""
    rig.animation_data_clear()
    frames = np.arange(1.0, len(motion) + 1)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = round(motion.fps), 1.0
    mocap.perform(rig, bones=turned, frames=frames, degrees=0)
    for name in moved:
        rig.pose.bones[name].keyframe_insert("location", frame=1)
        mocap.place(rig, name, "location", frames, np.zeros((len(frames), 3)))
    for _ in range(passes):  # the second time from nearby: a limb on IK gets there in several steps
        mocap.press(extension, Carrier(motion), rig)
    return rig.animation_data.action


def joints_m(rig, extension: str) -> np.ndarray:
    """(T, 22, 3) places of the joints as the rig plays them, from the hips, on a body of human size."""
    clip = mocap.read(rig, extension)
    read = clip.calibration.rigmap.joints
    heads = np.stack([clip.places.head[bones.read[0]] for bones in read.values()], axis=1)
    return (heads - heads[:, :1]) * clip.calibration.scale


def apart_mm(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of the joints."""
    return float(1000 * np.linalg.norm(one - other, axis=-1).mean())
