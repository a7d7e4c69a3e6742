# SPDX-License-Identifier: GPL-3.0-or-later
"""A giant and a doll are judged as the same body; what is told of them is told in the scene's millimetres."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import bpy
import pytest
import rigs
from mathutils import Matrix

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "demo"))
import crouch

SIZES = (20.0, 0.01)


@pytest.fixture
def complete(extension):
    """What the button calls, for a rig of some size."""
    module = importlib.import_module(f"{extension}.addon.complete")

    def complete(rig, size: float):
        rig.scale = (size, size, size)
        return module.complete(bpy.context, rig)

    return complete


@pytest.mark.parametrize("size", SIZES)
def test_a_crouch_that_warns_of_nothing_does_so_at_every_size(rigify_human, complete, size):
    crouch.key(rigify_human)
    report = complete(rigify_human, size)
    assert (report.warning, report.residual) == ("", None)


def test_a_bone_that_does_not_arrive_is_judged_by_the_size_of_the_body(
    rigify_human, complete, extension, monkeypatch
):
    residual = importlib.import_module(f"{extension}.addon.residual")
    monkeypatch.setattr(residual, "_MOST_MM", 1e-3)  # of a micrometre everything is off
    crouch.key(rigify_human)
    start = rigs.channels(rigify_human)
    found = {}
    for size in (1.0, *SIZES):
        rigs.restore(rigify_human, start)
        found[size] = complete(rigify_human, size).residual
    for size in SIZES:
        assert found[size].bone == found[1.0].bone
        assert found[size].body_mm == pytest.approx(found[1.0].body_mm, rel=0.05)
        assert found[size].mm == pytest.approx(size * found[1.0].mm, rel=0.05)


def on_ik(rig):
    """The rig with a left arm that follows a hand control."""
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    control = bones.new("hand_control")
    control.head = bones["left_wrist"].head
    control.tail = control.head.copy()
    control.tail.z += 0.1
    bpy.ops.object.mode_set(mode="POSE")
    constraint = rig.pose.bones["left_elbow"].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = rig, "hand_control", 2
    return rig


@pytest.mark.parametrize("size", SIZES)
def test_a_control_out_of_reach_is_told_at_every_size_in_the_millimetres_of_the_scene(complete, size):
    rig = on_ik(rigs.build())
    hand = rig.pose.bones["hand_control"]
    hand.matrix = Matrix.Translation((1.0, 0, 0)) @ hand.matrix
    for path in ("location", "rotation_quaternion"):
        hand.keyframe_insert(path, frame=1)
    rigs.key(rig, "pelvis", "spine1", "spine2", "spine3")
    away = complete(rig, 1.0).unreachable["hand_control"]
    assert away > 100
    report = complete(rig, size)
    assert report.unreachable["hand_control"] == pytest.approx(size * away, rel=0.02)
    number = f"{size * away:.0f}" if size * away >= 10 else f"{size * away:.2g}"
    assert report.warning.startswith(f"The limb stays {number} mm away from 'hand_control'")


@pytest.mark.parametrize("size", SIZES)
def test_a_control_within_reach_is_no_failure_at_any_size(complete, size):
    rig = on_ik(rigs.build())
    hand = rig.pose.bones["hand_control"]
    hand.matrix = Matrix.Translation((-0.2, -0.2, 0.1)) @ hand.matrix
    hand.keyframe_insert("location", frame=1)
    report = complete(rig, size)
    assert (report.unreachable, report.warning) == ({}, "")
