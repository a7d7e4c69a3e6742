# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the priors compute: on the processor, or on a graphics card where torch is found.

Nothing here installs anything, and torch is imported only once a card is asked for, where the work is done:
that takes seconds, and a panel never waits for it.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from typing import Any, TypeVar

import bpy

from .errors import Refusal

logger = logging.getLogger(__name__)

Prior = TypeVar("Prior")

FAILURES = (ValueError, OSError, ImportError, RuntimeError, MemoryError)
"""What computing may end with, on the processor or on a card, besides mistakes in the code."""

_moved: dict[type, tuple[Any, Any]] = {}
"""The last prior of each kind that was moved onto the card, before and after: the same when asked again."""

_tried: str | None = None
"""What torch calls the card that was found, empty if it finds none; None as long as none was asked for."""


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
    from importlib import metadata

    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        version = "of an unknown version"
    card = "not tried yet" if _tried is None else _tried or "no card that it can use"
    return ("Processor: ready", f"Graphics card: torch {version} found, {card}")


def install_command() -> str:
    """The command by which a user gives this Blender torch, in a folder of their own."""
    folder = bpy.utils.user_resource("SCRIPTS", path="addons/modules")
    return f'"{sys.executable}" -m pip install --target "{folder}" torch'


def on_device(prior: Prior, device: str) -> Prior:
    """The prior where it is to compute; imports torch if it has to, and may be called on any thread.

    Args:
        prior: with NumPy arrays.
        device: ``CPU`` or ``GPU``.

    Raises:
        Refusal: if there is no torch, if it does not work, or if it finds no card that it can use.
    """
    global _tried  # noqa: PLW0603 - a machine has one card that is asked for
    if device == "CPU":
        return prior
    if not has_torch():
        raise Refusal(
            "Computing on the graphics card needs torch, which this Blender lacks; the add-on's preferences "
            "tell how to get it, or choose the processor there"
        )
    before, after = _moved.get(type(prior), (None, None))
    if before is prior:
        return after
    try:
        import torch

        _tried = _card()
        after = prior.on(torch.zeros((), device=_tried)) if _tried else None
    except (AttributeError, *FAILURES) as error:  # a torch that is half there may lack anything
        logger.exception("torch does not work")
        raise Refusal(
            f"torch is there but does not work ({_first_line(error)}); install it anew, or choose the "
            "processor in the preferences"
        ) from error
    if after is None:
        raise Refusal("torch finds no graphics card that it can use; choose the processor in the preferences")
    _moved[type(prior)] = prior, after
    return after


def reason(error: Exception, device: str) -> str:
    """Why computing has failed, and what to do, to end a sentence with.

    Args:
        error: one of ``FAILURES``.
        device: what was computed on.
    """
    if isinstance(error, (RuntimeError, ImportError)):
        logger.error("computing has failed", exc_info=error)
    if isinstance(error, MemoryError):
        return "there is not enough memory; close other programs, or ask for less at a time"
    if device != "CPU" and not isinstance(error, ValueError):
        return f"the graphics card gave up ({_first_line(error)}); choose the processor in the preferences"
    return str(error)


def forget() -> None:
    """Let go of what is held on the card."""
    _moved.clear()


def held() -> tuple[Any, ...]:
    """What is held on the card."""
    return tuple(after for _, after in _moved.values())


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _card() -> str:
    """What torch calls the card; empty if there is none."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else ""
