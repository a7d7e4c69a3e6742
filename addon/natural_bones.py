# SPDX-License-Identifier: GPL-3.0-or-later
"""How natural each bone stands, drawn over the bones in the 3D view.

Nothing is written into the file: the drawing goes when it is switched off, when the pose becomes
another one, and with the extension.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from contrapposto.skeleton import JOINT_NAMES
from contrapposto.tasks.naturalness import is_calibrated, naturalness

from . import checks
from .errors import Refusal
from .rig import read_rig
from .weights import own_prior

BAD, POOR, FAIR = 0.05, 0.5, 5.0
"""Percent of naturalness up to which a joint is what hardly anybody does, at which it is worth a look, and
from which it is as real ones are. Of real poses of the people who calibrated it, 56 % have a joint below 5 %,
9 % one below 0.5 % and 6 % one below 0.05 %; of strangers', 80, 30 and 22 %."""

COLOURS = np.array([[0.9, 0.08, 0.05, 1.0], [1.0, 0.75, 0.1, 1.0], [0.2, 0.75, 0.35, 1.0]])
"""Of a joint up to ``BAD``, at ``POOR`` and from ``FAIR`` on; between them by the logarithm."""

WIDTH = 5.0

_handle: Any = None
_shown: tuple[int, np.ndarray, dict[str, tuple[float, ...]]] | None = None
"""Session id of the armature object, the matrices of its pose and of itself, and colour by bone."""

_SAME = 1e-4


def show(
    context: bpy.types.Context, armature_object: bpy.types.Object | None = None, weights: str = ""
) -> dict[str, float]:
    """Draw the bones in the colours of their naturalness; percent by joint.

    Raises:
        Refusal: with one sentence; then nothing is drawn.
    """
    global _shown, _handle  # noqa: PLW0603 - one drawing at a time
    armature_object = armature_object or context.object
    hide()
    context.view_layer.update()
    checks.check_armature(armature_object, context.view_layer)
    rig = read_rig(armature_object)
    prior = own_prior(weights)
    if prior is not None and not is_calibrated(prior):
        raise Refusal("These weights do not know how natural real poses are; calibrate them first")
    percent = np.asarray(naturalness(rig.pose.rotations, prior=prior).joints, dtype=float)
    found = {joint: float(percent[JOINT_NAMES.index(joint)]) for joint in rig.rigmap.joints}
    colours = {name: colour(found[j]) for j, bones in rig.rigmap.joints.items() for name in bones.read}
    _shown = (armature_object.session_uid, _matrices(armature_object), colours)
    if not bpy.app.background:  # there is no view to draw in
        _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")
    return found


def hide() -> None:
    """Take the drawing away."""
    global _shown, _handle  # noqa: PLW0603 - as above
    _shown = None
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None


def is_shown(armature_object: bpy.types.Object | None) -> bool:
    """Whether this armature's bones are drawn, its pose being the one that was judged."""
    return armature_object is not None and bool(segments(armature_object))


def colour(percent: float) -> tuple[float, ...]:
    """Red, green, blue and alpha for a percent of naturalness."""
    limits = np.log([BAD, POOR, FAIR])
    at = np.log(max(percent, BAD))
    return tuple(float(np.interp(at, limits, channel)) for channel in COLOURS.T)


def segments(armature_object: bpy.types.Object) -> list[tuple[np.ndarray, np.ndarray, tuple[float, ...]]]:
    """Both ends of each judged bone in the world, and its colour.

    None, and the drawing is over, if the pose is another one now, the object stands another way, or a
    judged bone has gone or got another name.
    """
    global _shown  # noqa: PLW0603 - as above
    if _shown is None or _shown[0] != armature_object.session_uid:
        return []
    now, bones = _matrices(armature_object), armature_object.pose.bones
    same = now.shape == _shown[1].shape and np.allclose(now, _shown[1], atol=_SAME)
    if not same or any(name not in bones for name in _shown[2]):
        _shown = None  # the handler that may be calling this is removed by the next press
        return []
    world = armature_object.matrix_world
    return [
        (np.array(world @ bones[name].head), np.array(world @ bones[name].tail), colour)
        for name, colour in _shown[2].items()
    ]


def _matrices(armature_object: bpy.types.Object) -> np.ndarray:
    """The bones' matrices in the armature and the object's turn, flat; where it stands says nothing."""
    bones = armature_object.pose.bones
    flat = np.empty(16 * len(bones), dtype=np.float32)
    bones.foreach_get("matrix", flat)
    turn = np.array(armature_object.matrix_world.to_3x3(), dtype=np.float32)
    return np.concatenate([flat, turn.reshape(-1)])


def _draw() -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    for owner in bpy.context.view_layer.objects:
        if owner.type != "ARMATURE" or not owner.visible_get() or not (lines := segments(owner)):
            continue
        shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
        places = [tuple(end) for line in lines for end in line[:2]]
        colours = [line[2] for line in lines for _ in range(2)]
        batch = batch_for_shader(shader, "LINES", {"pos": places, "color": colours})
        shader.uniform_float("lineWidth", WIDTH)
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        gpu.state.depth_test_set("NONE")
        batch.draw(shader)
