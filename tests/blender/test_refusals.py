# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever cannot be done is refused with one sentence, and nothing in the file changes."""

from __future__ import annotations

import importlib

import bpy
import pytest
import rigs


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


@pytest.fixture
def refused(extension):
    """Press the button and expect the sentence; the file is as before."""

    def check(rig, sentence, **options):
        bpy.context.view_layer.update()
        before = rigs.dump(rig, extension)
        with pytest.raises(RuntimeError, match=sentence):
            bpy.ops.contrapposto.complete_pose(insert_keys=True, **options)
        assert rigs.dump(rig, extension) == before

    return check


def ready():
    rig = rigs.build()
    rigs.key(rig, "head")
    return rig


def test_nothing_keyed(refused):
    refused(
        rigs.build(),
        "No bone of 'Rig' has a key on frame 1. Key the bones you want to keep, or choose Selected Bones",
    )


def test_only_a_finger_keyed(refused):
    rig = rigs.build()
    rigs.key(rig, "finger")
    refused(rig, "The key on bone 'finger' of 'Rig' on frame 1 says nothing about the body")


def test_everything_keyed(refused):
    rig = rigs.build()
    rigs.key(rig, *rigs.SMPL)
    refused(rig, "Every mapped bone of 'Rig' has a key on frame 1")


def test_nothing_selected_and_everything_selected(refused, extension):
    versions = importlib.import_module(f"{extension}.addon.versions")
    rig = rigs.build()
    for state, sentence in (
        (False, "No mapped bone of 'Rig' is selected"),
        (True, "of 'Rig' is kept. Deselect"),
    ):
        for bone in rig.pose.bones:
            versions.set_selected(bone, state)
        refused(rig, sentence, known_bones="SELECTED")


def test_an_armature_that_is_no_humanoid(refused):
    bpy.ops.object.armature_add()
    bpy.ops.object.mode_set(mode="POSE")
    rigs.key(bpy.context.object, "Bone")
    refused(bpy.context.object, bpy.context.object.name)


def test_a_map_without_a_pelvis(refused):
    rig = ready()
    bpy.ops.contrapposto.set_rig_bone(joint="pelvis", bone="")
    refused(rig, "No bone of 'Rig' is mapped to the pelvis; pick the hips in the Rig panel")


def test_a_saved_map_whose_bone_is_gone(refused):
    rig = ready()
    bpy.ops.contrapposto.accept_rig()
    rig.data.bones["left_knee"].name = "renamed"
    refused(rig, "names bones that are gone: 'left_knee'")


def test_a_saved_map_that_is_damaged(refused):
    rig = ready()
    rig.data["contrapposto_rig_map"] = "{"
    refused(rig, "The mapping saved on 'Rig' cannot be used")


def test_a_locked_rotation(refused):
    rig = ready()
    rig.pose.bones["left_knee"].lock_rotation[1] = True
    refused(rig, r"The rotation of bone 'left_knee' is locked \(Y\)")


def test_a_driven_rotation(refused):
    rig = ready()
    rig.pose.bones["left_knee"].driver_add("rotation_quaternion", 1)
    refused(rig, "The rotation of bone 'left_knee' is driven")


def test_a_driver_of_another_rotation_mode_does_not_matter():
    rig = ready()
    rig.pose.bones["left_knee"].driver_add("rotation_euler", 1)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}


def test_a_locked_curve(refused, extension):
    rig = ready()
    rig.pose.bones["left_knee"].keyframe_insert("rotation_quaternion", frame=9)
    versions = importlib.import_module(f"{extension}.addon.versions")
    for curve in versions.fcurves(rig):
        curve.lock = "left_knee" in curve.data_path
    refused(rig, "The curves of bone 'left_knee' are locked and take no keys")


def test_an_action_without_a_slot(refused):
    rig = ready()
    if not hasattr(rig.animation_data, "action_slot"):
        pytest.skip("this Blender has no slots")
    rig.animation_data.action_slot = None
    refused(rig, "The action of 'Rig' has no slot chosen")


def test_a_key_on_a_constraint_is_no_key_of_the_bone(refused):
    rig = rigs.build()
    constraint = rig.pose.bones["left_knee"].constraints.new("LIMIT_LOCATION")
    constraint.keyframe_insert("influence", frame=1)
    refused(rig, "No bone of 'Rig' has a key on frame 1")


def test_a_constraint_that_turns_a_bone(refused):
    rig = ready()
    constraint = rig.pose.bones["left_knee"].constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget = rig, "right_knee"
    refused(rig, "Bone 'left_knee' is held by its constraint 'Copy Rotation'")


def test_a_bone_inside_a_foreign_ik_chain(refused):
    rig = ready()
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    constraint = rig.pose.bones["left_elbow"].constraints.new("IK")
    constraint.target, constraint.chain_count = target, 2
    refused(rig, "constraint 'IK'")


def test_an_ik_chain_that_begins_at_its_owners_parent(refused):
    rig = rigs.build()
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    constraint = rig.pose.bones["left_wrist"].constraints.new("IK")
    constraint.target, constraint.chain_count, constraint.use_tail = target, 2, False
    rigs.key(rig, "left_wrist", "left_elbow")
    refused(rig, "Bone 'left_shoulder' is moved by the IK constraint 'IK' on 'left_wrist'")


