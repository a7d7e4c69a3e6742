# SPDX-License-Identifier: GPL-3.0-or-later
"""Let completed bodies stand on the floor y = 0, by their soles."""

from __future__ import annotations

import numpy as np

from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.soles import ANKLES, TOES, Soles, laid_on_floor
from contrapposto.tasks.reach import Placement, reach

NEAR_FLOOR = 0.04
"""Metres above the floor within which a sole is taken to stand on it."""

AIRBORNE = 0.35
"""Metres between the floor and the lower sole beyond which a body does not stand there:
it jumps, or it is on something else."""

WITHIN_REACH = 0.005
"""Metres that a foot laid on the floor may miss; one further off stays tilted as it was."""

FLESH = {
    JOINT_INDEX[name]: depth
    for part, depth in (
        ("pelvis", 0.1), ("hip", 0.1), ("spine1", 0.1), ("spine2", 0.1), ("spine3", 0.1), ("head", 0.1),
        ("shoulder", 0.06), ("elbow", 0.04), ("wrist", 0.03), ("knee", 0.06),
    )
    for name in ((part,) if part in JOINT_INDEX else (f"left_{part}", f"right_{part}"))
}  # fmt: skip
"""Metres of body around the joints that somebody kneels, sits or lies on, by joint."""

SINKS = 0.02
"""Metres that such a part may be lower than a sole while the body still stands on its soles."""

LEGS = tuple(
    tuple(JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle")) for side in ("left", "right")
)


def stand(
    rotations: np.ndarray,
    transl: np.ndarray,
    soles: Soles,
    offsets: np.ndarray | None = None,
    *,
    fixed: np.ndarray,
    oriented: np.ndarray,
    placed: np.ndarray,
    pelvis_is_free: bool,
    lands: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The poses with their feet on the floor, and their pelvis positions.

    A free pelvis goes up or down until the lower sole touches y = 0. Otherwise a
    free leg whose sole is below the floor, or the lower one, or one within
    ``NEAR_FLOOR``, is bent or stretched until its sole lies there (see
    ``laid_on_floor``); a foot that does not come down to lie keeps the direction that
    it had. A leg that a target places stays as it is, and so does a body in the air
    (see ``AIRBORNE``) or below the floor, and one that rests on something else than its
    soles.

    Args:
        rotations: (N, 22, 3, 3) local rotations, the root's without heading.
        transl: (N, 3) pelvis positions, metres.
        soles: of this body.
        offsets: (22, 3) the body's proportions; the standard body if None.
        fixed: (22,) bool, joints whose local rotation is not to change.
        oriented: (22,) bool, joints whose world rotation is given.
        placed: (22,) bool, joints that a target places.
        pelvis_is_free: whether the pelvis may move up or down.
        lands: a body with a free pelvis comes down from any height, until a sole or any
            other part of it touches the floor.
    """
    world, positions = forward_kinematics(rotations, offsets)
    settled = fixed | oriented
    rests = np.zeros((len(transl), 1), dtype=bool)
    if lands and pelvis_is_free:
        transl, rests = _land(world, positions, transl, soles)
    heights = soles.heights(world, positions) + transl[:, 1:2]
    fall = _fall(heights, ~rests & pelvis_is_free)
    transl, heights = transl - fall * np.array([0.0, 1.0, 0.0]), heights - fall
    grounded = ((heights.min(axis=1) < AIRBORNE) & (transl[:, 1] > 0))[:, None] & ~rests
    stands = grounded & ((heights <= heights[:, ::-1]) | (heights < NEAR_FLOOR))
    laid = _lay_feet(world, rotations, settled, stands)
    heights = soles.heights(laid, positions) + transl[:, 1:2]
    fall = _fall(np.where(stands, heights, np.inf), ~rests & pelvis_is_free)
    transl, heights = transl - fall * np.array([0.0, 1.0, 0.0]), heights - fall
    stands |= grounded & (heights < 0)

    legs = [
        side
        for side, leg in enumerate(LEGS)
        if not DESCENDANTS[leg[0], placed].any() and not settled[list(leg[:-1])].any()
    ]
    ankles = [ANKLES[side] for side in legs]
    turning = np.zeros(NUM_JOINTS, dtype=bool)
    for side in legs:
        joints = [*LEGS[side], TOES[side]]
        turning[joints] = ~fixed[joints]
    before, rotations, missed = rotations, rotations.copy(), stands[:, legs]
    for feet in (laid, world):  # a foot that does not come down to lie keeps its tilt
        if not missed.any():
            break
        sole = (soles.heights(feet, positions) + transl[:, 1:2])[:, legs]
        place = positions[:, ankles]
        place[..., 1] -= np.where(missed, sole, 0.0)
        keep = {
            joint: feet[:, joint] for side in legs for joint in (ANKLES[side], TOES[side]) if turning[joint]
        }
        found, _ = reach(before, turning, Placement(ankles, place, keep), offsets)
        _, arrived = forward_kinematics(found, offsets)
        away = np.sqrt(np.sum((arrived[:, ankles] - place) ** 2, axis=-1))
        for column, side in enumerate(legs):
            joints, bent = [*LEGS[side], TOES[side]], missed[:, column, None, None, None]
            rotations[:, joints] = np.where(bent, found[:, joints], rotations[:, joints])
        missed = missed & (away > WITHIN_REACH)
    return rotations, transl


def lift(
    rotations: np.ndarray, transl: np.ndarray, soles: Soles, offsets: np.ndarray | None = None
) -> np.ndarray:
    """(N,) mean height of the two soles above y = 0, metres; no foot counts for more than ``AIRBORNE``."""
    heights = soles.heights(*forward_kinematics(rotations, offsets)) + transl[:, 1:2]
    return np.clip(heights, 0, AIRBORNE).mean(axis=1)


def _land(
    world: np.ndarray, positions: np.ndarray, transl: np.ndarray, soles: Soles
) -> tuple[np.ndarray, np.ndarray]:
    """Pelvis positions of bodies on the floor, and (N, 1) whether another part than a sole rests there."""
    sole = soles.heights(world, positions).min(axis=1)
    part = np.min([positions[:, joint, 1] - depth for joint, depth in FLESH.items()], axis=0)
    rests = part < sole - SINKS
    transl = transl.copy()
    transl[:, 1] = -np.where(rests, part, sole)
    return transl, rests[:, None]


def _fall(heights: np.ndarray, is_free: np.ndarray) -> np.ndarray:
    """(N, 1) how far a body is above the floor by its lower sole, 0 if it is not to come down."""
    fall = heights.min(axis=1, keepdims=True)
    return np.where(is_free & (np.abs(fall) < AIRBORNE), fall, 0.0)


def _lay_feet(
    world: np.ndarray, rotations: np.ndarray, settled: np.ndarray, stands: np.ndarray
) -> np.ndarray:
    """(N, 22, 3, 3) world rotations with standing feet as they lie on the floor, settled ones as they are."""
    laid = world.copy()
    for side, (ankle, toes) in enumerate(zip(ANKLES, TOES, strict=True)):
        if settled[ankle]:
            continue
        foot, flat_toes, lies = laid_on_floor(world[:, ankle], world[:, toes])
        if settled[toes]:
            flat_toes = foot @ rotations[:, toes]
        here = (stands[:, side] & lies)[:, None, None]
        laid[:, ankle] = np.where(here, foot, world[:, ankle])
        laid[:, toes] = np.where(here, flat_toes, world[:, toes])
    return laid
