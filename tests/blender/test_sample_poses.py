# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample Poses on plain skeletons: into the current pose and along the timeline; what is never touched."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
import rigs

EXTRA = ("finger", "twist", "prop")


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


def press(**options):
    return bpy.ops.contrapposto.sample_poses(**options)


def changed(before: dict, after: dict) -> set[str]:
    return {bone for bone in after if after[bone] != before[bone]}


def generated_frames(rig, extension) -> set[float]:
    keys = rigs.curves(rig, extension)
    return {key[0] for points in keys.values() for key in points if key[-1] == "GENERATED"}


def test_with_nothing_keyed_the_whole_body_is_sampled(prior, extension):
    rig = rigs.build()
    before = rigs.channels(rig)
    assert press() == {"FINISHED"}
    assert changed(before, rigs.channels(rig)) == set(before) - {*EXTRA}
    assert not prior[0].joints.any()
    assert rigs.curves(rig, extension) == {}


def test_keyed_bones_stay_to_the_bit_and_so_do_their_keys(extension):
    rig = rigs.build()
    rigs.key(rig, "left_shoulder", "head")
    before, keys = rigs.channels(rig), rigs.curves(rig, extension)
    press()
    assert changed(before, rigs.channels(rig)) == set(before) - {"left_shoulder", "head", *EXTRA}
    assert rigs.curves(rig, extension) == keys


def test_selected_bones_can_be_kept_beside_keyed_ones(extension):
    rig = rigs.build()
    versions = importlib.import_module(f"{extension}.addon.versions")
    for bone in rig.pose.bones:
        versions.set_selected(bone, bone.name == "left_knee")
    rigs.key(rig, "head")
    before = rigs.channels(rig)
    press(kept_bones="KEYED_AND_SELECTED")
    assert changed(before, rigs.channels(rig)) == set(before) - {"head", "left_knee", *EXTRA}


def test_keeping_nothing_never_writes_over_a_bone_that_is_keyed(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match="Bone 'head' has a key on frame 1 that would change"):
        press(kept_bones="NONE")
    assert rigs.dump(rig, extension) == before


def test_stepping_through_the_samples_solves_once(prior, extension):
    rig = rigs.build()
    start = rigs.channels(rig)
    results = []
    for alternative in (1, 2, 1):
        rigs.restore(rig, start)
        press(alternative=alternative)
        results.append(rigs.channels(rig))
    assert len(prior) == 1
    assert results[0] == results[2] != results[1]
    rigs.restore(rig, start)
    press(distance=0.5)
    assert len(prior) == 2


def test_a_completion_is_not_taken_for_samples(prior, extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    start = rigs.channels(rig)
    press(diversity=0.0)
    rigs.restore(rig, start)
    bpy.ops.contrapposto.complete_pose()
    assert len(prior) == 2


def test_one_undo_takes_everything_back(extension):
    for options in (
        {"insert_keys": True},
        {"destination": "KEYS"},
        {"destination": "ASSETS"},
        {"destination": "GHOSTS"},
    ):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build()
        rigs.key(rig, "head")
        bpy.ops.ed.undo_push(message="before")
        before = rigs.dump(rig, extension)
        bpy.ops.contrapposto.sample_poses("EXEC_DEFAULT", True, samples=2, catalog="", **options)
        assert rigs.dump(bpy.data.objects["Rig"], extension) != before
        bpy.ops.ed.undo()
        assert rigs.dump(bpy.data.objects["Rig"], extension) == before


def test_samples_are_keyed_along_the_timeline_from_the_current_frame(extension):
    rig = rigs.build()
    bpy.context.scene.frame_set(5)
    assert press(destination="KEYS", samples=3, step=4) == {"FINISHED"}
    assert generated_frames(rig, extension) == {5.0, 9.0, 13.0}
    poses = []
    for frame in (5, 9, 13, 5):
        bpy.context.scene.frame_set(frame)
        poses.append(repr(rigs.channels(rig)))
    assert len(set(poses)) == 3
    assert poses[0] == poses[3]
    press(destination="KEYS", samples=3, step=4, seed=2)
    assert generated_frames(rig, extension) == {5.0, 9.0, 13.0}, "its own keys may be sampled anew"
    assert repr(rigs.channels(rig)) != poses[0]


def test_after_keying_the_pose_of_the_current_frame_is_shown(extension):
    rig = rigs.build()
    press(destination="KEYS", samples=2)
    shown = rigs.channels(rig)
    bpy.context.scene.frame_set(30)
    bpy.context.scene.frame_set(1)
    assert rigs.channels(rig) == shown


def test_a_key_on_a_later_frame_is_never_changed(extension):
    rig = rigs.build()
    rigs.key(rig, "left_knee", frame=11)
    bpy.context.scene.frame_set(1)
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match="Bone 'left_knee' has a key on frame 11 that would change"):
        press(destination="KEYS", samples=3, step=10)
    assert rigs.dump(rig, extension) == before
    assert press(destination="KEYS", samples=3, step=7) == {"FINISHED"}


