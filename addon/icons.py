# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that panels show; they live in memory, outside of the file, until others are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy.utils.previews

if TYPE_CHECKING:
    import numpy as np

_shown: Any = None
_pictures: np.ndarray | None = None
"""Those that they are of."""


def show(pictures: np.ndarray) -> None:
    """Make icons of these pictures, in place of earlier ones; nothing if they are the same array.

    Args:
        pictures: (N, height, width, 4) float32, the lowest row first.
    """
    global _shown, _pictures  # noqa: PLW0603 - those of one panel are held, on purpose
    if pictures is _pictures:
        return
    forget()
    _pictures = pictures
    _shown = bpy.utils.previews.new()
    for index, picture in enumerate(pictures):
        icon = _shown.new(str(index))
        icon.image_size = picture.shape[1::-1]
        icon.image_pixels_float.foreach_set(picture.ravel())


def icon_of(index: int) -> int:
    """The number by which a layout shows a picture; 0, which is nothing, if there is none."""
    return _shown[str(index)].icon_id if _shown is not None and str(index) in _shown else 0


def forget() -> None:
    """Free them."""
    global _shown, _pictures  # noqa: PLW0603 - as above
    _pictures = None
    if _shown is not None:
        bpy.utils.previews.remove(_shown)
        _shown = None
