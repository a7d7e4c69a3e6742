# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap on plain skeletons: the clean motion is what plays, and nothing else changes."""

from __future__ import annotations

import bpy
import mocap
import numpy as np
import pytest
import rigs

MODES = ("QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")
EXTRA = ("finger", "twist", "prop")


@pytest.fixture
def cleaner():
    return mocap.Cleaner()


@pytest.fixture
def rig():
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, hips="pelvis")
    return rig


@pytest.mark.parametrize("mode", MODES)
def test_the_new_action_plays_the_clean_motion_in_every_rotation_mode(mode, cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, modes=dict.fromkeys(rigs.SMPL.values(), mode), hips="pelvis")
    mocap.press(extension, cleaner, rig)
    degrees, metres = mocap.apart(mocap.played(rig, extension), cleaner.results[0].motion)
    assert degrees < 0.02
    assert metres < 1e-4


def test_the_original_stays_as_it_is_and_is_kept(rig, cleaner, extension):
    original = rig.animation_data.action
    before = mocap.dump_action(extension, original, rig)
    report = mocap.press(extension, cleaner, rig)
    assert mocap.dump_action(extension, original, rig) == before
    assert original.use_fake_user
    assert rig.animation_data.action != original
    assert rig.animation_data.action.name == f"{original.name} denoised" == report.action
    assert report.original == original.name


def test_everything_that_is_not_of_the_body_is_copied_to_the_bit(rig, cleaner, extension):
    rig.pose.bones["head"].keyframe_insert("scale", frame=3)
    rig.pose.bones["left_elbow"].keyframe_insert("location", frame=3)
    rig.pose.bones["left_elbow"].keyframe_insert("rotation_euler", frame=7)
    rig["mood"] = 0.5
    rig.keyframe_insert('["mood"]', frame=4)
    before = mocap.dump_action(extension, rig.animation_data.action, rig)
    mocap.press(extension, cleaner, rig)
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    assert after.keys() == before.keys()
    changed = {
        path
        for path, _ in after
        if any(after[path, i] != before.get((path, i)) for i in range(4) if (path, i) in after)
    }
    written = {f'pose.bones["{bone}"].rotation_quaternion' for bone in rigs.SMPL} | {
        'pose.bones["pelvis"].location'
    }
    assert changed == written


def test_keys_keep_their_frames_interpolation_and_type(rig, cleaner, extension):
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        curve.keyframe_points[5].interpolation = "BEZIER"
        curve.keyframe_points[6].type = "EXTREME"
        curve.keyframe_points[7].handle_left_type = "FREE"
    before = mocap.dump_action(extension, rig.animation_data.action, rig)
    mocap.press(extension, cleaner, rig)
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    kept = [0, *range(6, 11)]  # frame, interpolation, easing, type, handle types
    for where, keys in before.items():
        assert [[key[i] for i in kept] for key in after[where]] == [[key[i] for i in kept] for key in keys]


def test_a_strength_of_zero_changes_nothing_at_all(rig, cleaner, extension):
    before = mocap.dump_action(extension, rig.animation_data.action, rig)
    mocap.press(extension, cleaner, rig, strength=0.0)
    assert mocap.dump_action(extension, rig.animation_data.action, rig) == before


def test_a_body_part_of_no_strength_keeps_its_curves(rig, cleaner, extension):
    before = mocap.dump_action(extension, rig.animation_data.action, rig)
    mocap.press(extension, cleaner, rig, parts={"legs": 0.0, "arms": 0.5})
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    legs = [where for where in before if any(part in where[0] for part in ("hip", "knee", "ankle", "foot"))]
    assert len(legs) == 8 * 4
    assert all(after[where] == before[where] for where in legs)
    strength = cleaner.calls[0]["strength"]
    assert strength[[1, 4, 7, 10]].tolist() == [0] * 4
    assert strength[[16, 18]].tolist() == [0.5] * 2


