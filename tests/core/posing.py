# SPDX-License-Identifier: GPL-3.0-or-later
"""Bends synthetic armatures the way a body bends, by a rule of its own.

Not a test itself. The oracle beside retargeting: every bone turns with the joint it
belongs to, by that joint's turn since rest in the body's axes, and hangs on its parent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from contrapposto.evaluation.armatures import Truth, basis_of
from contrapposto.motion import Pose
from contrapposto.rig.armature import Armature
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.rigmap import JointBones, RigMap
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics

Z_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def rigmap_of(truth: Truth) -> RigMap:
    return RigMap("true", {joint: JointBones(group, group, 1.0, "") for joint, group in truth.items()})


def calibrated(armature: Armature, truth: Truth) -> Calibration:
    return Calibration.of(armature, rigmap_of(truth))


def random_pose(seed: int, shape: tuple[int, ...] = (), angle: float = 0.5) -> Pose:
    rng = np.random.default_rng(seed)
    rotvec = rng.normal(0, angle, (*shape, 22, 3))
    return Pose(from_rotvec(rotvec), rng.normal(0, 1, (*shape, 3)) + [0, 1, 0])


def bend(
    armature: Armature, truth: Truth, turns: Mapping[str, np.ndarray], axes: tuple[str, str] = ("z", "-y")
) -> np.ndarray:
    """Armature-space matrices (B, 4, 4) with each joint's bones turned by ``turns`` since rest."""
    basis = basis_of(axes)
    joint_of = {bone: joint for joint, group in truth.items() for bone in group}
    owner: list[str | None] = []
    matrices = np.array(armature.rest, dtype=float)
    for bone, name in enumerate(armature.names):
        parent = armature.parents[bone]
        owner.append(joint_of.get(name, owner[parent] if parent >= 0 else None))
        turn = basis @ turns[owner[bone]] @ basis.T if owner[bone] else np.eye(3)
        matrices[bone, :3, :3] = turn @ armature.rest[bone, :3, :3]
        if parent >= 0:
            since_rest = matrices[parent, :3, :3] @ armature.rest[parent, :3, :3].T
            step = armature.heads[bone] - armature.heads[parent]
            matrices[bone, :3, 3] = matrices[parent, :3, 3] + since_rest @ step
    return matrices


def turns_to(pose: Pose, drop_deg: float = 0.0) -> dict[str, np.ndarray]:
    """Each joint's turn since a rest with arms dropped by ``drop_deg`` that leads to the pose."""
    world, _ = forward_kinematics(pose.rotations)
    turns = {joint: world[i] for joint, i in JOINT_INDEX.items()}
    for side, sign in (("left", -1), ("right", 1)):
        rest = Rotation.from_euler("z", sign * drop_deg, degrees=True).as_matrix()
        for part in ("shoulder", "elbow", "wrist"):
            turns[f"{side}_{part}"] = turns[f"{side}_{part}"] @ rest.T
    return turns


def matrices_with(
    calibration: Calibration, written: Mapping[str, np.ndarray], current: np.ndarray
) -> np.ndarray:
    """``current`` with the written bones in place."""
    shape = np.broadcast_shapes(*(m.shape[:-2] for m in written.values()))
    matrices = np.broadcast_to(current, (*shape, *current.shape[-3:])).copy()
    for name, matrix in written.items():
        matrices[..., calibration.armature.index[name], :, :] = matrix
    return matrices
