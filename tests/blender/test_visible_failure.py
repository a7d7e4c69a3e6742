# SPDX-License-Identifier: GPL-3.0-or-later
"""An alternative that fails says so: in the report, in the status bar and in the sidebar."""

from __future__ import annotations

import importlib
from dataclasses import replace

import bpy
import numpy as np
import pytest
import rigs

from contrapposto.priors.pose import load
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES
from contrapposto.tasks.naturalness import naturalness

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


def test_only_joints_that_are_written_are_judged(module, monkeypatch, extension):
    memory = importlib.import_module(f"{extension}.addon.memory")
    complete_pose, asked = memory.complete_pose, []

    def spy(pose, known, **options):
        asked.append(options["present"])
        return complete_pose(pose, known, **options)

    monkeypatch.setattr(memory, "complete_pose", spy)
    toes = {"left_foot", "right_foot"}
    rig = rigs.build({joint: bone for joint, bone in rigs.SMPL.items() if joint not in toes})
    rigs.key(rig, *KEYED)
    report = module.complete(bpy.context, rig)
    judged = {joint for joint, present in zip(JOINT_NAMES, asked[0], strict=True) if present}
    assert judged == set(report.completed) == set(JOINT_NAMES) - toes - set(KEYED)


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


@pytest.fixture
def said(extension):
    """What the sidebar says of the rig on the current frame."""
    told = importlib.import_module(f"{extension}.addon.told")

    def said():
        bpy.context.view_layer.update()
        rig = bpy.data.objects["Rig"]
        return told.last_warning(rig, bpy.context.scene.frame_current_final)

    return said


def test_the_sidebar_shows_the_warning_on_its_frame_until_the_next_press(module, broken, said):
    broken(8)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    warning = module.complete(bpy.context, rig).warning
    assert said() == warning != ""
    bpy.context.scene.frame_set(2)
    assert said() is None
    bpy.context.scene.frame_set(1)
    assert said() == warning
    broken(0)
    module.complete(bpy.context, rig)
    assert said() == ""


@pytest.mark.parametrize("insert_keys", [False, True])
def test_what_is_said_holds_for_keys_that_were_inserted_and_for_loose_bones(module, said, insert_keys):
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    module.complete(bpy.context, rig, module.Settings(insert_keys=insert_keys))
    bpy.context.scene.frame_set(7)
    bpy.context.scene.frame_set(1)
    assert said() is not None


def test_nothing_is_said_of_a_pose_that_is_another_one_by_now(module, broken, said):
    broken(8)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    module.complete(bpy.context, rig)
    rigs.key(rig, "left_knee")
    assert said() is None


def test_nothing_is_said_after_an_undo_and_the_same_after_a_redo(broken, said):
    broken(8)
    rigs.key(rigs.build(), *KEYED)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.contrapposto.complete_pose("EXEC_DEFAULT", True)
    warning = said()
    assert warning
    bpy.ops.ed.undo()
    assert said() is None
    bpy.ops.ed.redo()
    assert said() == warning


def test_what_is_said_of_a_pose_stays_after_a_press_that_was_refused(module, broken, said, extension):
    errors = importlib.import_module(f"{extension}.addon.errors")
    broken(8)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    warning = module.complete(bpy.context, rig).warning
    rig.pose.bones["left_knee"].lock_rotation[0] = True
    with pytest.raises(errors.Refusal, match="is locked"):
        module.complete(bpy.context, rig)
    assert said() == warning != ""


def test_the_naturalness_is_that_of_the_pose_on_the_rig(module, extension):
    read_rig = importlib.import_module(f"{extension}.addon.rig").read_rig
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    completed = module.complete(bpy.context, rig).naturalness
    assert completed == pytest.approx(float(naturalness(read_rig(rig).pose.rotations).percentile), abs=0.1)
    rigs.turn(rig, "left_knee", (-120, 40, 0))
    broken = module.complete(bpy.context, rig, module.Settings(strength=0)).naturalness
    assert broken < completed / 4


def test_weights_that_do_not_know_how_natural_poses_are_say_nothing_of_it(module, monkeypatch, extension):
    prior = replace(load(), calibration={})
    solving = importlib.import_module(f"{extension}.addon.solving")
    monkeypatch.setattr(solving, "own_prior", lambda _weights: prior)
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    assert module.complete(bpy.context, rig).naturalness is None
