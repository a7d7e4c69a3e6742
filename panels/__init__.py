# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab and the menu entries: drawing only, from what is in memory already."""

from . import menus, sidebar


def register() -> None:
    """Register panels, then menu entries."""
    sidebar.register()
    menus.register()


def unregister() -> None:
    """Undo ``register``."""
    menus.unregister()
    sidebar.unregister()
