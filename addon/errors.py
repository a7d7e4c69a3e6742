# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions that a user is meant to read."""

from __future__ import annotations

from enum import Enum


class Advice(Enum):
    """An option that is a way out of a refusal, in the window's words; a script has other words for it."""

    SELECT_ARMATURE = "select an armature and try again"
    CHOOSE_SELECTED = "choose Selected Bones"
    REFILL_GENERATED = "turn on Refill Generated"
    NO_KEYS = "turn off Insert Keys"
    NO_AUTO_KEYS = "turn off Auto Keying"
    CHOOSE_STRIPS = "select strips and choose Selected Strips"
    ALL_BONES = "turn off Only Selected Bones"
    OTHER_FRAMES = "choose another range"
    OTHER_START = "go to another frame, or change Every"
    OTHER_START_OR_AIR = "go to another frame, or switch Keep on Floor off"
    KEEP_KEYED = "choose to keep Keyed Bones"
    WITHOUT_KEY = "go to a frame without it"
    NAME_SET = "choose the Point Set"
    NUMBER_VIEWS = "give each view the number of its Camera"


class Refusal(ValueError):  # noqa: N818 - no error: the extension declines
    """One sentence for an animator: what is wrong, with which bone, and what to do.

    Raised before anything in the file has changed.

    Attributes:
        beginning: the sentence up to the advice; all of it if there is none.
        advice: the option that helps; it ends the sentence.
    """

    def __init__(self, beginning: str, advice: Advice | None = None) -> None:
        super().__init__(beginning + (advice.value if advice else ""))
        self.beginning = beginning
        self.advice = advice


class NothingToDo(Refusal):
    """Nothing is known of the pose on this frame, or everything is; another frame may be different."""
