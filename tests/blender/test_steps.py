# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in small steps: what is stopped between two of them cleans up at once."""

from __future__ import annotations

import importlib

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
