# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap on control rigs and constraints: the rig plays the clean motion, through its own controls."""

from __future__ import annotations

import bpy
import mocap
import numpy as np
import pytest
import rigs

from contrapposto.rotation import geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics

SWITCHES = ("upper_arm_parent.L", "upper_arm_parent.R", "thigh_parent.L", "thigh_parent.R")
TRUNK = (
    "torso",
    "spine_fk",
    "spine_fk.001",
    "spine_fk.002",
    "spine_fk.003",
    "neck",
    "head",
    "shoulder.L",
    "shoulder.R",
)
HANDLES = ("hand_ik.L", "hand_ik.R", "foot_ik.L", "foot_ik.R")
FRAMES = np.arange(1.0, 25.0)


@pytest.fixture(autouse=True)
def rest_pose_only(monkeypatch, extension):
    """Read limbs by the rest pose alone: each motion shows its hinges a little differently."""
    monkeypatch.setattr(
        mocap.addon(extension, "clip"), "calibrate_by_motion", lambda calibration, _: calibration
    )


@pytest.fixture
def cleaner():
    return mocap.Cleaner(degrees=4, metres=0.01)


def switch(rig, value: float) -> None:
    for name in SWITCHES:
        rig.pose.bones[name]["IK_FK"] = value
    rig.update_tag()
    bpy.context.view_layer.update()


def on_ik(rig) -> None:
    """A body that sinks and sways, hands and feet led by their IK controls."""
    mocap.perform(rig, bones=TRUNK, frames=FRAMES, hips="torso", degrees=6)
    mocap.place(rig, "torso", "location", FRAMES, swaying(0.02, [0, 0, -0.2]))
    mocap.perform(rig, bones=[*HANDLES, "toe_ik.L", "toe_ik.R"], frames=FRAMES, degrees=6)
    mocap.perform(
        rig, bones=["upper_arm_ik.L", "upper_arm_ik.R", "thigh_ik.L", "thigh_ik.R"], frames=FRAMES, degrees=6
    )
    for name in HANDLES:
        rig.pose.bones[name].keyframe_insert("location", frame=1)
        mocap.place(rig, name, "location", FRAMES, swaying(0.03, [0, 0, -0.2 if "hand" in name else 0]))


def swaying(size: float, middle) -> np.ndarray:
    return size * np.sin(FRAMES[:, None] * [0.1, 0.13, 0.07]) + middle


def world(motion):
    return forward_kinematics(motion.poses.rotations)


def test_a_rigify_human_on_fk_plays_the_clean_motion(rigify_human, cleaner, extension):
    switch(rigify_human, 1.0)
    joints = mocap.addon(extension, "rig_storage").map_of(rigify_human).joints
    controls = [name for bones in joints.values() for name in bones.write]
    mocap.perform(rigify_human, bones=controls, frames=FRAMES, hips="torso", degrees=12)
    report = mocap.press(extension, cleaner, rigify_human)
    degrees, metres = mocap.apart(mocap.played(rigify_human, extension), cleaner.results[0].motion)
    assert degrees < 0.1
    assert metres < 5e-4
    assert report.off_deg < 0.05
    assert report.joints["left_elbow"].bones == ("forearm_fk.L",)


