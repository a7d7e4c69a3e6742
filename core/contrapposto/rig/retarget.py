# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses off a rig and onto it, through its calibration.

The joints form the tree, not the bones: each joint follows its nearest mapped
ancestor, whatever bones lie between or beside them, so that control rigs with their
detached layers work like plain skeletons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.motion import Pose
from contrapposto.rig.alignment import shortest_arc
from contrapposto.rig.joints import heir, mapped_ancestor
from contrapposto.rig.similarity import Similarity, rotation_and_scale
from contrapposto.rotation import slerp, transpose
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, STANDARD_OFFSETS

if TYPE_CHECKING:
    from contrapposto.rig.calibration import Calibration

COLLAR_SHARE = 0.17
"""What a missing collar takes of the arm's swing: what the training data gives to collars
that were not captured (see the motion data's own notes)."""


def read(calibration: Calibration, matrices: np.ndarray, to_world: np.ndarray) -> Pose:
    """See ``Calibration.read``."""
    world = Similarity.of(to_world)
    rotations, _ = _bones(calibration, matrices, [bones[-1] for bones in calibration.groups.values()])
    G = {
        joint: world.rotation @ rotations[..., i, :, :] @ calibration.bone_to_joint[JOINT_INDEX[joint]]
        for i, joint in enumerate(calibration.groups)
    }
    local = np.broadcast_to(np.eye(3), (*rotations.shape[:-3], NUM_JOINTS, 3, 3)).copy()
    for joint, turn in G.items():
        ancestor, missing = mapped_ancestor(joint, G)
        composite = turn if ancestor is None else transpose(G[ancestor]) @ turn
        shared = [name for name in missing if heir(name, G) == joint]
        for name, share in zip([*shared, joint], spread_missing(composite, shared), strict=True):
            local[..., JOINT_INDEX[name], :, :] = share
    pelvis = matrices[..., calibration.groups["pelvis"][0], :3, 3]
    transl = (world.rotation @ pelvis[..., None])[..., 0] + world.translation / world.scale
    return Pose(local, calibration.scale * transl)


def spread_missing(composite: np.ndarray, missing: Sequence[str]) -> list[np.ndarray]:
    """The turn (..., 3, 3) of a joint and of the missing ones before it; their product is ``composite``.

    A missing collar takes COLLAR_SHARE of the arm's swing; what is left is shared in
    equal parts of one axis.
    """
    shares: list[np.ndarray] = []
    rest = composite
    for i, name in enumerate(missing):
        if name.endswith("collar"):
            arm = STANDARD_OFFSETS[JOINT_INDEX[name.replace("collar", "elbow")]]
            swing = shortest_arc(arm, (rest @ arm[:, None])[..., 0])
            shares.append(slerp(np.eye(3), swing, COLLAR_SHARE))
        else:
            shares.append(slerp(np.eye(3), rest, 1 / (len(missing) - i + 1)))
        rest = transpose(shares[-1]) @ rest
    return [*shares, rest]


def write(
    calibration: Calibration,
    pose: Pose,
    to_world: np.ndarray,
    current_matrices: np.ndarray,
    free: Collection[str],
    move_pelvis: bool,
) -> dict[str, np.ndarray]:
    """See ``Calibration.write``."""
    unknown = sorted(set(free) - set(JOINT_NAMES))
    if unknown:
        raise ValueError(f"There is no joint named '{unknown[0]}'")
    world = Similarity.of(to_world)
    groups = calibration.groups
    order = [bone for bones in groups.values() for bone in bones]
    rotations, scales = _bones(calibration, current_matrices, order)
    now = {bone: rotations[..., i, :, :] for i, bone in enumerate(order)}
    local = to_numpy(pose.rotations).astype(float)

    R: dict[int, np.ndarray] = {}
    heads: dict[int, np.ndarray] = {}
    for joint, bones in groups.items():
        ancestor, missing = mapped_ancestor(joint, groups)
        before = None if ancestor is None else groups[ancestor][-1]
        if joint in free:
            wanted = np.eye(3)
            if ancestor is not None and before is not None:
                wanted = world.rotation @ R[before] @ _K(calibration, ancestor)
            for name in (*missing, joint):
                wanted = wanted @ local[..., JOINT_INDEX[name], :, :]
            wanted = world.rotation.T @ wanted @ transpose(_K(calibration, joint))
            R.update(_spread_group(calibration, bones, wanted, before, R))
        else:
            for bone in bones:
                R[bone] = now[bone] if before is None else R[before] @ transpose(now[before]) @ now[bone]
        for bone in bones:
            place = current_matrices[..., bone, :3, 3]
            if before is not None:
                arm = transpose(now[before]) @ (place - current_matrices[..., before, :3, 3])[..., None]
                place = heads[before] + (R[before] @ arm)[..., 0]
            elif move_pelvis:
                transl = to_numpy(pose.transl) / calibration.scale - world.translation / world.scale
                place = (world.rotation.T @ transl[..., None])[..., 0]
            heads[bone] = place
            before = bone
    return {
        calibration.armature.names[bone]: _matrix(R[bone] * scales[..., i, None, :], heads[bone])
        for i, bone in enumerate(order)
    }


def _spread_group(
    calibration: Calibration,
    bones: Sequence[int],
    wanted: np.ndarray,
    before: int | None,
    R: dict[int, np.ndarray],
) -> dict[int, np.ndarray]:
    """Rotations of a joint's bones that end at ``wanted``.

    From where they would be at rest behind the bone before, all turn about one axis,
    each by its share of the group's length. The pelvis has none before it and turns
    as one.
    """
    rest = calibration.rest[:, :3, :3]
    if before is None:
        behind, ends = np.eye(3), np.ones(len(bones))
    else:
        behind = R[before] @ rest[before].T
        lengths = np.maximum(np.asarray(calibration.armature.lengths, dtype=float)[list(bones)], 1e-9)
        ends = np.cumsum(lengths) / np.sum(lengths)
    turn = wanted @ transpose(behind @ rest[bones[-1]])
    spread = {
        bone: slerp(np.eye(3), turn, float(end)) @ behind @ rest[bone]
        for bone, end in zip(bones[:-1], ends[:-1], strict=True)
    }
    return spread | {bones[-1]: wanted}


def _bones(
    calibration: Calibration, matrices: np.ndarray, bones: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (..., N, 3, 3) and column scales (..., N, 3) of some bones."""
    count = len(calibration.armature.names)
    if matrices.shape[-3:] != (count, 4, 4):
        raise ValueError(f"The armature has {count} bones, so matrices must be (..., {count}, 4, 4)")
    names = [calibration.armature.names[bone] for bone in bones]
    return rotation_and_scale(matrices[..., list(bones), :3, :3].astype(float), names)


def _K(calibration: Calibration, joint: str) -> np.ndarray:
    return calibration.bone_to_joint[JOINT_INDEX[joint]]


def _matrix(linear: np.ndarray, head: np.ndarray) -> np.ndarray:
    matrix = np.zeros((*np.broadcast_shapes(linear.shape[:-2], head.shape[:-1]), 4, 4))
    matrix[..., :3, :3] = linear
    matrix[..., :3, 3] = head
    matrix[..., 3, 3] = 1
    return matrix
