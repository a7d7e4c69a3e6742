# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose and Motion: the values that travel between rooms.

Built once at the border (the add-on, a file reader), checked there, trusted inside.
"""

from __future__ import annotations

from dataclasses import dataclass

from contrapposto.arrays import Array
from contrapposto.skeleton import NUM_JOINTS


@dataclass(frozen=True, eq=False)
class Pose:
    """One or many poses of the 22 SMPL body joints.

    Attributes:
        rotations: (..., 22, 3, 3) local rotation matrices; [..., 0, :, :] is ``global_orient``.
        transl: (..., 3) pelvis position in metres; the floor is y = 0.
    """

    rotations: Array
    transl: Array

    def __post_init__(self) -> None:
        if tuple(self.rotations.shape[-3:]) != (NUM_JOINTS, 3, 3):
            raise ValueError(
                f"rotations must be (..., {NUM_JOINTS}, 3, 3), not {tuple(self.rotations.shape)}"
            )
        if tuple(self.transl.shape) != (*self.rotations.shape[:-3], 3):
            raise ValueError(f"transl must be (..., 3) beside rotations, not {tuple(self.transl.shape)}")

    @property
    def global_orient(self) -> Array:
        """(..., 3, 3) world rotation of the pelvis."""
        return self.rotations[..., 0, :, :]

    @property
    def body_pose(self) -> Array:
        """(..., 21, 3, 3) local rotations of the other joints."""
        return self.rotations[..., 1:, :, :]

    def __getitem__(self, index: int | slice | Array) -> Pose:
        """The poses at ``index`` of the leading dimensions."""
        return Pose(self.rotations[index], self.transl[index])


@dataclass(frozen=True, eq=False)
class Motion:
    """Poses over time: leading dimension T, at ``fps`` frames a second."""

    poses: Pose
    fps: float
    name: str = ""

    def __len__(self) -> int:
        return int(self.poses.transl.shape[0])
