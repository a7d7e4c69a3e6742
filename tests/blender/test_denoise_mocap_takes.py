# SPDX-License-Identifier: GPL-3.0-or-later
"""Which actions Denoise Mocap works on, where the results go, and the way back to the originals."""

from __future__ import annotations

import importlib
import json

import bpy
import mocap
import pytest
import rigs


@pytest.fixture
def rig():
    rig = rigs.build(rolls_seed=3)
    mocap.perform(rig, hips="pelvis")
    rig.animation_data.action.name = "Walk"
    bpy.context.scene.frame_set(7)
    return rig


@pytest.fixture
def cleaner(monkeypatch, extension):
    """A stand-in for core's own, so that the button can be pressed."""
    cleaner = mocap.Cleaner()
    monkeypatch.setattr(mocap.addon(extension, "denoise"), "_core_denoise", lambda _: cleaner)
    return cleaner


def assigned(extension, holder):
    return mocap.addon(extension, "versions").assigned(holder)


def as_strip(rig, extension, *, start=10, scale=2.0):
    """Push the active action down to an NLA strip that plays it later and slower."""
    action, slot = assigned(extension, rig.animation_data)
    strip = rig.animation_data.nla_tracks.new().strips.new("Strip", start, action)
    mocap.addon(extension, "versions").assign(strip, action, slot)
    strip.scale = scale
    rig.animation_data.action = None
    strip.select = True
    return strip


def test_the_button_makes_what_the_function_makes(rig, cleaner, extension):
    original, slot = assigned(extension, rig.animation_data)
    assert bpy.ops.contrapposto.denoise_mocap() == {"FINISHED"}
    by_button = mocap.dump_action(extension, rig.animation_data.action, rig)
    mocap.addon(extension, "versions").assign(rig.animation_data, original, slot)
    mocap.press(extension, mocap.Cleaner(), rig)
    assert mocap.dump_action(extension, rig.animation_data.action, rig) == by_button


def test_the_buttons_options_reach_core(rig, cleaner, extension):
    bpy.ops.contrapposto.denoise_mocap(
        strength=0.5, strength_legs=0.5, preserve_contacts=False, fill_gaps=False, frames="CUSTOM",
        frame_start=5, frame_end=20, keys="BAKE", reduce=True, max_error_deg=1.0,
    )  # fmt: skip
    (call,) = cleaner.calls
    assert call["strength"][[0, 1]].tolist() == [0.5, 0.25]
    assert not call["contacts"]
    assert not call["fill_gaps"]
    report = mocap.addon(extension, "denoise_report").report_of(rig.animation_data.action)
    assert report.frames == (5, 20)
    assert report.keys < report.keys_before


def test_one_undo_takes_the_new_action_away(rig, cleaner, extension):
    bpy.ops.ed.undo_push(message="before")
    before = rigs.dump(rig, extension)
    bpy.ops.contrapposto.denoise_mocap("EXEC_DEFAULT", True)
    rig = bpy.data.objects["Rig"]
    assert rigs.dump(rig, extension) != before
    bpy.ops.ed.undo()
    rig = bpy.data.objects["Rig"]
    assert rigs.dump(rig, extension) == before
    assert not bpy.data.actions["Walk"].use_fake_user


def test_a_strip_plays_the_result_when_and_how_it_played_the_original(rig, cleaner, extension):
    strip = as_strip(rig, extension)
    when = (strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end, strip.scale)
    assert bpy.ops.contrapposto.denoise_mocap(source="STRIPS") == {"FINISHED"}
    assert strip.action.name == "Walk denoised"
    assert rig.animation_data.action is None
    assert rig.animation_data.use_nla
    assert when == (
        strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end, strip.scale
    )  # fmt: skip
    if hasattr(strip, "action_slot"):
        assert strip.action_slot is not None
    assert mocap.dump_action(extension, strip.action, rig) != mocap.dump_action(
        extension, bpy.data.actions["Walk"], rig
    )


