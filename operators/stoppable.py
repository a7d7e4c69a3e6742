# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that takes long, in slices of time while the window lives and shows how far it is; Esc stops it."""

from __future__ import annotations

import time
from typing import Any

import bpy

from ..addon import running
from ..addon.errors import Refusal
from ..addon.steps import Steps, Waiting

_TICK_SECONDS = 0.1
_SLICE_SECONDS = 0.08


class Run:
    """Steps in slices of time.

    Attributes:
        fraction: how much is done.
        outcome: what came of it, once everything is done.
    """

    def __init__(self, steps: Steps[Any]) -> None:
        self.fraction = 0.0
        self.outcome: Any = None
        self._steps = steps

    def go_on(self, seconds: float) -> bool:
        """Go on for about so long, or until only another thread can; whether everything is done.

        Raises:
            Refusal: if it cannot be done; nothing has changed then.
        """
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            try:
                self.fraction = next(self._steps)
            except StopIteration as end:
                self.outcome = end.value
                return True
            if isinstance(self.fraction, Waiting):
                return False
        return False

    def stop(self) -> None:
        """Give up; what was begun is taken back. Harmless once everything is done."""
        self._steps.close()


class Stoppable:
    """The modal part of an operator; it has ``tell``, which says what came of the work."""

    @classmethod
    def is_free(cls) -> bool:
        """Whether nothing is being done, for ``poll``; else says what."""
        if running.progress() is not None:
            cls.poll_message_set(f"{running.what()} is at work; press Esc to stop it")
            return False
        return True

    def begin(self, context: bpy.types.Context, steps: Steps[Any]) -> set[str]:
        """Start; what ``invoke`` gives back."""
        self._run = Run(steps)
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        running.begin(self.bl_label)
        self._shown = ""
        self._show(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Go on for a moment at each tick; everything else waits."""
        if event.type == "ESC" and event.value == "PRESS":
            self._leave(context)
            self.report({"INFO"}, "Stopped; nothing has changed")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}
        try:
            is_done = self._run.go_on(_SLICE_SECONDS)
        except Refusal as refusal:
            self._leave(context)
            self.report({"ERROR"}, str(refusal))
            return {"CANCELLED"}
        except BaseException:
            self._leave(context)
            raise
        running.set_progress(self._run.fraction)
        self._show(context)
        if not is_done:
            return {"RUNNING_MODAL"}
        self._leave(context)
        return self.tell(self._run.outcome)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator, as on loading another file."""
        self._leave(context)

    def _show(self, context: bpy.types.Context) -> None:
        text = f"{self.bl_label} {self._run.fraction:.0%}, Esc to stop"
        if text == self._shown:  # drawing takes time from what is drawn
            return
        self._shown = text
        if context.workspace is not None:
            context.workspace.status_text_set(text)
        _redraw_sidebars(context)

    def _leave(self, context: bpy.types.Context) -> None:
        """Set the window free first: whatever stopping runs into, the next job can begin."""
        running.end()
        context.window_manager.event_timer_remove(self._timer)
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        _redraw_sidebars(context)
        self._run.stop()


def _redraw_sidebars(context: bpy.types.Context) -> None:
    """Draw the sidebars of the 3D views anew, and nothing that takes longer."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    region.tag_redraw()
