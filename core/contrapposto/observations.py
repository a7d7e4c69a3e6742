# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a pose: fixed joints, placed limb ends, the floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS


@dataclass(frozen=True, eq=False)
class Target:
    """A joint that an IK control places.

    Attributes:
        joint: SMPL joint name.
        position: (3,) world position of the joint in metres, floor at y = 0,
            in the same frame as ``Pose.transl``.
        rotation: (3, 3) world rotation of the joint, or None if it is free.
    """

    joint: str
    position: np.ndarray
    rotation: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.joint not in JOINT_INDEX:
            raise ValueError(f"There is no joint named '{self.joint}'")


@dataclass(frozen=True, eq=False)
class Known:
    """Everything that a completion must respect.

    Attributes:
        joints: (22,) bool, True where the joint's local rotation is known.
        targets: limb ends that are placed in the world.
        height_known: whether the pelvis' height above the floor (``transl`` y) is
            meant, so that a low pelvis asks for bent legs.
    """

    joints: np.ndarray
    targets: tuple[Target, ...] = field(default=())
    height_known: bool = False

    def __post_init__(self) -> None:
        if np.shape(self.joints) != (NUM_JOINTS,) or np.asarray(self.joints).dtype != bool:
            raise ValueError(f"joints must be a bool array ({NUM_JOINTS},), not {self.joints!r}")

    @classmethod
    def of(cls, *names: str, targets: tuple[Target, ...] = (), height_known: bool = False) -> Known:
        """The named joints known, the others not."""
        joints = np.zeros(NUM_JOINTS, dtype=bool)
        joints[[JOINT_INDEX[name] for name in names]] = True
        return cls(joints, targets, height_known)
