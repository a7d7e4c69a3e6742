# SPDX-License-Identifier: GPL-3.0-or-later
"""The alternatives of a press, browsed: taken one after another, kept or discarded, never solved twice."""

from __future__ import annotations

import importlib
import math
import types
from dataclasses import replace

import bpy
import numpy as np
import pytest
import rigs
from mathutils import Euler

from contrapposto.motion import Pose
from contrapposto.skeleton import JOINT_INDEX

ops = bpy.ops.contrapposto
PRESSES = ("complete_pose", "sample_poses")


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


@pytest.fixture
def held(extension):
    """What is held for an armature object."""
    return importlib.import_module(f"{extension}.addon.alternatives").held_for


def rig_with_key():
    rig = rigs.build()
    rigs.key(rig, "left_shoulder", "head")
    return rig


def take(number, *undo):
    return ops.take_alternative("EXEC_DEFAULT", *undo, number=number)


def taken(held, rig):
    return held(rig).taken(rig)


def hindrance(held, rig):
    return held(rig).hindrance(rig, bpy.context.scene.frame_current_final)


@pytest.mark.parametrize("insert_keys", [False, True])
@pytest.mark.parametrize("press", PRESSES)
def test_an_alternative_that_is_taken_is_what_the_press_itself_gives(press, insert_keys, prior, extension):
    rig = rig_with_key()
    start, keys = rigs.channels(rig), rigs.curves(rig, extension)
    getattr(ops, press)(alternative=3, insert_keys=insert_keys)
    wanted = rigs.dump(rig, extension)
    ops.discard_alternatives()
    assert (rigs.channels(rig), rigs.curves(rig, extension)) == (start, keys)
    getattr(ops, press)(insert_keys=insert_keys)
    for number in (2, 5, 3):
        assert take(number) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert rigs.dump(rig, extension) == wanted
    assert len(prior) == 1


@pytest.mark.parametrize("press", PRESSES)
def test_on_a_control_rig_taking_and_discarding_are_exact_and_nothing_is_solved_twice(
    press, prior, rigify_human, extension
):
    rig = rigify_human
    rig.pose.bones["hand_ik.L"].location = (0.1, -0.2, 0.3)
    for bone in ("hand_ik.L", "torso"):
        rig.pose.bones[bone].keyframe_insert("location", frame=1)
    bpy.context.view_layer.update()
    before = rigs.dump(rig, extension)
    getattr(ops, press)(insert_keys=True)
    first = rigs.dump(rig, extension)
    for number in (4, 2, 1):
        take(number)
    assert rigs.dump(rig, extension) == first != before
    take(7)
    ops.discard_alternatives()
    assert rigs.dump(rig, extension) == before
    assert len(prior) == 1


def test_keyed_bones_stay_to_the_bit_whatever_is_taken(extension):
    rig = rig_with_key()
    keyed = {name: rigs.channels(rig)[name] for name in ("left_shoulder", "head", "finger", "twist", "prop")}
    keys = rigs.curves(rig, extension)
    ops.complete_pose(insert_keys=True)
    take(6)
    assert {name: rigs.channels(rig)[name] for name in keyed} == keyed
    now = rigs.curves(rig, extension)
    assert {where: now[where] for where in keys} == keys
    assert {key[-1] for where in set(now) - set(keys) for key in now[where]} == {"GENERATED"}


def test_one_that_is_taken_is_one_step_and_undo_and_redo_are_followed(held, extension):
    rig_with_key()
    bpy.ops.ed.undo_push(message="before")
    start = rigs.dump(bpy.data.objects["Rig"], extension)
    ops.complete_pose("EXEC_DEFAULT", True, insert_keys=True)
    dumps = [rigs.dump(bpy.data.objects["Rig"], extension)]
    for number in (4, 2):
        take(number, True)
        dumps.append(rigs.dump(bpy.data.objects["Rig"], extension))
    seen = [taken(held, bpy.data.objects["Rig"])]
    for expected in (dumps[1], dumps[0], start):
        bpy.ops.ed.undo()
        rig = bpy.data.objects["Rig"]
        assert rigs.dump(rig, extension) == expected
        assert not hindrance(held, rig)
        seen.append(taken(held, rig))
    for expected in dumps:
        bpy.ops.ed.redo()
        assert rigs.dump(bpy.data.objects["Rig"], extension) == expected
        seen.append(taken(held, bpy.data.objects["Rig"]))
    assert seen == [1, 3, 0, None, 0, 3, 1]


