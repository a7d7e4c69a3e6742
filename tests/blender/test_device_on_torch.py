# SPDX-License-Identifier: GPL-3.0-or-later
"""With a real torch, which computes on the processor here: a press does what it does with NumPy."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

import bpy
import numpy as np
import pytest
import rigs

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None,
    reason="this Blender's Python has no torch; `make test-window STAGES=torch` has one",
)

TOLERANCE_DEG = 0.5


@pytest.fixture
def device(extension, monkeypatch):
    """torch's processor stands for the card, so that everything but the card itself is real."""
    module = importlib.import_module(f"{extension}.addon.device")
    module.forget()
    monkeypatch.setattr(module, "_card", lambda: "cpu")
    preferences = bpy.context.preferences.addons[extension].preferences

    def choose(name):
        importlib.import_module(f"{extension}.addon.memory").forget()
        preferences.device = name

    yield choose
    choose("CPU")
    module.forget()


def turns(rig) -> np.ndarray:
    """(B, 3, 3) how each bone stands in the armature."""
    bpy.context.view_layer.update()
    return np.array([np.array(bone.matrix)[:3, :3] for bone in rig.pose.bones])


def apart_deg(one: np.ndarray, other: np.ndarray) -> float:
    """The largest angle between two sets of rotations, from how far they are apart."""
    chord = np.linalg.norm(one - other, axis=(-2, -1)).max() / np.sqrt(2)
    return float(np.degrees(2 * np.arcsin(min(1.0, chord / 2))))


def test_complete_pose_on_torch_is_that_of_numpy(device, extension):
    found = []
    for name in ("CPU", "GPU"):
        device(name)
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build()
        rigs.key(rig, "left_shoulder", "right_hip")
        before = turns(rig)
        assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
        found.append(turns(rig))
        assert apart_deg(found[-1], before) > 5
    assert apart_deg(*found) < TOLERANCE_DEG
    held = importlib.import_module(f"{extension}.addon.device").held()
    assert type(held[0].mean).__module__.startswith("torch")


def test_denoise_mocap_on_torch_is_that_of_numpy(device, extension):
    found = []
    for name in ("CPU", "GPU"):
        device(name)
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build()
        random = np.random.default_rng(0)
        for frame in range(1, 41):
            for bone in ("left_shoulder", "right_hip", "spine2"):
                rigs.turn(rig, bone, tuple(20 + 4 * random.normal(size=3)))
                rig.pose.bones[bone].keyframe_insert(rigs.rotation_path(rig.pose.bones[bone]), frame=frame)
        assert bpy.ops.contrapposto.denoise_mocap() == {"FINISHED"}
        bpy.context.scene.frame_set(20)
        found.append(turns(rig))
    assert apart_deg(*found) < TOLERANCE_DEG


def test_the_preferences_say_that_torch_was_found(device, extension):
    module = importlib.import_module(f"{extension}.addon.device")
    assert any("torch" in sentence and "found" in sentence for sentence in module.found())