def test_where_one_pose_takes_no_keys_none_is_left(monkeypatch, extension):
    rig = rigs.build()
    before = rigs.dump(rig, extension)
    keys = importlib.import_module(f"{extension}.addon.keys")
    errors = importlib.import_module(f"{extension}.addon.errors")
    insert, calls = keys.insert_keys, []

    def fail_on_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise errors.Refusal("no more")
        return insert(*arguments)

    monkeypatch.setattr(keys, "insert_keys", fail_on_third)
    with pytest.raises(RuntimeError, match="no more"):
        press(destination="KEYS", samples=4)
    assert rigs.dump(rig, extension) == before
    assert rig.animation_data is None


def test_the_distance_of_zero_leaves_the_pose(extension):
    rig = rigs.build()
    rigs.turn(rig, "left_shoulder", (40, 0, 0))
    bpy.context.view_layer.update()
    before = {bone.name: np.array(bone.matrix) for bone in rig.pose.bones}
    press(distance=0.0, keep_feet_on_floor=False)
    bpy.context.view_layer.update()
    for bone in rig.pose.bones:
        assert np.abs(np.array(bone.matrix) - before[bone.name]).max() < 1e-5


def test_everything_kept_is_told_in_a_sentence(extension):
    rig = rigs.build()
    rigs.key(rig, *rigs.SMPL)
    with pytest.raises(RuntimeError, match="Every mapped bone of 'Rig' has a key on frame 1"):
        press()


def test_the_function_and_the_button_give_the_same(extension):
    module = importlib.import_module(f"{extension}.addon.sample")
    results = []
    for call in (press, lambda: module.sample(bpy.context)):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build()
        call()
        results.append(rigs.channels(rig))
    assert results[0] == results[1]


def test_a_button_without_an_armature_says_why(extension):
    with pytest.raises(RuntimeError, match="Select an armature first"):
        press()


def loosen(rig):
    """Move a finger and a prop that have curves, without keying them."""
    for bone, paths in {"finger": ("rotation_quaternion",), "prop": ("location",)}.items():
        for path in paths:
            rig.pose.bones[bone].keyframe_insert(path, frame=40)
    rigs.turn(rig, "finger", (50, 0, 0))
    rig.pose.bones["prop"].location = (0.1, 0.2, 0.3)
    bpy.context.view_layer.update()
    return {name: rigs.channels(rig)[name] for name in ("finger", "prop")}


