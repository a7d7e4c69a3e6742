# SPDX-License-Identifier: GPL-3.0-or-later
"""Register and unregister the whole extension, in reverse order of each other."""

from __future__ import annotations

import sys

_KEEPERS = {
    "rig_storage": "forget",
    "held": "free",
    "told": "forget",
    "denoise_report": "forget",
    "running": "end",
    "natural_bones": "hide",
}
"""The modules beside this one that keep something, and what lets go of it."""


def register() -> None:
    """Register every class, property and menu entry."""
    from .. import operators, panels

    operators.register()
    panels.register()


def unregister() -> None:
    """Undo ``register`` and forget everything held in memory."""
    from .. import operators, panels

    panels.unregister()
    operators.unregister()
    for name, let_go in _KEEPERS.items():
        module = sys.modules.get(f"{__package__}.{name}")  # what was never loaded keeps nothing
        if module is not None:
            getattr(module, let_go)()
