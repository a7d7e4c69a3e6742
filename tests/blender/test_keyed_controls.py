# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyed controls of a generated Rigify human, with the shipped prior: what they hold stays where it is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
import rigs

from contrapposto.rotation import geodesic_angle, project
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, forward_kinematics

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "demo"))
import crouch


@pytest.fixture
def crouching(rigify_human):
    """The rig with hips, right hand and head keyed in a crouch."""
    crouch.key(rigify_human)
    return rigify_human


def matrices(rig) -> dict[str, np.ndarray]:
    bpy.context.view_layer.update()
    return {bone.name: np.array(bone.matrix, dtype=float) for bone in rig.pose.bones}


def moved_mm(before, after, bone: str) -> float:
    return 1000 * float(np.linalg.norm(after[bone][:3, 3] - before[bone][:3, 3]))


def turned_deg(before, after, bone: str) -> float:
    a, b = (project(matrix[bone][:3, :3]) for matrix in (before, after))
    return float(np.degrees(geodesic_angle(a, b)))


@pytest.mark.parametrize("on_floor", [False, True])
def test_keyed_hips_stay_where_they_are_and_the_back_bends_above_them(crouching, on_floor):
    before, bits = matrices(crouching), crouch.keyed_channels(crouching)
    for alternative in (1, 4):
        bpy.ops.contrapposto.complete_pose(keep_feet_on_floor=on_floor, alternative=alternative)
        after = matrices(crouching)
        assert crouch.keyed_channels(crouching) == bits
        assert moved_mm(before, after, "ORG-spine") < 0.5
        assert turned_deg(before, after, "ORG-spine") < 0.1
        assert turned_deg(before, after, "ORG-spine.003") > 5


def read_pose(rig, extension):
    return importlib.import_module(f"{extension}.addon.rig").read_rig(rig).pose


@pytest.fixture
def solved(monkeypatch, extension):
    """The core's problem and answer: what was known, and the completion."""
    memory = importlib.import_module(f"{extension}.addon.memory")
    memory.forget()
    seen = []
    complete_pose = memory.complete_pose

    def spy(pose, known, **options):
        seen.append((known, complete_pose(pose, known, **options)))
        return seen[-1][1]

    monkeypatch.setattr(memory, "complete_pose", spy)
    return seen


def world(rotations, joint: str) -> np.ndarray:
    return forward_kinematics(rotations)[0][JOINT_INDEX[joint]]


@pytest.mark.parametrize(("follow", "local"), [(0.0, False), (1.0, True)])
def test_a_keyed_head_appears_as_it_was_solved(crouching, solved, extension, follow, local):
    crouching.pose.bones["torso"]["head_follow"] = follow
    crouching.update_tag()
    bpy.ops.contrapposto.complete_pose()
    known, completion = solved[0]
    assert known.joints[JOINT_INDEX["head"]] == local
    there, here = completion.poses.rotations[0], read_pose(crouching, extension).rotations
    for joint in ("spine3", "neck", "head"):
        assert np.degrees(geodesic_angle(world(there, joint), world(here, joint))) < 1


def test_a_bone_that_inherits_no_rotation_is_known_by_its_direction(solved, extension):
    rig = rigs.build()
    for bone in rig.data.bones:
        bone.use_inherit_rotation = bone.name != "left_shoulder"
    rigs.key(rig, "left_shoulder", "head")
    before = matrices(rig)
    bpy.ops.contrapposto.complete_pose()
    known, completion = solved[0]
    assert [(target.joint, target.carrier) for target in known.targets] == [("left_shoulder", None)]
    assert np.flatnonzero(known.joints).tolist() == [JOINT_INDEX["head"]]
    there, here = completion.poses.rotations[0], read_pose(rig, extension).rotations
    for joint in JOINT_NAMES:
        assert np.degrees(geodesic_angle(world(there, joint), world(here, joint))) < 0.1
    assert turned_deg(before, matrices(rig), "left_shoulder") < 0.1
    assert turned_deg(before, matrices(rig), "left_collar") > 1


def test_the_elbow_of_a_stretched_arm_comes_out_where_it_was_solved(crouching, solved, extension):
    rig_module = importlib.import_module(f"{extension}.addon.rig")
    bpy.ops.contrapposto.complete_pose()
    rig, rotations = rig_module.read_rig(crouching), solved[0][1].poses.rotations[0]
    _, places = forward_kinematics(rotations, rig.calibration.offsets)
    arm = places[JOINT_INDEX["right_elbow"]] - places[JOINT_INDEX["right_shoulder"]]
    bones = matrices(crouching)
    here = bones["ORG-forearm.R"][:3, 3] - bones["ORG-upper_arm.R"][:3, 3]
    there = rig.to_world[:3, :3].T @ arm / rig.calibration.scale
    assert 1000 * np.linalg.norm(here - there) < 20


def lowest_of_soles(rig) -> float:
    """Height of the lowest point of what lies on the floor below both feet in the rest pose."""
    now, heights = matrices(rig), []
    for side in "LR":
        foot, toe = (rig.data.bones[f"DEF-{part}.{side}"] for part in ("foot", "toe"))
        points = {foot.name: (foot.head_local, toe.head_local), toe.name: (toe.tail_local,)}
        for name, places in points.items():
            moved = now[name] @ np.linalg.inv(np.array(rig.data.bones[name].matrix_local))
            heights += [float((moved @ (place.x, place.y, 0.0, 1.0))[2]) for place in places]
    return min(heights)


def test_the_feet_of_a_crouch_stand_on_the_floor_as_those_of_the_rest_pose_do(crouching):
    """Rigify shortens bent legs; its feet still come down, flat, on the balls or on the toes."""
    keyed = {bone.name: bone.matrix_basis.copy() for bone in crouching.pose.bones}
    for alternative in range(1, 9):
        for bone in crouching.pose.bones:
            bone.matrix_basis = keyed[bone.name]
        bpy.context.scene.frame_set(crouch.FRAME)
        bpy.ops.contrapposto.complete_pose(alternative=alternative)
        assert lowest_of_soles(crouching) == pytest.approx(0.0, abs=0.01)


def test_a_bone_that_its_controls_do_not_bring_there_is_named(extension):
    residual = importlib.import_module(f"{extension}.addon.residual")
    far = residual.Residual("ORG-shin.L", 44.0, 44.0, 0.0, "left_knee", ("foot_ik.L", "thigh_ik.L"))
    turned = residual.Residual("ORG-toe.R", 0.0, 0.0, 12.0, "right_foot", ("toe_ik.R",))
    assert far.sentence.startswith("The left knee ends 44 mm off (controls foot_ik.L, thigh_ik.L)")
    assert turned.sentence.startswith("The right toe is turned 12 degrees off (control toe_ik.R)")


def test_what_did_not_arrive_is_told_in_the_warning(crouching, extension, monkeypatch):
    residual = importlib.import_module(f"{extension}.addon.residual")
    monkeypatch.setattr(residual, "_MOST_MM", 1e-6)  # a rig is never that exact
    report = importlib.import_module(f"{extension}.addon.complete").complete(bpy.context)
    assert report.residual.mm > 1e-6
    assert report.warning.startswith("The ")
    assert all(control in report.warning for control in report.residual.controls)
