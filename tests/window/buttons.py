# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a button is: the mouse goes over a region, and Blender is asked which button lies under it.

No place is written down, so the panels may change and Blender may draw them as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import bpy
import hand
from hand import Story

STEP = 15
"""Pixels from one row that is looked at to the next; a button is 20 high."""
_SETTLE_SECONDS = 0.12
_PAGES, _NOTCHES = 5, 5
"""How often the region is scrolled on, and by how many notches of the wheel."""

Place = tuple[int, int]


def region_of(
    kind: str, area_type: str = "VIEW_3D"
) -> tuple[bpy.types.Window, bpy.types.Area, bpy.types.Region]:
    """The window, its largest area of a type, and a region of that."""
    window = bpy.context.window_manager.windows[0]
    areas = [area for area in window.screen.areas if area.type == area_type]
    area = max(areas, key=lambda area: area.width * area.height)
    return window, area, next(region for region in area.regions if region.type == kind)


def under(kind: str, area_type: str) -> str:
    """The operator with its options, or the property, of the button under the mouse; empty if none."""
    window, area, region = region_of(kind, area_type)
    with bpy.context.temp_override(window=window, area=area, region=region):
        for copy in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
            if copy.poll():
                copy()
                return bpy.context.window_manager.clipboard
    return ""


def find(
    *wanted: str, columns: tuple[float, ...] = (0.5,), kind: str = "UI", area_type: str = "VIEW_3D",
    pages: int = 2 * _PAGES,
) -> Story[Place]:  # fmt: skip
    """The place on the screen of a button, scrolled to if need be.

    Args:
        *wanted: parts of its operator's call or of its property's path, all of them.
        columns: where in each row to look, as shares of the width.
        kind: of the region that it is in.
        area_type: of the area that it is in.
        pages: how often to scroll on, and back to the top half way.

    Raises:
        LookupError: if there is no such button.
    """

    def is_it() -> bool:
        said = under(kind, area_type)
        return all(part in said for part in wanted)

    for page in range(pages):
        for place in _places(columns, kind, area_type):
            warp(place)
            yield from hand.pause(_SETTLE_SECONDS)
            if is_it():
                yield from hand.pause(4 * _SETTLE_SECONDS)  # a busy window may only now see the mouse here
                if is_it():
                    return place
        if page + 1 == pages:
            break
        direction = "up" if page == _PAGES - 1 else "down"
        for _ in range(_NOTCHES * (_PAGES if direction == "up" else 1)):
            yield from hand.order(f"wheel {direction}")
        yield from hand.pause(1.0)
    message = f"there is no button with {' '.join(wanted)}"
    raise LookupError(message)


def warp(place: Place) -> None:
    """Put the mouse somewhere at once, without the hand, which is slow."""
    window = bpy.context.window_manager.windows[0]
    window.cursor_warp(place[0], window.height - place[1])


def press(
    *wanted: str, then: Callable[[], object], columns: tuple[float, ...] = (0.5,), kind: str = "UI",
    area_type: str = "VIEW_3D", seconds: float = 90.0,
) -> Story[Place]:  # fmt: skip
    """Find a button and click it until what it does is seen; where it is."""
    for tries in range(3, 0, -1):
        place = yield from find(*wanted, columns=columns, kind=kind, area_type=area_type)
        yield from hand.click(place)
        try:
            yield from hand.until(then, f"what {wanted[0]} does", seconds)
        except TimeoutError:
            if tries == 1:
                raise
        else:
            return place
    raise AssertionError


def _places(columns: tuple[float, ...], kind: str, area_type: str) -> Iterator[Place]:
    window, area, region = region_of(kind, area_type)
    bottom = max(region.y, area.y)
    for y in range(region.y + region.height - STEP, bottom, -STEP):
        for column in columns:
            yield region.x + int(column * (region.width - 20)), window.height - y
