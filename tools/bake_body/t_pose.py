# SPDX-License-Identifier: GPL-3.0-or-later
"""MakeHuman's bodies brought from their own rest pose into the T-pose, by skinning on their own bones.

Limbs then point where those of the project's standard body point, elbows bend forward about the vertical,
palms look down: the same rotations mean the same pose on both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from makehuman import People

from contrapposto.rotation import from_rotvec, normalize
from contrapposto.skeleton import JOINT_INDEX, STANDARD_OFFSETS

PELVIS = np.array([0.0, -0.24, 0.03])
"""Where the pelvis lies: about where SMPL has it, and not the origin, which readers must not take it for."""

X, Y, Z = np.eye(3)


class Turning:
    """People whose bones are being turned, each from where the ones above it have brought it."""

    def __init__(self, people: People) -> None:
        self.people = people
        count, bones = people.heads.shape[:2]
        self.rotations = np.tile(np.eye(3), (count, bones, 1, 1))
        self.heads = people.heads.copy()

    def head(self, bone: str) -> np.ndarray:
        """(N, 3) where a bone begins now."""
        return self.heads[:, self.people.bones.index(bone)]

    def turn(self, bone: str, rotation: np.ndarray) -> None:
        """Turn a bone and all below it about its head by (N, 3, 3)."""
        moved = self._below(self.people.bones.index(bone))
        pivot = self.head(bone)[:, None]
        self.rotations[:, moved] = rotation[:, None] @ self.rotations[:, moved]
        self.heads[:, moved] = (rotation[:, None] @ (self.heads[:, moved] - pivot)[..., None])[..., 0] + pivot

    def _below(self, top: int) -> list[int]:
        found = [top]
        for bone, parent in enumerate(self.people.parents):
            if parent in found:
                found.append(bone)
        return found

    def people_now(self) -> People:
        """The people with their surfaces brought along."""
        shift = self.heads - (self.rotations @ self.people.heads[..., None])[..., 0]
        vertices = np.empty_like(self.people.vertices)
        for person, rest in enumerate(self.people.vertices):
            R = np.tensordot(self.people.weights, self.rotations[person], axes=1)
            vertices[person] = (R @ rest[..., None])[..., 0] + self.people.weights @ shift[person]
        return replace(self.people, vertices=vertices, heads=self.heads.copy())


def shortest_turn(of: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(N, 3, 3) the smallest turns that bring directions (N, 3) to (3,) or (N, 3)."""
    a, b = normalize(of), np.broadcast_to(normalize(to), of.shape)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, np.sum(a * b, axis=-1, keepdims=True))
    return from_rotvec(axis / np.maximum(sine, 1e-12) * angle)


def roll_about(axis: np.ndarray, of: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(N,) angles about an axis (3,) that bring directions (N, 3) as near to (3,) as they can come."""
    side = to - axis * (axis @ to)
    across = np.cross(axis, side)
    return -np.arctan2(of @ across, of @ side)


def standard_direction(joint: str) -> np.ndarray:
    """(3,) from a joint's parent to the joint, on the standard body."""
    return normalize(STANDARD_OFFSETS[JOINT_INDEX[joint]])


def into_t_pose(people: People) -> People:
    """The people in the T-pose, with the pelvis at ``PELVIS``."""
    turning = Turning(people)
    for side, letter in (("left", "L"), ("right", "R")):
        _straighten_arm(turning, side, letter)
        _straighten_leg(turning, side, letter)
    posed = turning.people_now()
    shift = PELVIS - posed.heads[:, :1]
    return replace(posed, vertices=posed.vertices + shift, heads=posed.heads + shift)


def _straighten_arm(turning: Turning, side: str, letter: str) -> None:
    upper, lower, twist, wrist = (
        f"{bone}.{letter}" for bone in ("upperarm01", "lowerarm01", "lowerarm02", "wrist")
    )
    along = standard_direction(f"{side}_elbow")
    turning.turn(upper, shortest_turn(turning.head(lower) - turning.head(upper), along))
    forearm = turning.head(wrist) - turning.head(lower)
    turning.turn(upper, from_rotvec(roll_about(along, forearm, Z)[:, None] * along))
    along = standard_direction(f"{side}_wrist")
    turning.turn(lower, shortest_turn(turning.head(wrist) - turning.head(lower), along))
    turning.turn(wrist, shortest_turn(turning.head(f"finger3-1.{letter}") - turning.head(wrist), along))
    # Half of what turns the palm down is the forearm's, as in a body.
    across = turning.head(f"finger2-1.{letter}") - turning.head(f"finger5-1.{letter}")
    roll = roll_about(along, across, Z)[:, None] * along
    turning.turn(twist, from_rotvec(roll / 2))
    turning.turn(wrist, from_rotvec(roll / 2))


def _straighten_leg(turning: Turning, side: str, letter: str) -> None:
    upper, lower, foot, toe = (f"{bone}.{letter}" for bone in ("upperleg01", "lowerleg01", "foot", "toe2-1"))
    before = turning.rotations[:, turning.people.bones.index(foot)].copy()
    turning.turn(
        upper, shortest_turn(turning.head(lower) - turning.head(upper), standard_direction(f"{side}_knee"))
    )
    turning.turn(
        lower, shortest_turn(turning.head(foot) - turning.head(lower), standard_direction(f"{side}_ankle"))
    )
    # The sole stays as flat as it was; only where the foot points is taken from the standard body.
    now = turning.rotations[:, turning.people.bones.index(foot)]
    turning.turn(foot, before @ np.swapaxes(now, -1, -2))
    points = (turning.head(toe) - turning.head(foot)) * [1, 0, 1]
    turning.turn(foot, shortest_turn(points, standard_direction(f"{side}_foot") * [1, 0, 1]))