def test_after_an_undo_another_one_can_be_taken(prior, held, extension):
    rig_with_key()
    bpy.ops.ed.undo_push(message="before")
    ops.complete_pose("EXEC_DEFAULT", True, insert_keys=True)
    take(4, True)
    fourth = rigs.dump(bpy.data.objects["Rig"], extension)
    take(2, True)
    for _ in range(3):
        bpy.ops.ed.undo()
    assert taken(held, bpy.data.objects["Rig"]) is None
    take(4, True)
    assert rigs.dump(bpy.data.objects["Rig"], extension) == fourth
    assert len(prior) == 1


def test_after_undo_and_redo_of_a_press_that_made_an_action_another_one_can_be_taken(prior, extension):
    rigs.build()
    bpy.ops.ed.undo_push(message="before")
    before = rigs.dump(bpy.data.objects["Rig"], extension)
    ops.sample_poses("EXEC_DEFAULT", True, insert_keys=True)
    bpy.ops.ed.undo()
    bpy.ops.ed.redo()
    assert take(3) == {"FINISHED"}
    ops.discard_alternatives()
    assert rigs.dump(bpy.data.objects["Rig"], extension) == before
    assert len(prior) == 1


def test_discarding_is_one_step_and_ends_the_browsing(held, extension):
    rig_with_key()
    bpy.ops.ed.undo_push(message="before")
    ops.complete_pose("EXEC_DEFAULT", True, insert_keys=True)
    there = rigs.dump(bpy.data.objects["Rig"], extension)
    ops.discard_alternatives("EXEC_DEFAULT", True)
    assert held(bpy.data.objects["Rig"]) is None
    bpy.ops.ed.undo()
    assert rigs.dump(bpy.data.objects["Rig"], extension) == there


def test_discarding_leaves_no_action_where_there_was_none(extension):
    rig = rigs.build()
    before = rigs.dump(rig, extension)
    ops.sample_poses(insert_keys=True)
    take(3)
    ops.discard_alternatives()
    assert rigs.dump(rig, extension) == before
    assert rig.animation_data is None


def test_discarding_keeps_what_was_keyed_since_on_other_bones(extension):
    rig = rigs.build()
    before = rigs.channels(rig)
    ops.sample_poses(insert_keys=True)
    rig.pose.bones["finger"].keyframe_insert("rotation_quaternion", frame=1)
    ops.discard_alternatives()
    assert rigs.channels(rig) == before
    assert {where[0] for where in rigs.curves(rig, extension)} == {'pose.bones["finger"].rotation_quaternion'}


@pytest.mark.parametrize("insert_keys", [False, True])
def test_what_the_press_did_not_write_stays_as_the_animator_left_it(insert_keys, extension):
    rig = rig_with_key()
    bones = rig.pose.bones
    bones["prop"].location.x = 0.1
    before = rigs.channels(rig)
    ops.complete_pose(insert_keys=insert_keys)
    bones["prop"].location.x = 0.10005
    bones["finger"].rotation_euler = (0.3, 0, 0)
    left = {name: rigs.channels(rig)[name] for name in ("prop", "finger")}
    assert left["prop"] != before["prop"]
    take(3)
    assert {name: rigs.channels(rig)[name] for name in left} == left
    ops.discard_alternatives()
    assert rigs.channels(rig) == before | left


def test_discarding_keeps_a_new_action_that_is_to_be_kept(extension):
    rig = rigs.build()
    ops.sample_poses(insert_keys=True)
    action = rig.animation_data.action
    action.use_fake_user = True
    ops.discard_alternatives()
    assert rig.animation_data.action == action
    assert not rigs.curves(rig, extension)


