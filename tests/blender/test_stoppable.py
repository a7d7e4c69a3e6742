# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples that take long, in slices: the window sees how far it is, and Esc leaves nothing behind.

There are no events without a window: what Blender would call is called here.
"""

from __future__ import annotations

import importlib
import types

import bpy
import pytest
import rigs

BLOCKS = ("objects", "meshes", "materials", "collections", "actions")


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


def blocks() -> dict:
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in BLOCKS}


class Manager:
    """A window manager that keeps count of timers."""

    windows = ()

    def __init__(self):
        self.timers = []

    def event_timer_add(self, seconds, window=None):  # noqa: ARG002 - Blender asks for it
        self.timers.append(seconds)
        return seconds

    def event_timer_remove(self, timer):
        self.timers.remove(timer)

    def modal_handler_add(self, operator):
        pass


@pytest.fixture
def press(extension):
    """Begin, as the button does in a window; the operator, and a context that it may be called with."""
    stoppable = importlib.import_module(f"{extension}.operators.stoppable")
    operators = importlib.import_module(f"{extension}.operators.sample_poses")
    sample = importlib.import_module(f"{extension}.addon.sample")
    settings = importlib.import_module(f"{extension}.addon.sample_settings")

    class Operator(stoppable.Stoppable):
        bl_label = "Sample Poses"

        def __init__(self):
            self.reports = []

        def report(self, *what):
            self.reports.append(what[-1])

        def tell(self, report):
            self.reports.append(report.sentence)
            return {"FINISHED"}

    def begin(destination, **options):
        operator = Operator()
        context = types.SimpleNamespace(window_manager=Manager(), window=None, workspace=None)
        chosen = settings.SampleSettings(
            destination=settings.Destination(destination), hypotheses=4, catalog="", **options
        )
        steps = sample.sampling(bpy.context, bpy.context.object, chosen, browse=True)
        assert operator.begin(context, operators._Run(steps)) == {"RUNNING_MODAL"}
        return operator, context

    return begin


def event(kind):
    return types.SimpleNamespace(type=kind, value="PRESS")


@pytest.fixture(autouse=True)
def one_step_a_tick(monkeypatch, extension):
    """Each tick does one step, however fast the machine is."""
    operators = importlib.import_module(f"{extension}.operators.sample_poses")
    clock = iter(range(100_000))
    monkeypatch.setattr(operators.time, "perf_counter", lambda: next(clock) * 0.05)


@pytest.mark.parametrize("destination", ["ASSETS", "GHOSTS"])
def test_samples_in_slices_are_those_of_one_go(destination, press, extension):
    running = importlib.import_module(f"{extension}.addon.running")
    rig = rigs.build()
    before, pose = blocks(), rigs.channels(rig)
    operator, context = press(destination)
    seen = []
    while True:
        assert rigs.channels(rig) == pose
        answer = operator.modal(context, event("TIMER"))
        if answer != {"RUNNING_MODAL"}:
            break
        seen.append(running.progress("Sample Poses"))
        assert operator.modal(context, event("MOUSEMOVE")) == {"RUNNING_MODAL"}
    assert answer == {"FINISHED"}
    assert seen == sorted(seen)
    assert len(set(seen)) >= 4
    assert not context.window_manager.timers
    assert running.progress() is None
    made = blocks()
    assert made != before
    assert importlib.import_module(f"{extension}.addon.alternatives").held_for(rig) is not None
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rigs.build()
    bpy.ops.contrapposto.sample_poses(destination=destination, samples=4, catalog="")
    assert blocks() == made


@pytest.mark.parametrize("destination", ["ASSETS", "GHOSTS"])
def test_esc_leaves_nothing_behind(destination, press, extension):
    running = importlib.import_module(f"{extension}.addon.running")
    rig = rigs.build()
    before, pose = blocks(), rigs.channels(rig)
    operator, context = press(destination)
    for _ in range(4):
        operator.modal(context, event("TIMER"))
    assert blocks() != before
    assert not bpy.ops.contrapposto.sample_poses.poll()
    assert operator.modal(context, event("ESC")) == {"CANCELLED"}
    assert operator.reports == ["Stopped; nothing has changed"]
    assert blocks() == before
    assert rigs.channels(rig) == pose
    assert not context.window_manager.timers
    assert running.progress() is None
    assert importlib.import_module(f"{extension}.addon.alternatives").held_for(rig) is None


REMOVED = {"ASSETS": "actions", "GHOSTS": "objects"}


@pytest.mark.parametrize("destination", REMOVED)
def test_what_is_removed_meanwhile_is_in_nobodys_way(destination, press, extension):
    rigs.build()
    kind = getattr(bpy.data, REMOVED[destination])
    before = set(kind)
    for ending in ("ESC", "TIMER"):
        operator, context = press(destination)
        for _ in range(4):
            operator.modal(context, event("TIMER"))
        kind.remove(next(block for block in kind if block not in before))
        while (answer := operator.modal(context, event(ending))) == {"RUNNING_MODAL"}:
            pass
        assert len(operator.reports) == 1
        assert not context.window_manager.timers
        if ending == "ESC":
            assert set(kind) == before
    assert answer == {"FINISHED"}
    assert importlib.import_module(f"{extension}.addon.running").progress() is None


def test_even_if_stopping_fails_the_next_job_can_begin(press, extension):
    rigs.build()
    operator, context = press("GHOSTS")

    def fail():
        raise ReferenceError("gone")

    operator._run.stop = fail
    with pytest.raises(ReferenceError):
        operator.modal(context, event("ESC"))
    assert not context.window_manager.timers
    assert importlib.import_module(f"{extension}.addon.running").progress() is None
    assert bpy.ops.contrapposto.sample_poses.poll()


def test_a_refusal_on_the_way_is_told_and_leaves_nothing_behind(press, extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = blocks()
    operator, context = press("GHOSTS", mirrored=True)
    answer = {"RUNNING_MODAL"}
    while answer == {"RUNNING_MODAL"}:
        rig.pose.bones["left_knee"].lock_rotation = (True, True, True)
        answer = operator.modal(context, event("TIMER"))
    assert answer == {"CANCELLED"}
    assert "The rotation of bone 'left_knee' is locked" in operator.reports[0]
    assert blocks() == before
    assert not context.window_manager.timers


def test_another_file_ends_it(press, extension):
    rigs.build()
    before = blocks()
    operator, context = press("GHOSTS")
    for _ in range(4):
        operator.modal(context, event("TIMER"))
    operator.cancel(context)
    assert blocks() == before
    assert importlib.import_module(f"{extension}.addon.running").progress() is None
