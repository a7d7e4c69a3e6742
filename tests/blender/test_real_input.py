# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured clips of people never trained on: through a BVH file, Blender's importer and the button."""

from __future__ import annotations

import importlib

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from contrapposto.files.bvh import write_bvh
from contrapposto.files.mocap import read_split
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, STANDARD_OFFSETS, forward_kinematics

LEFT_ARM = ("left_collar", "left_shoulder", "left_elbow", "left_wrist")
LEFT_LEG = ("left_hip", "left_knee", "left_ankle", "left_foot")
RIGHT_LEG = ("right_hip", "right_knee", "right_ankle", "right_foot")
TAKES = (
    ("cmu/cmu002", "left arm", LEFT_ARM),
    ("cmu/cmu131", "left leg", LEFT_LEG),
    ("cmu/cmu135", "both legs", LEFT_LEG + RIGHT_LEG),
    ("reactidle/react002", "arm and leg", LEFT_ARM + RIGHT_LEG),
)
FRAMES = 4
HYPOTHESES = 8


def imported_take(folder, clip):
    """Frames of a clip, far apart, as Blender's own importer brings them in; and their true poses."""
    chosen = np.linspace(0.1 * len(clip), 0.9 * len(clip), FRAMES).astype(int)
    poses = Pose(from_rotvec(clip.rotvec[chosen].astype(float)), clip.transl[chosen].astype(float))
    path = folder / "take.bvh"
    write_bvh(path, Motion(poses, 30.0), STANDARD_OFFSETS)
    bpy.ops.import_anim.bvh(filepath=str(path), update_scene_fps=False)
    return bpy.context.object, poses


def joints_m(rig_module, armature) -> tuple[np.ndarray, np.ndarray]:
    """World positions of the 22 joints and their rotations, read off the evaluated rig."""
    pose = rig_module.read_rig(armature).pose
    _, positions = forward_kinematics(pose.rotations)
    return positions, pose.rotations


def remove_keys(extension: str, armature, bones) -> None:
    versions = importlib.import_module(f"{extension}.addon.versions")
    for collection in versions.fcurve_collections(armature):
        for curve in list(collection):
            if any(f'"{bone}"' in curve.data_path for bone in bones):
                collection.remove(curve)


def lay_to_rest(armature, bones) -> None:
    for bone in bones:
        armature.pose.bones[bone].matrix_basis = Matrix()
    bpy.context.view_layer.update()


@pytest.mark.parametrize(("subject", "missing", "joints"), TAKES, ids=[take[0] for take in TAKES])
def test_limbs_without_keys_are_completed_near_the_true_pose(
    subject, missing, joints, extension, shared, tmp_path, capsys
):
    clip = next(c for c in read_split(shared / "data" / "mocap", "test") if c.subject == subject)
    rig_module = importlib.import_module(f"{extension}.addon.rig")
    armature, truth = imported_take(tmp_path, clip)
    hidden = [JOINT_INDEX[joint] for joint in joints]
    kept = [j for j in range(22) if j not in hidden]
    true = []
    for number in range(FRAMES):
        bpy.context.scene.frame_set(number + 1)
        true.append(joints_m(rig_module, armature))
        local = truth.rotations[number][1:]
        assert np.max(np.abs(true[-1][1][1:] - local)) < 2e-3, "the importer changed the pose"

    remove_keys(extension, armature, joints)
    first, best, rest = [], [], []
    for number in range(FRAMES):
        bpy.context.scene.frame_set(number + 1)
        errors = []
        lay_to_rest(armature, joints)
        rest.append(_mpjpe_mm(joints_m(rig_module, armature)[0], true[number][0], hidden))
        for alternative in range(1, HYPOTHESES + 1):
            lay_to_rest(armature, joints)
            bpy.ops.contrapposto.complete_pose(hypotheses=HYPOTHESES, alternative=alternative)
            found, rotations = joints_m(rig_module, armature)
            errors.append(_mpjpe_mm(found, true[number][0], hidden))
            np.testing.assert_allclose(rotations[kept], true[number][1][kept], atol=1e-5)
        first.append(errors[0])
        best.append(min(errors))
    with capsys.disabled():
        print(
            f"\n{subject} {clip.name}: {missing} without keys, {FRAMES} frames: "
            f"first alternative {np.mean(first):.0f} mm, best of {HYPOTHESES} {np.mean(best):.0f} mm, "
            f"left at rest {np.mean(rest):.0f} mm"
        )
    assert np.mean(best) < np.mean(rest)


def _mpjpe_mm(found: np.ndarray, true: np.ndarray, joints: list[int]) -> float:
    return 1000 * float(np.linalg.norm(found[joints] - true[joints], axis=-1).mean())
