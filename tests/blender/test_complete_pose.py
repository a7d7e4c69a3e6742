# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete Pose on plain skeletons: what is kept, what is written, what the redo panel changes."""

from __future__ import annotations

import importlib
from dataclasses import replace

import bpy
import numpy as np
import pytest
import rigs
from mathutils import Matrix

from contrapposto.joint_names import JOINT_NAMES

MODES = ("QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")
KEYED = ("left_shoulder", "left_elbow", "head")
EXTRA = ("finger", "twist", "prop")


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


def press(**options):
    return bpy.ops.contrapposto.complete_pose(**options)


def matrices(rig):
    bpy.context.view_layer.update()
    return {bone.name: np.array(bone.matrix) for bone in rig.pose.bones}


def test_keyed_bones_stay_to_the_bit_and_the_others_are_filled(extension):
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    pose, keys = rigs.channels(rig), rigs.curves(rig, extension)
    assert press() == {"FINISHED"}
    after = rigs.channels(rig)
    for bone in (*KEYED, *EXTRA):
        assert after[bone] == pose[bone]
    changed = {bone for bone in after if after[bone] != pose[bone]}
    assert changed == set(pose) - {*KEYED, *EXTRA}
    assert rigs.curves(rig, extension) == keys


def test_only_rotations_are_written(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = {bone.name: (tuple(bone.location), tuple(bone.scale)) for bone in rig.pose.bones}
    press(keep_feet_on_floor=False)
    assert {bone.name: (tuple(bone.location), tuple(bone.scale)) for bone in rig.pose.bones} == before


def test_the_same_options_give_the_same_pose_and_another_seed_or_diversity_another(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    start = rigs.channels(rig)
    results = []
    for options in ({"seed": 3}, {"seed": 3}, {"seed": 4}, {"seed": 3, "diversity": 1.0}):
        rigs.restore(rig, start)
        press(**options)
        results.append(rigs.channels(rig))
    assert results[0] == results[1]
    assert len({repr(result) for result in results}) == 3


@pytest.mark.parametrize("mode", MODES)
def test_every_rotation_mode_gets_the_same_pose(mode, extension):
    poses = []
    for used in ("QUATERNION", mode):
        rig = rigs.build()
        for bone in rig.pose.bones:
            bone.rotation_mode = used
        rigs.key(rig, "head", "left_elbow")
        press()
        poses.append(matrices(rig))
    for bone, matrix in poses[0].items():
        assert np.abs(matrix - poses[1][bone]).max() < 2e-5


@pytest.mark.parametrize("mode", MODES)
def test_channels_stay_near_their_previous_values(mode, extension):
    """A turn further round stays round there: the curves do not flip."""
    rig = rigs.build()
    bone = rig.pose.bones["right_elbow"]
    bone.rotation_mode = mode
    if mode == "QUATERNION":
        bone.rotation_quaternion = (-0.98, -0.1, -0.1, -0.1)
    elif mode == "AXIS_ANGLE":
        bone.rotation_axis_angle = (2 * np.pi + 0.3, 0, -1, 0)
    else:
        bone.rotation_euler = (2 * np.pi + 0.3, -2 * np.pi, 0.1)
    path = rigs.rotation_path(bone)
    before = np.array(getattr(bone, path))
    rigs.key(rig, "head")
    press(strength=0.2)
    after = np.array(getattr(rig.pose.bones["right_elbow"], path))
    assert 1e-6 < np.abs(after - before).max() < 1.0


def test_one_undo_takes_everything_back(extension):
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    bpy.ops.ed.undo_push(message="before")
    before = rigs.dump(rig, extension)
    bpy.ops.contrapposto.complete_pose("EXEC_DEFAULT", True, insert_keys=True)
    rig = bpy.data.objects["Rig"]
    assert rigs.dump(rig, extension) != before
    bpy.ops.ed.undo()
    assert rigs.dump(bpy.data.objects["Rig"], extension) == before


def test_alternatives_differ_and_stepping_through_them_solves_once(prior, extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    start = rigs.channels(rig)
    results = []
    for alternative in (1, 2, 3, 2):
        rigs.restore(rig, start)
        press(alternative=alternative)
        results.append(rigs.channels(rig))
    assert len(prior) == 1
    assert results[1] == results[3]
    assert results[0] != results[1] != results[2]
    rigs.restore(rig, start)
    press(seed=5)
    assert len(prior) == 2


def test_alternatives_are_solved_anew_when_a_known_bone_has_changed(prior, extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    start = rigs.channels(rig)
    press()
    rigs.restore(rig, start)
    rigs.key(rig, "left_elbow")
    press()
    assert len(prior) == 2


def test_strength_zero_leaves_the_pose_and_half_goes_half_way(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    start = rigs.channels(rig)
    poses = []
    for strength in (0.0, 0.5, 1.0):
        rigs.restore(rig, start)
        press(strength=strength)
        poses.append(rig.pose.bones["right_knee"].matrix_basis.to_quaternion())
    assert poses[0].rotation_difference(Matrix.Identity(3).to_quaternion()).angle < 1e-3
    assert poses[1].rotation_difference(poses[0]).angle == pytest.approx(
        poses[2].rotation_difference(poses[0]).angle / 2, abs=1e-3
    )


def test_mirror_gives_the_partner_of_a_keyed_bone_the_mirrored_rotation(prior, extension):
    rig = rigs.build()
    rigs.key(rig, "left_elbow", "left_shoulder")
    press(mirror=True)
    assert np.flatnonzero(prior[0].joints).tolist() == [16, 17, 18, 19]
    relative = {}
    for side in ("left", "right"):
        upper, lower = (rig.pose.bones[f"{side}_{part}"] for part in ("shoulder", "elbow"))
        rest = upper.bone.matrix_local.inverted() @ lower.bone.matrix_local
        relative[side] = (
            (upper.matrix.inverted() @ lower.matrix).to_quaternion().rotation_difference(rest.to_quaternion())
        )
    assert relative["left"].angle == pytest.approx(relative["right"].angle, abs=1e-4)
    assert relative["left"].angle > 0.1


def test_mirror_turns_the_other_hand_of_a_limb_whose_control_does_not(prior, extension):
    rig = rigs.build()
    for side in ("left", "right"):
        constraint = rig.pose.bones[f"{side}_elbow"].constraints.new("IK")
        constraint.target, constraint.subtarget, constraint.chain_count = rig, "prop", 2
    rigs.key(rig, "left_wrist")
    press(mirror=True)
    assert [JOINT_NAMES[joint] for joint in np.flatnonzero(prior[0].joints)] == ["left_wrist", "right_wrist"]


def test_joints_that_no_control_turns_stay_and_the_others_agree_with_them(prior, extension):
    storage = importlib.import_module(f"{extension}.addon.rig_storage")
    rig = rigs.build()
    rigmap, stay = storage.detect(rig), ("pelvis", "spine1")
    joints = {joint: replace(b, write=()) if joint in stay else b for joint, b in rigmap.joints.items()}
    storage.save(rig.data, replace(rigmap, joints=joints))
    rigs.key(rig, "head")
    before = rigs.channels(rig)
    press()
    assert prior[0].stiff == stay
    after = rigs.channels(rig)
    assert [bone for bone in stay if after[bone] != before[bone]] == []
    assert after["left_knee"] != before["left_knee"]


def select(rig, extension, *bones):
    versions = importlib.import_module(f"{extension}.addon.versions")
    for bone in rig.pose.bones:
        versions.set_selected(bone, bone.name in bones)


def test_selected_bones_are_kept_in_pose_mode_and_in_object_mode(extension):
    for mode in ("POSE", "OBJECT"):
        rig = rigs.build()
        select(rig, extension, "head", "left_knee")
        before = rigs.channels(rig)
        bpy.ops.object.mode_set(mode=mode)
        assert press(known_bones="SELECTED") == {"FINISHED"}
        after = rigs.channels(rig)
        assert {bone for bone in after if after[bone] == before[bone]} == {"head", "left_knee", *EXTRA}


def test_unselected_bones_are_kept(extension):
    rig = rigs.build()
    select(rig, extension, "left_elbow", "left_wrist", "finger")
    before = rigs.channels(rig)
    press(known_bones="UNSELECTED")
    after = rigs.channels(rig)
    assert {bone for bone in after if after[bone] != before[bone]} == {"left_elbow", "left_wrist"}


def test_inserted_keys_are_generated_and_lie_on_written_rotations_only(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    mine = rigs.curves(rig, extension)
    press(insert_keys=True, keep_feet_on_floor=False)
    keys = rigs.curves(rig, extension)
    assert {path: keys[path] for path in mine} == mine
    made = {path: keys[path] for path in keys if path not in mine}
    assert len(made) == 4 * 21
    assert all("rotation_quaternion" in path for path, _ in made)
    assert {key[-1] for points in made.values() for key in points} == {"GENERATED"}
    pose = matrices(rig)
    bpy.context.scene.frame_set(9)
    bpy.context.scene.frame_set(1)
    for bone, matrix in matrices(rig).items():
        assert np.abs(matrix - pose[bone]).max() < 1e-6


def test_auto_keying_inserts_keys_and_without_it_none_are_made(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = rigs.curves(rig, extension)
    press(keep_feet_on_floor=False)
    assert rigs.curves(rig, extension) == before
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    press(keep_feet_on_floor=False)
    assert len(rigs.curves(rig, extension)) == 22 * 4


def test_generated_keys_can_be_selected_removed_and_filled_anew(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = rigs.curves(rig, extension)
    press(insert_keys=True)
    with pytest.raises(RuntimeError, match="Every mapped bone of 'Rig' has a key on frame 1"):
        press()
    assert press(refill_generated=True, insert_keys=True) == {"FINISHED"}
    assert bpy.ops.contrapposto.select_generated_keys() == {"FINISHED"}
    versions = importlib.import_module(f"{extension}.addon.versions")
    for curve in versions.fcurves(rig):
        for key in curve.keyframe_points:
            assert key.select_control_point == (key.type == "GENERATED")
    assert bpy.ops.contrapposto.remove_generated_keys() == {"FINISHED"}
    assert rigs.curves(rig, extension) == before


def test_selecting_generated_keys_where_there_are_none_leaves_the_selection(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    versions = importlib.import_module(f"{extension}.addon.versions")
    keys = [key for curve in versions.fcurves(rig) for key in curve.keyframe_points]
    for key in keys:
        key.select_control_point = True
    assert bpy.ops.contrapposto.select_generated_keys() == {"CANCELLED"}
    assert all(key.select_control_point for key in keys)


def test_generated_keys_of_a_locked_curve_stay_and_so_do_all_others(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    press(insert_keys=True)
    lock(rig, extension, "left_knee")
    before = rigs.curves(rig, extension)
    with pytest.raises(RuntimeError, match="The curves of bone 'left_knee' are locked"):
        bpy.ops.contrapposto.remove_generated_keys()
    assert rigs.curves(rig, extension) == before


def lock(rig, extension, bone):
    versions = importlib.import_module(f"{extension}.addon.versions")
    for curve in versions.fcurves(rig):
        curve.lock = f'"{bone}"' in curve.data_path


def test_keys_of_a_tweaked_strip_are_read_and_written_where_the_strip_lies(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    data = rig.animation_data
    before = rigs.curves(rig, extension)
    track = data.nla_tracks.new()
    track.strips.new("Strip", 10, data.action).select = True
    data.action = None
    track.select = True
    data.nla_tracks.active = track
    data.use_tweak_mode = True
    with pytest.raises(RuntimeError, match="No bone of 'Rig' has a key on frame 1"):
        press()
    bpy.context.scene.frame_set(10)
    assert press(insert_keys=True, keep_feet_on_floor=False) == {"FINISHED"}
    keys = rigs.curves(rig, extension)
    assert {key[0] for points in keys.values() for key in points} == {1.0}
    assert [key[-1] for points in keys.values() for key in points].count("GENERATED") == 4 * 21
    assert bpy.ops.contrapposto.remove_generated_keys() == {"FINISHED"}
    assert rigs.curves(rig, extension) == before


def test_a_key_beside_the_frame_keeps_its_type(extension):
    rig = rigs.build()
    select(rig, extension, "head")
    rig.pose.bones["left_knee"].keyframe_insert("rotation_quaternion", frame=1.4)
    press(known_bones="SELECTED", insert_keys=True)
    keys = rigs.curves(rig, extension)[('pose.bones["left_knee"].rotation_quaternion', 0)]
    assert [(round(key[0], 1), key[-1]) for key in keys] == [(1.0, "GENERATED"), (1.4, "KEYFRAME")]


def test_a_key_of_a_bone_that_is_filled_in_takes_the_value_and_keeps_its_type(extension):
    rig = rigs.build()
    select(rig, extension, "head")
    rig.pose.bones["left_knee"].keyframe_insert("rotation_quaternion", frame=1, keytype="EXTREME")
    versions = importlib.import_module(f"{extension}.addon.versions")
    for curve in versions.fcurves(rig):
        curve.keyframe_points[0].interpolation = "CONSTANT"
    press(known_bones="SELECTED", insert_keys=True)
    keys = rigs.curves(rig, extension)
    mine = [keys[('pose.bones["left_knee"].rotation_quaternion', i)] for i in range(4)]
    assert [key[-2:] for points in mine for key in points] == [("CONSTANT", "EXTREME")] * 4
    assert [key[1] for points in mine for key in points] == pytest.approx(
        rig.pose.bones["left_knee"].rotation_quaternion
    )
    assert keys[('pose.bones["right_knee"].rotation_quaternion', 0)][0][-1] == "GENERATED"
    assert bpy.ops.contrapposto.remove_generated_keys() == {"FINISHED"}
    assert {path.split('"')[1] for path, _ in rigs.curves(rig, extension)} == {"left_knee"}


def test_a_kept_bone_that_was_moved_without_a_key_stays_when_others_get_keys(extension):
    rig = rigs.build()
    rigs.key(rig, "head", "left_hip", frame=1)
    rigs.key(rig, "left_hip", "head", frame=9)
    bpy.context.scene.frame_set(5)
    rigs.turn(rig, "head", (50, 0, 0))
    select(rig, extension, "head")
    before = rigs.channels(rig)["head"]
    press(known_bones="SELECTED", insert_keys=True)
    bpy.context.view_layer.update()
    assert rigs.channels(rig)["head"] == before


def test_new_keys_take_the_interpolation_of_the_key_before(extension):
    rig = rigs.build()
    knee = rig.pose.bones["left_knee"]
    knee.keyframe_insert("rotation_quaternion", frame=1)
    versions = importlib.import_module(f"{extension}.addon.versions")
    for curve in versions.fcurves(rig):
        curve.keyframe_points[0].interpolation = "CONSTANT"
    rigs.key(rig, "head", frame=5)
    press(insert_keys=True)
    keys = rigs.curves(rig, extension)
    default = bpy.context.preferences.edit.keyframe_new_interpolation_type
    assert keys[('pose.bones["left_knee"].rotation_quaternion', 0)][1][-2] == "CONSTANT"
    assert keys[('pose.bones["right_knee"].rotation_quaternion', 0)][0][-2] == default


def test_keys_within_half_a_frame_count_and_others_do_not(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    rig.pose.bones["left_knee"].keyframe_insert("rotation_quaternion", frame=1.4)
    rig.pose.bones["right_knee"].keyframe_insert("rotation_quaternion", frame=2)
    rig.pose.bones["left_ankle"].keyframe_insert("location", frame=1)
    before = rigs.channels(rig)
    press()
    after = rigs.channels(rig)
    kept = {bone for bone in after if after[bone] == before[bone]} - set(EXTRA)
    assert kept == {"head", "left_knee"}


def test_a_pelvis_with_a_location_key_is_kept(extension):
    rig = rigs.build()
    rig.pose.bones["pelvis"].location = (0, -0.2, 0)
    rig.pose.bones["pelvis"].keyframe_insert("location", frame=1)
    before = rigs.channels(rig)["pelvis"]
    press()
    assert rigs.channels(rig)["pelvis"] == before


@pytest.mark.parametrize("why", ["connected", "locked"])
def test_hips_that_cannot_move_stay_and_the_legs_reach_for_the_floor(monkeypatch, extension, why):
    calls = rigs.use_simple_prior(monkeypatch, extension, rise=-0.1)
    rig = rigs.build()
    if why == "locked":
        rig.pose.bones["pelvis"].lock_location[2] = True
    else:
        bpy.ops.object.mode_set(mode="EDIT")
        hips, root = rig.data.edit_bones["pelvis"], rig.data.edit_bones.new("root")
        root.head, root.tail = (0, 0, 0), hips.head
        hips.parent, hips.use_connect = root, True
        bpy.ops.object.mode_set(mode="POSE")
    rigs.key(rig, "head")
    before = np.array(rig.pose.bones["pelvis"].head)
    assert press(insert_keys=True) == {"FINISHED"}
    assert np.array(rig.pose.bones["pelvis"].head) == pytest.approx(before, abs=1e-6)
    assert calls[0].height_known
    assert ('pose.bones["pelvis"].location', 2) not in rigs.curves(rig, extension)


@pytest.mark.parametrize("keep", [None, False, True])
def test_only_keeping_the_feet_on_the_floor_moves_a_free_pelvis_up_or_down(monkeypatch, extension, keep):
    calls = rigs.use_simple_prior(monkeypatch, extension, rise=-0.1)
    rig = rigs.build()
    rigs.key(rig, "head")
    before = np.array(rig.pose.bones["pelvis"].head)
    press(insert_keys=True, **({} if keep is None else {"keep_feet_on_floor": keep}))
    keep = keep is not False  # the default
    rise = np.array(rig.pose.bones["pelvis"].head) - before
    legs = importlib.import_module("contrapposto.skeleton").STANDARD_OFFSETS[[4, 7]]
    own = sum(rig.data.bones[bone].length for bone in ("left_hip", "left_knee"))
    size = own / np.linalg.norm(legs, axis=1).sum()
    assert rise == pytest.approx([0, 0, -0.1 * size if keep else 0], abs=1e-4)
    assert not calls[0].height_known, "the height of a pelvis that may move is not known"
    assert (('pose.bones["pelvis"].location', 2) in rigs.curves(rig, extension)) == keep


def test_the_function_and_the_button_give_the_same(extension):
    module = importlib.import_module(f"{extension}.addon.complete")
    results = []
    for call in (press, lambda: module.complete(bpy.context)):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        rig = rigs.build()
        rigs.key(rig, *KEYED)
        call()
        results.append(rigs.channels(rig))
    assert results[0] == results[1]


def test_the_report_counts_what_was_done(extension):
    module = importlib.import_module(f"{extension}.addon.complete")
    rig = rigs.build()
    rigs.key(rig, *KEYED)
    report = module.complete(bpy.context, rig, module.Settings(alternative=2))
    assert report.sentence == "Completed 19 joints, kept 3 (alternative 2 of 8)"
    assert set(report.kept) == set(KEYED)
    assert report.warning == ""


def test_an_override_of_the_context_chooses_the_armature(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = rigs.channels(rig)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = None
    with bpy.context.temp_override(object=rig, active_object=rig):
        assert press() == {"FINISHED"}
    assert rigs.channels(rig) != before


def test_a_button_without_an_armature_says_why(extension):
    with pytest.raises(RuntimeError, match="Select an armature first"):
        press()


def test_the_object_transform_changes_nothing_but_the_heading(extension):
    poses = []
    for transform in (Matrix.Identity(4), Matrix.Translation((3, 2, 1)) @ Matrix.Scale(100, 4)):
        rig = rigs.build()
        rig.matrix_world = transform
        rigs.key(rig, "head")
        press()
        poses.append(matrices(rig))
    for bone, matrix in poses[0].items():
        assert np.abs(matrix - poses[1][bone]).max() < 1e-4
