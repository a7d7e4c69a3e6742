# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion of a fitted body on another character, plain or with controls, whatever its size."""

from __future__ import annotations

import importlib
import itertools

import bpy
import numpy as np
import pytest
import rigs

from contrapposto.body.body_file import default_body
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics


@pytest.fixture
def addon(extension):
    return lambda module: importlib.import_module(f"{extension}.addon.{module}")


def waving(frames: int = 5) -> Motion:
    """Arms, a knee and the hips turn while the body walks sideways."""
    rotvec = np.zeros((frames, 22, 3))
    share = np.linspace(0, 1, frames)
    for name, turn in {
        "left_shoulder": (0, 0, -0.9), "left_elbow": (0, -1.0, 0), "right_shoulder": (0, 0.4, 0.8),
        "right_hip": (-0.8, 0, 0), "right_knee": (1.1, 0, 0), "pelvis": (0, 0.6, 0), "head": (0.2, 0.3, 0),
    }.items():  # fmt: skip
        rotvec[:, JOINT_INDEX[name]] = share[:, None] * turn
    place = np.stack([0.5 * share, 0.95 + 0 * share, 0 * share], axis=-1)
    return Motion(Pose(from_rotvec(rotvec), place), 24.0, "waving")


@pytest.fixture
def source(addon):
    """A body that waves, as Fit Body leaves one."""
    body = addon("body_scene").add_body(bpy.context, default_body(), name="Fitted Body")
    addon("body_action").write_motion(bpy.context, body, waving())
    body.armature[addon("fit_marks").PROPERTY] = 1.0
    return body.armature


def poses(addon, armature, frames=range(1, 6)) -> Pose:
    """How an armature stands on frames, as the 22 joints."""
    found = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        found.append(addon("rig").read_rig(armature).pose)
    return Pose(np.stack([p.rotations for p in found]), np.stack([p.transl for p in found]))


def activate(armature, mode="POSE"):
    if bpy.context.object is not None and bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    for one in bpy.context.scene.objects:
        one.select_set(False)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode=mode)


def appended(rigify_file):
    """Rigify's human beside whatever is in the scene, active."""
    with bpy.data.libraries.load(str(rigify_file)) as (there, here):
        here.objects = [name for name in there.objects if name != "metarig"]
    for one in here.objects:
        bpy.context.scene.collection.objects.link(one)
    rig = next(one for one in here.objects if one.type == "ARMATURE" and len(one.data.bones) > 200)
    activate(rig)
    return rig


def key_elbow(addon, source, values, interpolation="BEZIER"):
    """Have the source turn its elbow alone, by (frame, radians)."""
    bone = source.pose.bones["left_elbow"]
    bone.rotation_mode = "XYZ"
    source.animation_data.action = None
    for frame, angle in values:
        bone.rotation_euler = (0, 0, angle)
        bone.keyframe_insert("rotation_euler", frame=frame)
    for curve in addon("versions").fcurves(source):
        for key in curve.keyframe_points:
            key.interpolation = interpolation


def test_a_mixamo_character_of_another_size_moves_as_the_fitted_body(addon, source):
    character = rigs.build(rigs.MIXAMO, arms_down_deg=40, rolls_seed=2)
    character.scale = (2, 2, 2)
    activate(character)
    assert bpy.ops.contrapposto.retarget() == {"FINISHED"}
    wanted, found = poses(addon, source), poses(addon, character)
    assert np.degrees(geodesic_angle(wanted.rotations, found.rotations)).max() < 0.5
    assert np.abs(wanted.transl - found.transl).max() < 5e-3  # both in units of a leg


def test_a_rigify_character_follows_with_its_controls(addon, source, rigify_file):
    rig = appended(rigify_file)
    report = addon("retarget").retarget(bpy.context, rig)
    assert report.frames == 5
    wanted, found = poses(addon, source), poses(addon, rig)
    places = [forward_kinematics(p.rotations)[1] + p.transl[:, None] for p in (wanted, found)]
    off = np.linalg.norm(places[0] - places[1], axis=-1)
    assert off.max() < 0.03  # what a limb on IK does to a straight elbow; see the limits in the README


def test_a_control_that_moves_late_stands_still_until_then(addon, rigify_file):
    rig = appended(rigify_file)
    bpy.context.view_layer.update()
    rest = addon("rig").read_rig(rig).pose
    rotations = np.repeat(rest.rotations[None], 4, axis=0)
    hip = JOINT_INDEX["left_hip"]
    for row, share in ((2, 0.5), (3, 1.0)):
        rotations[row, hip] = from_rotvec(share * np.array([-0.6, 0.8, 0])) @ rotations[row, hip]
    bpy.ops.object.mode_set(mode="OBJECT")
    body = addon("body_scene").add_body(bpy.context, default_body())
    standing_first = Pose(rotations, np.repeat(rest.transl[None], 4, axis=0))
    addon("body_action").write_motion(bpy.context, body, Motion(standing_first, 24.0, "late"))
    addon("retarget").retarget(bpy.context, rig, body.armature)
    (swing,) = (
        [curve.evaluate(frame) for frame in range(1, 5)]
        for curve in addon("versions").fcurves(rig)
        if curve.data_path == 'pose.bones["thigh_ik.L"].rotation_euler' and curve.array_index == 1
    )
    assert abs(swing[3]) > 0.3
    assert np.abs(swing[:2]).max() < 0.01