def test_only_selected_bones_are_written(rig, cleaner, extension):
    versions = mocap.addon(extension, "versions")
    for bone in rig.pose.bones:
        versions.set_selected(bone, bone.name in ("head", "finger", "left_knee"))
    before = mocap.dump_action(extension, rig.animation_data.action, rig)
    report = mocap.press(extension, cleaner, rig, selected_only=True)
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    changed = {where[0].split('"')[1] for where in before if after[where] != before[where]}
    assert changed == {"head", "left_knee"} == set(report.joints)


def test_within_a_range_only_its_keys_change_and_its_ends_stay(rig, cleaner, extension):
    original = rig.animation_data.action
    before = mocap.dump_action(extension, original, rig)
    mocap.press(extension, cleaner, rig, frame_range=(10, 30))
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    where = ('pose.bones["head"].rotation_quaternion', 1)
    changed = [key[0] for key, old in zip(after[where], before[where], strict=True) if key[:2] != old[:2]]
    assert set(changed) == set(range(11, 30))
    report = mocap.addon(extension, "denoise_report").report_of(rig.animation_data.action)
    assert report.frames == (10, 30)


def test_baking_keys_every_frame_of_the_clean_motion(cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, frames=[1, 8, 15, 22, 29, 36], hips="pelvis")
    mocap.press(extension, cleaner, rig, keys=mocap.addon(extension, "denoise_settings").KeyMode.BAKE)
    for bone in ("head", "pelvis"):
        for curve in mocap.curves(rig, extension, bone, "rotation_quaternion"):
            assert [key.co.x for key in curve.keyframe_points] == list(range(1, 37))
    degrees, metres = mocap.apart(mocap.played(rig, extension), cleaner.results[0].motion)
    assert degrees < 0.02
    assert metres < 1e-4


def test_few_keys_take_the_clean_value_of_their_frames(cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, frames=[1, 8, 15, 22, 29, 36], hips="pelvis")
    mocap.press(extension, cleaner, rig)
    on_keys = [0, 7, 14, 21, 28, 35]
    after, clean = mocap.played(rig, extension), cleaner.results[0].motion
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        assert [key.co.x for key in curve.keyframe_points] == [1, 8, 15, 22, 29, 36]
    turned = mocap.turned_by(after, clean)
    assert turned[on_keys].max() < 0.02
    assert turned.max() > 1


@pytest.mark.parametrize(("degrees", "mm"), [(0.5, 2.0), (4.0, 10.0)])
def test_leaving_out_keys_stays_within_the_bound(rig, cleaner, extension, degrees, mm):
    report = mocap.press(extension, cleaner, rig, reduce=True, max_error_deg=degrees, max_error_mm=mm)
    assert report.keys < 0.6 * report.keys_before
    after, clean = mocap.played(rig, extension), cleaner.results[0].motion
    assert mocap.turned_by(after, clean)[:, 1:].max() < degrees + 0.02
    assert np.abs(after.poses.transl - clean.poses.transl).max() < mm / 1000 + 1e-4


@pytest.mark.parametrize(
    ("fps", "base", "spacing"), [(24, 1.0, 1.0), (25, 1.0, 0.5), (60, 1.001, 1.0), (24, 1.0, 0.2)]
)
def test_the_frame_rate_and_keys_between_frames_are_followed(cleaner, extension, fps, base, spacing):
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = fps, base
    rig = rigs.build(rolls_seed=3)
    frames = 1 + spacing * np.arange(60)
    mocap.perform(rig, frames=frames, hips="pelvis")
    report = mocap.press(extension, cleaner, rig)
    motion = cleaner.calls[0]["motion"]
    assert len(motion) == 60 == report.samples
    assert motion.fps == pytest.approx(fps / base / spacing, rel=1e-4)
    after = mocap.played(rig, extension)
    degrees, metres = mocap.apart(after, cleaner.results[0].motion)
    assert degrees < 0.02
    assert metres < 1e-4
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        assert np.allclose([key.co.x for key in curve.keyframe_points], frames, atol=1e-4)


