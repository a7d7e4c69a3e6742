# SPDX-License-Identifier: GPL-3.0-or-later
"""How natural an action is frame by frame, and markers on its worst frames.

A bad frame is found without scrubbing. The action is judged alone, whatever else plays. The markers
are those of the timeline, known as ours by their names, and are taken away by the next press or on
their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import bpy
import numpy as np

from contrapposto.tasks.naturalness import is_calibrated, naturalness

from . import checks
from .denoise_settings import DenoiseSettings
from .errors import Refusal
from .played import poses_played
from .steps import result_of
from .takes import find_takes
from .versions import LAST_FRAME
from .weights import own_prior

MARK = "Unnatural {:.1f} %"
"""The name of each of our markers."""

_IS_MARK = re.compile(r"Unnatural \d+\.\d %")

APART = 10
"""Frames that two marked frames are apart at least."""

MOST_FRAMES = 20_000


@dataclass(frozen=True)
class NaturalFrames:
    """What was found.

    Attributes:
        frames: the action's frames.
        percent: of each, percent of real poses that are less natural.
        marked: the frames that got a marker, in order.
    """

    frames: tuple[int, ...]
    percent: tuple[float, ...]
    marked: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """For the status bar."""
        worst = int(np.argmin(self.percent))
        if not self.marked:
            return f"No frame of {len(self.frames)} is unusual; the worst is {self.frames[worst]}"
        marked = f"{len(self.marked)} of {len(self.frames)} frames"
        return f"Marked {marked}; the worst is {self.frames[worst]}, {self.percent[worst]:.1f} %"


def mark_unnatural(
    context: bpy.types.Context,
    armature_object: bpy.types.Object | None = None,
    *,
    most: int = 10,
    below: float = 5.0,
    weights: str = "",
) -> NaturalFrames:
    """Mark the least natural frames of the active action on the timeline, in place of older marks.

    Args:
        context: gives scene and view layer.
        armature_object: the armature; the active object if None.
        most: how many markers at most.
        below: percent of naturalness below which a frame is worth a look.
        weights: file of the prior's weights; the shipped ones if empty.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    armature_object = armature_object or context.object
    context.view_layer.update()
    checks.check_armature(armature_object, context.view_layer)
    (take,) = find_takes(armature_object, DenoiseSettings())
    frames = _frames_of(take.action)
    prior = own_prior(weights)
    if prior is not None and not is_calibrated(prior):
        raise Refusal("These weights do not know how natural real poses are; calibrate them first")
    poses = result_of(poses_played(context, armature_object, take, frames))
    rotations = np.stack([pose.rotations for pose in poses])
    percent = np.asarray(naturalness(rotations, prior=prior).percentile, dtype=float)
    marked = worst_frames(frames, percent, most, below)
    clear_marks(context.scene)
    for frame in marked:
        context.scene.timeline_markers.new(MARK.format(percent[frame - frames[0]]), frame=frame)
    return NaturalFrames(tuple(frames.tolist()), tuple(percent.tolist()), marked)


def clear_marks(scene: bpy.types.Scene) -> int:
    """Take our markers away; how many there were."""
    ours = [marker for marker in scene.timeline_markers if _IS_MARK.fullmatch(marker.name)]
    for marker in ours:
        scene.timeline_markers.remove(marker)
    return len(ours)


def worst_frames(frames: np.ndarray, percent: np.ndarray, most: int, below: float) -> tuple[int, ...]:
    """The least natural frames, no two of them near each other, in order of time."""
    chosen: list[int] = []
    for frame in frames[np.argsort(percent, kind="stable")].tolist():
        if len(chosen) == most or percent[frame - frames[0]] >= below:
            break
        if all(abs(frame - other) >= APART for other in chosen):
            chosen.append(frame)
    return tuple(sorted(chosen))


def _frames_of(action: bpy.types.Action) -> np.ndarray:
    """(T,) the whole frames of an action."""
    first, last = action.frame_range
    if not (abs(first) <= LAST_FRAME and abs(last) <= LAST_FRAME):  # nor if it is not a number
        raise Refusal(
            f"Action '{action.name}' begins or ends on a frame that Blender cannot play; delete the keys "
            "there in the Graph Editor"
        )
    if last - first >= MOST_FRAMES:
        raise Refusal(f"Action '{action.name}' has more than {MOST_FRAMES:,} frames; split it first")
    return np.arange(int(np.floor(first)), int(np.ceil(last)) + 1)
