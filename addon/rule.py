# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones count as set; light, so that a button can be drawn before anything is read."""

from __future__ import annotations

from enum import Enum


class Rule(Enum):
    """Which bones count as set."""

    KEYED = "KEYED"
    SELECTED = "SELECTED"
    UNSELECTED = "UNSELECTED"
    NAMED = "NAMED"
    KEYED_AND_SELECTED = "KEYED_AND_SELECTED"
    KEYED_AND_NAMED = "KEYED_AND_NAMED"
    NONE = "NONE"
