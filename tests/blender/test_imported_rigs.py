# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that Rigify did not make: the completed pose arrives, whatever the rig is made of.

Apart from the rigs that Rigify generates, because Blender 4.2 has crashed in its glTF importer after Rigify
ran in the same process.
"""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import rigs
from arrival import mapped, off_deg, watch_writer
from mathutils import Matrix


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension, size=0.15)


@pytest.fixture
def wanted(monkeypatch, extension):
    """What the writer was asked for: read bone to matrix."""
    return watch_writer(monkeypatch, extension)


@pytest.mark.parametrize("arms_down_deg", [0, 45, 80])
def test_a_mixamo_style_rig_in_centimetres_takes_the_pose(wanted, extension, arms_down_deg):
    rig = rigs.build(rigs.MIXAMO, arms_down_deg=arms_down_deg, rolls_seed=1)
    rig.rotation_euler, rig.scale = (np.pi / 2, 0, 0), (0.01, 0.01, 0.01)
    rigs.key(rig, "mixamorig:LeftArm")
    before = rigs.channels(rig)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    assert off_deg(rig, wanted, list(wanted)).max() < 0.1
    after = rigs.channels(rig)
    assert {b for b in after if after[b] == before[b]} == {"mixamorig:LeftArm", "finger", "twist", "prop"}


def test_an_unreal_style_file_takes_the_pose(shared, wanted, extension):
    path = shared / "data" / "rigs" / "mesh2motion" / "rig-human.glb"
    if not path.is_file():
        pytest.skip("the rig file is not there")
    bpy.ops.import_scene.gltf(filepath=str(path))
    rig = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    bpy.context.view_layer.objects.active = rig
    rig.animation_data_clear()
    rigs.key(rig, "thigh_l")
    before = rigs.channels(rig)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    joints = mapped(rig, extension)
    assert len(joints) == 22
    assert off_deg(rig, wanted, [j.read[-1] for j in joints.values()]).max() < 0.1
    after = rigs.channels(rig)
    written = {name for j in joints.values() for name in j.write} - {"thigh_l"}
    assert {b for b in after if after[b] != before[b]} <= written


def test_a_bvh_import_takes_the_pose(wanted, extension, tmp_path):
    path = tmp_path / "walk.bvh"
    path.write_text(bvh(rigs.build(rigs.MIXAMO)))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.import_anim.bvh(filepath=str(path))
    rig = bpy.context.object
    rig.animation_data_clear()
    rigs.key(rig, "LeftArm")
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    assert off_deg(rig, wanted, list(wanted)).max() < 0.1
    assert {bone.rotation_mode for bone in rig.pose.bones} != {"QUATERNION"}


def bvh(rig) -> str:
    """One resting frame of a rig, as a BVH file."""
    lines, count = ["HIERARCHY"], 0

    def write(bone, depth):
        nonlocal count
        pad = "  " * depth
        offset = bone.head_local - (bone.parent.head_local if bone.parent else bone.head_local)
        lines.append(f"{pad}{'JOINT' if bone.parent else 'ROOT'} {bone.name.removeprefix('mixamorig:')}")
        channels = "Zrotation Xrotation Yrotation"
        channels = channels if bone.parent else f"Xposition Yposition Zposition {channels}"
        count += len(channels.split())
        lines.extend(
            [f"{pad}{{", f"{pad}  OFFSET {offset.x:.5f} {offset.z:.5f} {-offset.y:.5f}",
             f"{pad}  CHANNELS {len(channels.split())} {channels}"]
        )  # fmt: skip
        for child in bone.children:
            write(child, depth + 1)
        if not bone.children:
            tip = bone.tail_local - bone.head_local
            lines.extend(
                [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET {tip.x} {tip.z} {-tip.y}", f"{pad}  }}"]
            )
        lines.append(f"{pad}}}")

    write(rig.data.bones["mixamorig:Hips"], 0)
    lines += ["MOTION", "Frames: 1", "Frame Time: 0.033333", " ".join(["0"] * count)]
    return "\n".join(lines) + "\n"


def test_an_ik_constraint_of_any_rig_makes_its_target_bone_a_handle(prior, extension):
    rig = rigs.build()
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    for name, place in {"hand_control": "left_wrist", "elbow_pole": "left_elbow"}.items():
        bone = bones.new(name)
        bone.head = bones[place].head
        bone.tail = bone.head.copy()
        bone.tail.z += 0.1
    bones["elbow_pole"].head.y += 0.5
    bones["elbow_pole"].tail.y += 0.5
    bpy.ops.object.mode_set(mode="POSE")
    constraint = rig.pose.bones["left_elbow"].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = rig, "hand_control", 2
    constraint.pole_target, constraint.pole_subtarget = rig, "elbow_pole"
    hand = rig.pose.bones["hand_control"]
    hand.matrix = Matrix.Translation((-0.15, -0.2, 0.1)) @ hand.matrix
    rig.pose.bones["hand_control"].keyframe_insert("location", frame=1)
    before = rigs.channels(rig)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    after = rigs.channels(rig)
    assert [target.joint for target in prior[0].targets] == ["left_wrist"]
    assert prior[0].targets[0].rotation is None
    for bone in ("hand_control", "left_shoulder", "left_elbow"):
        assert after[bone] == before[bone]
    assert after["elbow_pole"] != before["elbow_pole"]
