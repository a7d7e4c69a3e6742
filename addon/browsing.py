# SPDX-License-Identifier: GPL-3.0-or-later
"""Browse the alternatives of the last press: take one, keep what is taken, or discard it.

Each is written into the pose as it was before the press, as the redo panel does it: what it is near to
and what it keeps does not depend on the one that was looked at before. None is solved anew.
"""

from __future__ import annotations

from dataclasses import replace

import bpy

from . import alternatives, checks, keys, told
from .alternatives import Browsing
from .channels import write_channels
from .complete import complete
from .errors import Refusal
from .report import Report
from .sample import SampleReport, sample
from .sample_settings import SampleSettings


def take(
    context: bpy.types.Context, armature_object: bpy.types.Object | None, number: int
) -> Report | SampleReport:
    """Put an alternative into the pose in place of the one that is there, keyed as the press keys.

    Args:
        context: gives scene, view layer and tool settings.
        armature_object: the armature; the active object if None.
        number: which one, from 1.

    Raises:
        Refusal: if there is none, or if the pose, its keys, the rig or the frame has changed since the
            press; then nothing has changed.
    """
    armature_object = armature_object or context.object
    browsing = _browsing(context, armature_object)
    if not 1 <= number <= len(browsing.alternatives):
        raise Refusal(f"There is no alternative {number} of {len(browsing.alternatives)}")
    settings = replace(browsing.settings, alternative=number)
    again = sample if isinstance(settings, SampleSettings) else complete
    others = browsing.before.others(armature_object)
    with keys.all_or_none(armature_object, browsing.before.written):
        browsing.go_back(armature_object, context.scene.frame_current_final, keep_action=True)
        report = again(context, armature_object, settings, recalled=browsing.remembered)
        write_channels(armature_object, others)
    browsing.before.remove_empty_action(armature_object)
    browsing.remember(armature_object, number - 1)
    return report


def keep(context: bpy.types.Context, armature_object: bpy.types.Object | None = None) -> None:
    """End the browsing; pose and keys stay as they are.

    Raises:
        Refusal: if nothing is browsed.
    """
    _held(armature_object or context.object)
    alternatives.forget()


def discard(context: bpy.types.Context, armature_object: bpy.types.Object | None = None) -> None:
    """Bring back pose and keys as they were before the press, to the bit, and end the browsing.

    Channels that were not written stay as they are now.

    Raises:
        Refusal: if something has changed since the press; then nothing has changed.
    """
    armature_object = armature_object or context.object
    browsing = _browsing(context, armature_object)
    others = browsing.before.others(armature_object)
    browsing.go_back(armature_object, context.scene.frame_current_final, keep_action=False)
    write_channels(armature_object, others)
    context.view_layer.update()
    told.forget()
    alternatives.forget()


def _browsing(context: bpy.types.Context, armature_object: bpy.types.Object) -> Browsing:
    checks.check_armature(armature_object, context.view_layer)
    return _held(armature_object)


def _held(armature_object: bpy.types.Object) -> Browsing:
    browsing = alternatives.held_for(armature_object)
    if browsing is None:
        raise Refusal("There is nothing to browse; press Complete Pose or Sample Poses first")
    return browsing
