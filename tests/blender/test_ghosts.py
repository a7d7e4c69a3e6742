# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples as ghosts beside the character: the right poses, taken back whole, and one taken over."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
import rigs

ops = bpy.ops.contrapposto
BLOCKS = ("objects", "meshes", "materials", "collections", "actions", "armatures")


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


def blocks() -> dict:
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in BLOCKS}


def press(samples=3, **options):
    return ops.sample_poses(destination="GHOSTS", samples=samples, **options)


def ghost(number, owner="Rig"):
    return bpy.data.objects[f"{owner} ghost {number}"]


def activate(thing):
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = thing


def points(thing) -> np.ndarray:
    """(V, 3) from below its hips."""
    found = np.empty(3 * len(thing.data.vertices), dtype=np.float32)
    thing.data.vertices.foreach_get("co", found)
    return found.reshape(-1, 3)


def assert_shows(thing, rig, extension):
    """A ghost of bones has the pose that the character has now."""
    joints = importlib.import_module(f"{extension}.addon.rig").read_rig(rig).rigmap.joints
    heads = [rig.matrix_world @ rig.pose.bones[name].head for j in joints.values() for name in j.read]
    heads = np.array(heads) - [*heads[0][:2], rig.matrix_world.translation[2]]
    away = np.abs(points(thing)[None] - heads[:, None]).max(axis=-1).min(axis=1)
    assert away.max() < 1e-4


