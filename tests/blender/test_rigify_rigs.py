# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify: the completed pose arrives on a generated human, on FK and on IK, and on its metarig."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
import rigs
from arrival import mapped, off_deg, off_mm, plane_off_deg, watch_writer

from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX
from contrapposto.tasks.complete import Completion

LIMB_PARENTS = ("upper_arm_parent.L", "upper_arm_parent.R", "thigh_parent.L", "thigh_parent.R")


LIMBS = (("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot"))


def bend_deg(wanted, upper, middle, end):
    """How far the wanted limb is from straight."""
    a, b, c = (wanted[bone][:3, 3] for bone in (upper, middle, end))
    cosine = (b - a) @ (c - b) / np.linalg.norm(b - a) / np.linalg.norm(c - b)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.fixture(autouse=True)
def prior(monkeypatch, extension):
    return rigs.use_simple_prior(monkeypatch, extension, size=0.15)


@pytest.fixture
def wanted(monkeypatch, extension):
    """What the writer was asked for: read bone to matrix."""
    return watch_writer(monkeypatch, extension)


def to_fk(rig):
    for name in LIMB_PARENTS:
        rig.pose.bones[name]["IK_FK"] = 1.0
    rig.update_tag()
    bpy.context.view_layer.update()


def test_a_rigify_human_on_fk_takes_the_pose_to_a_tenth_of_a_degree(rigify_human, wanted, extension):
    to_fk(rigify_human)
    rigs.key(rigify_human, "upper_arm_fk.L")
    before = rigs.channels(rigify_human)
    assert bpy.ops.contrapposto.complete_pose() == {"FINISHED"}
    joints = mapped(rigify_human, extension)
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
    limbs = [[f"ORG-{part}.{side}" for part in limb] for limb in LIMBS for side in "LR"]
    bent = [limb for limb in limbs if bend_deg(wanted, *limb) > 10]  # a straighter one may face elsewhere
    assert len(bent) >= 2
    for limb in bent:
        assert plane_off_deg(rig, wanted, *limb) < 0.1
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


@pytest.mark.parametrize("bend_deg", [-4.0, 0.0, 4.0])
def test_the_knees_of_straight_legs_on_ik_face_forward(rigify_human, monkeypatch, extension, bend_deg):
    """A captured knee may be stretched a little too far; its leg is not twisted round for that."""
    rotvec = np.zeros((22, 3))
    rotvec[[4, 5], 0] = np.radians(bend_deg)
    rotvec[16, 2], rotvec[17, 2] = -1.2, 1.2
    memory = importlib.import_module(f"{extension}.addon.memory")

    def straight(pose, known, **asked):
        poses = Pose(from_rotvec(rotvec)[None], pose.transl[None])
        return Completion(poses, np.zeros(1), (), np.zeros((1, 0)), np.zeros((1, 0)), np.zeros((1, 22)))

    monkeypatch.setattr(memory, "sample_poses", straight)
    bpy.ops.contrapposto.sample_poses(samples=1)
    bpy.context.view_layer.update()
    rig = importlib.import_module(f"{extension}.addon.rig").read_rig(rigify_human)
    for joint in ("left_hip", "right_hip"):
        turn = rig.pose.rotations[JOINT_INDEX[joint]]
        assert np.degrees(geodesic_angle(turn, np.eye(3))) < 8, joint


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
