# SPDX-License-Identifier: GPL-3.0-or-later
"""From alternatives that are solved to what an animator browses: how natural, and why one fails."""

from __future__ import annotations

from .alternatives import Alternative, Browsing, browsing_of
from .report import why_failing
from .settings import Settings
from .solving import Solved


def offer(solved: Solved, frame: float, settings: Settings | None = None) -> Browsing:
    """The alternatives as they are offered, before any of them is written.

    Args:
        solved: the rig as it stands, and its alternatives.
        frame: scene frame.
        settings: by which one of them is taken later; those that they were solved by if None.
    """
    percent = solved.remembered.naturalness
    found = tuple(
        Alternative(
            None if percent is None else float(percent[index]),
            why_failing(solved.rig, solved.intent, solved.completion, index),
        )
        for index in range(len(solved.completion.energy))
    )
    return browsing_of(
        solved.rig.object,
        frame,
        settings or solved.settings,
        solved.plan.channels,
        found,
        solved.remembered,
    )
