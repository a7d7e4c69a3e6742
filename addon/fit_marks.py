# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a fitted body is from what was seen: a curve over time, and markers on the worst frames.

The markers are those of the timeline, known as ours by their names, and go with the next fit.
"""

from __future__ import annotations

import re

import bpy
import numpy as np

from .body_action import write_curves
from .versions import assigned, curve_collections

PROPERTY = "reprojection_error_px"
"""Custom property of a fitted armature: by how many pixels half of the points are off at most."""

MARK = "Fit off {:.0f} px"
_IS_MARK = re.compile(r"Fit off \d+ px")

MOST_MARKS = 5
APART_SECONDS = 0.2
"""Two marked frames are apart at least so much."""
WORSE = 1.5
"""So many times the usual error is worth a look."""


def key_errors(armature: bpy.types.Object, frames: np.ndarray, error: np.ndarray) -> None:
    """Key the error (T,) of frames (T,) beside the motion; none where nothing was seen.

    Args:
        armature: with the motion's action assigned.
        frames: of the scene.
        error: pixels, NaN where nothing is seen.
    """
    seen = np.isfinite(error)
    armature[PROPERTY] = float(error[seen][0]) if seen.any() else 0.0
    armature.id_properties_ui(PROPERTY).update(
        min=0.0, description="By how many pixels half of the points that were seen are off at most"
    )
    if not seen.any():
        return
    collection = curve_collections(*assigned(armature.animation_data))[0]
    write_curves(collection, f'["{PROPERTY}"]', frames[seen], error[seen, None], "Fit")


def mark_worst(scene: bpy.types.Scene, frames: np.ndarray, error: np.ndarray, fps: float) -> tuple[int, ...]:
    """Mark the worst frames in place of older marks of ours; which they are."""
    clear_marks(scene)
    apart = APART_SECONDS * fps
    order = [int(row) for row in np.argsort(-np.nan_to_num(error)) if np.isfinite(error[row])]
    limit = WORSE * float(np.nanmedian(error)) if order else np.inf
    chosen: list[int] = []
    for row in order:
        if len(chosen) == MOST_MARKS or error[row] < limit:
            break
        if all(abs(row - other) >= apart for other in chosen):
            chosen.append(row)
    for row in chosen:
        scene.timeline_markers.new(MARK.format(error[row]), frame=round(float(frames[row])))
    return tuple(sorted(round(float(frames[row])) for row in chosen))


def clear_marks(scene: bpy.types.Scene) -> None:
    """Take our markers away."""
    for marker in [one for one in scene.timeline_markers if _IS_MARK.fullmatch(one.name)]:
        scene.timeline_markers.remove(marker)
