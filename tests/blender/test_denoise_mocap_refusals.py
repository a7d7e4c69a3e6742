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
    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda: cleaner)
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
    refused(rig, "Action 'Walk' would take 1999999 samples, from frame 1 to 2e\\+06, and 100000 is")


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

    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda: fails)
    refused(rig, "Action 'Walk' could not be denoised: A motion needs two frames")


def test_an_answer_that_is_not_finite(refused, rig, extension, monkeypatch):
    def fails(motion, **options):
        motion = mocap.Cleaner()(motion, **options)
        motion.motion.poses.rotations[3, 4] = np.nan
        return motion

    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda: fails)
    refused(rig, "The prior gave no finite motion")


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


def test_fuzzed_actions_raise_nothing_but_sentences(cleaner, extension):
    """Keys at random, some absurd: a result or a sentence, and the input stays to the bit."""
    module, errors = mocap.addon(extension, "denoise"), mocap.addon(extension, "errors")
    rng = np.random.default_rng(0)
    rig = rigs.build()
    bones = [*rigs.SMPL.values(), "finger"]
    outcomes = []
    for number in range(60):
        for action in list(bpy.data.actions):
            bpy.data.actions.remove(action)
        chosen = rng.choice(bones, size=rng.integers(1, 6), replace=False)
        mocap.perform(rig, bones=[str(bone) for bone in chosen], frames=np.arange(1, 1 + rng.integers(1, 12)))
        _spoil(rig, extension, rng)
        action = rig.animation_data.action
        bpy.context.scene.render.fps = int(rng.choice([1, 24, 240, 1000]))
        bpy.context.scene.render.fps_base = float(rng.choice([1.0, 1.001, 50.0]))
        before = repr(mocap.dump_action(extension, action, rig))
        try:
            outcomes.append(module.denoise(bpy.context, rig, solve=cleaner).reports[0].sentence)
        except errors.Refusal as refusal:
            outcomes.append(f"refused: {refusal}")
        assert repr(mocap.dump_action(extension, action, rig)) == before, number
        assert len(bpy.data.actions) <= 2
    assert {outcome.startswith("refused: ") for outcome in outcomes} == {True, False}
    assert not [outcome for outcome in outcomes if "\n" in outcome]


def _spoil(rig, extension, rng) -> None:
    absurd = [np.nan, np.inf, -np.inf, 1e30, -1e12, 0.0, 1e-30]
    for curve in mocap.addon(extension, "versions").fcurves(rig):
        if rng.random() < 0.3:
            continue
        for key in curve.keyframe_points:
            if rng.random() < 0.05:
                key.co.y = rng.choice(absurd)
            if rng.random() < 0.03:
                key.co.x += rng.choice([0.3, 1000.0, -7.5])
            if rng.random() < 0.1:
                key.interpolation = str(rng.choice(["CONSTANT", "BEZIER", "ELASTIC"]))
        if rng.random() < 0.05:
            curve.modifiers.new(str(rng.choice(["CYCLES", "NOISE", "STEPPED"])))
        curve.update()
