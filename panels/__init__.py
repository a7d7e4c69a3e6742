# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar tab and the menu entries: drawing only, from what is in memory already."""

from . import alternatives, denoise, fit_body, menus, naturalness, preferences, sample, sidebar


def register() -> None:
    """Register preferences and panels, then menu entries."""
    preferences.register()
    sidebar.register()
    alternatives.register()
    sample.register()
    naturalness.register()
    denoise.register()
    fit_body.register()
    menus.register()


def unregister() -> None:
    """Undo ``register``."""
    menus.unregister()
    fit_body.unregister()
    denoise.unregister()
    naturalness.unregister()
    sample.unregister()
    alternatives.unregister()
    sidebar.unregister()
    preferences.unregister()
