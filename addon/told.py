# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last completion warned of; light, so that a panel can show it.

It holds for one armature on one frame, and only as long as the bones stand as they were written: an
undo, another key or a moved control takes it back by itself.
"""

from __future__ import annotations

import bpy

from .standing import Standing, is_same, standing

_last: tuple[int, float, Standing, str] | None = None
"""Session id of the armature object, frame, how its bones stood, warning."""


def remember(armature_object: bpy.types.Object, frame: float, warning: str) -> None:
    """Keep the warning, which may be empty, of the armature as it stands."""
    global _last  # noqa: PLW0603 - one is held, on purpose
    _last = (armature_object.session_uid, frame, standing(armature_object), warning)


def forget() -> None:
    """What was said does not matter any more."""
    global _last  # noqa: PLW0603 - one is held, on purpose
    _last = None


def last_warning(armature_object: bpy.types.Object | None, frame: float) -> str | None:
    """What the last completion warned of, if the armature is as it left it on this frame."""
    if armature_object is None or _last is None or _last[:2] != (armature_object.session_uid, frame):
        return None
    _, _, before, warning = _last
    return warning if is_same(standing(armature_object), before) else None
