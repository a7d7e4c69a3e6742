# SPDX-License-Identifier: GPL-3.0-or-later
"""Completions with what they miss and break: those that fail come last, and say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contrapposto.limits import beyond
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.rotation import geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics

MISSED_MM = 1.0
"""Millimetres from its place, and degrees from its direction, at which a target counts as missed."""

MISSED_DEG = 1.0

FAILURE_STEP_MM, FAILURE_STEP_DEG = 50.0, 10.0
"""Failing alternatives that are less apart than this are ranked by how natural they are."""

BROKEN_DEG = 10.0
"""Degrees beyond its limit at which a joint counts as broken: captured people get less far."""


@dataclass(frozen=True, eq=False)
class Completion:
    """N alternatives for one pose, best first; those that fail come last.

    Attributes:
        poses: rotations (N, 22, 3, 3) and transl (N, 3).
        energy: (N,) how unnatural the prior finds each one; lower is better.
        targets: the K targets that were asked for, in the order of the two below.
        target_mm: (N, K) how far each target's joint stays from its place; 0 without one.
        target_deg: (N, K) how far it is turned from its direction; 0 without one.
        beyond_deg: (N, 22) how far each joint that was completed is beyond its limit; 0 where none is
            present.
        naturalness: (N,) percent of real poses that are less natural; None if it was not asked for, or the
            weights do not know how natural real poses are.
    """

    poses: Pose
    energy: np.ndarray
    targets: tuple[Target, ...]
    target_mm: np.ndarray
    target_deg: np.ndarray
    beyond_deg: np.ndarray
    naturalness: np.ndarray | None = None

    @property
    def reach_mm(self) -> np.ndarray:
        """(N,) largest distance between a target and its joint."""
        return self.target_mm.max(axis=1, initial=0.0)

    @property
    def missed(self) -> np.ndarray:
        """(N, K) bool, exact targets that are not met; what gives way is never missed."""
        exact = np.array([target.stiffness == 1 for target in self.targets], dtype=bool)
        return ((self.target_mm > MISSED_MM) | (self.target_deg > MISSED_DEG)) & exact

    @property
    def broken(self) -> np.ndarray:
        """(N, 22) bool, joints that are further beyond their limits than people get."""
        return self.beyond_deg > BROKEN_DEG

    @property
    def fails(self) -> np.ndarray:
        """(N,) bool, alternatives that miss a target or break a joint's limit."""
        return np.any(np.concatenate([self.missed, self.broken], axis=1), axis=1)

    def __getitem__(self, order: np.ndarray) -> Completion:
        """Some of the alternatives, in this order."""
        values = {
            name: value[order]
            for name, value in vars(self).items()
            if name != "targets" and value is not None
        }
        return Completion(targets=self.targets, **values)


def judge(
    poses: Pose,
    found: np.ndarray,
    known: Known,
    before: np.ndarray,
    judged: np.ndarray,
    offsets: np.ndarray | None,
) -> Completion:
    """The alternatives with what they miss and break.

    Args:
        poses: N of them.
        found: (N,) their energies.
        known: what they were to agree with.
        before: (22, 3, 3) the pose as it was, from which carriers carry on.
        judged: (22,) bool, the joints that may count as broken.
        offsets: (22, 3) body proportions; the standard body if None.
    """
    world, positions = forward_kinematics(poses.rotations, offsets)
    carried_from, _ = forward_kinematics(before)
    shape = (len(found), len(known.targets))
    away, turned = np.zeros(shape), np.zeros(shape)
    for column, target in enumerate(known.targets):
        joint = JOINT_INDEX[target.joint]
        if target.position is not None:
            gap = positions[:, joint] + poses.transl - target.position
            away[:, column] = 1000 * np.sqrt(np.sum(gap**2, axis=-1))
        if target.rotation is not None:
            wanted = target.rotation
            if target.carrier:
                carrier = JOINT_INDEX[target.carrier]
                wanted = world[:, carrier] @ carried_from[carrier].T @ wanted
            turned[:, column] = np.degrees(geodesic_angle(world[:, joint], wanted))
    excess = np.where(judged, np.degrees(beyond(poses.rotations)), 0.0)
    return Completion(poses, found, known.targets, away, turned, excess)


def in_turn(parts: Sequence[Completion]) -> Completion:
    """Several completions of one pose as one: the first of each, then the second; failing ones come last.

    Raises:
        ValueError: if one of them has been judged already.
    """
    if any(part.naturalness is not None for part in parts):
        raise ValueError("Naturalness is judged of all of them together, afterwards")
    values = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("energy", "target_mm", "target_deg", "beyond_deg")
    }
    rotations = np.concatenate([part.poses.rotations for part in parts])
    transl = np.concatenate([part.poses.transl for part in parts])
    together = Completion(Pose(rotations, transl), targets=parts[0].targets, **values)
    place = np.concatenate([np.arange(len(part.energy)) for part in parts])
    return together[np.lexsort((place, failure(together)))]


def failure(completion: Completion) -> np.ndarray:
    """(N,) 0 for alternatives that do not fail, else more the further they are off, in coarse steps."""
    missed, broken = completion.missed, completion.broken
    worst_mm = np.where(missed, completion.target_mm, 0).max(axis=1, initial=0.0)
    worst_deg = np.where(missed, completion.target_deg, 0).max(axis=1, initial=0.0)
    worst_deg = np.maximum(worst_deg, np.where(broken, completion.beyond_deg, 0).max(axis=1))
    return np.ceil(worst_mm / FAILURE_STEP_MM) + np.ceil(worst_deg / FAILURE_STEP_DEG)
