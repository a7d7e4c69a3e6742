# SPDX-License-Identifier: GPL-3.0-or-later
"""The window of a stage: its 3D view, and the sidebar with the tab "Contrapposto", once that is drawn."""

from __future__ import annotations

import bpy

TAB = "Contrapposto"
EXTENSION = "bl_ext.user_default.contrapposto"

_drawn_tabs: set[str] = set()
"""The sidebar's tabs that have been drawn."""


def view_3d() -> tuple[bpy.types.Window, bpy.types.Area, bpy.types.Region]:
    """The window, its 3D view, and that view's sidebar."""
    window = bpy.context.window_manager.windows[0]
    area = max(
        (area for area in window.screen.areas if area.type == "VIEW_3D"),
        key=lambda area: area.width * area.height,
    )
    return window, area, next(region for region in area.regions if region.type == "UI")


def watch_tabs() -> None:
    """Remember from now on which tabs are drawn."""
    bpy.types.SpaceView3D.draw_handler_add(
        lambda: _drawn_tabs.add(bpy.context.region.active_panel_category), (), "UI", "POST_PIXEL"
    )


def is_open() -> bool:
    """Show the tab, as soon as the sidebar has been laid out; whether it has been drawn."""
    _, area, sidebar = view_3d()
    try:
        sidebar.active_panel_category = TAB
    except (TypeError, AttributeError):  # there are no tabs before the first layout
        area.tag_redraw()
        return False
    if TAB not in _drawn_tabs:
        area.tag_redraw()
        return False
    return True