def test_the_action_that_it_had_stays_in_the_file_and_one_undo_brings_it_back(addon, source):
    character = rigs.build()
    rigs.key(character, "left_elbow")
    before = character.animation_data.action.name
    activate(character)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.contrapposto.retarget()
    bpy.ops.ed.undo_push(message="after")
    character = bpy.data.objects["Rig"]
    assert character.animation_data.action.name == "waving Rig"
    assert before in bpy.data.actions
    assert bpy.data.actions[before].use_fake_user
    bpy.ops.ed.undo()
    assert bpy.data.objects["Rig"].animation_data.action.name == before


def test_keys_between_frames_stay_between_frames(addon):
    body = addon("body_scene").add_body(bpy.context, default_body())
    motion = waving()
    addon("body_action").write_motion(bpy.context, body, Motion(motion.poses, 60.0, "fast"))
    character = rigs.build()
    body.armature.select_set(True)
    report = addon("retarget").retarget(bpy.context, character, body.armature)
    curves = addon("versions").fcurves(character)
    times = sorted({round(key.co.x, 3) for curve in curves for key in curve.keyframe_points})
    assert times == pytest.approx(1 + 0.4 * np.arange(5), abs=1e-3)
    assert report.frames == 5


def test_given_up_at_any_step_the_character_stands_as_before(addon, source):
    character = rigs.build()
    rigs.turn(character, "left_wrist")
    before, actions = rigs.channels(character), sorted(bpy.data.actions.keys())
    for count in (1, 3, 7):
        steps = addon("retarget").retargeting(bpy.context, character)
        for _ in itertools.islice(steps, count):
            pass
        steps.close()
        assert rigs.channels(character) == before
        assert sorted(bpy.data.actions.keys()) == actions


def test_it_says_what_is_missing_and_nothing_changes(addon, source):
    refusal, retarget = addon("errors").Refusal, addon("retarget").retarget
    activate(source, "OBJECT")
    with pytest.raises(refusal, match="There is no fitted body"):
        retarget(bpy.context, source)
    character = rigs.build()
    with pytest.raises(refusal, match="select another character"):
        retarget(bpy.context, character, character)
    character.pose.bones["left_elbow"].lock_rotation[0] = True
    before = rigs.channels(character)
    with pytest.raises(refusal, match="left_elbow"):
        retarget(bpy.context, character)
    assert rigs.channels(character) == before
    assert character.animation_data is None or character.animation_data.action is None


def test_what_the_character_played_before_may_be_locked(addon, source):
    character = rigs.build()
    rigs.key(character, "left_elbow")
    before = character.animation_data.action
    for curve in addon("versions").fcurves(character):
        curve.lock = True
    addon("retarget").retarget(bpy.context, character)
    assert character.animation_data.action != before
    wanted, found = poses(addon, source), poses(addon, character)
    assert np.degrees(geodesic_angle(wanted.rotations, found.rotations)).max() < 0.5


def test_what_the_character_played_before_may_be_linked(addon, source, tmp_path):
    character = rigs.build()
    rigs.key(character, "left_elbow")
    bpy.data.libraries.write(str(tmp_path / "linked.blend"), {character.animation_data.action})
    with bpy.data.libraries.load(str(tmp_path / "linked.blend"), link=True) as (there, here):
        here.actions = there.actions[:1]
    (linked,) = here.actions
    character.animation_data.action = linked
    addon("retarget").retarget(bpy.context, character)
    assert character.animation_data.action.library is None


def test_motion_that_bends_between_far_keys_is_keyed_on_every_frame(addon, source):
    key_elbow(addon, source, [(1, 0.0), (24.5, 1.2)])
    character = rigs.build()
    report = addon("retarget").retarget(bpy.context, character)
    assert report.frames == 25
    frames = (1, 5, 7, 13, 19, 24)
    wanted, found = poses(addon, source, frames), poses(addon, character, frames)
    assert np.degrees(geodesic_angle(wanted.rotations, found.rotations)).max() < 0.1


def test_straight_stretches_between_far_keys_get_no_more_keys(addon, source):
    key_elbow(addon, source, [(1, 0.0), (20, 0.5), (40, 0.1)], "LINEAR")
    character = rigs.build()
    assert addon("retarget").retarget(bpy.context, character).frames == 3


def test_the_new_action_plays_in_full_where_the_one_before_played_in_part(addon, source):
    character = rigs.build()
    data = character.animation_data_create()
    rigs.key(character, "left_elbow")
    data.nla_tracks.new().strips.new("Before", 1, data.action)
    data.nla_tracks[0].strips[0].mute = True
    data.action_blend_type, data.action_influence = "ADD", 0.5
    addon("retarget").retarget(bpy.context, character)
    wanted, found = poses(addon, source), poses(addon, character)
    assert np.degrees(geodesic_angle(wanted.rotations, found.rotations)).max() < 0.5


def test_a_character_whose_nla_would_play_along_is_refused(addon, source):
    character = rigs.build()
    rigs.key(character, "left_elbow")
    data = character.animation_data
    before = data.action
    track = data.nla_tracks.new()
    track.name = "Idle"
    track.strips.new("Before", 1, before)
    for mute, solo, advice in ((False, False, "'Idle'.*mute the track"), (True, True, "'Idle'.*star off")):
        track.mute, track.is_solo = mute, solo
        with pytest.raises(addon("errors").Refusal, match=advice):
            addon("retarget").retarget(bpy.context, character)
        assert data.action == before