def test_each_ghost_has_the_pose_of_its_sample_and_the_character_stays(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    before = rigs.channels(rig), rigs.curves(rig, extension)
    assert press() == {"FINISHED"}
    assert (rigs.channels(rig), rigs.curves(rig, extension)) == before
    assert len({points(ghost(number)).tobytes() for number in (1, 2, 3)}) == 3
    for number in (1, 2, 3):
        ops.take_alternative(number=number)
        bpy.context.view_layer.update()
        assert_shows(ghost(number), rig, extension)


def test_ghosts_of_a_control_rig_have_the_pose_of_its_body(rigify_human, extension):
    rig = rigify_human
    before = rigs.channels(rig)
    press(samples=2)
    assert rigs.channels(rig) == before
    for number in (2, 1):
        ops.take_alternative(number=number)
        bpy.context.view_layer.update()
        assert_shows(ghost(number, rig.name), rig, extension)


def clothe(rig, triangles=2):
    """A mesh that the rig's head carries."""
    mesh = bpy.data.meshes.new("Hat")
    steps = np.arange(triangles + 2) / 100
    places = np.stack([steps, steps**2, 1.7 + 0 * steps], axis=1)
    mesh.from_pydata(places.tolist(), [], [(0, i + 1, i + 2) for i in range(triangles)])
    hat = bpy.data.objects.new("Hat", mesh)
    bpy.context.scene.collection.objects.link(hat)
    hat.vertex_groups.new(name="head").add(range(triangles + 2), 1.0, "REPLACE")
    hat.modifiers.new("Armature", "ARMATURE").object = rig
    return hat


def test_a_character_with_a_mesh_has_ghosts_of_its_mesh(extension):
    rig = rigs.build()
    hat = clothe(rig)
    press(samples=2)
    ops.take_alternative(number=2)
    bpy.context.view_layer.update()
    world = hat.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    wanted = np.array([hat.matrix_world @ vertex.co for vertex in world.vertices])
    hips = rig.matrix_world @ rig.pose.bones["pelvis"].head
    assert np.abs(points(ghost(2)) - (wanted - [*hips[:2], 0])).max() < 1e-4
    assert len(ghost(1).data.polygons) == 2


def test_a_mesh_that_is_too_heavy_to_copy_is_shown_by_bones(monkeypatch, extension):
    rig = rigs.build()
    clothe(rig, triangles=60)
    monkeypatch.setattr(importlib.import_module(f"{extension}.addon.ghost_row"), "MOST_TRIANGLES", 50)
    press(samples=1)
    assert len(ghost(1).data.polygons) == 8 * 22


def test_it_is_the_row_that_must_not_be_too_heavy(monkeypatch, extension):
    rig = rigs.build()
    clothe(rig, triangles=60)
    monkeypatch.setattr(importlib.import_module(f"{extension}.addon.ghost_row"), "MOST_TRIANGLES", 121)
    press(samples=2)
    assert len(ghost(1).data.polygons) == 60
    press(samples=3)
    assert len(ghost(1).data.polygons) == 8 * 22


def test_they_stand_in_rows_to_the_left_of_the_body_and_are_not_rendered(extension):
    rig = rigs.build()
    rig.location = (1, 2, 0.5)
    rig.rotation_euler = (0, 0, np.pi / 2)
    bpy.context.view_layer.update()
    press(samples=10, spacing=2.0)
    first, second, ninth = (np.array(ghost(number).location) for number in (1, 2, 9))
    body = np.array([1, 2, 0.5])
    step = np.linalg.norm(first - body)
    assert 2.0 < step < 4.0
    np.testing.assert_allclose(first - body, [0, step, 0], atol=1e-4)
    np.testing.assert_allclose(second - first, [0, step, 0], atol=1e-4)
    np.testing.assert_allclose(ninth - body, [-step, 1.5 * step, 0], atol=1e-4)
    assert all(ghost(number).hide_render and ghost(number).show_name for number in range(1, 11))


def test_another_press_replaces_them_and_one_button_removes_every_trace(extension):
    rigs.build()
    before = blocks()
    press(samples=3)
    press(samples=2)
    now = blocks()
    assert now["objects"] == sorted([*before["objects"], "Rig ghost 1", "Rig ghost 2"])
    assert now["meshes"] == ["Rig ghost 1", "Rig ghost 2"]
    assert now["collections"] == ["Contrapposto Ghosts"]
    assert ops.remove_ghosts() == {"FINISHED"}
    assert blocks() == before
    with pytest.raises(RuntimeError, match="There is no ghost"):
        ops.remove_ghosts()


def test_one_undo_takes_ghosts_and_their_removal_back(extension):
    rigs.build()
    bpy.ops.ed.undo_push(message="before")
    before = blocks()
    ops.sample_poses("EXEC_DEFAULT", True, destination="GHOSTS", samples=2)
    there = blocks()
    ops.remove_ghosts("EXEC_DEFAULT", True)
    assert blocks() == before
    bpy.ops.ed.undo()
    assert blocks() == there
    bpy.ops.ed.undo()
    assert blocks() == before


def test_what_the_animator_put_beside_the_ghosts_stays(extension):
    rigs.build()
    press(samples=1)
    collection = bpy.data.collections["Contrapposto Ghosts"]
    note = bpy.data.objects.new("Note", None)
    collection.objects.link(note)
    ops.remove_ghosts()
    assert list(collection.objects) == [note]
    assert not ops.remove_ghosts.poll(), "what is left is no ghost"


def test_ghosts_are_found_wherever_their_collection_was_put(extension):
    rigs.build()
    root = bpy.context.scene.collection
    named_alike = bpy.data.collections.new("Contrapposto Ghosts of Anna")
    shelf = bpy.data.collections.new("Shelf")
    for collection in (named_alike, shelf):
        root.children.link(collection)
    before = blocks()
    press(samples=2)
    collection = bpy.data.collections["Contrapposto Ghosts"]
    root.children.unlink(collection)
    shelf.children.link(collection)
    collection.name = "Ideas"
    press(samples=1)
    assert [thing.name for thing in collection.objects] == ["Rig ghost 1"]
    assert ops.remove_ghosts() == {"FINISHED"}
    assert blocks() == before


def test_ghosts_of_another_character_stay_until_all_are_removed(extension):
    first = rigs.build()
    first.name = "Anna"
    press(samples=2)
    bpy.ops.object.mode_set(mode="OBJECT")
    rigs.build()
    press(samples=1)
    assert {"Anna ghost 1", "Anna ghost 2", "Rig ghost 1"} <= set(blocks()["objects"])
    ops.remove_ghosts()
    assert not [name for name in blocks()["objects"] if "ghost" in name]


def test_a_press_that_fails_keeps_the_ghosts_that_were_there(monkeypatch, extension):
    rig = rigs.build()
    press(samples=2)
    before, pose = blocks(), rigs.channels(rig)
    module = importlib.import_module(f"{extension}.addon.ghost_row")
    errors = importlib.import_module(f"{extension}.addon.errors")
    make, calls = module.figure, []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise errors.Refusal("no more")
        return make(*arguments)

    monkeypatch.setattr(module, "figure", fail)
    with pytest.raises(RuntimeError, match="no more"):
        press(samples=3)
    assert blocks() == before
    assert rigs.channels(rig) == pose


def test_the_pose_of_a_ghost_is_what_a_click_on_its_sample_gives(extension):
    rig = rigs.build()
    rigs.key(rig, "head")
    press()
    ops.take_alternative(number=2)
    wanted = rigs.channels(rig)
    ops.discard_alternatives()
    activate(ghost(2))
    assert ops.take_ghost() == {"FINISHED"}
    assert rigs.channels(rig) == wanted


def test_the_pose_of_a_ghost_is_taken_from_a_saved_file_in_one_step(extension, tmp_path):
    rig = rigs.build()
    press()
    ops.take_alternative(number=3)
    wanted = rigs.channels(rig)
    ops.discard_alternatives()
    path = str(tmp_path / "ghosts.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    activate(ghost(3))
    bpy.ops.ed.undo_push(message="before")
    before = rigs.channels(bpy.data.objects["Rig"])
    ops.take_ghost("EXEC_DEFAULT", True)
    assert rigs.channels(bpy.data.objects["Rig"]) == wanted
    bpy.ops.ed.undo()
    assert rigs.channels(bpy.data.objects["Rig"]) == before


def test_a_ghost_is_keyed_as_blender_keys_and_never_over_a_key_of_yours(extension):
    rig = rigs.build()
    press()
    activate(ghost(1))
    settings = bpy.context.scene.tool_settings
    settings.use_keyframe_insert_auto = True
    try:
        ops.take_ghost()
    finally:
        settings.use_keyframe_insert_auto = False
    types = {key[-1] for keys in rigs.curves(rig, extension).values() for key in keys}
    assert types == {"GENERATED"}
    bpy.context.scene.frame_set(5)
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=5)
    before = rigs.dump(rig, extension)
    with pytest.raises(RuntimeError, match="Bone 'head' has a key on frame 5 that would change"):
        ops.take_ghost()
    assert rigs.dump(rig, extension) == before


def test_a_control_rig_takes_the_pose_of_a_ghost(rigify_human, extension):
    rig = rigify_human
    press(samples=2)
    ops.take_alternative(number=2)
    wanted = rigs.channels(rig)
    ops.discard_alternatives()
    activate(ghost(2, rig.name))
    assert ops.take_ghost() == {"FINISHED"}
    assert rigs.channels(rig) == wanted


def lock(knee, extension):
    knee.lock_rotation[1] = True


def drive(knee, extension):
    knee.driver_add("rotation_quaternion", 1)


def constrain(knee, extension):
    constraint = knee.constraints.new("COPY_ROTATION")
    constraint.target, constraint.subtarget = knee.id_data, "head"


def bend_by_ik(knee, extension):
    constraint = knee.id_data.pose.bones["left_ankle"].constraints.new("IK")
    constraint.target, constraint.subtarget = knee.id_data, "prop"


def lock_curves(knee, extension):
    knee.keyframe_insert("rotation_quaternion", frame=9)
    for curve in importlib.import_module(f"{extension}.addon.versions").fcurves(knee.id_data):
        curve.lock = True


@pytest.mark.parametrize(
    ("hold", "sentence"),
    [
        (lock, r"The rotation of bone 'left_knee' is locked \(Y\)"),
        (drive, "The rotation of bone 'left_knee' is driven"),
        (constrain, "Bone 'left_knee' is held by its constraint 'Copy Rotation'"),
        (bend_by_ik, "Bone 'left_[a-z]+' is (moved|held) by (the IK|its) constraint 'IK'"),
        (lock_curves, "The curves of bone 'left_knee' are locked.*, or turn off Auto Keying"),
    ],
)
def test_a_ghost_is_not_taken_by_a_bone_that_would_not_obey(hold, sentence, extension):
    rig = rigs.build()
    press(samples=1)
    hold(rig.pose.bones["left_knee"], extension)
    activate(ghost(1))
    bpy.context.view_layer.update()
    before = rigs.dump(rig, extension)
    settings = bpy.context.scene.tool_settings
    settings.use_keyframe_insert_auto = True
    try:
        with pytest.raises(RuntimeError, match=sentence):
            ops.take_ghost()
    finally:
        settings.use_keyframe_insert_auto = False
    assert rigs.dump(rig, extension) == before


def rename_bone(rig):
    rig.pose.bones["left_knee"].name = "shin"


def change_mode(rig):
    rig.pose.bones["left_knee"].rotation_mode = "XYZ"


def remove(rig):
    bpy.data.objects.remove(rig)


def edit(text):
    def change(rig):
        ghost(1)["contrapposto_ghost_pose"] = text

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (rename_bone, "'Rig' has no bone 'left_knee' any more; sample again"),
        (change_mode, "Bone 'left_knee' has another rotation mode now; sample again"),
        (remove, "The character of 'Rig ghost 1' is not in this scene any more"),
        (edit("x"), "The pose that 'Rig ghost 1' carries is damaged; sample again"),
        (edit(5), "The pose that 'Rig ghost 1' carries is damaged; sample again"),
        (
            edit('{"left_knee": {"rotation_quaternion": [1]}}'),
            "The pose that 'Rig ghost 1' carries is damaged",
        ),
    ],
)
def test_a_ghost_of_a_character_that_has_changed_is_not_taken(change, sentence, extension):
    rig = rigs.build()
    press()
    activate(ghost(1))
    change(rig)
    with pytest.raises(RuntimeError, match=sentence):
        ops.take_ghost()
    assert ops.remove_ghosts() == {"FINISHED"}
