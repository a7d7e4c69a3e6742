# SPDX-License-Identifier: GPL-3.0-or-later
"""How much an observation counts that is off by so much, and how far off detectors are.

Source: Geman & McClure 1987.
"""

from __future__ import annotations

from contrapposto.arrays import Array

PIXELS = 0.005
"""Deviation of a point that a detector marks, by the image's longer side."""

OUTLIER = 0.03
"""How far off a point counts a quarter, by the image's longer side."""


def agreement(squared: Array) -> Array:
    """1 where nothing is off, a quarter where the square of what is off, in units of an outlier's, is 1."""
    return 1 / (1 + squared) ** 2
