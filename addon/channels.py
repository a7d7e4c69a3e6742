# SPDX-License-Identifier: GPL-3.0-or-later
"""What bones' own channels hold, so that it can be put back: also what was moved and has no key."""

from __future__ import annotations

from collections.abc import Mapping

import bpy

CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")

Channels = Mapping[tuple[str, str], tuple[float, ...]]
"""(Bone, property) -> what it holds."""


def read_channels(armature_object: bpy.types.Object) -> Channels:
    """What every bone's own channels hold."""
    return {
        (bone.name, path): tuple(getattr(bone, path))
        for bone in armature_object.pose.bones
        for path in CHANNELS
    }


def write_channels(armature_object: bpy.types.Object, channels: Channels) -> None:
    """Give bones back what their channels held; those that still hold it are not touched."""
    bones = armature_object.pose.bones
    for (name, path), value in channels.items():
        if tuple(getattr(bones[name], path)) != value:
            setattr(bones[name], path, value)
