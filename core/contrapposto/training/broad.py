# SPDX-License-Identifier: GPL-3.0-or-later
"""A broad component: bodies that nobody recorded, yet that a body could hold.

Joints are drawn within their limits, each by itself. What passes through itself is
thrown away; the rest is set on something to rest on (both feet, one foot, the hands,
the knees, the seat) and turned until its centre of mass is above it, or left lying
as it fell. So a handstand, a crawl and a split have some support in what the prior
learns, although hardly one is in the recordings.
"""

from __future__ import annotations

import numpy as np

from contrapposto.limits import sample
from contrapposto.rotation import from_quat, from_rotvec, normalize, slerp, split_heading
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics

_LIMBS = (
    ("left_hip", "left_knee", 0.08, 0.141),
    ("right_hip", "right_knee", 0.08, 0.141),
    ("left_knee", "left_ankle", 0.05, 0.043),
    ("right_knee", "right_ankle", 0.05, 0.043),
    ("left_ankle", "left_foot", 0.04, 0.014),
    ("right_ankle", "right_foot", 0.04, 0.014),
    ("left_shoulder", "left_elbow", 0.045, 0.027),
    ("right_shoulder", "right_elbow", 0.045, 0.027),
    ("left_elbow", "left_wrist", 0.04, 0.022),
    ("right_elbow", "right_wrist", 0.04, 0.022),
    ("pelvis", "spine3", 0.12, 0.25),
    ("spine3", "neck", 0.11, 0.187),
    ("neck", "head", 0.08, 0.069),
)
"""Bones as capsules: both ends, radius in metres, share of the body's mass (the hand's
with the forearm). Masses: de Leva 1996, "Adjustments to Zatsiorsky-Seluyanov's segment
inertia parameters", table 4, rounded, mean of both sexes."""

_RESTS = (
    (("left_foot", "right_foot"), 0.3),
    (("left_foot",), 0.15),
    (("right_foot",), 0.15),
    (("left_wrist", "right_wrist"), 0.1),
    (("left_knee", "right_knee"), 0.1),
    (("pelvis",), 0.1),
    ((), 0.1),
)
"""What a body rests on and how often; nothing: it lies or falls as it likes."""

FLESH = 0.5
"""Bodies touch and give way: bones count as overlapping below this share of their radii's sum
(of recorded poses about one in thirty then does, arms held against the body or hands folded)."""

SINK = 0.12
"""Metres that another joint may be below what the body rests on."""

TRUNK_SHARE = 0.7
"""How much of its range the trunk uses: five joints at their end of range at once is no posture."""

_TRUNK = tuple(JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3", "neck", "head"))
_POINTS = np.linspace(0.0, 1.0, 5)


def _far_pairs() -> list[tuple[int, int]]:
    """Pairs of capsules that no joint connects and that do not both belong to the trunk."""
    trunk = {"pelvis", "spine3", "neck", "head"}
    pairs = []
    for i, (a, b, _, _) in enumerate(_LIMBS):
        for k, (c, d, _, _) in enumerate(_LIMBS[:i]):
            joined = {a, b} & {c, d}
            at_the_trunk = any(
                {p, q} <= trunk and r.endswith(("hip", "shoulder")) for p, q, r in ((a, b, c), (c, d, a))
            )
            if not joined and not at_the_trunk:
                pairs.append((k, i))
    return pairs


_PAIRS = _far_pairs()


def passes_through_itself(positions: np.ndarray) -> np.ndarray:
    """(...) bool: whether two bones that are not neighbours overlap; positions (..., 22, 3)."""
    ends = [(positions[..., JOINT_INDEX[a], :], positions[..., JOINT_INDEX[b], :]) for a, b, _, _ in _LIMBS]
    found = np.zeros(positions.shape[:-2], dtype=bool)
    for i, k in _PAIRS:
        start, step = ends[i][0], ends[i][1] - ends[i][0]
        points = ends[k][0][..., None, :] + _POINTS[:, None] * (ends[k][1] - ends[k][0])[..., None, :]
        along = np.sum((points - start[..., None, :]) * step[..., None, :], axis=-1)
        along = np.clip(along / np.sum(step * step, axis=-1)[..., None], 0, 1)
        away = points - start[..., None, :] - along[..., None] * step[..., None, :]
        distance = np.sqrt(np.sum(away * away, axis=-1)).min(axis=-1)
        found |= distance < FLESH * (_LIMBS[i][2] + _LIMBS[k][2])
    return found


def centre_of_mass(positions: np.ndarray) -> np.ndarray:
    """(..., 3) of a body whose joints are at ``positions`` (..., 22, 3)."""
    total = sum(mass for *_, mass in _LIMBS)
    return sum(
        mass / total * (positions[..., JOINT_INDEX[a], :] + positions[..., JOINT_INDEX[b], :]) / 2
        for a, b, _, mass in _LIMBS
    )


def _turn_upright(direction: np.ndarray) -> np.ndarray:
    """(..., 3, 3) the shortest turn that brings a direction (..., 3) to +y."""
    axis = np.cross(direction, [0.0, 1.0, 0.0])
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, direction[..., 1:2])
    return from_rotvec(axis * angle / np.maximum(sine, 1e-9))


def broad_poses(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 22, 3, 3) float32 local rotations, the root's without heading.

    Args:
        rng: the source of randomness.
        count: how many; about two draws in five are kept.
    """
    kept: list[np.ndarray] = []
    missing = count
    while missing > 0:
        rotations = sample(rng, 2 * missing + 64)
        rotations[:, _TRUNK] = slerp(np.eye(3), rotations[:, _TRUNK], TRUNK_SHARE)
        rotations[:, 0] = from_quat(normalize(rng.standard_normal((len(rotations), 4))))
        rotations = rotations[~passes_through_itself(forward_kinematics(rotations)[1])]
        rotations = _set_on_a_rest(rotations, rng)[:missing]
        kept.append(rotations)
        missing -= len(rotations)
    found = np.concatenate(kept)
    found[:, 0] = split_heading(found[:, 0])[1]
    return found.astype(np.float32)


def _set_on_a_rest(rotations: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The poses that something carries, turned so that it does."""
    rests = rng.choice(len(_RESTS), size=len(rotations), p=[share for _, share in _RESTS])
    kept = []
    for number, (joints, _) in enumerate(_RESTS):
        R = rotations[rests == number]
        if joints:
            rest = [JOINT_INDEX[joint] for joint in joints]
            _, positions = forward_kinematics(R)
            up = normalize(centre_of_mass(positions) - positions[:, rest].mean(axis=1))
            R[:, 0] = _turn_upright(up) @ R[:, 0]
            height = forward_kinematics(R)[1][..., 1]
            lies_on = height[:, rest].max(axis=1) - SINK
            R = R[height.min(axis=1) > lies_on]
        kept.append(R)
    found = np.concatenate(kept)
    return found[rng.permutation(len(found))]
