# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions that a user is meant to read."""

from __future__ import annotations


class Refusal(ValueError):  # noqa: N818 - no error: the extension declines
    """One sentence for an animator: what is wrong, with which bone, and what to do.

    Raised before anything in the file has changed.
    """


class NothingToDo(Refusal):
    """Nothing is known of the pose on this frame, or everything is; another frame may be different."""
