# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a bone's curves may be written, and if not, why: for the report, in words that end a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from .action_curves import ActionCurves, modifier_acts
from .checks import leaves_rotation
from .curves import is_locked
from .plan import can_move
from .playback import bones_in_ik_chains, driven_channels
from .rotations import ROTATION_PATHS, rotation_path

NOT_ANIMATED = ""
"""There is nothing to write, and nothing to tell."""

_MODES = {"QUATERNION": "Quaternion", "AXIS_ANGLE": "Axis Angle"}


class Writable:
    """Looks at the curves of one action and at what else moves the armature's bones."""

    def __init__(self, armature_object: bpy.types.Object, curves: ActionCurves) -> None:
        self._curves = curves
        self._driven = driven_channels(armature_object, armature_object.pose.bones.keys())
        self._chained = bones_in_ik_chains(armature_object.pose.bones)

    def why_not_turned(self, bone: bpy.types.PoseBone, *, led: bool, partly_locked: bool) -> str | None:
        """Why the bone's rotation cannot be written; None if it can.

        Args:
            bone: the bone.
            led: whether it turns something else, so that constraints on itself do not matter.
            partly_locked: whether some of its channels may be locked.
        """
        return next(self._against_turning(bone, led=led, partly_locked=partly_locked), None)

    def why_not_moved(self, bone: bpy.types.PoseBone) -> str | None:
        """Why the bone's location cannot be written; None if it can."""
        return next(self._against_moving(bone), None)

    def _against_turning(self, bone: bpy.types.PoseBone, *, led: bool, partly_locked: bool) -> Iterator[str]:
        yield from self._against_curves(bone, rotation_path(bone))
        if not led:
            for constraint in bone.constraints:
                if not constraint.mute and constraint.influence > 0 and not leaves_rotation(constraint):
                    yield f"its constraint '{constraint.name}' holds it"
            if bone.name in self._chained:
                yield "an IK constraint moves it"
        if any(bone.lock_rotation) and not partly_locked:
            yield "its rotation is locked"

    def _against_moving(self, bone: bpy.types.PoseBone) -> Iterator[str]:
        yield from self._against_curves(bone, "location")
        if not can_move(bone):
            yield "its location is locked or tied to its parent"

    def _against_curves(self, bone: bpy.types.PoseBone, path: str) -> Iterator[str]:
        where, what = (bone.name, path), path.partition("_")[0]
        if where in self._curves.muted:
            yield f"its {what} curves are muted"
        if where in self._driven:
            yield f"its {what} is driven"
        if where not in self._curves.channels:
            is_other = any((bone.name, other) in self._curves.channels for other in ROTATION_PATHS)
            mode = _MODES.get(bone.rotation_mode, bone.rotation_mode)
            is_rotation = path in ROTATION_PATHS
            yield (
                f"its rotation mode is {mode}, its curves are of another"
                if is_rotation and is_other
                else NOT_ANIMATED
            )
            return
        if (bone.name, "rotation_mode") in self._curves.channels:
            yield "its rotation mode is animated"
        for curve in self._curves.channels[where].values():
            if is_locked(curve):
                yield f"its {what} curves are locked"
            if not len(curve.keyframe_points):
                has = "hold baked samples without" if len(curve.sampled_points) else "have no"
                yield f"its {what} curves {has} keys"
            for modifier in curve.modifiers:
                if modifier_acts(modifier) and modifier.type != "CYCLES":
                    yield f"its {what} curves have a modifier ({modifier.type.title().replace('_', ' ')})"
