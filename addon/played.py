# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose of a rig on each frame of a take, as Blender plays it alone."""

from __future__ import annotations

from contextlib import ExitStack

import bpy
import numpy as np

from contrapposto.motion import Pose

from . import checks
from .errors import Refusal
from .playback import frame_kept, play
from .rig import calibrate
from .space import world_of
from .steps import Steps
from .takes import Take, playing


def poses_played(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    take: Take,
    frames: np.ndarray,
    *,
    beside: tuple[bpy.types.Object, ...] = (),
) -> Steps[list[Pose]]:
    """A pose a frame; the scene is on its frame again then, and the armature plays what it played.

    Args:
        context: gives the scene.
        armature_object: what plays.
        take: what it plays.
        frames: (T,) of the scene.
        beside: other objects that are to stand as before.

    Raises:
        Refusal: if the armature is no figure, or a bone is nowhere.
    """
    try:
        calibration = calibrate(armature_object)
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal(f"The motion of '{armature_object.name}' cannot be read: {error}") from error
    names, found = calibration.armature.names, []
    with ExitStack() as kept:
        for thing in (armature_object, *beside):
            kept.enter_context(frame_kept(context.scene, thing))
        kept.enter_context(playing(armature_object, take.action, take.slot))
        for matrices, world in play(context.scene, armature_object, names, frames):
            checks.check_finite(calibration.armature, matrices)
            found.append(calibration.read(matrices, world_of(world)))
            yield len(found) / len(frames)
    return found
