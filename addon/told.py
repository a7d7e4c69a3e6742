# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last completion said of its pose; light, so that a panel can show it.

It holds for one armature on one frame, and only as long as the bones stand as they were written: an
undo, another key or a moved control takes it back by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

_SAME = 1e-4
"""A key gives a bone back what was written but for this, relative or absolute."""


@dataclass(frozen=True)
class Told:
    """What is said of a pose.

    Attributes:
        warning: a sentence; may be empty.
        naturalness: percent of real poses that are less natural, None if that is not known.
    """

    warning: str
    naturalness: float | None


_last: tuple[int, float, np.ndarray, Told] | None = None
"""Session id of the armature object, frame, how its bones stood."""


def remember(armature_object: bpy.types.Object, frame: float, told: Told) -> None:
    """Keep what is said of the armature as it stands."""
    global _last  # noqa: PLW0603 - one is held, on purpose
    _last = (armature_object.session_uid, frame, _channels(armature_object), told)


def forget() -> None:
    """What was said does not matter any more."""
    global _last  # noqa: PLW0603 - one is held, on purpose
    _last = None


def last_told(armature_object: bpy.types.Object | None, frame: float) -> Told | None:
    """What the last completion said, if the armature is as it left it on this frame."""
    if armature_object is None or _last is None or _last[:2] != (armature_object.session_uid, frame):
        return None
    _, _, before, told = _last
    now = _channels(armature_object)
    return told if now.shape == before.shape and np.allclose(now, before, rtol=_SAME, atol=_SAME) else None


def _channels(armature_object: bpy.types.Object) -> np.ndarray:
    bones = armature_object.pose.bones
    flat = np.empty(16 * len(bones), dtype=np.float32)
    bones.foreach_get("matrix_basis", flat)
    return flat
