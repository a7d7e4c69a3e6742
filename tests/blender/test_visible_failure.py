# SPDX-License-Identifier: GPL-3.0-or-later
"""An alternative that fails says so: in the report, in the status bar and in the sidebar."""

from __future__ import annotations

import importlib
from dataclasses import replace

import bpy
import numpy as np
import pytest
import rigs

from contrapposto.skeleton import JOINT_INDEX

KEYED = ("pelvis", "spine1", "head")


@pytest.fixture
def module(extension):
    """What the button calls, with nothing in memory."""
    importlib.import_module(f"{extension}.addon.memory").forget()
    return importlib.import_module(f"{extension}.addon.complete")


@pytest.fixture
def broken(extension, monkeypatch):
    """Lets core say that the left elbow of the last alternatives is bent too far."""
    memory = importlib.import_module(f"{extension}.addon.memory")
    complete_pose = memory.complete_pose

    def breaking(count: int) -> None:
        def broken_pose(pose, known, **options):
            completion = complete_pose(pose, known, **options)
            excess = np.zeros_like(completion.beyond_deg)
            excess[len(excess) - count :, JOINT_INDEX["left_elbow"]] = 25.0
            return replace(completion, beyond_deg=excess)

        memory.forget()
        monkeypatch.setattr(memory, "complete_pose", broken_pose)

    return breaking


def test_a_joint_bent_too_far_is_named_with_its_bone_and_a_way_out(module, broken):
    broken(3)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    report = module.complete(bpy.context, rig, module.Settings(alternative=7))
    assert report.bent_too_far == {"left_elbow": 25.0}
    assert report.failing == 3
    assert report.sentence.endswith("(alternative 7 of 8, the last 3 failing)")
    assert report.warning == (
        "The left elbow ('left_elbow') is turned 25 degrees further than a body can; "
        "take one of the first 5 alternatives"
    )


def test_a_sound_alternative_of_a_set_with_failing_ones_warns_of_nothing(module, broken):
    broken(3)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    report = module.complete(bpy.context, rig, module.Settings(alternative=1))
    assert not report.bent_too_far
    assert report.warning == ""
    assert report.failing == 3


def test_where_every_alternative_fails_the_way_out_is_another(module, broken):
    broken(8)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    assert module.complete(bpy.context, rig).warning.endswith(
        "move what is keyed near it, or try another seed"
    )


def test_an_alternative_that_misses_only_a_direction_says_so(module, monkeypatch, extension):
    memory = importlib.import_module(f"{extension}.addon.memory")
    complete_pose = memory.complete_pose

    def turned_pose(pose, known, **options):
        completion = complete_pose(pose, known, **options)
        return replace(completion, target_deg=np.full_like(completion.target_deg, 14.2))

    monkeypatch.setattr(memory, "complete_pose", turned_pose)
    rig = rigs.build()
    for bone in rig.data.bones:
        bone.use_inherit_rotation = bone.name != "left_shoulder"
    rigs.key(rig, "left_shoulder", "head")
    report = module.complete(bpy.context, rig)
    assert (report.failing, report.unreachable) == (8, {})
    assert report.short_of_turn == {"left_shoulder": pytest.approx(14.2)}
    assert report.warning.startswith("The body stays 14 degrees short of the turn of 'left_shoulder'; ")


def test_the_sidebar_shows_the_warning_on_its_frame_until_the_next_press(module, broken, extension):
    told = importlib.import_module(f"{extension}.addon.told")
    broken(8)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    warning = module.complete(bpy.context, rig).warning
    frame = bpy.context.scene.frame_current
    assert told.last_warning(rig, frame) == warning != ""
    assert told.last_warning(rig, frame + 1) == ""
    broken(0)
    module.complete(bpy.context, rig)
    assert told.last_warning(rig, frame) == ""
