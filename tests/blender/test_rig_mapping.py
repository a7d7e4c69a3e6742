# SPDX-License-Identifier: GPL-3.0-or-later
"""The map of a rig: found, edited, kept in the file, shared as a preset."""

from __future__ import annotations

import importlib
import json

import bpy
import pytest
import rigs

from contrapposto.rig.rigmap import Handle


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension)


@pytest.fixture
def storage(extension):
    return importlib.import_module(f"{extension}.addon.rig_storage")


def test_detecting_maps_every_joint_and_stores_nothing(storage):
    rig = rigs.build(rigs.MIXAMO)
    assert storage.known_map(rig.data) is None
    assert bpy.ops.contrapposto.detect_rig() == {"FINISHED"}
    found = storage.known_map(rig.data)
    assert {joint: bones.read for joint, bones in found.joints.items()} == {
        joint: (bone,) for joint, bone in rigs.MIXAMO.items()
    }
    assert storage.PROPERTY not in rig.data


def test_an_accepted_map_travels_with_the_file(storage, tmp_path):
    rig = rigs.build()
    bpy.ops.contrapposto.accept_rig()
    saved = storage.stored_map(rig.data)
    assert {bones.confidence for bones in saved.joints.values()} == {1.0}
    path = tmp_path / "rig.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    storage.forget()
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert storage.stored_map(bpy.data.armatures["Rig"]) == saved


def test_a_chosen_bone_is_used_and_reported(storage):
    rig = rigs.build()
    bpy.ops.contrapposto.set_rig_bone(joint="left_elbow", bone="twist")
    assert storage.map_of(rig).joints["left_elbow"].read == ("twist",)
    assert storage.map_of(rig).joints["left_elbow"].confidence == 1.0
    bpy.ops.contrapposto.set_rig_bone(joint="neck", bone="")
    assert "neck" not in storage.map_of(rig).joints
    with pytest.raises(RuntimeError, match="'Rig' has no bone named 'nowhere'"):
        bpy.ops.contrapposto.set_rig_bone(joint="neck", bone="nowhere")


def test_a_bone_plays_one_joint(storage):
    rig = rigs.build()
    bpy.ops.contrapposto.set_rig_bone(joint="spine1", bone="spine2")
    joints = storage.map_of(rig).joints
    assert joints["spine1"].read == ("spine2",)
    assert "spine2" not in joints


def test_a_detected_map_is_forgotten_when_a_bone_is_renamed(storage):
    rig = rigs.build()
    bpy.ops.contrapposto.detect_rig()
    rig.data.bones["left_knee"].name = "left_lower_leg"
    assert storage.known_map(rig.data) is None
    bpy.ops.contrapposto.set_rig_bone(joint="left_foot", bone="")
    assert storage.map_of(rig).joints["left_knee"].read == ("left_lower_leg",)


def test_the_panel_fields_show_and_edit_the_map(storage):
    rig = rigs.build()
    assert rig.data.contrapposto.neck == ""
    bpy.ops.contrapposto.detect_rig()
    assert rig.data.contrapposto.neck == "neck"
    rig.data.contrapposto.neck = "twist"
    assert storage.stored_map(rig.data).joints["neck"].read == ("twist",)
    rig.data.contrapposto.neck = "no such bone"
    assert rig.data.contrapposto.neck == "twist"


def test_a_joint_that_the_map_leaves_out_is_not_written(storage):
    rig = rigs.build()
    bpy.ops.contrapposto.set_rig_bone(joint="neck", bone="")
    rigs.key(rig, "left_elbow")
    before = rigs.channels(rig)
    bpy.ops.contrapposto.complete_pose()
    after = rigs.channels(rig)
    assert after["neck"] == before["neck"]
    assert after["head"] != before["head"]


def test_clearing_goes_back_to_detection(storage):
    rig = rigs.build()
    bpy.ops.contrapposto.set_rig_bone(joint="neck", bone="")
    assert bpy.ops.contrapposto.clear_rig() == {"FINISHED"}
    assert "neck" in storage.map_of(rig).joints
    with pytest.raises(RuntimeError, match="No mapping is saved on 'Rig'"):
        bpy.ops.contrapposto.clear_rig()


