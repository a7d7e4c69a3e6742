# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences say what there is to compute on, and the graphics card is asked for, never assumed."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import threading
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
    monkeypatch.setattr(module, "_tried", None)
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
    assert any("not tried yet" in sentence for sentence in device.found())
    with pytest.raises(RuntimeError, match="finds no graphics card"):
        press()
    assert any("no card that it can use" in sentence for sentence in device.found())


def test_with_a_card_the_prior_is_moved_there_once(preferences, device, extension, monkeypatch):
    give_torch(monkeypatch, card=True)
    preferences.device = "GPU"
    assert press() == {"FINISHED"}
    assert any("cuda" in sentence for sentence in device.found())
    (held,) = device._moved.values()
    assert bpy.ops.contrapposto.complete_pose(seed=1) == {"FINISHED"}
    assert next(iter(device._moved.values()))[1] is held[1]


def test_a_broken_torch_is_told_as_that_and_not_as_damaged_weights(preferences, device, monkeypatch):
    for fault in (OSError("libcudart.so: not found\nat length"), ImportError("no module named torch._C")):

        def fail(fault=fault):
            raise fault

        torch = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=fail))
        monkeypatch.setitem(sys.modules, "torch", torch)
        preferences.device = "GPU"
        with pytest.raises(RuntimeError, match=r"torch is there but does not work \((libc|no m)") as told:
            press()
        assert "weights" not in str(told.value)
        assert "at length" not in str(told.value)
        assert "choose the processor" in str(told.value)


FAULTS = {
    RuntimeError("CUDA out of memory"): "the graphics card gave up",
    ImportError("no nvrtc"): "the graphics card gave up",
    MemoryError(): "there is not enough memory",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_goes_wrong_on_the_card_is_told_in_one_sentence(
    fault, preferences, device, extension, monkeypatch
):
    give_torch(monkeypatch, card=True)
    preferences.device = "GPU"

    def fails(*arguments, **options):
        raise fault

    memory, denoise = (importlib.import_module(f"{extension}.addon.{name}") for name in ("memory", "denoise"))
    memory.forget()
    monkeypatch.setattr(memory, "complete_pose", fails)
    with pytest.raises(RuntimeError, match=f"'Rig' could not be completed: {FAULTS[fault]}"):
        press()
    rig = rigs.build()
    for frame in (1, 5, 9):
        rigs.key(rig, "left_shoulder", "head", frame=frame)
    with pytest.raises(denoise.Refusal, match=f"could not be denoised: {FAULTS[fault]}"):
        denoise.denoise(bpy.context, rig, solve=fails)


def test_torch_is_imported_where_the_work_is_done(preferences, device, extension, monkeypatch):
    give_torch(monkeypatch, card=True)
    preferences.device = "GPU"
    threads = []
    monkeypatch.setattr(device, "_card", lambda: threads.append(threading.current_thread()) or "cuda")
    module = importlib.import_module(f"{extension}.addon.sample")
    settings = importlib.import_module(f"{extension}.addon.sample_settings")
    chosen = settings.SampleSettings(hypotheses=2, device="GPU")
    steps = module.sampling_in_window(bpy.context, rigs.build(), chosen)
    for _ in steps:
        pass
    assert threads
    assert threading.main_thread() not in threads


def test_the_log_level_is_that_of_the_preferences(preferences, extension):
    logger = logging.getLogger(extension)
    for level in ("INFO", "DEBUG", "WARNING"):
        preferences.log_level = level
        assert logger.level == getattr(logging, level)
    assert sum(type(handler) is logging.StreamHandler for handler in logger.handlers) == 1
