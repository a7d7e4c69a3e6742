# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories that happen in a window: ordering `hand.sh` to use mouse and keyboard, and waiting for it.

A story is a generator; Blender's timer goes on with it, tick by tick, so that the window lives meanwhile.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import bpy
import sidebar

Result = TypeVar("Result")
Story = Generator[None, None, Result]

FOLDER = Path("build/window/hand")
PATIENCE_SECONDS = 600.0
TICK_SECONDS = 0.03
AWAY = (500, 500)
"""Where the mouse covers nothing, and no button shows a tooltip."""

_orders = 0


def order(what: str) -> Story[float]:
    """Have the hand do something; when it was done, seconds since 1970."""
    global _orders  # noqa: PLW0603 - the hand counts, too
    _orders += 1
    sent, done = FOLDER / f"order-{_orders}.tmp", FOLDER / f"done-{_orders}.txt"
    sent.write_text(f"{what}\n", encoding="utf-8")
    sent.rename(FOLDER / f"order-{_orders}.txt")
    yield from until(done.exists, f"the hand to {what}")
    return float(done.read_text(encoding="utf-8"))


def until(is_true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> Story[None]:
    """Wait; a busy machine takes its time."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            message = f"waited {seconds:.0f} s for {what}"
            raise TimeoutError(message)
        yield


def pause(seconds: float) -> Story[None]:
    """Let the window go on, and panels that grow or shrink come to rest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def click(place: tuple[int, int]) -> Story[None]:
    """Click somewhere, and take the mouse away."""
    yield from order("click {} {}".format(*place))
    yield from order("move {} {}".format(*AWAY))


def photograph(path: Path, seconds: float = 3.0, crop: str = "") -> Story[None]:
    """Take the mouse away, let everything be drawn, and keep a picture of the screen, or of WxH+X+Y of it."""
    yield from order("move {} {}".format(*AWAY))
    for _ in range(2):
        for area in bpy.context.window_manager.windows[0].screen.areas:
            area.tag_redraw()
        yield from pause(seconds / 2)
    yield from order(f"shot {path} {crop}".strip())


def tell(folder: Path, what: Callable[[], Story[str]]) -> None:
    """Have a story told by Blender's timer; verdict.txt in the folder says what came of it.

    Args:
        folder: where the verdict goes, and a picture if the story ends early.
        what: the story; what it returns is said after "passed". An assertion that fails ends it.
    """

    def told() -> Story[None]:
        version = f"Blender {bpy.app.version_string}"
        try:
            yield from until(lambda: sidebar.view_3d()[2] is not None, "the window")
            found = yield from what()
            verdict = f"passed: {version}, {found}"
        except Exception as error:  # noqa: BLE001 - the verdict is where it is read
            traceback.print_exc()
            verdict = f"failed: {version}, {type(error).__name__}: {error}"
            yield from order(f"shot {folder / 'failed.png'}")
        (folder / "verdict.txt").write_text(verdict + "\n", encoding="utf-8")
        yield from order("end")

    telling = told()

    def tick() -> float | None:
        try:
            next(telling)
        except StopIteration:
            return None
        return TICK_SECONDS

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)