@pytest.mark.parametrize("press", PRESSES)
@pytest.mark.parametrize("keys_itself", [False, True])
def test_an_alternative_is_keyed_as_the_press_was_whatever_is_switched_since(press, keys_itself, extension):
    rig = rigs.build()
    rigs.turn(rig, "head")
    bpy.context.scene.contrapposto.known_bones = "SELECTED"
    importlib.import_module(f"{extension}.addon.versions").set_selected(rig.pose.bones["head"], state=True)
    known = {"known_bones": "SELECTED"} if press == "complete_pose" else {}
    settings = bpy.context.scene.tool_settings
    settings.use_keyframe_insert_auto = keys_itself
    try:
        getattr(ops, press)(**known)
        keyed = rigs.curves(rig, extension).keys()
        settings.use_keyframe_insert_auto = not keys_itself
        take(2)
    finally:
        settings.use_keyframe_insert_auto = False
    assert rigs.curves(rig, extension).keys() == keyed
    assert bool(keyed) is keys_itself


def test_a_key_on_a_bone_that_is_not_of_the_body_is_in_nobodys_way(extension):
    rig = rigs.build()
    rigs.turn(rig, "head")
    importlib.import_module(f"{extension}.addon.versions").set_selected(rig.pose.bones["head"], state=True)
    before = rigs.channels(rig)
    ops.complete_pose(known_bones="SELECTED")
    assert rig.animation_data is None
    rig.pose.bones["finger"].keyframe_insert("rotation_quaternion", frame=1)
    keys = rigs.curves(rig, extension)
    assert take(2) == {"FINISHED"}
    assert ops.discard_alternatives() == {"FINISHED"}
    assert rigs.channels(rig) == before
    assert rigs.curves(rig, extension) == keys


def test_keeping_changes_nothing_and_ends_the_browsing(held, extension):
    rig = rig_with_key()
    ops.complete_pose()
    take(3)
    before = rigs.dump(rig, extension)
    assert ops.keep_alternative() == {"FINISHED"}
    assert rigs.dump(rig, extension) == before
    assert held(rig) is None
    with pytest.raises(RuntimeError, match="Press Complete Pose or Sample Poses first"):
        take(1)


def refused(rig, extension, sentence):
    """Neither taking nor discarding does anything but say why."""
    bpy.context.view_layer.update()
    before = rigs.dump(rig, extension)
    for call in (lambda: take(2), ops.discard_alternatives):
        with pytest.raises(RuntimeError, match=sentence):
            call()
        assert rigs.dump(rig, extension) == before


def test_on_another_frame_none_is_taken_and_back_there_it_is(held, extension):
    rig = rig_with_key()
    ops.complete_pose(insert_keys=True)
    bpy.context.scene.frame_set(2)
    assert hindrance(held, rig) == "The alternatives are for frame 1; go back there to take one"
    refused(rig, extension, "The alternatives are for frame 1")
    bpy.context.scene.frame_set(1)
    assert not hindrance(held, rig)
    assert take(2) == {"FINISHED"}


def test_a_pose_that_has_changed_since_is_told_and_stays(prior, held, extension):
    rig = rig_with_key()
    ops.complete_pose()
    rigs.turn(rig, "left_knee", (50, 0, 0))
    assert "The pose has changed since the alternatives were made" in hindrance(held, rig)
    refused(rig, extension, "The pose has changed since the alternatives were made")
    assert len(prior) == 1


def change_key(rig, extension):
    knee_curve(rig, extension).keyframe_points.insert(30, 0.5)


def delete_key(rig, extension):
    rig.pose.bones["right_knee"].keyframe_delete("rotation_quaternion", frame=1)


def assign_another_action(rig, extension):
    action = rig.animation_data.action.copy()
    slot = versions(extension).assigned(rig.animation_data)[1]
    versions(extension).assign(rig.animation_data, action, versions(extension).same_slot(action, slot))


def versions(extension):
    return importlib.import_module(f"{extension}.addon.versions")


def knee_curve(rig, extension):
    return next(c for c in versions(extension).fcurves(rig) if "left_knee" in c.data_path)


def repeat(rig, extension):
    knee_curve(rig, extension).modifiers.new("CYCLES")


def extrapolate(rig, extension):
    knee_curve(rig, extension).extrapolation = "LINEAR"


def mute(rig, extension):
    knee_curve(rig, extension).mute = True


def lock(rig, extension):
    knee_curve(rig, extension).lock = True


