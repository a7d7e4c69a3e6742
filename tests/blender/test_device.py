# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences say what there is to compute on, and the graphics card is asked for, never assumed."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import types

import bpy
import numpy as np
import pytest
import rigs


@pytest.fixture
def preferences(extension):
    chosen = bpy.context.preferences.addons[extension].preferences
    yield chosen
    chosen.device = "CPU"
    chosen.log_level = "WARNING"


@pytest.fixture
def device(extension, monkeypatch):
    module = importlib.import_module(f"{extension}.addon.device")
    module.forget()
    yield module
    module.forget()


def give_torch(monkeypatch, *, card: bool) -> None:
    """A stand-in that makes NumPy arrays where torch would make its own."""
    torch = types.SimpleNamespace(
        cuda=types.SimpleNamespace(is_available=lambda: card),
        backends=types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: False)),
        zeros=lambda shape, device: np.zeros(shape, dtype=np.float32),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)


def take_torch(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))


def press() -> set[str]:
    rigs.key(rigs.build(), "left_shoulder")
    return bpy.ops.contrapposto.complete_pose()


def test_the_processor_is_the_default_and_needs_no_torch(preferences, monkeypatch):
    take_torch(monkeypatch)
    assert preferences.device == "CPU"
    assert press() == {"FINISHED"}
    assert "torch" not in sys.modules


def test_without_torch_the_preferences_say_how_to_get_it(preferences, device, monkeypatch):
    take_torch(monkeypatch)
    assert any("torch is missing" in sentence for sentence in device.found())
    assert preferences.torch_command.startswith(f'"{sys.executable}" -m pip install --target ')
    folder = preferences.torch_command.split('"')[3]
    probe = f"import bpy, sys, os; print({folder!r} in sys.path, flush=True); os._exit(0)"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.endswith("True\n")  # Blender looks for packages where the command puts them


def test_the_graphics_card_without_torch_is_refused_in_one_sentence(preferences, device, monkeypatch):
    take_torch(monkeypatch)
    preferences.device = "GPU"
    with pytest.raises(RuntimeError, match="needs torch, which this Blender lacks"):
        press()


def test_torch_without_a_card_is_refused_in_one_sentence(preferences, device, monkeypatch):
    give_torch(monkeypatch, card=False)
    preferences.device = "GPU"
    assert any("no card that it can use" in sentence for sentence in device.found())
    with pytest.raises(RuntimeError, match="finds no graphics card"):
        press()


def test_with_a_card_the_prior_is_moved_there_once(preferences, device, extension, monkeypatch):
    give_torch(monkeypatch, card=True)
    assert any("cuda" in sentence for sentence in device.found())
    preferences.device = "GPU"
    assert press() == {"FINISHED"}
    (held,) = device._moved.values()
    assert bpy.ops.contrapposto.complete_pose(seed=1) == {"FINISHED"}
    assert next(iter(device._moved.values()))[1] is held[1]


def test_the_log_level_is_that_of_the_preferences(preferences, extension):
    logger = logging.getLogger(extension)
    for level in ("INFO", "DEBUG", "WARNING"):
        preferences.log_level = level
        assert logger.level == getattr(logging, level)
    assert sum(type(handler) is logging.StreamHandler for handler in logger.handlers) == 1
