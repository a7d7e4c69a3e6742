# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones in the colours of their naturalness, and markers on the worst frames of an action."""

from __future__ import annotations

import importlib
import types

import bpy
import numpy as np
import pytest
import rigs


@pytest.fixture
def bones(extension):
    module = importlib.import_module(f"{extension}.addon.natural_bones")
    yield module
    module.hide()


def stand(rig):
    """Arms down."""
    for side, degrees in (("left", 70), ("right", -70)):
        rigs.turn(rig, f"{side}_shoulder", (0, 0, 0))
        bone = rig.pose.bones[f"{side}_shoulder"]
        matrix = bone.matrix.copy()
        place = matrix.translation.copy()
        matrix = importlib.import_module("mathutils").Matrix.Rotation(np.radians(degrees), 4, "Y") @ matrix
        matrix.translation = place
        bone.matrix = matrix
        bpy.context.view_layer.update()


def break_knee(rig):
    rig.pose.bones["left_knee"].rotation_mode = "QUATERNION"
    rigs.turn(rig, "left_knee", (110, 60, 0))
    bpy.context.view_layer.update()


def test_a_bent_knee_is_the_bone_that_stands_out(bones, extension):
    rig = rigs.build()
    stand(rig)
    whole = bones.show(bpy.context, rig)
    break_knee(rig)
    broken = bones.show(bpy.context, rig)
    assert broken["left_knee"] < 1
    assert broken["left_knee"] < whole["left_knee"]
    colours = {tuple(place.round(4)): colour for place, _, colour in bones.segments(rig)}
    head = tuple(np.array(rig.matrix_world @ rig.pose.bones["left_knee"].head).round(4))
    red, green, *_ = colours[head]
    assert red > 3 * green


def test_colours_go_from_red_to_green(bones):
    red, also_red, amber, green, also_green = map(bones.colour, (0, 0.05, 0.5, 5, 100))
    assert red == also_red != amber != green == also_green
    assert red[0] > 3 * red[1]
    assert amber[0] > 0.9
    assert amber[1] > 0.5
    assert green[1] > 3 * green[0]
    reds = [bones.colour(percent)[0] - bones.colour(percent)[1] for percent in np.geomspace(0.05, 5, 30)]
    assert (np.diff(reds) < 0).all()


def test_the_drawing_goes_with_another_pose_with_a_second_press_and_with_the_extension(bones, extension):
    rig = rigs.build()
    before = rigs.dump(rig, extension)
    assert bpy.ops.contrapposto.show_naturalness() == {"FINISHED"}
    assert bones.is_shown(rig)
    assert rigs.dump(rig, extension) == before, "nothing is written into the file"
    rigs.turn(rig, "head")
    bpy.context.view_layer.update()
    assert not bones.is_shown(rig)
    bpy.ops.contrapposto.show_naturalness()
    assert bones.is_shown(rig)
    bpy.ops.contrapposto.show_naturalness()
    assert not bones.is_shown(rig)
    bpy.ops.contrapposto.show_naturalness()
    package = importlib.import_module(extension)
    package.unregister()
    try:
        assert not bones.is_shown(rig)
    finally:
        package.register()


def test_disabling_the_extension_takes_the_drawing_out_of_the_views(bones, extension, monkeypatch):
    rigs.build()
    in_a_window = types.SimpleNamespace(app=types.SimpleNamespace(background=False), types=bpy.types)
    monkeypatch.setattr(bones, "bpy", in_a_window)
    bpy.ops.contrapposto.show_naturalness()
    drawing = bones._handle
    assert drawing is not None
    package = importlib.import_module(extension)
    package.unregister()
    try:
        with pytest.raises(ValueError, match="invalid or already removed"):
            bpy.types.SpaceView3D.draw_handler_remove(drawing, "WINDOW")
    finally:
        package.register()


def animate(rig):
    """60 frames of standing, and a broken knee on frame 30 only."""
    stand(rig)
    for frame in (1, 60):
        for bone in rig.pose.bones:
            bone.keyframe_insert("rotation_quaternion", frame=frame)
    for frame in (29, 31):
        rig.pose.bones["left_knee"].keyframe_insert("rotation_quaternion", frame=frame)
    break_knee(rig)
    rig.pose.bones["left_knee"].keyframe_insert("rotation_quaternion", frame=30)
    bpy.context.scene.frame_set(7)


def test_the_worst_frame_of_an_action_gets_a_marker_and_others_markers_stay(extension):
    rig = rigs.build()
    animate(rig)
    scene = bpy.context.scene
    scene.timeline_markers.new("Mine", frame=3)
    module = importlib.import_module(f"{extension}.addon.natural_frames")
    found = module.mark_unnatural(bpy.context, rig, most=1, below=100)
    assert found.marked == (30,)
    assert found.frames == tuple(range(1, 61))
    assert scene.frame_current == 7
    assert bpy.ops.contrapposto.mark_unnatural_frames(most=2, below=100) == {"FINISHED"}
    marks = [marker.frame for marker in scene.timeline_markers if marker.name.startswith("Unnatural")]
    assert len(marks) == 2
    assert 30 in marks
    assert bpy.ops.contrapposto.clear_unnatural_frames() == {"FINISHED"}
    assert [marker.name for marker in scene.timeline_markers] == ["Mine"]


