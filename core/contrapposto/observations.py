# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a pose: fixed joints, placed limb ends, the floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS


@dataclass(frozen=True, eq=False)
class Target:
    """A joint that an IK control places, or one that does not turn with the joint above it.

    Attributes:
        joint: SMPL joint name.
        position: (3,) world position of the joint in metres, floor at y = 0,
            in the same frame as ``Pose.transl``, or None if it is free.
        rotation: (3, 3) world rotation of the joint, or None if it is free.
        carrier: name of an ancestor that ``rotation`` turns along with from where the
            pose has it; None if it holds in the world.
    """

    joint: str
    position: np.ndarray | None
    rotation: np.ndarray | None = None
    carrier: str | None = None

    def __post_init__(self) -> None:
        for name in (self.joint, self.carrier):
            if name is not None and name not in JOINT_INDEX:
                raise ValueError(f"There is no joint named '{name}'")
        if self.position is None and self.rotation is None:
            raise ValueError(f"The target of '{self.joint}' has neither a position nor a rotation")
        if self.carrier and not DESCENDANTS[JOINT_INDEX[self.carrier], JOINT_INDEX[self.joint]]:
            raise ValueError(f"'{self.carrier}' is not above '{self.joint}' and cannot carry it")


@dataclass(frozen=True, eq=False)
class Known:
    """Everything that a completion must respect.

    Attributes:
        joints: (22,) bool, True where the joint's local rotation is known.
        targets: limb ends that are placed in the world, joints that keep their
            direction there.
        height_known: whether the pelvis' height above the floor (``transl`` y) is
            meant, so that a low pelvis asks for bent legs.
        stiff: joints that nobody set but that cannot turn either; what they should
            turn, the joint below takes over.
    """

    joints: np.ndarray
    targets: tuple[Target, ...] = field(default=())
    height_known: bool = False
    stiff: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.shape(self.joints) != (NUM_JOINTS,) or np.asarray(self.joints).dtype != bool:
            raise ValueError(f"joints must be a bool array ({NUM_JOINTS},), not {self.joints!r}")

    @classmethod
    def of(cls, *names: str, targets: tuple[Target, ...] = (), height_known: bool = False) -> Known:
        """The named joints known, the others not."""
        joints = np.zeros(NUM_JOINTS, dtype=bool)
        joints[[JOINT_INDEX[name] for name in names]] = True
        return cls(joints, targets, height_known)