def test_bones_that_were_moved_and_have_no_key_stay_when_samples_are_keyed(extension):
    rig = rigs.build()
    bpy.context.scene.frame_set(5, subframe=0.25)
    loose = loosen(rig)
    assert press(destination="KEYS", samples=3) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert {name: rigs.channels(rig)[name] for name in loose} == loose
    assert bpy.context.scene.frame_current_final == 5.25


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_failed_press_leaves_older_generated_keys_and_the_pose(fails_at, monkeypatch, extension):
    rig = rigs.build()
    keys = importlib.import_module(f"{extension}.addon.keys")
    errors = importlib.import_module(f"{extension}.addon.errors")
    for frame, bone in ((1, "left_knee"), (11, "left_knee"), (11, "finger")):
        rigs.turn(rig, bone, (frame, 5, 0))
        keys.insert_keys(rig, {bone: ["rotation_quaternion"]}, frame)
    loosen(rig)
    before = rigs.dump(rig, extension)
    insert, calls = keys.insert_keys, []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == fails_at:
            raise errors.Refusal("no more")
        return insert(*arguments)

    monkeypatch.setattr(keys, "insert_keys", fail)
    with pytest.raises(RuntimeError, match="no more"):
        press(destination="KEYS", samples=4)
    bpy.context.view_layer.update()
    assert rigs.dump(rig, extension) == before
    assert len(calls) == fails_at


def test_samples_are_not_keyed_where_blender_plays_no_frame(extension):
    rig = rigs.build()
    bpy.context.scene.frame_set(1_048_570)
    before = rigs.dump(rig, extension)
    with pytest.raises(
        RuntimeError, match="would lie on frame 1050570, and Blender plays none after 1048574"
    ):
        press(destination="KEYS", samples=3, step=1000)
    bpy.context.view_layer.update()
    assert rigs.dump(rig, extension) == before


@pytest.mark.parametrize("floor", [True, False])
def test_samples_are_not_keyed_where_what_is_kept_moves_on(floor, extension):
    rig = rigs.build()
    rigs.key(rig, "head", frame=1)
    rigs.turn(rig, "head", (-30, 20, 0))
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=21)
    bpy.context.scene.frame_set(1)
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match=r"Bone 'head' is kept, but on frame 11 .* than on frame 1;"):
        press(destination="KEYS", samples=3, keep_feet_on_floor=floor)
    assert rigs.dump(rig, extension) == before
    assert press(destination="KEYS", samples=1, keep_feet_on_floor=floor) == {"FINISHED"}


def test_samples_are_not_keyed_where_the_floor_is_elsewhere(extension):
    rig = rigs.build()
    rig.keyframe_insert("location", frame=1)
    rig.location = (3, 0, 0)
    rig.keyframe_insert("location", frame=11)
    rig.location = (3, 0, 1)
    rig.keyframe_insert("location", frame=21)
    bpy.context.scene.frame_set(1)
    assert press(destination="KEYS", samples=2) == {"FINISHED"}
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match="'Rig' itself rises or tilts before frame 21"):
        press(destination="KEYS", samples=3)
    assert rigs.dump(rig, extension) == before
    assert press(destination="KEYS", samples=3, keep_feet_on_floor=False) == {"FINISHED"}


def test_samples_are_not_keyed_where_a_limb_changes_between_ik_and_fk(rigify_human, extension):
    limbs = importlib.import_module(f"{extension}.addon.rig").read_rig(rigify_human).limbs
    end, (owner, name) = next((end, limb.handle.switch) for end, limb in limbs.items() if limb.handle.switch)
    bone = rigify_human.pose.bones[owner]
    bpy.context.scene.frame_set(1)
    for frame, value in ((1, 0.0), (21, 1.0)):
        bone[name] = value
        bone.keyframe_insert(f'["{name}"]', frame=frame)
    bpy.context.scene.frame_set(1)
    before = rigs.dump(rigify_human, extension)
    said = f"The {end.replace('_', ' ')} of '.*' changes between IK and FK before frame 21"
    with pytest.raises(RuntimeError, match=said):
        press(destination="KEYS", samples=2, step=20)
    assert rigs.dump(rigify_human, extension) == before