def test_marked_frames_are_apart_and_below_the_bound(extension):
    module = importlib.import_module(f"{extension}.addon.natural_frames")
    frames, percent = np.arange(5, 105), np.full(100, 50.0)
    percent[[10, 12, 40, 80]] = [1.0, 2.0, 3.0, 6.0]
    assert module.worst_frames(frames, percent, 10, 5.0) == (15, 45)
    assert module.worst_frames(frames, percent, 1, 100.0) == (15,)


def test_an_armature_without_an_action_is_told_in_a_sentence(extension):
    rigs.build()
    with pytest.raises(RuntimeError, match="'Rig' has no action"):
        bpy.ops.contrapposto.mark_unnatural_frames()


def test_a_bone_that_was_moved_and_has_no_key_stays_where_it_is(extension):
    rig = rigs.build()
    animate(rig)
    bpy.context.scene.frame_set(7, subframe=0.25)
    rigs.turn(rig, "finger", (40, 10, 0))
    rigs.turn(rig, "head", (25, 0, 0))
    rig.pose.bones["prop"].location = (0.1, 0.2, 0.3)
    bpy.context.view_layer.update()
    before = rigs.dump(rig, extension)
    assert bpy.ops.contrapposto.mark_unnatural_frames(below=100) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert rigs.dump(rig, extension) == before
    assert bpy.context.scene.frame_current_final == 7.25


@pytest.mark.parametrize("frame", [float("nan"), float("inf"), 1e30, -1e30, 2e6])
def test_keys_on_frames_that_cannot_be_played_are_told_in_a_sentence(frame, extension):
    rig = rigs.build()
    animate(rig)
    versions = importlib.import_module(f"{extension}.addon.versions")
    points = next(iter(versions.fcurves(rig))).keyframe_points
    points[0 if frame < 0 else -1].co.x = frame
    if not np.isfinite(frame):
        rig.animation_data.action.use_frame_range = True
        rig.animation_data.action.frame_end = frame
    with pytest.raises(RuntimeError, match=r"a frame that Blender cannot play|more than 20,000 frames"):
        bpy.ops.contrapposto.mark_unnatural_frames()
    assert not bpy.context.scene.timeline_markers


def test_an_action_of_too_many_frames_is_told_in_a_sentence(extension):
    rig = rigs.build()
    animate(rig)
    rig.pose.bones["head"].keyframe_insert("location", frame=20_001)
    with pytest.raises(RuntimeError, match="more than 20,000 frames; split it first"):
        bpy.ops.contrapposto.mark_unnatural_frames()


def test_a_marker_of_the_animators_own_is_never_removed(extension):
    rig = rigs.build()
    animate(rig)
    markers = bpy.context.scene.timeline_markers
    for name in ("Unnatural on purpose", "Unnatural ", "Unnatural 3 %", "Unnatural 0.4 %"):
        markers.new(name, frame=2)
    assert bpy.ops.contrapposto.clear_unnatural_frames() == {"FINISHED"}
    assert [marker.name for marker in markers] == [
        "Unnatural on purpose",
        "Unnatural ",
        "Unnatural 3 %",
    ]


def test_the_active_action_is_judged_alone_whatever_else_plays(extension):
    rig = rigs.build()
    animate(rig)
    module = importlib.import_module(f"{extension}.addon.natural_frames")
    alone = module.mark_unnatural(bpy.context, rig, below=100)
    data = rig.animation_data
    active, versions = data.action, importlib.import_module(f"{extension}.addon.versions")
    over = active.copy()
    slot = versions.same_slot(over, versions.assigned(data)[1])
    for curve in versions.curves_of(over, slot):
        for key in curve.keyframe_points:
            key.co.y += 0.6
    strip = data.nla_tracks.new().strips.new("Over", 1, over)
    versions.assign(strip, over, slot)
    strip.blend_type = "ADD"
    data.action_blend_type = "ADD"
    assert module.mark_unnatural(bpy.context, rig, below=100) == alone
    assert data.use_nla
    assert data.action == active


def test_colours_do_not_come_back_with_the_pose(bones, extension):
    rig = rigs.build()
    before = rigs.channels(rig)
    bones.show(bpy.context, rig)
    rigs.turn(rig, "head")
    bpy.context.view_layer.update()
    assert not bones.segments(rig)
    rigs.restore(rig, before)
    assert not bones.segments(rig)


def test_the_drawing_goes_when_the_object_turns_and_stays_when_it_moves(bones, extension):
    rig = rigs.build()
    bones.show(bpy.context, rig)
    rig.location = (1, 2, 3)
    bpy.context.view_layer.update()
    assert bones.is_shown(rig)
    rig.rotation_euler = (0, 1.5, 0)
    bpy.context.view_layer.update()
    assert not bones.is_shown(rig)


def test_the_drawing_goes_when_a_judged_bone_gets_another_name(bones, extension):
    rig = rigs.build()
    bones.show(bpy.context, rig)
    rig.pose.bones["head"].name = "skull"
    assert not bones.is_shown(rig)
