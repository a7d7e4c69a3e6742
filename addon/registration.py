# SPDX-License-Identifier: GPL-3.0-or-later
"""Register and unregister the whole extension, in reverse order of each other."""

from __future__ import annotations


def register() -> None:
    """Register every class, property and menu entry."""
    from .. import operators, panels

    operators.register()
    panels.register()


def unregister() -> None:
    """Undo ``register`` and forget everything held in memory."""
    from .. import operators, panels
    from . import denoise_report, held, natural_bones, rig_storage, running, told

    panels.unregister()
    operators.unregister()
    rig_storage.forget()
    held.free()
    told.forget()
    denoise_report.forget()
    running.end()
    natural_bones.hide()