def test_a_rotated_and_scaled_object_makes_no_difference_to_what_is_played(cleaner, extension):
    motions = []
    for scale, angle in ((1.0, 0.0), (0.01, 1.2)):
        rig = rigs.build(rolls_seed=3)
        rig.scale, rig.rotation_euler = (scale,) * 3, (0, 0, angle)
        mocap.perform(rig, hips="pelvis")
        bpy.context.view_layer.update()
        mocap.press(extension, mocap.Cleaner(), rig)
        motions.append(mocap.played(rig, extension))
    assert np.degrees(np.max(mocap.turned_by(*motions)[:, 1:])) < 1


def test_an_object_that_moves_by_itself_is_taken_along(cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, hips="pelvis")
    for frame, angle in ((1, 0.0), (40, 2.0)):
        rig.rotation_euler, rig.location = (0, 0, angle), (angle, 0, 0)
        rig.keyframe_insert("rotation_euler", frame=frame)
        rig.keyframe_insert("location", frame=frame)
    clip = mocap.read(rig, extension)
    assert not clip.is_plain
    assert np.ptp(clip.motion.poses.transl[:, 0]) > 1
    mocap.press(extension, cleaner, rig)
    degrees, metres = mocap.apart(mocap.played(rig, extension), cleaner.results[0].motion)
    assert degrees < 0.05
    assert metres < 5e-4


def test_what_curves_alone_say_is_what_blender_plays(extension):
    playback = mocap.addon(extension, "playback")
    rig = rigs.build(rolls_seed=3)
    rig.data.bones["left_hip"].use_inherit_rotation = True
    modes = dict(zip(rigs.SMPL, MODES * 3, strict=False))
    mocap.perform(rig, modes=modes, hips="pelvis", frames=[1, 5.5, 9, 20])
    rig.pose.bones["spine1"].scale = (1.2, 1.2, 1.2)
    rig.pose.bones["left_elbow"].keyframe_insert("location", frame=3)
    clip = mocap.read(rig, extension)
    assert clip.is_plain
    for number, (matrices, _) in enumerate(
        playback.play(bpy.context.scene, rig, clip.corrector.needed, clip.timing.frames)
    ):
        for bone, matrix in zip(clip.corrector.needed, matrices, strict=True):
            assert np.abs(matrix[:3, 3] - clip.places.head[bone][number]).max() < 1e-5
            axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
            assert np.abs(axes - clip.places.rotation[bone][number]).max() < 1e-5


def test_bones_without_curves_stay_where_they_are(cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, bones=["pelvis", "left_knee", "head"], hips="pelvis")
    report = mocap.press(extension, cleaner, rig)
    assert set(report.joints) == {"pelvis", "left_knee", "head"}
    assert np.flatnonzero(cleaner.calls[0]["strength"]).tolist() == [0, 4, 15]
    degrees, _ = mocap.apart(mocap.played(rig, extension), cleaner.results[0].motion)
    assert degrees < 0.02


def test_a_missing_rotation_channel_is_added_where_the_clean_motion_needs_it(cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, modes={"head": "XYZ"})
    versions = mocap.addon(extension, "versions")
    for collection in versions.fcurve_collections(rig):
        for curve in [c for c in collection if '"head"' in c.data_path and c.array_index == 2]:
            collection.remove(curve)
    mocap.press(extension, cleaner, rig)
    assert len(mocap.curves(rig, extension, "head", "rotation_euler")) == 3
    degrees, _ = mocap.apart(mocap.played(rig, extension), cleaner.results[0].motion)
    assert degrees < 0.02


def test_dropped_keys_count_as_missing_and_are_filled_with_generated_keys(rig, cleaner, extension):
    for curve in mocap.curves(rig, extension, "left_elbow", "rotation_quaternion"):
        for number in reversed(range(10, 20)):
            curve.keyframe_points.remove(curve.keyframe_points[number])
    mocap.press(extension, cleaner, rig)
    missing = cleaner.calls[0]["missing"]
    assert np.argwhere(missing).tolist() == [[sample, 18] for sample in range(10, 20)]
    for curve in mocap.curves(rig, extension, "left_elbow", "rotation_quaternion"):
        assert [key.co.x for key in curve.keyframe_points] == list(range(1, 41))
        assert [key.co.x for key in curve.keyframe_points if key.type == "GENERATED"] == list(range(11, 21))
    degrees, _ = mocap.apart(mocap.played(rig, extension), cleaner.results[0].motion)
    assert degrees < 0.02


