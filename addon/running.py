# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a task is that runs while the window lives; light, so that a panel can show it."""

from __future__ import annotations

_progress: float | None = None
"""0 to 1; None while nothing runs."""

_what = ""
"""The label of what runs."""


def begin(what: str) -> None:
    """A task has begun, known by its label."""
    global _what  # noqa: PLW0603 - one task runs at a time
    _what = what
    set_progress(0.0)


def what() -> str:
    """The label of the task that is running."""
    return _what


def set_progress(done: float) -> None:
    """How much of the task is done, 0 to 1."""
    global _progress  # noqa: PLW0603 - as above
    _progress = done


def end() -> None:
    """The task has ended."""
    global _progress  # noqa: PLW0603 - as above
    _progress = None


def progress(what: str | None = None) -> float | None:
    """How much of the task that is running is done; None if none is, or another one than asked for."""
    return _progress if what in {None, _what} else None
