# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension keeps in memory to be quick, and the way to let go of it. It keeps nothing on disk.

Light, so that the preferences can show it: what was never loaded is not brought in to be counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

_READERS = {
    "contrapposto.priors.pose": "load",
    "contrapposto.priors.motion": "load",
    "contrapposto.priors.lifting": "of_images",
    "contrapposto.body.body_file": "default_body",
}
"""Module of core -> what reads a file there once and remembers it."""

_KEEPERS = ("memory", "weights", "device", "alternatives")
"""The modules beside this one that have ``held``, what they keep, and ``forget``."""


def held_mb() -> float:
    """How many megabytes of weights, bodies and alternatives are kept."""
    kept = [read() for read in _used_readers()]
    kept += [keeper.held() for keeper in _used_keepers()]
    return sum({id(array): array.nbytes for array in _arrays(kept)}.values()) / 1e6


def free() -> float:
    """Let go of all of it; how many megabytes that were. What is needed again is read again."""
    freed = held_mb()
    for read in _used_readers():
        read.cache_clear()
    for keeper in _used_keepers():
        keeper.forget()
    return freed


def _used_readers() -> Iterator[Callable[[], Any]]:
    for module, name in _READERS.items():
        read = getattr(sys.modules.get(module), name, None)
        if read is not None and read.cache_info().currsize:
            yield read


def _used_keepers() -> Iterator[ModuleType]:
    names = (f"{__package__}.{name}" for name in _KEEPERS)
    return (sys.modules[name] for name in names if name in sys.modules)


def _arrays(value: Any) -> Iterator[Any]:  # noqa: ANN401 - whatever is kept
    """Every array in what is kept, of NumPy or torch."""
    if hasattr(value, "nbytes"):
        yield value
    elif is_dataclass(value):
        yield from _arrays(vars(value))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _arrays(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _arrays(part)
