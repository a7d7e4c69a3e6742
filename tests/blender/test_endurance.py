# SPDX-License-Identifier: GPL-3.0-or-later
"""A long day with the extension: memory stays flat, and nothing of what was switched off lives on.

A short day by default; ``make test-endurance`` has 100 reloads and 1,000 runs, and prints the memory.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path

import bpy
import addon_utils
import numpy as np
import pytest
import rigs

LONG = bool(os.environ.get("CONTRAPPOSTO_ENDURANCE"))
RELOADS, RUNS = (100, 1000) if LONG else (8, 20)
ALLOWED_MB = 20.0
"""What memory may have grown by from a quarter of the way to the end; buffers come and go by some."""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")


def memory_mb() -> float:
    """What this process holds of memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def tell(what: str, measured: list[float]) -> None:
    shown = ", ".join(f"{mb:.1f}" for mb in measured[:: max(1, len(measured) // 8)])
    sys.__stdout__.write(f"\n{what}: {shown} … {measured[-1]:.1f} MB\n")


def grown_mb(measured: list[float]) -> float:
    return measured[-1] - measured[len(measured) // 4]


def globals_of(extension: str) -> int:
    """How many modules of the extension are alive, also those that were replaced: what Blender still calls
    keeps the module that it is from."""
    gc.collect()
    names = (
        thing.get("__name__") for thing in gc.get_objects() if type(thing) is dict and "__builtins__" in thing
    )
    return sum(isinstance(name, str) and name.startswith(extension) for name in names)


def handlers() -> int:
    every = (getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers))
    return sum(len(calls) for calls in every if isinstance(calls, list))


def use(extension: str) -> None:
    """Draw into the view, keep alternatives and a completion."""
    rig = rigs.build()
    rigs.key(rig, "left_shoulder")
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    assert bpy.ops.contrapposto.show_naturalness() == {"FINISHED"}
    bpy.data.objects.remove(rig)


def test_switching_it_off_and_on_all_day_leaves_memory_flat(extension):
    before, measured = handlers(), []
    for _ in range(RELOADS):
        addon_utils.disable(extension)
        addon_utils.enable(extension)
        measured.append(memory_mb())
    tell(f"{RELOADS} times off and on", measured)
    assert grown_mb(measured) < ALLOWED_MB
    assert handlers() == before


@pytest.mark.skipif(
    bpy.app.version < (4, 5), reason="Blender 4.2 never lets go of a text property's callbacks"
)
def test_nothing_of_a_switched_off_extension_lives_on(extension):
    before, alive = handlers(), []
    for _ in range(RELOADS // 4):
        use(extension)
        addon_utils.disable(extension)
        for name in [name for name in sys.modules if name.startswith(extension)]:
            del sys.modules[name]
        addon_utils.enable(extension)
        alive.append(globals_of(extension))
    assert len(set(alive)) == 1, f"modules alive after each reload: {alive}"
    assert handlers() == before


def test_completing_poses_all_day_leaves_memory_flat(extension):
    rig = rigs.build()
    rng = np.random.default_rng(0)
    measured = []
    for run in range(RUNS):
        rig.animation_data_clear()
        rigs.key(rig, *rng.choice(["left_shoulder", "right_hip", "head", "spine2"], 2, replace=False))
        assert bpy.ops.contrapposto.complete_pose(seed=run, insert_keys=True) == {"FINISHED"}
        bpy.data.actions.remove(rig.animation_data.action)
        if run % 5 == 4:
            measured.append(memory_mb())
    tell(f"{RUNS} runs of Complete Pose", measured)
    assert grown_mb(measured) < ALLOWED_MB
    assert importlib.import_module(f"{extension}.addon.memory")._last is not None
