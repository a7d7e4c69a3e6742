# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions that cannot be denoised are refused with one sentence; curves that cannot are left and named."""

from __future__ import annotations

import bpy
import mocap
import numpy as np
import pytest
import rigs


@pytest.fixture
def cleaner(monkeypatch, extension):
    cleaner = mocap.Cleaner()
    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda _: cleaner)
    return cleaner


@pytest.fixture
def refused(cleaner, extension):
    """Press the button and expect the sentence; the file is as before."""

    def check(rig, sentence, **options):
        bpy.context.view_layer.update()
        before = rigs.dump(rig, extension)
        with pytest.raises(RuntimeError, match=sentence):
            bpy.ops.contrapposto.denoise_mocap(**options)
        assert rigs.dump(rig, extension) == before

    return check


@pytest.fixture
def rig():
    rig = rigs.build()
    mocap.perform(rig, hips="pelvis", frames=np.arange(1, 21))
    rig.animation_data.action.name = "Walk"
    return rig


def test_no_action(refused):
    refused(rigs.build(), "'Rig' has no action; assign one in the Action Editor")


def test_only_strips(refused, rig):
    rig.animation_data.nla_tracks.new().strips.new("Strip", 1, rig.animation_data.action)
    rig.animation_data.action = None
    refused(rig, "'Rig' has no active action, only NLA strips; select strips and choose Selected Strips")


def test_no_strip_selected(refused, rig):
    refused(rig, "No NLA strip of 'Rig' that plays an action is selected", source="STRIPS")


def test_tweak_mode(refused, rig):
    strip = rig.animation_data.nla_tracks.new().strips.new("Strip", 1, rig.animation_data.action)
    strip.select = True
    rig.animation_data.action = None
    rig.animation_data.use_tweak_mode = True
    refused(rig, "'Rig' is tweaking an NLA strip; leave Tweak Mode")


def test_an_action_without_a_slot(refused, rig):
    if not hasattr(rig.animation_data, "action_slot"):
        pytest.skip("this Blender has no slots")
    rig.animation_data.action_slot = None
    refused(rig, "The action of 'Rig' has no slot chosen")


def test_a_name_that_is_none(refused, rig):
    refused(rig, "There is no action named 'Fly' in this file", actions=[{"name": "Fly"}])


def test_no_curves_of_bones(refused):
    rig = rigs.build()
    rig.keyframe_insert("location", frame=1)
    refused(rig, "holds no curves of bones; choose one that moves 'Rig'")


def test_no_curves_of_the_body(refused):
    rig = rigs.build()
    mocap.perform(rig, bones=["finger", "prop"])
    refused(rig, "turns no bone of 'Rig' that is mapped to the body")


def test_one_frame(refused):
    rig = rigs.build()
    rigs.key(rig, "head", "left_elbow", frame=5)
    refused(rig, "has keys on frame 5 only; there is no motion to denoise in one frame")


def test_keys_that_are_no_numbers(refused, rig, extension):
    mocap.curves(rig, extension, "head", "rotation_quaternion")[1].keyframe_points[4].co.y = float("nan")
    refused(rig, r"key of bone 'head' \(rotation quaternion\) that is not a number, on frame 5; delete it")


def test_a_hole_as_long_as_an_evening(refused, rig, extension):
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        curve.keyframe_points.insert(2_000_000, 1.0)
    refused(rig, "Action 'Walk' has no keys between frames 20 and 2000000; delete keys that are far away")


def test_more_samples_than_a_day_has_patience_for(refused, rig, extension):
    for curve in mocap.curves(rig, extension, "head", "rotation_quaternion"):
        curve.keyframe_points.add(1000)
        for number, key in enumerate(curve.keyframe_points):
            key.co.x = 1 + 1000 * number
        curve.update()
    refused(rig, "'Walk' goes from frame 1 to 1.019e\\+06 with 1 samples a frame; 100,000 samples is")


@pytest.mark.parametrize("samples", [False, True])
def test_curves_without_keys(refused, rig, extension, samples):
    for curve in mocap.addon(extension, "versions").fcurves(rig):
        if samples:
            curve.convert_to_samples(1, 20)
        else:
            curve.keyframe_points.clear()
    refused(
        rig,
        "Nothing of action 'Walk' can be denoised: bone 'pelvis' and the like, its rotation curves "
        + ("hold baked samples without keys" if samples else "have no keys"),
    )


def test_a_range_without_keys(refused, rig):
    refused(
        rig, "The range 100 to 200 holds less than two frames of action 'Walk', which has keys from 1 to 20",
        frames="CUSTOM", frame_start=100, frame_end=200,
    )  # fmt: skip