def test_a_preset_gives_the_same_map_to_another_copy_of_the_rig(storage, tmp_path):
    rig = rigs.build()
    bpy.ops.contrapposto.set_rig_bone(joint="neck", bone="")
    path = tmp_path / "preset.json"
    bpy.ops.contrapposto.export_rig(filepath=str(path))
    assert [file.name for file in tmp_path.iterdir()] == ["preset.json"]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    exported = storage.map_of(rig)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rig = rigs.build()
    assert bpy.ops.contrapposto.import_rig(filepath=str(path)) == {"FINISHED"}
    assert storage.stored_map(rig.data) == exported


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00", "preset.json is no preset of a rig: it is no text"),
        (b"{", "not valid JSON"),
        (b"{}", "not a Contrapposto rig mapping"),
        (None, "cannot be read"),
    ],
)
def test_a_preset_that_is_none_is_refused(storage, tmp_path, content, sentence):
    rig = rigs.build()
    path = tmp_path / "preset.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.contrapposto.import_rig(filepath=str(path))
    assert storage.PROPERTY not in rig.data


def test_a_preset_for_another_rig_is_refused(tmp_path):
    rigs.build()
    path = tmp_path / "preset.json"
    bpy.ops.contrapposto.export_rig(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rigs.build(rigs.MIXAMO)
    with pytest.raises(RuntimeError, match="is for another rig: 'Rig' has no 'pelvis'"):
        bpy.ops.contrapposto.import_rig(filepath=str(path))


def test_a_preset_that_cannot_be_written_leaves_nothing(tmp_path):
    rigs.build()
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.contrapposto.export_rig(filepath=str(tmp_path / "missing" / "preset.json"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match=r"cannot be written to .*: it is a folder"):
        bpy.ops.contrapposto.export_rig(filepath=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("switch", "is_on_ik"), [(0.0, True), (1.0, False), ("FK", True), ([1.0, 1.0], True)]
)
def test_a_switch_that_is_no_number_switches_nothing(extension, switch, is_on_ik):
    limbs = importlib.import_module(f"{extension}.addon.limbs")
    rig = rigs.build()
    rig.pose.bones["left_wrist"]["ik"] = switch
    handle = Handle("left_wrist", "prop", switch=("left_wrist", "ik"))
    assert limbs.ik_is_live(rig, handle) is is_on_ik


def vrm(version):
    names = {"hips": "pelvis", "leftUpperLeg": "left_hip", "chest": "spine2", "leftHand": "left_wrist"}
    snake = {"hips": "hips", "leftUpperLeg": "left_upper_leg", "chest": "chest", "leftHand": "left_hand"}
    if version == 1:
        return {"vrm1": {"humanoid": {"human_bones": {
            snake[part]: {"node": {"bone_name": bone}} for part, bone in names.items()
        }}}}  # fmt: skip
    return {"vrm0": {"humanoid": {"human_bones": [
        {"bone": part, "node": {"bone_name": bone}} for part, bone in names.items()
    ]}}}  # fmt: skip


@pytest.mark.parametrize("version", [0, 1])
def test_humanoid_data_of_vrm_is_read_where_its_add_on_is_not_installed(extension, version):
    reader = importlib.import_module(f"{extension}.addon.rig_reader")
    rig = rigs.build()
    rig.data["vrm_addon_extension"] = vrm(version)
    assert dict(reader.read_armature(rig).embedded) == {
        "pelvis": "pelvis",
        "left_hip": "left_hip",
        "spine3": "spine2",
        "left_wrist": "left_wrist",
    }


def test_names_of_mmd_bones_are_read(extension):
    reader = importlib.import_module(f"{extension}.addon.rig_reader")
    rig = rigs.build()
    rig.pose.bones["left_shoulder"]["mmd_bone"] = {"name_j": "左腕"}
    rig.pose.bones["right_foot"]["mmd_bone"] = {"name_j": "右足先ＥＸ"}
    assert dict(reader.read_armature(rig).embedded) == {
        "left_shoulder": "left_shoulder",
        "right_foot": "right_foot",
    }


def test_matrices_come_in_the_order_of_the_bones(extension):
    reader = importlib.import_module(f"{extension}.addon.rig_reader")
    rig = rigs.build(rolls_seed=4)
    rigs.key(rig, "left_hip", "spine2")
    armature = reader.read_armature(rig)
    for name, matrix in zip(armature.names, reader.read_matrices(rig, armature), strict=True):
        assert matrix.tolist() == [list(row) for row in rig.pose.bones[name].matrix]


def test_the_stored_text_is_json(storage):
    rig = rigs.build()
    bpy.ops.contrapposto.accept_rig()
    assert json.loads(rig.data[storage.PROPERTY])["format"] == "contrapposto-rig-map"
