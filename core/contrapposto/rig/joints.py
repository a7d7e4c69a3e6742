# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the way among the 22 joints when a rig has only some of them."""

from __future__ import annotations

from collections.abc import Collection

from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS


def mapped_ancestor(joint: str, mapped: Collection[str]) -> tuple[str | None, tuple[str, ...]]:
    """The nearest ancestor among ``mapped`` and the missing joints in between, from the body outward."""
    missing: list[str] = []
    index = JOINT_INDEX[joint]
    while (index := PARENTS[index]) >= 0:
        if JOINT_NAMES[index] in mapped:
            return JOINT_NAMES[index], tuple(reversed(missing))
        missing.append(JOINT_NAMES[index])
    return None, tuple(reversed(missing))


def heir(joint: str, mapped: Collection[str]) -> str | None:
    """The one nearest descendant among ``mapped``; None if there are several, or none."""
    found = {name for name in mapped if joint in mapped_ancestor(name, mapped)[1]}
    return found.pop() if len(found) == 1 else None
