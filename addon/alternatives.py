# SPDX-License-Identifier: GPL-3.0-or-later
"""The alternatives of the last press, to browse; light, so that a panel can show them.

They are for one armature on one frame. Each state that the armature has been in since, before the press
and with each alternative that was taken, is recognised by how its bones stand: undo and redo lead from
one to the other, anything else ends in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import bpy

from . import icons
from .errors import Refusal
from .settings import Settings
from .standing import Standing, is_same, standing

if TYPE_CHECKING:
    from .keys import Before
    from .memory import Remembered


@dataclass(frozen=True)
class Alternative:
    """One of them, as a panel shows it.

    Attributes:
        naturalness: percent of real poses that are less natural; None if the weights do not know.
        why_failing: in a few words, what it misses or breaks; empty if it does not fail.
    """

    naturalness: float | None
    why_failing: str


@dataclass(frozen=True, eq=False)
class _Seen:
    """How the armature once stood, with which keys in the channels that are written, at which alternative."""

    index: int | None
    standing: Standing
    keys: str


@dataclass(frozen=True, eq=False)
class Browsing:
    """What is held of a press.

    Attributes:
        armature: session id of the object.
        frame: scene frame.
        settings: what was asked for, whatever is selected later.
        before: keys and pose before the press.
        alternatives: best first.
        remembered: what they were made from, and their pictures.
    """

    armature: int
    frame: float
    settings: Settings
    before: Before
    alternatives: tuple[Alternative, ...]
    remembered: Remembered
    _seen: list[_Seen] = field(default_factory=list)

    def hindrance(self, armature_object: bpy.types.Object, frame: float) -> str:
        """Why none of them can be taken now, in one sentence; empty if they can."""
        what = self.settings.plural.lower()
        if frame != self.frame:
            return f"The {what} are for frame {self.frame:g}; go back there to take one"
        if not self._matching(armature_object):
            return f"The pose has changed since the {what} were made; undo that, or make new ones"
        return ""

    def taken(self, armature_object: bpy.types.Object) -> int | None:
        """Which one the armature has now, from 0; None if it stands as before the press."""
        return next((state.index for state in self._matching(armature_object)), None)

    def go_back(self, armature_object: bpy.types.Object, frame: float, *, keep_action: bool) -> None:
        """Bring back keys and pose as they were before the press, to the bit.

        Args:
            armature_object: which they are for.
            frame: of the scene.
            keep_action: leave an action that is new, without its keys, for what comes next.

        Raises:
            Refusal: if something else has changed since; then nothing is brought back.
        """
        if sentence := self.hindrance(armature_object, frame):
            raise Refusal(sentence)
        from .keys import keys_digest

        now = keys_digest(armature_object, self.before.written)
        if all(state.keys != now for state in self._matching(armature_object)):
            raise Refusal(
                f"Keys of '{armature_object.name}' have changed since the {self.settings.plural.lower()} "
                "were made; undo that, or make new ones"
            )
        if sentence := self.before.hindrance(armature_object):
            raise Refusal(f"{sentence}; make new {self.settings.plural.lower()}")
        self.before.restore(armature_object, keep_action=keep_action)

    def remember(self, armature_object: bpy.types.Object, index: int | None) -> None:
        """Add to the history how the armature stands now, with this alternative; None before any."""
        from .keys import keys_digest

        state = _Seen(index, standing(armature_object), keys_digest(armature_object, self.before.written))
        others = [s for s in self._seen if (s.index, s.keys) != (index, state.keys)]
        self._seen[:] = [state, *others]

    def _matching(self, armature_object: bpy.types.Object) -> list[_Seen]:
        """The states that the armature may be in, the latest first."""
        now = standing(armature_object)
        return [state for state in self._seen if is_same(now, state.standing)]


_held: Browsing | None = None
"""Of one press, the last."""


def browsing_of(
    armature_object: bpy.types.Object,
    frame: float,
    settings: Settings,
    written: Mapping[str, Iterable[str]],
    alternatives: tuple[Alternative, ...],
    remembered: Remembered,
) -> Browsing:
    """What there is to browse after a press that has not written anything yet.

    Args:
        armature_object: which they are for, as it stands.
        frame: scene frame.
        settings: what was asked for.
        written: bone -> the properties that taking one may write.
        alternatives: best first.
        remembered: the completion that they are from.
    """
    from .keys import Before
    from .known import named_rule

    rule, bones = named_rule(armature_object, settings.rule, settings.bones)
    settings = replace(settings, rule=rule, bones=bones)
    before = Before(armature_object, written)
    browsing = Browsing(armature_object.session_uid, frame, settings, before, alternatives, remembered)
    browsing.remember(armature_object, None)
    return browsing


def hold(browsing: Browsing) -> None:
    """Offer the alternatives of this press, in place of those of another one."""
    global _held  # noqa: PLW0603 - one is held, on purpose
    _held = browsing
    icons.show(browsing.remembered.pictures)


def held_for(armature_object: bpy.types.Object | None) -> Browsing | None:
    """What is held for an armature object."""
    if _held is None or armature_object is None or armature_object.session_uid != _held.armature:
        return None
    return _held


def held() -> Browsing | None:
    """What is held of the last press."""
    return _held


def forget() -> None:
    """The browsing is over."""
    global _held  # noqa: PLW0603 - as above
    _held = None
    icons.forget()