def test_gaps_stay_as_they_are_when_they_are_not_to_be_filled(rig, cleaner, extension):
    for curve in mocap.curves(rig, extension, "left_elbow", "rotation_quaternion"):
        for number in reversed(range(10, 20)):
            curve.keyframe_points.remove(curve.keyframe_points[number])
    mocap.press(extension, cleaner, rig, fill_gaps=False)
    assert cleaner.calls[0]["missing"] is None
    assert not cleaner.calls[0]["fill_gaps"]
    (curve, *_) = mocap.curves(rig, extension, "left_elbow", "rotation_quaternion")
    assert len(curve.keyframe_points) == 30


def test_a_quaternion_that_changes_sign_is_continuous_afterwards(rig, cleaner, extension):
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        for key in list(curve.keyframe_points)[20:25]:
            key.co.y = -key.co.y
        curve.update()
    mocap.press(extension, cleaner, rig)
    values = np.array(
        [
            [key.co.y for key in c.keyframe_points]
            for c in mocap.curves(rig, extension, "head", "rotation_quaternion")
        ]
    )
    assert np.sum(values[:, 1:] * values[:, :-1], axis=0).min() > 0.9


def test_a_cycle_stays_closed_and_its_modifiers_stay(cleaner, extension):
    rig = rigs.build(rolls_seed=3)
    frames = np.arange(1.0, 42.0)
    mocap.perform(rig, frames=frames)
    for bone in rigs.SMPL:
        wave = np.radians(20) * np.sin(2 * np.pi * (frames[:, None] - 1) / 40 + [0, 1, 2])
        mocap.place(rig, bone, "rotation_quaternion", frames, mocap.channel_values("QUATERNION", wave))
        for curve in mocap.curves(rig, extension, bone, "rotation_quaternion"):
            curve.modifiers.new("CYCLES")
    for curve in [c for b in EXTRA for c in mocap.curves(rig, extension, b, "rotation_quaternion")]:
        curve.modifiers.new("CYCLES")
    mocap.press(extension, cleaner, rig)
    assert len(cleaner.calls[0]["motion"]) > 41, "the motion around the cycle is looked at"
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        keys = curve.keyframe_points
        assert [key.co.x for key in keys] == list(frames)
        assert keys[0].co.y == pytest.approx(keys[-1].co.y, abs=1e-6)
        assert [modifier.type for modifier in curve.modifiers] == ["CYCLES"]


def test_the_report_says_what_was_found_and_travels_with_the_action(rig, cleaner, extension):
    report = mocap.press(extension, cleaner, rig)
    assert report.joints["left_elbow"].noise_deg == 1.5
    assert report.joints["left_elbow"].spikes == 18
    assert report.joints["left_elbow"].bones == ("left_elbow",)
    assert report.contacts["left"] == (1, 10)
    assert report.contacts["right"] == (0, 0)
    assert report.changed_most[0][1] >= report.changed_most[1][1] > 0
    assert report.keys == report.keys_before == 22 * 4 * 40 + 3 * 40
    module = mocap.addon(extension, "denoise_report")
    module.forget()
    assert module.report_of(rig.animation_data.action) == report
    assert "denoised 22 joints" in report.sentence
    assert report.warning == ""


def test_the_same_press_gives_the_same_action(rig, extension):
    original = rig.animation_data.action
    versions = mocap.addon(extension, "versions")
    slot = versions.assigned(rig.animation_data)[1]
    results = []
    for _ in range(2):
        versions.assign(rig.animation_data, original, slot)
        mocap.press(extension, mocap.Cleaner(), rig)
        results.append(mocap.dump_action(extension, rig.animation_data.action, rig))
    assert results[0] == results[1]