@pytest.mark.parametrize(
    "change", [change_key, delete_key, assign_another_action, repeat, extrapolate, mute, lock]
)
def test_keys_that_have_changed_since_are_told_and_stay(change, prior, extension):
    rig = rig_with_key()
    ops.complete_pose(insert_keys=True)
    change(rig, extension)
    refused(rig, extension, "Keys of 'Rig' have changed since the alternatives were made")
    assert len(prior) == 1


def test_selecting_keys_changes_nothing():
    rig_with_key()
    ops.complete_pose(insert_keys=True)
    ops.select_generated_keys()
    assert take(2) == {"FINISHED"}


def test_what_is_kept_has_to_be_kept_still(prior, extension):
    rig = rig_with_key()
    ops.complete_pose()
    rig.pose.bones["finger"].keyframe_insert("rotation_quaternion", frame=1)
    assert take(2) == {"FINISHED"}, "a finger says nothing about the body"
    rig.rotation_euler = (0.5, 0, 0)
    bpy.context.view_layer.update()
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match="'Rig' or what it keeps has changed since its alternatives were"):
        take(3)
    assert rigs.dump(rig, extension) == before
    assert len(prior) == 1


def test_a_refusal_on_the_way_leaves_keys_and_pose_as_they_were(monkeypatch, extension):
    rig = rig_with_key()
    ops.complete_pose(insert_keys=True)
    before = rigs.dump(rig, extension)
    module = importlib.import_module(f"{extension}.addon.keys")
    errors = importlib.import_module(f"{extension}.addon.errors")

    def refuse(*arguments):
        raise errors.Refusal("no keys today")

    with monkeypatch.context() as patch:
        patch.setattr(module, "insert_keys", refuse)
        with pytest.raises(RuntimeError, match="no keys today"):
            take(2)
    assert rigs.dump(rig, extension) == before
    assert take(2) == {"FINISHED"}


def rename_bone(rig):
    rig.pose.bones["left_knee"].name = "shin"


def change_mode(rig):
    rig.pose.bones["finger"].rotation_mode = "XYZ"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (rename_bone, "Bone 'left_knee' of 'Rig' is gone; make new alternatives"),
        (change_mode, "Bone 'finger' of 'Rig' has another rotation mode now; make new alternatives"),
    ],
)
def test_a_rig_that_has_changed_since_is_told_and_stays(change, sentence, extension):
    rig = rig_with_key()
    ops.complete_pose()
    change(rig)
    refused(rig, extension, sentence)


@pytest.mark.parametrize("rule", ["SELECTED", "UNSELECTED"])
def test_what_is_selected_later_does_not_matter(rule, prior, extension):
    rig = rigs.build()
    for bone in rig.pose.bones:
        versions(extension).set_selected(bone, bone.name in {"left_knee", "head"})
    ops.complete_pose(known_bones=rule)
    for bone in rig.pose.bones:
        versions(extension).set_selected(bone, bone.name == "prop")
    assert take(2) == {"FINISHED"}
    assert len(prior) == 1


def test_samples_around_selected_bones_do_not_mind_another_selection(prior, extension):
    rig = rig_with_key()
    for bone in rig.pose.bones:
        versions(extension).set_selected(bone, bone.name == "left_knee")
    ops.sample_poses(kept_bones="KEYED_AND_SELECTED")
    knee = rigs.channels(rig)["left_knee"]
    for bone in rig.pose.bones:
        versions(extension).set_selected(bone, bone.name == "prop")
    assert take(2) == {"FINISHED"}
    assert rigs.channels(rig)["left_knee"] == knee
    assert len(prior) == 1


def test_each_armature_has_its_own_and_only_the_last_is_held(held, extension):
    rig = rig_with_key()
    ops.complete_pose()
    bpy.ops.object.mode_set(mode="OBJECT")
    other = rigs.build()
    assert held(other) is None
    with pytest.raises(RuntimeError, match="Press Complete Pose or Sample Poses first"):
        take(1)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = rig
    assert take(2) == {"FINISHED"}
    bpy.context.view_layer.objects.active = other
    ops.sample_poses()
    assert held(rig) is None
    assert held(other) is not None


