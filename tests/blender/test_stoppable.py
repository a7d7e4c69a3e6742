# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples that take long, in slices: the window sees how far it is, and Esc leaves nothing behind.

There are no events without a window: what Blender would call is called here.
"""

from __future__ import annotations

import importlib
import itertools
import threading
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

    def begin(destination, samples=4, **options):
        operator = Operator()
        context = types.SimpleNamespace(window_manager=Manager(), window=None, workspace=None)
        chosen = settings.SampleSettings(
            destination=settings.Destination(destination), hypotheses=samples, catalog="", **options
        )
        steps = sample.sampling_in_window(bpy.context, bpy.context.object, chosen)
        assert operator.begin(context, steps) == {"RUNNING_MODAL"}
        return operator, context

    return begin


def event(kind):
    return types.SimpleNamespace(type=kind, value="PRESS")


def go_on_until_something_is_made(operator, context):
    before = blocks()
    while blocks() == before:
        assert operator.modal(context, event("TIMER")) == {"RUNNING_MODAL"}


def go_on_to_the_end(operator, context):
    while (answer := operator.modal(context, event("TIMER"))) == {"RUNNING_MODAL"}:
        pass
    return answer


@pytest.fixture(autouse=True)
def one_step_a_tick(monkeypatch, extension):
    """Each tick does one step, however fast the machine is."""
    stoppable = importlib.import_module(f"{extension}.operators.stoppable")
    clock = itertools.count()
    clocked = types.SimpleNamespace(perf_counter=lambda: next(clock) * 0.05)
    monkeypatch.setattr(stoppable, "time", clocked)


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
    go_on_until_something_is_made(operator, context)
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
        go_on_until_something_is_made(operator, context)
        kind.remove(next(block for block in kind if block not in before))
        answer = operator.modal(context, event(ending))
        if answer == {"RUNNING_MODAL"}:
            answer = go_on_to_the_end(operator, context)
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
    operator.modal(context, event("TIMER"))
    rig.pose.bones["left_knee"].lock_rotation = (True, True, True)
    assert go_on_to_the_end(operator, context) == {"CANCELLED"}
    assert "The rotation of bone 'left_knee' is locked" in operator.reports[0]
    assert blocks() == before
    assert not context.window_manager.timers


def test_another_file_ends_it(press, extension):
    rigs.build()
    before = blocks()
    operator, context = press("GHOSTS")
    go_on_until_something_is_made(operator, context)
    operator.cancel(context)
    assert blocks() == before
    assert importlib.import_module(f"{extension}.addon.running").progress() is None


class Slow:
    """Samples that wait, each step until it is let go on, and remember which thread they are on."""

    def __init__(self, memory, monkeypatch):
        self.go = threading.Semaphore(0)
        self.threads = []
        quick = memory.sample_poses

        def sample_poses(pose, known, *, callback=None, **options):
            self.threads.append(threading.current_thread())
            for step in range(4):
                callback(step, 4)
                assert self.go.acquire(timeout=60)
            return quick(pose, known, **options)

        monkeypatch.setattr(memory, "sample_poses", sample_poses)


@pytest.fixture
def slow(prior, monkeypatch, extension):
    return Slow(importlib.import_module(f"{extension}.addon.memory"), monkeypatch)


@pytest.mark.parametrize("destination", ["POSE", "KEYS", "ASSETS", "GHOSTS"])
def test_the_window_lives_while_samples_are_solved_on_a_thread(destination, press, slow, extension):
    running = importlib.import_module(f"{extension}.addon.running")
    rig = rigs.build()
    pose = rigs.channels(rig)
    operator, context = press(destination)
    for _ in range(3):
        reached = running.progress()
        slow.go.release()
        while running.progress() == reached:
            assert operator.modal(context, event("TIMER")) == {"RUNNING_MODAL"}
        assert running.progress() > reached
        assert rigs.channels(rig) == pose
    slow.go.release()
    assert go_on_to_the_end(operator, context) == {"FINISHED"}
    assert len(slow.threads) == 1, "what the thread has solved is not solved again"
    assert slow.threads[0] is not threading.main_thread()


@pytest.mark.parametrize("destination", ["POSE", "KEYS", "ASSETS", "GHOSTS"])
def test_esc_while_samples_are_solved_ends_the_thread_and_changes_nothing(
    destination, press, slow, extension
):
    rig = rigs.build()
    before = rigs.dump(rig, extension)
    operator, context = press(destination)
    while not slow.threads:
        operator.modal(context, event("TIMER"))
    assert operator.modal(context, event("ESC")) == {"CANCELLED"}
    for _ in range(4):
        slow.go.release()
    slow.threads[0].join(60)
    assert not slow.threads[0].is_alive()
    assert rigs.dump(rig, extension) == before
    assert bpy.ops.contrapposto.sample_poses.poll()
    assert importlib.import_module(f"{extension}.addon.alternatives").held_for(rig) is None


def test_a_pose_that_changes_while_samples_are_solved_is_sampled_as_it_is_now(press, slow, extension):
    rig = rigs.build()
    operator, context = press("POSE", distance=0.5)
    while not slow.threads:
        operator.modal(context, event("TIMER"))
    rigs.turn(rig, "left_shoulder", (40, 0, 0))
    for _ in range(8):
        slow.go.release()
    assert go_on_to_the_end(operator, context) == {"FINISHED"}
    taken = rigs.channels(rig)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rig = rigs.build()
    rigs.turn(rig, "left_shoulder", (40, 0, 0))
    bpy.ops.contrapposto.sample_poses(samples=4, distance=0.5)
    assert rigs.channels(rig) == taken


def test_what_goes_wrong_on_the_thread_is_told(press, monkeypatch, extension):
    def fails(*arguments, **options):
        raise ValueError("too many legs")

    monkeypatch.setattr(importlib.import_module(f"{extension}.addon.memory"), "sample_poses", fails)
    rig = rigs.build()
    before = rigs.dump(rig, extension)
    operator, context = press("POSE")
    assert go_on_to_the_end(operator, context) == {"CANCELLED"}
    assert operator.reports == ["The pose of 'Rig' could not be sampled: too many legs"]
    assert rigs.dump(rig, extension) == before
    assert not context.window_manager.timers


@pytest.mark.parametrize("destination", ["POSE", "KEYS"])
def test_the_samples_of_a_press_in_a_window_are_those_of_one_go(destination, press, extension):
    made = []
    for in_window in (True, False):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build()
        if in_window:
            assert go_on_to_the_end(*press(destination)) == {"FINISHED"}
        else:
            bpy.ops.contrapposto.sample_poses(destination=destination, samples=4, catalog="")
        made.append(rigs.dump(rig, extension))
    assert made[0] == made[1]