def test_a_rigify_human_on_ik_moves_its_controls_to_the_clean_motion(rigify_human, cleaner, extension):
    on_ik(rigify_human)
    mocap.press(extension, cleaner, rigify_human)
    clip = mocap.read(rigify_human, extension)
    clean, rotations, places = cleaner.results[0].motion, *world(clip.motion)
    wanted_rotations, wanted_places = world(clean)
    turn = np.degrees(geodesic_angle(rotations, wanted_rotations)).max(axis=0)
    ends = [JOINT_INDEX[f"{side}_{end}"] for side in ("left", "right") for end in ("wrist", "ankle", "foot")]
    trunk = [JOINT_INDEX[joint] for joint in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    assert turn[[*ends, *trunk]].max() < 0.1
    assert np.abs(clip.motion.poses.transl - clean.poses.transl).max() < 5e-4
    # A limb's length is the rig's own: its IK stretches. The side that a knee points to is not.
    knees = [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]
    off = np.linalg.norm(places - wanted_places, axis=-1).max(axis=0)
    assert off[knees].max() < 0.005
    assert off.max() < 0.03
    report = mocap.addon(extension, "denoise_report").report_of(rigify_human.animation_data.action)
    assert report.joints["left_knee"].bones == ("foot_ik.L", "thigh_ik.L")


def test_only_the_layer_that_is_live_is_written(rigify_human, cleaner, extension):
    """Half of the time on IK, half on FK: each layer changes on its own frames."""
    on_ik(rigify_human)
    fk = ["thigh_fk.L", "shin_fk.L", "foot_fk.L"]
    mocap.perform(rigify_human, bones=fk, frames=FRAMES, degrees=6)
    owner = rigify_human.pose.bones["thigh_parent.L"]
    for frame, value in ((1, 0.0), (12, 0.0), (13, 1.0)):
        owner["IK_FK"] = value
        owner.keyframe_insert('["IK_FK"]', frame=frame)
    before = mocap.dump_action(extension, rigify_human.animation_data.action, rigify_human)
    mocap.press(extension, cleaner, rigify_human)
    after = mocap.dump_action(extension, rigify_human.animation_data.action, rigify_human)

    def changed(bone):
        where = (f'pose.bones["{bone}"].rotation_quaternion', 1)
        return {key[0] for key, old in zip(after[where], before[where], strict=True) if key[1] != old[1]}

    assert changed("foot_ik.L") == set(FRAMES[:12])
    assert changed("thigh_fk.L") == set(FRAMES[12:])
    assert changed("foot_ik.R") == set(FRAMES)


def test_nothing_that_clean_motion_leaves_alone_is_touched_on_a_control_rig(rigify_human, extension):
    on_ik(rigify_human)
    before = mocap.dump_action(extension, rigify_human.animation_data.action, rigify_human)
    mocap.press(extension, mocap.Cleaner(degrees=0, metres=0), rigify_human)
    assert mocap.dump_action(extension, rigify_human.animation_data.action, rigify_human) == before


@pytest.fixture
def with_ik():
    """A plain skeleton whose left leg follows an IK target bone of its own."""
    rig = rigs.build(rolls_seed=3)
    bpy.ops.object.mode_set(mode="EDIT")
    target = rig.data.edit_bones.new("target")
    ankle = rig.data.edit_bones["left_ankle"]
    target.head, target.tail, target.roll = ankle.head, ankle.tail, ankle.roll
    bpy.ops.object.mode_set(mode="POSE")
    constraint = rig.pose.bones["left_knee"].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = rig, "target", 2
    others = [joint for joint in rigs.SMPL if joint not in ("left_hip", "left_knee")]
    mocap.perform(rig, bones=others, frames=FRAMES, hips="pelvis", degrees=8)
    rig.pose.bones["target"].keyframe_insert("location", frame=1)
    mocap.place(rig, "target", "location", FRAMES, swaying(0.03, [0, 0.1, 0]))
    return rig


def test_a_limb_on_a_constraint_is_led_by_its_target(with_ik, cleaner, extension):
    report = mocap.press(extension, cleaner, with_ik)
    assert report.joints["left_knee"].bones == ("target",)
    (_, places), (_, wanted) = world(mocap.played(with_ik, extension)), world(cleaner.results[0].motion)
    ankle = JOINT_INDEX["left_ankle"]
    assert np.linalg.norm(places[:, ankle] - wanted[:, ankle], axis=-1).max() < 0.005
    turn = mocap.turned_by(mocap.played(with_ik, extension), cleaner.results[0].motion)
    assert turn[:, [0, 2, 3, 15, 18]].max() < 0.1
