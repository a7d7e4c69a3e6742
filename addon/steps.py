# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in small steps: generators that tell how much is done, so that a window stays alive meanwhile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")

Steps = Generator[float, None, Result]
"""Yields how much is done, 0 to 1, and returns what came of it; may be closed between two steps."""


def result_of(steps: Steps[Result]) -> Result:
    """What comes of the steps, all at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def within(steps: Steps[Result], low: float, high: float) -> Steps[Result]:
    """The same steps, their progress from ``low`` to ``high``; closed between two, they close these."""
    with closing(steps):
        while True:
            try:
                done = next(steps)
            except StopIteration as end:
                return end.value
            yield low + (high - low) * done


def chunks(count: int, size: int) -> Iterator[np.ndarray]:
    """The rows 0 to ``count``, so many at a time."""
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
