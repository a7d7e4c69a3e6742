# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing motion as a BVH file that other programs read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.files.whole import write_whole
from contrapposto.motion import Motion
from contrapposto.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS, STANDARD_OFFSETS

_LEAVES = {  # End Sites of the standard body, metres; for looks, no reader needs them
    "left_foot": (0.012, -0.02, 0.06), "right_foot": (-0.012, -0.02, 0.06), "head": (0, 0.18, 0),
    "left_wrist": (0.17, 0, 0), "right_wrist": (-0.17, 0, 0),
}  # fmt: skip


def write_bvh(path: Path | str, motion: Motion, offsets: np.ndarray | None = None) -> None:
    """Write a motion as BVH with SMPL's joint names, in metres, y up, +z forward.

    Rotations are ZXY Euler angles, degrees; rest is the T-pose of ``offsets``;
    the pelvis' position is in the world with the floor at y = 0. The file appears
    whole or not at all.

    Args:
        path: where to write; an existing file is replaced.
        motion: T frames.
        offsets: (22, 3) joint positions in the parent's frame, metres; the
            standard body if None.

    Raises:
        ValueError: if the motion holds values that are not finite or no frames.
        OSError: if the folder cannot be written.
    """
    rotations = to_numpy(motion.poses.rotations).astype(float)
    transl = to_numpy(motion.poses.transl).astype(float)
    if not len(transl):
        raise ValueError("There are no frames to write")
    if not (np.all(np.isfinite(rotations)) and np.all(np.isfinite(transl))):
        raise ValueError("The motion holds values that are not finite")
    angles = np.degrees(zxy_angles(rotations))  # (T, 22, 3)
    order = _depth_first()
    rows = np.concatenate([transl, angles[:, order].reshape(len(angles), -1)], axis=1)
    text = "\n".join(
        [
            "HIERARCHY",
            *_hierarchy(0, STANDARD_OFFSETS if offsets is None else to_numpy(offsets)),
            "MOTION",
            f"Frames: {len(rows)}",
            f"Frame Time: {1 / motion.fps:.9f}",
            *(" ".join(f"{value:.6f}" for value in row) for row in rows),
            "",
        ]
    )
    write_whole(Path(path), text.encode())


def zxy_angles(R: np.ndarray) -> np.ndarray:
    """Angles (..., 3) with ``R = Rz(a) Rx(b) Ry(c)``, radians.

    At b = +-90 degrees only a +- c is defined; c is then 0.
    """
    b = np.arcsin(np.clip(R[..., 2, 1], -1, 1))
    locked = np.abs(R[..., 2, 1]) > 1 - 1e-12
    a = np.where(locked, np.arctan2(R[..., 1, 0], R[..., 0, 0]), np.arctan2(-R[..., 0, 1], R[..., 1, 1]))
    c = np.where(locked, 0.0, np.arctan2(-R[..., 2, 0], R[..., 2, 2]))
    return np.stack([a, b, c], axis=-1)


def _children(joint: int) -> list[int]:
    return [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]


def _depth_first(joint: int = 0) -> list[int]:
    return [joint, *(below for child in _children(joint) for below in _depth_first(child))]


def _hierarchy(joint: int, offsets: np.ndarray) -> list[str]:
    """The lines of one joint and everything below it."""
    name = JOINT_NAMES[joint]
    keyword, channels = ("JOINT", "3") if joint else ("ROOT", "6 Xposition Yposition Zposition")
    offset = offsets[joint] if joint else np.zeros(3)
    body = [
        f"\tOFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}",
        f"\tCHANNELS {channels} Zrotation Xrotation Yrotation",
    ]
    for child in _children(joint):
        body += ["\t" + line for line in _hierarchy(child, offsets)]
    if name in _LEAVES:
        body += ["\tEnd Site", "\t{", "\t\tOFFSET {:.6f} {:.6f} {:.6f}".format(*_LEAVES[name]), "\t}"]
    return [f"{keyword} {name}", "{", *body, "}"]
