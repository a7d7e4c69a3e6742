# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a pose: fixed joints, placed joints, the floor."""

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
        stiffness: 1 holds exactly where the body can. Less, down to but not 0, gives way
            to exact targets, the floor, the body's limits and the pose that is natural: a
            gap of ``0.2 (1 - stiffness) / stiffness`` metres (for a direction, of 0.5
            instead of 0.2 in radians) then weighs as much as turning a joint by a radian.
            An arm goes about nine tenths of the way at 0.5 and a tenth at 0.1. A pelvis
            that gives way moves so that the others can be reached.
    """

    joint: str
    position: np.ndarray | None
    rotation: np.ndarray | None = None
    carrier: str | None = None
    stiffness: float = 1.0

    @property
    def softness(self) -> float:
        """What the solver weighs by: 0 is exact, 1 is half stiff."""
        return (1 - self.stiffness) / self.stiffness

    def __post_init__(self) -> None:
        for name in (self.joint, self.carrier):
            if name is not None and name not in JOINT_INDEX:
                raise ValueError(f"There is no joint named '{name}'")
        if self.position is None and self.rotation is None:
            raise ValueError(f"The target of '{self.joint}' has neither a position nor a rotation")
        for what, value, shape in (("position", self.position, (3,)), ("rotation", self.rotation, (3, 3))):
            if value is not None and np.shape(value) != shape:
                raise ValueError(f"The {what} of '{self.joint}' must be {shape}, not {np.shape(value)}")
        if not 0 < self.stiffness <= 1:
            raise ValueError(
                f"The stiffness of '{self.joint}' must be above 0 and at most 1, not {self.stiffness:g}"
            )
        if self.carrier and not DESCENDANTS[JOINT_INDEX[self.carrier], JOINT_INDEX[self.joint]]:
            raise ValueError(f"'{self.carrier}' is not above '{self.joint}' and cannot carry it")


@dataclass(frozen=True, eq=False)
class Known:
    """Everything that a completion must respect.

    Attributes:
        joints: (22,) bool, True where the joint's local rotation is known.
        targets: joints that are placed in the world, or keep their direction there. The
            pelvis' place is then where ``transl`` will be, and its height is meant.
        height_known: whether the pelvis' height above the floor (``transl`` y) is
            meant, so that a low pelvis asks for bent legs.
        stiff: joints that nobody set but that cannot turn either.
    """

    joints: np.ndarray
    targets: tuple[Target, ...] = field(default=())
    height_known: bool = False
    stiff: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if np.shape(self.joints) != (NUM_JOINTS,) or np.asarray(self.joints).dtype != bool:
            raise ValueError(f"joints must be a bool array ({NUM_JOINTS},), not {self.joints!r}")
        placed = [target.joint for target in self.targets]
        for joint in placed:
            if placed.count(joint) > 1:
                raise ValueError(f"'{joint}' has two targets")
        for joint in self.stiff:
            if joint not in JOINT_INDEX:
                raise ValueError(f"There is no joint named '{joint}'")

    @classmethod
    def of(cls, *names: str, targets: tuple[Target, ...] = (), height_known: bool = False) -> Known:
        """The named joints known, the others not."""
        joints = np.zeros(NUM_JOINTS, dtype=bool)
        joints[[JOINT_INDEX[name] for name in names]] = True
        return cls(joints, targets, height_known)