def test_an_absurd_frame_rate(refused, rig):
    bpy.context.scene.render.fps_base = 1000.0
    refused(rig, "The scene plays 0.024 frames a second; set a frame rate from 1 to 1000")


def test_nothing_selected(refused, rig, extension):
    for bone in rig.pose.bones:
        mocap.addon(extension, "versions").set_selected(bone, bone.name == "finger")
    refused(rig, "No selected bone of 'Rig' is mapped to the body", selected_only=True)


def test_bones_infinitely_far_away(refused, rig, extension):
    mocap.curves(rig, extension, "pelvis", "location")[0].keyframe_points[4].co.y = 1e30
    refused(rig, "Bone '.*' of 'Rig' is infinitely far away on frame 5")


@pytest.mark.parametrize(("path", "value"), [("location", 1e30), ("scale", np.nan)])
def test_an_object_that_is_nowhere(refused, rig, path, value):
    setattr(rig, path, (value,) * 3)
    refused(rig, "'Rig' itself is infinitely large or far away on frame 1; clear its transform")


def test_a_mirrored_object(refused, rig):
    rig.scale = (-1, 1, 1)
    refused(rig, "'Rig' cannot be denoised: .*scale")


def test_an_armature_that_is_no_humanoid(refused):
    bpy.ops.object.armature_add()
    bpy.ops.object.mode_set(mode="POSE")
    rigs.key(bpy.context.object, "Bone", frame=1)
    refused(bpy.context.object, bpy.context.object.name)


def test_core_refuses(refused, rig, extension, monkeypatch):
    def fails(*arguments, **options):
        raise ValueError("A motion needs two frames")

    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda _: fails)
    refused(rig, "Action 'Walk' could not be denoised: A motion needs two frames")


def test_an_answer_that_is_not_finite(refused, rig, extension, monkeypatch):
    def fails(motion, **options):
        motion = mocap.Cleaner()(motion, **options)
        motion.motion.poses.rotations[3, 4] = np.nan
        return motion

    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda _: fails)
    refused(rig, "The weights gave no finite motion")


def _mute(rig, curves):
    for curve in curves:
        curve.mute = True


def _mute_group(rig, curves):
    if curves[0].group is None:  # Blender 4.2 keys bones without one
        curves[0].group = rig.animation_data.action.groups.new("left_knee")
    curves[0].group.mute = True


def _lock(rig, curves):
    curves[2].lock = True


def _noise(rig, curves):
    curves[1].modifiers.new("NOISE")


def _drive(rig, curves):
    rig.pose.bones["left_knee"].driver_add("rotation_quaternion", 2)


def _lock_bone(rig, curves):
    rig.pose.bones["left_knee"].lock_rotation = (True, True, False)


def _constrain(rig, curves):
    constraint = rig.pose.bones["left_knee"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget = rig, "right_knee"


def _other_mode(rig, curves):
    rig.pose.bones["left_knee"].rotation_mode = "XYZ"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_mute, "its rotation curves are muted"),
        (_mute_group, "its rotation curves are muted"),
        (_lock, "its rotation curves are locked"),
        (_noise, "its rotation curves have a modifier (Noise)"),
        (_drive, "its rotation is driven"),
        (_lock_bone, "its rotation is locked"),
        (_constrain, "its constraint 'Copy Rotation' holds it"),
        (_other_mode, "its rotation mode is XYZ, its curves are of another"),
    ],
)
def test_curves_that_cannot_be_written_are_left_and_named(rig, cleaner, extension, spoil, reason):
    spoil(rig, mocap.curves(rig, extension, "left_knee", "rotation_quaternion"))
    before = mocap.dump_action(extension, rig.animation_data.action, rig)
    report = mocap.press(extension, cleaner, rig)
    assert report.left == {"left_knee": reason}
    assert report.warning == f"Bone 'left_knee' is left as it is: {reason}"
    assert "left_knee" not in report.joints
    assert cleaner.calls[0]["strength"][4] == 0
    after = mocap.dump_action(extension, rig.animation_data.action, rig)
    for where in before:
        assert (after[where] == before[where]) == (
            '"pelvis"' not in where[0]
            and any(name in where[0] for name in ("left_knee", "finger", "twist", "prop"))
        )


def test_if_everything_is_muted_it_says_so(refused, rig, extension):
    for curve in mocap.addon(extension, "versions").fcurves(rig):
        curve.mute = True
    refused(
        rig,
        "Nothing of action 'Walk' can be denoised: bone 'pelvis' and the like, its rotation curves are muted",
    )
