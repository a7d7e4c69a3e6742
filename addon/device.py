# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the priors compute: on the processor, or on a graphics card where torch is found.

Nothing here installs anything, and torch is imported only once a card is asked for: that takes seconds.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib import metadata
from typing import Any, TypeVar

import bpy

from .errors import Refusal

Prior = TypeVar("Prior")

_moved: dict[type, tuple[Any, Any]] = {}
"""The last prior of each kind that was moved onto the card, before and after: the same when asked again."""


def preferred_device(context: bpy.types.Context) -> str:
    """What the preferences choose, ``CPU`` or ``GPU``."""
    addon = context.preferences.addons.get(__package__.rpartition(".")[0])
    return addon.preferences.device if addon and addon.preferences else "CPU"


def has_torch() -> bool:
    """Whether this Blender's Python finds torch; it is not imported."""
    return "torch" in sys.modules or importlib.util.find_spec("torch") is not None


def found() -> tuple[str, ...]:
    """What there is to compute on and what is missing, a sentence each, for the preferences."""
    if not has_torch():
        return ("Processor: ready", "Graphics card: torch is missing in this Blender's Python")
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        version = "of an unknown version"
    if "torch" not in sys.modules:
        return ("Processor: ready", f"Graphics card: torch {version} found, not tried yet")
    card = _card()
    return ("Processor: ready", f"Graphics card: torch {version}, {card or 'no card that it can use'}")


def install_command() -> str:
    """The command by which a user gives this Blender torch, in a folder of their own."""
    folder = bpy.utils.user_resource("SCRIPTS", path="addons/modules")
    return f'"{sys.executable}" -m pip install --target "{folder}" torch'


def on_device(prior: Prior, device: str) -> Prior:
    """The prior where it is to compute.

    Args:
        prior: with NumPy arrays.
        device: ``CPU`` or ``GPU``.

    Raises:
        Refusal: if there is no torch, or no card that it can use.
    """
    if device == "CPU":
        return prior
    if not has_torch():
        raise Refusal(
            "Computing on the graphics card needs torch, which this Blender lacks; the add-on's preferences "
            "tell how to get it, or choose the processor there"
        )
    before, after = _moved.get(type(prior), (None, None))
    if before is not prior:
        import torch

        card = _card()
        if not card:
            raise Refusal(
                "torch finds no graphics card that it can use; choose the processor in the preferences"
            )
        after = prior.on(torch.zeros((), device=card))
        _moved[type(prior)] = prior, after
    return after


def forget() -> None:
    """Let go of what is held on the card."""
    _moved.clear()


def _card() -> str:
    """What torch calls the card; empty if there is none."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else ""
