# SPDX-License-Identifier: GPL-3.0-or-later
"""When an order of methods counts: in the means of several seeds, by more than the seeds differ."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

SEEDS = (0, 1, 2)

Values = Mapping[str, list[float]]
"""One number a seed, by what was tried."""


def ordered(values: Values) -> bool:
    """Whether the means rise in the order given, each gap above the seeds' spread."""
    columns = list(values.values())
    gaps = [
        np.mean(after) - np.mean(before) > max(np.std(before), np.std(after))
        for before, after in itertools.pairwise(columns)
    ]
    return all(gaps)