def test_nothing_is_left_for_a_removed_armature_another_file_or_a_new_start(held, extension, tmp_path):
    rig = rig_with_key()
    ops.complete_pose()
    bpy.data.objects.remove(rig)
    assert held(rigs.build()) is None
    ops.sample_poses()
    path = str(tmp_path / "rig.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert held(bpy.context.object) is None
    ops.sample_poses()
    assert held(bpy.context.object) is not None
    package = importlib.import_module(extension)
    package.unregister()
    package.register()
    assert held(bpy.context.object) is None


def test_the_naturalness_of_all_is_worked_out_once_and_drawing_works_out_nothing(
    monkeypatch, prior, extension
):
    memory = importlib.import_module(f"{extension}.addon.memory")
    judge, judged = memory.naturalness, []
    monkeypatch.setattr(memory, "naturalness", lambda R, **o: judged.append(len(R)) or judge(R, **o))
    rig = rig_with_key()
    ops.complete_pose()
    labels = drawn(extension)
    take(3)
    assert drawn(extension) != labels
    assert judged == [8]
    assert [label for label, _ in labels if label.startswith("3:  ") and label.endswith(" %")]
    assert [depress for _, depress in labels if depress is not None].index(True) == 0
    rigs.turn(rig, "left_knee", (50, 0, 0))
    assert any("The pose has changed" in label for label, _ in drawn(extension))


def test_stepping_through_them_draws_and_judges_nothing_anew(monkeypatch, prior, extension):
    memory = importlib.import_module(f"{extension}.addon.memory")
    previews = importlib.import_module("bpy.utils.previews")
    draw, drawn_bodies = memory.figurines, []
    monkeypatch.setattr(memory, "figurines", lambda *a: drawn_bodies.append(a) or draw(*a))
    rig = rig_with_key()
    start = rigs.channels(rig)
    shown = set()
    for number in (1, 2, 3):
        ops.complete_pose(alternative=number)
        shown.add(frozenset(previews._uuid_open))
        rigs.restore(rig, start)
    assert len(prior) == len(drawn_bodies) == len(shown) == 1


def sample_elsewhere(extension):
    sample = importlib.import_module(f"{extension}.addon.sample")
    settings = importlib.import_module(f"{extension}.addon.sample_settings")
    chosen = settings.SampleSettings(destination=settings.Destination.GHOSTS, hypotheses=2)
    steps = sample.sampling(bpy.context, bpy.context.object, chosen, browse=True)
    for _ in range(2):
        next(steps)
    steps.close()


def complete_by_script(extension):
    complete = importlib.import_module(f"{extension}.addon.complete")
    complete.complete(bpy.context, bpy.context.object, complete.Settings(strength=0, seed=7))


@pytest.mark.parametrize("meanwhile", [sample_elsewhere, complete_by_script])
def test_other_poses_that_were_made_meanwhile_take_nothing_from_those_that_are_offered(
    meanwhile, prior, extension
):
    rig = rig_with_key()
    ops.complete_pose()
    start, there = len(prior), rigs.channels(rig)
    meanwhile(extension)
    rigs.restore(rig, there)
    assert len(prior) == start + 1
    assert take(2) == {"FINISHED"}
    assert len(prior) == start + 1


def test_those_that_fail_say_why(monkeypatch, extension):
    memory = importlib.import_module(f"{extension}.addon.memory")
    complete_pose = memory.complete_pose

    def breaking(pose, known, **options):
        completion = complete_pose(pose, known, **options)
        excess = np.zeros_like(completion.beyond_deg)
        excess[-2:, JOINT_INDEX["left_elbow"]] = 25.0
        return replace(completion, beyond_deg=excess)

    monkeypatch.setattr(memory, "complete_pose", breaking)
    rig_with_key()
    ops.complete_pose()
    told = " ".join(label for label, _ in drawn(extension))
    why = "Left elbow turned 25 degrees too far"
    assert told.count(why) == 2
    assert f"7: {why}" in told
    assert f"8: {why}" in told


def looking(rotation):
    """A context whose 3D view looks so, in degrees about X and Z."""
    turned = Euler((math.radians(rotation[0]), 0, math.radians(rotation[1]))).to_quaternion()
    space = types.SimpleNamespace(type="VIEW_3D", region_3d=types.SimpleNamespace(view_rotation=turned))
    return types.SimpleNamespace(space_data=space)


@pytest.mark.parametrize("tilt", [90, 63, 0])
def test_pictures_are_taken_from_the_side_that_the_view_looks_from(tilt, extension):
    figurines = importlib.import_module(f"{extension}.addon.figurines").figurines
    viewed_right = importlib.import_module(f"{extension}.addon.viewing").viewed_right
    t_pose = Pose(np.tile(np.eye(3), (1, 22, 1, 1)), np.zeros((1, 3)))

    def covered(right):
        return figurines(t_pose, None, np.array([False]), right)[0, ..., 3]

    left, right = (covered(viewed_right(looking((tilt, turn)))) for turn in (32, -32))
    assert np.abs(left - covered(None)).max() < 0.01, "without a view, from the front left"
    assert np.abs(right - left[:, ::-1]).max() < 0.3
    assert np.abs(right - left).max() > 0.9


def test_another_press_from_another_side_solves_nothing_and_draws_anew(held, prior, monkeypatch, extension):
    solving = importlib.import_module(f"{extension}.addon.solving")
    rig = rig_with_key()
    pictures = []
    for right in ([1.0, 0, 0], [0.99, 0, 0.141], [0, 0, 1.0]):
        monkeypatch.setattr(solving, "viewed_right", lambda context, right=right: np.array(right))
        ops.complete_pose()
        pictures.append(held(rig).remembered.pictures)
        ops.discard_alternatives()
    assert len(prior) == 1
    assert pictures[1] is pictures[0]
    assert np.abs(pictures[2] - pictures[0]).max() > 0.5


def test_without_a_view_or_with_one_on_its_side_there_is_none_to_go_by(extension):
    viewed_right = importlib.import_module(f"{extension}.addon.viewing").viewed_right
    on_its_side = looking((90, 0))
    on_its_side.space_data.region_3d.view_rotation = Euler((0, math.radians(90), 0)).to_quaternion()
    assert viewed_right(bpy.context) is None
    assert viewed_right(on_its_side) is None


def test_each_has_a_picture_of_its_own_until_the_browsing_is_over(held, extension):
    previews = importlib.import_module("bpy.utils.previews")
    importlib.import_module(f"{extension}.addon.alternatives").forget()
    before = set(previews._uuid_open)
    rig = rig_with_key()
    ops.complete_pose(hypotheses=2)
    ops.complete_pose(hypotheses=3)
    pictures = held(rig).remembered.pictures
    assert len({picture.tobytes() for picture in pictures}) == 3
    for picture in pictures:
        covered = np.flatnonzero(picture[..., 3].max(axis=1))
        assert covered[-1] - covered[0] > 0.8 * len(picture), "a standing figure fills its picture"
    assert len(set(previews._uuid_open) - before) == 1
    ops.keep_alternative()
    assert set(previews._uuid_open) == before


@pytest.mark.parametrize("destination", ["ASSETS", "GHOSTS"])
def test_samples_that_left_the_pose_alone_are_browsed_from_there(destination, prior, held, extension):
    rig = rigs.build()
    before = rigs.channels(rig)
    ops.sample_poses(destination=destination, samples=3, catalog="")
    assert taken(held, rig) is None
    assert len(held(rig).alternatives) == 3
    take(2)
    assert taken(held, rig) == 1
    assert rigs.channels(rig) != before
    ops.discard_alternatives()
    assert rigs.channels(rig) == before
    assert len(prior) == 1


class Layout:
    """Takes every drawing call and keeps labels, with whether a button is pressed."""

    def __init__(self, labels):
        self.__dict__["labels"] = labels

    def __getattr__(self, name):
        def call(*arguments, text="", depress=None, **options):
            if text:
                self.labels.append((text, depress))
            return Layout(self.labels)

        return call

    def __setattr__(self, name, value):
        pass


def drawn(extension):
    panel = importlib.import_module(f"{extension}.panels.alternatives").CONTRAPPOSTO_PT_alternatives
    assert panel.poll(bpy.context)
    labels = []
    panel.draw(type("Panel", (), {"layout": Layout(labels)})(), bpy.context)
    return labels
