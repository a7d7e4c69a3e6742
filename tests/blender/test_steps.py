# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in small steps: what is stopped between two of them cleans up at once."""

from __future__ import annotations

import importlib
import threading

import pytest


@pytest.fixture
def steps(extension):
    return importlib.import_module(f"{extension}.addon.steps")


def working(closed: list):
    try:
        yield 0.0
        yield 0.5
    finally:
        closed.append(True)
    return "done"


def test_steps_within_others_are_closed_with_them(steps):
    closed = []
    inner = working(closed)
    outer = steps.within(inner, 0.0, 0.5)
    assert next(outer) == 0.0
    outer.close()
    assert closed == [True]


def test_steps_within_others_scale_progress_and_return_the_same(steps):
    returned = []

    def whole():
        returned.append((yield from steps.within(working([]), 0.5, 1.0)))

    assert list(whole()) == [0.5, 0.75]
    assert returned == ["done"]


def test_work_on_a_thread_tells_how_far_it_is_and_returns_its_result(steps):
    go, here = threading.Event(), []

    def work(progress):
        here.append(threading.current_thread())
        progress(0.5)
        go.wait()
        return "done"

    running = steps.on_thread(work)
    while (step := next(running)) < 0.5:
        assert isinstance(step, steps.Waiting)
    go.set()
    returned = []

    def whole():
        returned.append((yield from steps.within(running, 0.5, 1.0)))

    assert all(isinstance(step, steps.Waiting) and step == 0.75 for step in whole())
    assert returned == ["done"]
    assert here != [threading.current_thread()]


def test_an_error_of_work_on_a_thread_is_raised_where_it_is_waited_for(steps):
    def work(progress):
        raise ArithmeticError("no")

    with pytest.raises(ArithmeticError, match="no"):
        list(steps.on_thread(work))


def test_work_that_begins_while_stopped_work_still_ends_waits_for_it(steps):
    order, go = [], threading.Event()

    def first(progress):
        progress(0.1)
        go.wait()
        order.append("first ends")

    def second(progress):
        order.append("second begins")

    stopped = steps.on_thread(first)
    while next(stopped) < 0.1:
        pass
    stopped.close()
    waiting = steps.on_thread(second)
    assert [next(waiting) for _ in range(3)] == [0, 0, 0]
    assert not order
    go.set()
    list(waiting)
    assert order == ["first ends", "second begins"]


def test_work_that_waits_for_stopped_work_can_be_stopped_itself(steps):
    go, begun = threading.Event(), []
    stopped = steps.on_thread(lambda progress: (progress(0.1), go.wait()))
    while next(stopped) < 0.1:
        pass
    stopped.close()
    waiting = steps.on_thread(lambda progress: begun.append(True))
    next(waiting)
    waiting.close()
    steps._latest.join(60)
    assert not steps._latest.is_alive()
    go.set()
    assert not begun


def test_work_on_a_thread_that_is_closed_ends_when_it_next_tells(steps):
    threads, go = [], threading.Event()

    def work(progress):
        threads.append(threading.current_thread())
        progress(0.1)
        go.wait()
        progress(0.2)
        threads.append("went on")

    running = steps.on_thread(work)
    while next(running) < 0.1:
        pass
    running.close()
    go.set()
    threads[0].join(60)
    assert not threads[0].is_alive()
    assert len(threads) == 1


def test_samples_come_in_order_a_few_hundred_at_a_time(steps):
    chunks = list(steps.chunks(600))
    assert [number for chunk in chunks for number in chunk] == list(range(600))
    assert max(len(chunk) for chunk in chunks) < 300
    assert not list(steps.chunks(0))