def test_an_action_of_several_strips_is_denoised_once(rig, cleaner, extension):
    first = as_strip(rig, extension)
    second = first.id_data.animation_data.nla_tracks[0].strips.new("Again", 200, first.action)
    mocap.addon(extension, "versions").assign(second, *assigned(extension, first))
    second.select = True
    bpy.ops.contrapposto.denoise_mocap(source="STRIPS")
    assert len(cleaner.calls) == 1
    assert first.action == second.action == bpy.data.actions["Walk denoised"]


def test_named_actions_are_denoised_and_kept_though_nothing_plays_them(rig, cleaner, extension):
    bpy.data.actions["Walk"].copy().name = "Run"
    playing = rig.animation_data.action
    bpy.ops.contrapposto.denoise_mocap(actions=[{"name": "Run"}])
    assert rig.animation_data.action == playing
    denoised = bpy.data.actions["Run denoised"]
    assert denoised.use_fake_user
    assert denoised["contrapposto_original"] == bpy.data.actions["Run"]


def test_all_actions_of_the_armature_and_of_no_other(rig, cleaner, extension):
    bpy.data.actions["Walk"].copy().name = "Run"
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.keyframe_insert("location", frame=1)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.contrapposto.denoise_mocap(source="ALL")
    names = {action.name for action in bpy.data.actions if action.name.endswith("denoised")}
    assert names == {"Walk denoised", "Run denoised"}


def test_of_several_actions_those_with_nothing_to_denoise_are_skipped(rig, cleaner, extension):
    pose = bpy.data.actions["Walk"].copy()
    pose.name = "A pose"
    versions, module = mocap.addon(extension, "versions"), mocap.addon(extension, "denoise")
    for slot in versions.slots_of(pose, rig):
        for curve in versions.curves_of(pose, slot):
            for number in reversed(range(1, len(curve.keyframe_points))):
                curve.keyframe_points.remove(curve.keyframe_points[number])
    options = mocap.addon(extension, "denoise_settings")
    outcome = module.denoise(bpy.context, rig, options.DenoiseSettings(source=options.Source.ALL))
    assert [report.original for report in outcome.reports] == ["Walk"]
    (refusal,) = outcome.skipped
    assert str(refusal).startswith("Action 'A pose' has keys on frame 1 only")


def test_an_action_that_others_play_goes_on_for_them(rig, cleaner, extension):
    other = bpy.data.objects.new("Other", rig.data)
    bpy.context.scene.collection.objects.link(other)
    other.animation_data_create()
    action, slot = assigned(extension, rig.animation_data)
    mocap.addon(extension, "versions").assign(other.animation_data, action, slot)
    report = mocap.press(extension, cleaner, rig)
    assert other.animation_data.action == action
    assert rig.animation_data.action != action
    assert report.other_users == 1
    assert not action.use_fake_user


def test_a_linked_action_is_denoised_into_a_local_one(rig, cleaner, extension, tmp_path):
    path = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    slot_name = getattr(assigned(extension, rig.animation_data)[1], "identifier", None)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rig = rigs.build(rolls_seed=3)
    with bpy.data.libraries.load(str(path), link=True) as (_, to):
        to.actions = ["Walk"]
    linked = to.actions[0]
    slot = linked.slots[slot_name] if slot_name else None
    rig.animation_data_create()
    mocap.addon(extension, "versions").assign(rig.animation_data, linked, slot)
    mocap.press(extension, cleaner, rig)
    assert rig.animation_data.action.library is None
    assert rig.animation_data.action.name == "Walk denoised"
    assert linked.library is not None


def test_the_toggle_goes_back_and_forth(rig, cleaner, extension):
    original = rig.animation_data.action
    bpy.ops.contrapposto.denoise_mocap()
    denoised, slot = assigned(extension, rig.animation_data)
    for expected in (original, denoised, original):
        assert bpy.ops.contrapposto.toggle_denoised() == {"FINISHED"}
        assert rig.animation_data.action == expected
        if slot is not None:
            assert rig.animation_data.action_slot.identifier == slot.identifier


