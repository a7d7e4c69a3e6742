# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes that are refused while they are read: with nothing to write, or that hold what is no motion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy
import numpy as np

from .action_curves import ActionCurves
from .denoise_plan import DenoisePlan
from .denoise_settings import DenoiseSettings
from .errors import Advice, Refusal
from .keyframes import read_property

_FURTHEST_M = 1e5
"""Nothing of a character is further away, metres: more can only be a mistake."""


def check_something_to_write(
    armature_object: bpy.types.Object,
    plan: DenoisePlan,
    curves: ActionCurves,
    settings: DenoiseSettings,
    action: str,
) -> None:
    """Refuse an action of which nothing would be written.

    Raises:
        Refusal: with the reason, as far as one is known.
    """
    if plan.controls:
        return
    rig = armature_object.name
    if plan.left:
        bone, reason = next(iter(plan.left.items()))
        raise Refusal(f"Nothing of action '{action}' can be denoised: bone '{bone}' and the like, {reason}")
    if settings.selected_only:
        raise Refusal(
            f"No selected bone of '{rig}' is mapped to the body and has rotation curves in action "
            f"'{action}'; select others, or ",
            Advice.ALL_BONES,
        )
    if not curves.channels:
        raise Refusal(f"Action '{action}' holds no curves of bones; choose one that moves '{rig}'")
    raise Refusal(
        f"Action '{action}' turns no bone of '{rig}' that is mapped to the body; choose another action, "
        "or look at the mapping in the Rig panel"
    )


def check_keys_finite(curves: ActionCurves, names: Iterable[str], action: str) -> None:
    """Refuse keys that are no numbers.

    Raises:
        Refusal: naming bone, channel and frame.
    """
    names = frozenset(names)
    for (bone, path), channel in curves.channels.items():
        if bone not in names:
            continue
        for curve in channel.values():
            places = read_property(curve, "co")
            wrong = ~np.isfinite(places).all(axis=1)
            if wrong.any():
                at = places[int(np.argmax(wrong)), 0]
                where = f"on frame {at:g}" if np.isfinite(at) else "whose frame is not a number either"
                raise Refusal(
                    f"Action '{action}' holds a key of bone '{bone}' ({path.replace('_', ' ')}) that is "
                    f"not a number, {where}; delete it in the Graph Editor"
                )


def check_motion_finite(
    matrices: Mapping[str, np.ndarray], frames: np.ndarray, armature_object: bpy.types.Object
) -> None:
    """Refuse bones that are nowhere, or so far away that it can only be a mistake.

    Raises:
        Refusal: naming bone and frame.
    """
    for bone, matrix in matrices.items():
        size = np.abs(matrix).max(axis=(1, 2))
        wrong = ~(size < _FURTHEST_M / max(1e-9, abs(armature_object.matrix_world.median_scale)))
        if wrong.any():
            raise Refusal(
                f"Bone '{bone}' of '{armature_object.name}' is infinitely far away on frame "
                f"{frames[int(np.argmax(wrong))]:g}; correct its curves first"
            )


def check_object_near(worlds: np.ndarray, frames: np.ndarray, armature_object: bpy.types.Object) -> None:
    """Refuse an object that is larger than can be, or so far away that it can only be a mistake.

    Raises:
        Refusal: naming object and frame.
    """
    wrong = ~(np.abs(worlds).max(axis=(1, 2)) < _FURTHEST_M)
    if wrong.any():
        raise Refusal(
            f"'{armature_object.name}' itself is infinitely large or far away on frame "
            f"{frames[int(np.argmax(wrong))]:g}; clear its transform (Object > Clear)"
        )
