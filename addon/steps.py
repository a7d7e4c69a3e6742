# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in small steps: generators that tell how much is done, so that a window stays alive meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np

Result = TypeVar("Result")

Steps = Generator[float, None, Result]
"""Yields how much is done, 0 to 1, and returns what came of it; may be closed between two steps."""

Progress = Callable[[float], None]
"""Told how much is done, 0 to 1; may raise to stop."""


_latest: threading.Thread | None = None
"""The thread of the work that was begun last; it may go on for a moment after that was stopped."""

_PATIENCE_SECONDS = 0.1
_AT_ONCE = 256


class Waiting(float):
    """How much is done of what goes on elsewhere: asking again at once tells nothing new."""


class Cancelled(Exception):  # noqa: N818 - no error: the user asked for it
    """The user has stopped it; nothing has changed."""


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
            overall = low + (high - low) * done
            yield Waiting(overall) if isinstance(done, Waiting) else overall


def chunks(count: int) -> Iterator[np.ndarray]:
    """The numbers of ``count`` samples, as many at a time as a window can wait for."""
    import numpy as np  # not with the first lines: operators import this file

    for start in range(0, count, _AT_ONCE):
        yield np.arange(start, min(start + _AT_ONCE, count))


def on_thread(work: Callable[[Progress], Result]) -> Steps[Result]:
    """Work that touches nothing of Blender's, on a thread of its own; each step says how far it is.

    Closed before the end, it does not wait: the thread ends when it next tells how much is done. Work that is
    begun before that waits for it on its own thread, so that no two compete for the processor.

    Args:
        work: is given what it tells that to. What it raises is raised here.
    """
    global _latest  # noqa: PLW0603 - there is one at a time
    stopped, results, errors = threading.Event(), [], []
    reached = 0.0
    before = _latest

    def told(done: float) -> None:
        nonlocal reached
        if stopped.is_set():
            raise Cancelled
        reached = done

    def run() -> None:
        try:
            while before is not None and before.is_alive():
                told(0.0)
                before.join(_PATIENCE_SECONDS)
            results.append(work(told))
        except BaseException as error:  # noqa: BLE001 - raised again on Blender's thread
            errors.append(error)

    thread = _latest = threading.Thread(target=run, name="contrapposto", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            yield Waiting(reached)
    finally:
        stopped.set()
    if errors:
        raise errors[0]
    return results[0]