def test_the_toggle_works_on_strips(rig, cleaner, extension):
    strip = as_strip(rig, extension)
    bpy.ops.contrapposto.denoise_mocap(source="STRIPS")
    bpy.ops.contrapposto.toggle_denoised()
    assert strip.action.name == "Walk"
    bpy.ops.contrapposto.toggle_denoised()
    assert strip.action.name == "Walk denoised"


def test_the_toggle_says_when_there_is_nothing_to_change_to(rig, extension):
    with pytest.raises(RuntimeError, match="'Rig' plays nothing that was denoised"):
        bpy.ops.contrapposto.toggle_denoised()


def test_the_original_survives_saving_and_loading(rig, cleaner, extension, tmp_path):
    bpy.ops.contrapposto.denoise_mocap()
    path = tmp_path / "file.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    bpy.ops.contrapposto.toggle_denoised()
    assert bpy.data.objects["Rig"].animation_data.action.name == "Walk"


def test_the_report_is_written_as_json(rig, cleaner, extension, tmp_path):
    bpy.ops.contrapposto.denoise_mocap()
    path = tmp_path / "report.json"
    assert bpy.ops.contrapposto.export_denoise_report(filepath=str(path)) == {"FINISHED"}
    report = json.loads(path.read_text())
    assert report["action"] == "Walk denoised"
    assert report["joints"]["head"]["bones"] == ["head"]


def test_the_frame_and_what_plays_are_as_before_while_frames_are_played(rig, cleaner, extension):
    rig.keyframe_insert("location", frame=1)  # the object moves: Blender has to play the frames
    bpy.context.scene.frame_set(17)
    bpy.ops.contrapposto.denoise_mocap()
    assert bpy.context.scene.frame_current == 17
    assert {action.name for action in bpy.data.actions} == {"Walk", "Walk denoised"}


@pytest.mark.parametrize("at", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("moving", [False, True])
def test_what_stops_it_leaves_everything_as_it_was(rig, extension, at, moving):
    module, steps = mocap.addon(extension, "denoise"), mocap.addon(extension, "steps")
    if moving:
        rig.keyframe_insert("location", frame=1)
    before = rigs.dump(rig, extension)

    def stop(done):
        if done >= at:
            raise steps.Cancelled

    with pytest.raises(steps.Cancelled):
        module.denoise(bpy.context, rig, solve=mocap.Cleaner(), progress=stop)
    assert rigs.dump(rig, extension) == before
    assert rig.animation_data.use_nla


def in_window(extension, rig, **options):
    """Denoise Mocap in slices, as a window goes on with it."""
    stoppable = importlib.import_module(f"{extension}.operators.stoppable")
    module = mocap.addon(extension, "denoise")
    return stoppable.Run(module.denoising_in_window(module.Denoising(bpy.context, rig, **options)))


def test_in_slices_it_does_the_same_and_stops_when_told(rig, cleaner, extension):
    before = rigs.dump(rig, extension)
    run = in_window(extension, rig)
    run.go_on(0.01)
    run.stop()
    assert rigs.dump(rig, extension) == before
    run = in_window(extension, rig)
    fractions = []
    while not run.go_on(0.01):
        fractions.append(run.fraction)
    assert fractions == sorted(fractions)
    assert run.outcome.reports[0].action == "Walk denoised"
    assert rig.animation_data.action.name == "Walk denoised"


def test_an_error_on_the_other_thread_reaches_the_user(rig, extension):
    errors = mocap.addon(extension, "errors")

    def fails(*arguments, **options):
        raise ValueError("Frame 3 is not finite")

    run = in_window(extension, rig, solve=fails)
    with pytest.raises(errors.Refusal, match="Action 'Walk' could not be denoised: Frame 3 is not finite"):
        go_to_the_end(run)


def go_to_the_end(run):
    while not run.go_on(1.0):
        pass
