# SPDX-License-Identifier: GPL-3.0-or-later
"""Real and imported rigs: the completed pose arrives, whatever the rig is made of."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
import rigs
from mathutils import Matrix

from contrapposto.rotation import geodesic_angle, project

LIMB_PARENTS = ("upper_arm_parent.L", "upper_arm_parent.R", "thigh_parent.L", "thigh_parent.R")


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension, size=0.15)


@pytest.fixture
def wanted(monkeypatch, extension):
    """What the writer was asked for: read bone to matrix."""
    writing = importlib.import_module(f"{extension}.addon.writing")
    seen = {}
    write = writing.Writer.write

    def spy(self, plan, desired):
        seen.update(desired)
        write(self, plan, desired)

    monkeypatch.setattr(writing.Writer, "write", spy)
    return seen


def off_deg(rig, wanted, bones):
    """Degrees between the evaluated bones and the wanted ones."""
    turns = [
        np.array([m[bone] for bone in bones])
        for m in (wanted, {b.name: np.array(b.matrix) for b in rig.pose.bones})
    ]
    return np.degrees(geodesic_angle(*(project(turn[:, :3, :3].astype(float)) for turn in turns)))


def off_mm(rig, wanted, bones):
    return [
        1000 * np.linalg.norm(wanted[b][:3, 3] - np.array(rig.pose.bones[b].matrix)[:3, 3]) for b in bones
    ]


def to_fk(rig):
    for name in LIMB_PARENTS:
        rig.pose.bones[name]["IK_FK"] = 1.0
    rig.update_tag()
    bpy.context.view_layer.update()


def body(rig, extension):
    storage = importlib.import_module(f"{extension}.addon.rig_storage")
    return storage.map_of(rig).joints


def test_a_rigify_human_on_fk_takes_the_pose_to_a_tenth_of_a_degree(rigify_human, wanted, extension):
    to_fk(rigify_human)
    rigs.key(rigify_human, "upper_arm_fk.L")
    before = rigs.channels(rigify_human)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    joints = body(rigify_human, extension)
    assert len(joints) == 22
    bones = [j.read[-1] for j in joints.values()]
    assert off_deg(rigify_human, wanted, bones).max() < 0.1
    after = rigs.channels(rigify_human)
    changed = {bone for bone in after if after[bone] != before[bone]}
    assert changed == {name for j in joints.values() for name in j.write} - {"upper_arm_fk.L"}


@pytest.mark.parametrize("pole", [False, True])
def test_a_rigify_human_on_ik_moves_handles_and_aims_elbows(rigify_human, wanted, extension, pole):
    rig = rigify_human
    for name in LIMB_PARENTS:
        rig.pose.bones[name]["pole_vector"] = pole
    rig.update_tag()
    rigs.key(rig, "head")
    before = rigs.channels(rig)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    ends = ("ORG-hand.L", "ORG-hand.R", "ORG-foot.L", "ORG-foot.R", "ORG-toe.L", "ORG-toe.R")
    trunk = ("ORG-spine", "spine_fk.001", "spine_fk.002", "ORG-spine.003", "ORG-shoulder.L", "ORG-shoulder.R")
    assert off_deg(rig, wanted, (*ends, *trunk)).max() < 0.1
    assert max(off_mm(rig, wanted, ("ORG-foot.L", "ORG-foot.R"))) < 1
    for limb in (("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot")):
        for side in "LR":
            assert plane_off_deg(rig, wanted, *(f"ORG-{part}.{side}" for part in limb)) < 0.1
    after = rigs.channels(rig)
    changed = {bone for bone in after if after[bone] != before[bone]}
    aims = {f"{limb}_ik{'_target' * pole}.{side}" for limb in ("upper_arm", "thigh") for side in "LR"}
    assert {"hand_ik.L", "foot_ik.R", "toe_ik.L"} <= changed
    assert (
        changed
        & {
            f"{limb}_ik{s}.{side}"
            for limb in ("upper_arm", "thigh")
            for s in ("", "_target")
            for side in "LR"
        }
        <= aims
    )
    assert not changed & {"upper_arm_fk.L", "shin_fk.R", "toe_fk.L", *LIMB_PARENTS}
    assert all(rig.pose.bones[name]["IK_FK"] == 0 for name in LIMB_PARENTS)


def plane_off_deg(rig, wanted, upper, middle, end):
    """Angle about the line from root to end between the wanted elbow and the one that came out."""
    sides = []
    for place in (lambda b: wanted[b][:3, 3], lambda b: np.array(rig.pose.bones[b].matrix)[:3, 3]):
        axis = place(end) - place(upper)
        axis /= np.linalg.norm(axis)
        side = place(middle) - place(upper)
        sides.append(side - axis * (side @ axis))
    cosine = sides[0] @ sides[1] / np.prod([np.linalg.norm(s) for s in sides])
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_a_locked_swing_bone_in_quaternions_is_refused(rigify_human):
    rigify_human.pose.bones["upper_arm_ik.L"].rotation_mode = "QUATERNION"
    rigs.key(rigify_human, "head")
    before = rigs.channels(rigify_human)
    with pytest.raises(RuntimeError, match=r"The rotation of bone 'upper_arm_ik\.L' is locked \(X, Z\)"):
        bpy.ops.contrapposto.complete_pose()
    assert rigs.channels(rigify_human) == before


def test_a_keyed_ik_handle_stays_and_places_the_limb(rigify_human, prior, extension):
    rig = rigify_human
    hand = rig.pose.bones["hand_ik.L"]
    hand.location = (0, -0.1, 0.1)
    hand.keyframe_insert("location", frame=1)
    bpy.context.view_layer.update()
    before, place = rigs.channels(rig), np.array(hand.matrix)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    assert rigs.channels(rig)["hand_ik.L"] == before["hand_ik.L"]
    assert np.abs(np.array(hand.matrix) - place).max() < 1e-5
    (target,) = prior[0].targets
    assert target.joint == "left_wrist"
    assert target.rotation is not None
    assert not prior[0].joints.any()


def test_mirror_places_the_other_hand_of_a_rig_on_ik(rigify_human, prior, extension):
    rig = rigify_human
    rig.pose.bones["hand_ik.L"].location = (0, -0.1, 0.1)
    rig.pose.bones["hand_ik.L"].keyframe_insert("location", frame=1)
    before = rigs.channels(rig)
    bpy.ops.contrapposto.complete_pose(mirror=True)
    left, right = prior[0].targets
    assert (left.joint, right.joint) == ("left_wrist", "right_wrist")
    assert np.abs(right.position - left.position * [-1, 1, 1]).max() < 1e-4
    flip = np.diag([-1, 1, 1])
    assert np.abs(right.rotation - flip @ left.rotation @ flip).max() < 1e-4
    assert rigs.channels(rig)["hand_ik.R"] != before["hand_ik.R"]


def test_fk_keys_of_a_limb_on_ik_say_nothing(rigify_human, extension):
    rigs.key(rigify_human, "forearm_fk.L")
    with pytest.raises(
        RuntimeError, match=r"'forearm_fk\.L' has a key on frame 1, but its limb follows IK control"
    ):
        bpy.ops.contrapposto.complete_pose()


def test_the_switch_is_read_on_the_frame_itself(rigify_human, prior, extension):
    rig = rigify_human
    switch = rig.pose.bones["upper_arm_parent.L"]
    for frame, value in ((1, 0.0), (10, 1.0)):
        switch["IK_FK"] = value
        switch.keyframe_insert('["IK_FK"]', frame=frame)
    rigs.key(rig, "head", frame=10)
    rigs.key(rig, "forearm_fk.L", frame=10)
    bpy.ops.contrapposto.complete_pose()
    assert np.flatnonzero(prior[0].joints).tolist() == [18]
    assert [(target.joint, target.carrier) for target in prior[0].targets] == [("head", "pelvis")]


def test_a_keyed_chest_keeps_the_upper_spine(rigify_human, prior, extension):
    rigs.key(rigify_human, "chest")
    before = rigs.channels(rigify_human)
    bpy.ops.contrapposto.complete_pose()
    after = rigs.channels(rigify_human)
    for bone in ("chest", "spine_fk.002", "spine_fk.003"):
        assert after[bone] == before[bone]
    assert prior[0].joints[9]
    assert [(target.joint, target.carrier) for target in prior[0].targets] == [("spine2", "pelvis")]


def test_a_keyed_torso_stays_to_the_bit(rigify_human, wanted, extension):
    rigs.key(rigify_human, "torso")
    before = rigs.channels(rigify_human)["torso"]
    bpy.ops.contrapposto.complete_pose()
    assert rigs.channels(rigify_human)["torso"] == before
    assert off_deg(rigify_human, wanted, ["ORG-spine"]).max() < 0.1


def test_the_metarig_is_a_plain_skeleton(wanted, extension):
    bpy.ops.object.armature_human_metarig_add()
    rig = bpy.context.object
    bpy.ops.object.mode_set(mode="POSE")
    rigs.key(rig, "forearm.L")
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    assert off_deg(rig, wanted, list(wanted)).max() < 0.1


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
    joints = body(rig, extension)
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
