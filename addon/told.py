# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last completion of a frame was warned of; light, so that a panel can show it."""

from __future__ import annotations

import bpy

_last: tuple[int, float, str] | None = None
"""Session id of the armature object, frame, warning."""


def remember(armature_object: bpy.types.Object, frame: float, warning: str) -> None:
    """Keep the warning of a completion; an empty one takes back the last."""
    global _last  # noqa: PLW0603 - one warning is held, on purpose
    _last = (armature_object.session_uid, frame, warning) if warning else None


def last_warning(armature_object: bpy.types.Object, frame: float) -> str:
    """The warning of the last completion if it was of this armature on this frame, else nothing."""
    if _last is None or _last[:2] != (armature_object.session_uid, frame):
        return ""
    return _last[2]
