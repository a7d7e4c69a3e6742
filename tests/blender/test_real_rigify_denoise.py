# SPDX-License-Identifier: GPL-3.0-or-later
"""A take carried onto a Rigify human's controls, made to tremble, and cleaned by the button."""

from __future__ import annotations

import bpy
import carried
import mocap
import numpy as np
import pytest

from contrapposto.files.mocap import read_split
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec

PERSON, TAKE = "cmu/cmu049", "49_01"
FRAMES, FIRST = 60, 30
NOISE_DEG = 5.0
SWITCHES = ("upper_arm_parent.L", "upper_arm_parent.R", "thigh_parent.L", "thigh_parent.R")
TRUNK = ("torso", "spine_fk", "spine_fk.001", "spine_fk.002", "spine_fk.003", "neck", "head")
LIMBS = {
    "FK": ("upper_arm_fk", "forearm_fk", "hand_fk", "thigh_fk", "shin_fk", "foot_fk", "toe_fk"),
    "IK": ("hand_ik", "upper_arm_ik", "foot_ik", "thigh_ik", "toe_ik"),
}
HANDLES = ("hand_ik.L", "hand_ik.R", "foot_ik.L", "foot_ik.R")


@pytest.mark.parametrize("layer", LIMBS)
def test_the_button_brings_trembling_controls_nearer_to_the_truth(
    layer, rigify_human, shared, extension, capsys
):
    rig = rigify_human
    for name in SWITCHES:
        rig.pose.bones[name]["IK_FK"] = float(layer == "FK")
    rig.update_tag()
    bpy.context.view_layer.update()
    turned = [*TRUNK, *(f"{bone}.{side}" for bone in ("shoulder", *LIMBS[layer]) for side in "LR")]
    moved = ["torso", *(HANDLES if layer == "IK" else ())]
    clips = read_split(shared / "data" / "mocap", "val")
    clip = next(c for c in clips if (c.subject, c.name) == (PERSON, TAKE))
    frames = slice(FIRST, FIRST + FRAMES)
    rotations = from_rotvec(clip.rotvec[frames].astype(float))
    noise = np.random.default_rng(0).standard_normal((FRAMES, 22, 3))
    tremble = from_rotvec(np.radians(NOISE_DEG) / np.sqrt(3) * noise)
    played = []
    for poses in (rotations, rotations @ tremble):
        motion = Motion(Pose(poses, clip.transl[frames].astype(float)), 30.0)
        original = carried.carry(rig, extension, motion, turned=turned, moved=moved)
        played.append(carried.joints_m(rig, extension))
    keys = mocap.dump_action(extension, original, rig)

    assert bpy.ops.contrapposto.denoise_mocap() == {"FINISHED"}
    assert rig.animation_data.action != original
    assert mocap.dump_action(extension, original, rig) == keys
    truth, noisy = played
    before = carried.apart_mm(noisy, truth)
    after = carried.apart_mm(carried.joints_m(rig, extension), truth)
    with capsys.disabled():
        print(f"\n{PERSON} on Rigify, limbs on {layer}: {before:.1f} mm off before, {after:.1f} mm after")
    assert after < 0.7 * before
