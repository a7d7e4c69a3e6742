# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes of people never trained on, made to tremble: through a BVH file, the importer and the button."""

from __future__ import annotations

import bpy
import mocap
import numpy as np
import pytest

from contrapposto.files.bvh import write_bvh
from contrapposto.files.mocap import read_split
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import STANDARD_OFFSETS, forward_kinematics

PEOPLE = ("cmu/cmu002", "cmu/cmu131")
FRAMES, FIRST = 150, 60
NOISE_DEG = 5.0


def apart_mm(one: Motion, other: Motion) -> float:
    """Mean distance of the joints, the pelvis held."""
    (_, a), (_, b) = (forward_kinematics(motion.poses.rotations) for motion in (one, other))
    return float(1000 * np.linalg.norm(a - b, axis=-1).mean())


@pytest.mark.parametrize("person", PEOPLE)
def test_the_button_brings_a_trembling_take_nearer_to_the_truth(person, shared, tmp_path, extension, capsys):
    clip = next(
        c
        for c in read_split(shared / "data" / "mocap", "test")
        if c.subject == person and len(c) > FRAMES + FIRST
    )
    frames = slice(FIRST, FIRST + FRAMES)
    truth = Motion(
        Pose(from_rotvec(clip.rotvec[frames].astype(float)), clip.transl[frames].astype(float)), 30.0
    )
    tremble = from_rotvec(
        np.radians(NOISE_DEG) / np.sqrt(3) * np.random.default_rng(0).standard_normal((FRAMES, 22, 3))
    )
    noisy = Motion(Pose(truth.poses.rotations @ tremble, truth.poses.transl), 30.0)
    path = tmp_path / "take.bvh"
    write_bvh(path, noisy, STANDARD_OFFSETS)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 30, 1.0
    bpy.ops.import_anim.bvh(filepath=str(path), update_scene_fps=False)
    armature = bpy.context.object
    original = armature.animation_data.action
    keys = mocap.dump_action(extension, original, armature)

    assert bpy.ops.contrapposto.denoise_mocap() == {"FINISHED"}
    assert armature.animation_data.action != original
    assert mocap.dump_action(extension, original, armature) == keys
    before, after = apart_mm(noisy, truth), apart_mm(mocap.played(armature, extension), truth)
    with capsys.disabled():
        print(f"\n{person}: {before:.1f} mm off before, {after:.1f} mm after Denoise Mocap")
    assert after < 0.7 * before
