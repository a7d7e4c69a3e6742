# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a task is that runs while the window lives; light, so that a panel can show it."""

from __future__ import annotations

_progress: float | None = None
"""0 to 1; None while nothing runs."""


def begin() -> None:
    """A task has begun."""
    set_progress(0.0)


def set_progress(done: float) -> None:
    """How much of the task is done, 0 to 1."""
    global _progress  # noqa: PLW0603 - one task runs at a time
    _progress = done


def end() -> None:
    """The task has ended."""
    global _progress  # noqa: PLW0603 - as above
    _progress = None


def progress() -> float | None:
    """How much of the task that is running is done; None if none is."""
    return _progress
