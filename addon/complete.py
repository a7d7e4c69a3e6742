# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete Pose as one function: the button, the batch script and the tests all call it.

Bones become a pose and what is known of it, core completes the pose, and the chosen
alternative goes back into the bones that were not set. Everything is checked before
anything is written.
"""

from __future__ import annotations

from dataclasses import replace

import bpy

from . import alternatives, keys, told
from .memory import Remembered
from .offering import offer
from .report import Report, report_of
from .residual import worst_residual
from .settings import Settings
from .solving import Solved, solve
from .writing import Writer

__all__ = ["Settings", "complete", "put", "wants_keys"]


def complete(
    context: bpy.types.Context,
    armature_object: bpy.types.Object | None = None,
    settings: Settings | None = None,
    *,
    browse: bool = False,
    recalled: Remembered | None = None,
) -> Report:
    """Fill in the bones of an armature that are not set on the current frame.

    Args:
        context: gives scene, view layer and tool settings.
        armature_object: the armature; the active object if None.
        settings: what the user chose; the defaults if None.
        browse: offer the alternatives in the sidebar, judged.
        recalled: write one of these; nothing is solved anew.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    settings = settings or Settings()
    armature_object = armature_object or context.object
    insert = wants_keys(context, settings)
    solved = solve(context, armature_object, settings, insert_keys=insert, recalled=recalled)
    return put(context, solved, insert_keys=insert, browse=browse)


def wants_keys(context: bpy.types.Context, settings: Settings) -> bool:
    """Whether what is written into the pose is to be keyed: as chosen, else as Blender keys by itself."""
    if settings.insert_keys is None:
        return context.scene.tool_settings.use_keyframe_insert_auto
    return settings.insert_keys


def put(context: bpy.types.Context, solved: Solved, *, insert_keys: bool, browse: bool = False) -> Report:
    """Write the chosen alternative into the pose of the current frame.

    Args:
        context: gives scene and view layer.
        solved: the alternatives, and which one was chosen.
        insert_keys: whether it is keyed.
        browse: offer the others in the sidebar, judged.

    Raises:
        Refusal: if Blender does not take the keys; then nothing has changed.
    """
    rig, plan, settings = solved.rig, solved.plan, solved.settings
    frame = context.scene.frame_current_final
    browsing = offer(solved, frame, replace(settings, insert_keys=insert_keys)) if browse else None
    writer = Writer(context.view_layer, rig.object, rig.calibration)
    desired = solved.desired(settings.alternative - 1)
    writer.write(plan, desired)
    # Part of the way, a placed hand is not where the limb's turned bones would have it.
    limbs = [end for end in rig.limbs if end in plan.handles or (end in plan.aims and settings.strength == 1)]
    keyed = 0
    if insert_keys:
        try:
            keyed = keys.insert_keys(rig.object, writer.written, frame)
        except BaseException:
            writer.restore()
            raise
    report = report_of(
        rig,
        plan,
        solved.intent,
        solved.completion,
        settings.alternative - 1,
        solved.prior,
        frame=frame,
        keyed_channels=keyed,
        residual=worst_residual(rig, plan, desired, limbs),
    )
    told.remember(rig.object, frame, report.warning)
    if browsing is not None:
        browsing.remember(rig.object, settings.alternative - 1)
        alternatives.hold(browsing)
    return report