def test_constraints_that_are_muted_or_leave_the_rotation_alone_do_not_matter():
    rig = ready()
    muted = rig.pose.bones["left_knee"].constraints.new("LIMIT_ROTATION")
    muted.mute = True
    rig.pose.bones["left_elbow"].constraints.new("LIMIT_LOCATION")
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}


@pytest.mark.parametrize("scale", [(1, 1, 2), (-1, 1, 1), (0, 0, 0)])
def test_an_object_scale_that_is_uneven_negative_or_zero(refused, scale):
    rig = ready()
    rig.scale = scale
    refused(rig, "'Rig' cannot be posed: .*scale")


def test_a_bone_transform_that_is_not_finite(refused):
    rig = ready()
    rig.pose.bones["left_knee"].location = (float("nan"), 0, 0)
    refused(rig, "The transform of bone 'left_knee' is not finite; clear it")


def test_a_rig_in_rest_position(refused):
    rig = ready()
    rig.data.pose_position = "REST"
    refused(rig, "'Rig' is shown in its rest position")


def test_a_linked_rig(extension, tmp_path):
    rigs.build()
    path = tmp_path / "rig.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, to):
        to.objects = ["Rig"]
    rig = to.objects[0]
    bpy.context.scene.collection.objects.link(rig)
    module = importlib.import_module(f"{extension}.addon.complete")
    errors = importlib.import_module(f"{extension}.addon.errors")
    with pytest.raises(errors.Refusal, match=r"'Rig' is linked from .* make a library override"):
        module.complete(bpy.context, rig)


def test_an_editable_override_is_completed(extension, tmp_path):
    rigs.build()
    path = tmp_path / "rig.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(path), link=True) as (_, to):
        to.objects = ["Rig"]
    linked = to.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    rig = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    for item in {rig, *(o for o in bpy.data.objects if o.override_library)}:
        item.override_library.is_system_override = False
    bpy.context.view_layer.update()
    rigs.key(rig, "head")
    module = importlib.import_module(f"{extension}.addon.complete")
    assert len(module.complete(bpy.context, rig).completed) == 21


def test_weights_that_are_missing_or_damaged(refused, monkeypatch, extension):
    memory = importlib.import_module(f"{extension}.addon.memory")

    def missing(*arguments, **options):
        raise FileNotFoundError("The weights of the prior 'pose' are missing; reinstall the extension")

    monkeypatch.setattr(memory, "complete_pose", missing)
    refused(ready(), "The pose of 'Rig' could not be completed: The weights of the prior 'pose' are missing")


def test_a_failure_while_writing_puts_everything_back(monkeypatch, extension):
    writing = importlib.import_module(f"{extension}.addon.writing")
    rig = ready()
    before = rigs.dump(rig, extension)
    count = []

    def fails_late(bone, rotation):
        count.append(bone)
        if len(count) == 9:
            raise RuntimeError("late")
        bone.rotation_quaternion = rotation

    monkeypatch.setattr(writing, "set_rotation", fails_late)
    with pytest.raises(RuntimeError, match="late"):
        bpy.ops.contrapposto.complete_pose()
    assert len(count) == 9
    assert rigs.dump(rig, extension) == before


def _raise():
    raise RuntimeError("Error: no room")


@pytest.mark.parametrize("animated", [False, True])
@pytest.mark.parametrize(
    ("fail", "sentence"),
    [
        (lambda: False, "Blender takes no key for the rotation_quaternion of bone '"),
        (_raise, r"The completed bones of 'Rig' take no keys \(no room\); turn off Insert Keys"),
    ],
)
def test_a_key_that_blender_does_not_take(refused, monkeypatch, extension, animated, fail, sentence):
    versions = importlib.import_module(f"{extension}.addon.versions")
    rig = rigs.build()
    if animated:
        rigs.key(rig, "left_hip", "right_hip", frame=1)
        rigs.key(rig, "left_hip", "right_knee", frame=9)
        bpy.context.scene.frame_set(1)
        rigs.turn(rig, "left_hip", (40, 0, 0))
    for bone in rig.pose.bones:
        versions.set_selected(bone, bone.name == "head")
    insert, count = bpy.types.PoseBone.keyframe_insert, []

    def fails_late(self, *arguments, **options):
        count.append(self.name)
        return fail() if len(count) == 9 else insert(self, *arguments, **options)

    monkeypatch.setattr(bpy.types.PoseBone, "keyframe_insert", fails_late)
    refused(rig, sentence, known_bones="SELECTED")
    assert len(count) == 9
    assert (rig.animation_data is not None) == animated


def test_an_object_that_was_just_linked_to_the_scene_is_seen(extension):
    module = importlib.import_module(f"{extension}.addon.complete")
    known = importlib.import_module(f"{extension}.addon.known")
    copy = bpy.data.objects.new("Copy", rigs.build().data)
    bpy.context.scene.collection.objects.link(copy)
    settings = module.Settings(rule=known.Rule.NAMED, bones=("head",))
    assert len(module.complete(bpy.context, copy, settings).completed) == 21
