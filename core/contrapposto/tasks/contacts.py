# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stand: when they do, and holding them where they stand.

The motion prior tells how likely a foot stands; it counts as standing from when that is
likely to when it no longer is, if it is slow, too. It is then held by its toe base, the
joint about which a standing foot rolls, by bending the knee and turning the hip: the foot
keeps its direction. Before and after, the leg eases in and out, so that no knee pops.
"""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import from_rotvec, normalize, transpose
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics
from contrapposto.tasks.gaps import runs

LEGS = tuple(
    tuple(JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot"))
    for side in ("left", "right")
)

LIKELY, UNLIKELY = 0.6, 0.35
"""Probabilities at which a contact begins and ends."""

SLOW = 0.4
"""Metres a second of the toe base, averaged over a few frames, above which no foot stands."""

SHORTEST_SECONDS = 0.1
"""A contact or a break of contact that is shorter is none."""

EASE_SECONDS = 0.2
"""Over which a leg eases into a contact and out of it."""

STRAYS = 0.05
"""Metres from its middle by which a standing foot may stray; one that strays further slides on purpose."""

STRETCH = 0.999
"""Share of its length to which a leg that reaches for its contact straightens."""


def standing(probability: np.ndarray, toes: np.ndarray, fps: float) -> np.ndarray:
    """When feet stand.

    Args:
        probability: (T, 2) of the left and right foot.
        toes: (T, 2, 3) world positions of the toe bases, metres.
        fps: frames a second.

    Returns:
        (T, 2) bool.
    """
    T = len(probability)
    reach = max(1, round(0.05 * fps))
    before, after = np.maximum(np.arange(T) - reach, 0), np.minimum(np.arange(T) + reach, T - 1)
    speed = np.linalg.norm(toes[after] - toes[before], axis=-1) * fps / np.maximum(after - before, 1)[:, None]
    shortest = max(2, round(SHORTEST_SECONDS * fps))
    result = np.zeros((T, 2), dtype=bool)
    for side in range(2):
        likely = (probability[:, side] > LIKELY) & (speed[:, side] < SLOW)
        possible = (probability[:, side] > UNLIKELY) & (speed[:, side] < SLOW)
        held = np.zeros(T, dtype=bool)
        for begin, end in runs(possible):
            held[begin:end] = likely[begin:end].any()
        for begin, end in runs(~held):
            if begin > 0 and end < T and end - begin < shortest:
                held[begin:end] = True
        for begin, end in runs(held):
            result[begin:end, side] = end - begin >= shortest
    return result


def hold_feet(
    rotations: np.ndarray,
    place: np.ndarray,
    stand: np.ndarray,
    fps: float,
    *,
    strength: tuple[float, float] = (1.0, 1.0),
    offsets: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations whose standing feet stay where they are.

    Args:
        rotations: (T, 22, 3, 3) local rotations.
        place: (T, 3) of the pelvis, metres.
        stand: (T, 2) bool, from ``standing``.
        fps: frames a second.
        strength: of each foot's hold, 0 to 1.
        offsets: (22, 3) body proportions; the standard body if None.

    Returns:
        (T, 22, 3, 3), and (T, 2) bool, the contacts that were held.
    """
    held = stand.copy()
    result = rotations.copy()
    world, positions = forward_kinematics(rotations, offsets)
    positions = positions + place[:, None]
    for side, leg in enumerate(LEGS):
        if strength[side] <= 0 or not stand[:, side].any():
            held[:, side] = False
            continue
        move = np.zeros((len(place), 3))
        spans = []
        for begin, end in runs(stand[:, side]):
            toes = positions[begin:end, leg[3]]
            away = np.median(toes, axis=0) - toes
            if np.abs(away).max() > STRAYS:
                held[begin:end, side] = False
            else:
                move[begin:end] = away
                spans.append((begin, end))
        _ease(move, spans, max(1, round(EASE_SECONDS * fps)))
        _move_ankles(result, world, positions, leg, strength[side] * move)
    return result, held


def _ease(move: np.ndarray, spans: list[tuple[int, int]], frames: int) -> None:
    """Let the moves of spans begin before and fade after them, in place."""
    for number, (begin, end) in enumerate(spans):
        free = spans[number - 1][1] if number else 0
        for count in range(1, min(frames, begin - free + 1)):
            move[begin - count] += _smooth(1 - count / frames) * move[begin]
        free = spans[number + 1][0] if number + 1 < len(spans) else len(move)
        for count in range(1, min(frames, free - end + 1)):
            move[end - 1 + count] += _smooth(1 - count / frames) * move[end - 1]


def _smooth(share: float) -> float:
    return share * share * (3 - 2 * share)


def _move_ankles(
    rotations: np.ndarray,
    world: np.ndarray,
    positions: np.ndarray,
    leg: tuple[int, ...],
    move: np.ndarray,
) -> None:
    """Move an ankle (metres a frame, (T, 3)) in place of ``rotations``; the foot keeps its direction.

    The knee bends about the axis that it is bent about, to the distance that is asked
    for, and the hip swings the leg to where the ankle belongs: closed form.
    """
    todo = np.flatnonzero(np.abs(move).max(axis=-1) > 1e-6)
    if len(todo) == 0:
        return
    hip, knee, ankle = (positions[todo, joint] for joint in leg[:3])
    W_hip, W_knee, W_ankle = (world[todo, joint] for joint in leg[:3])
    above = world[todo, 0]
    thigh, shin, whole = knee - hip, ankle - knee, ankle - hip
    upper, lower = np.linalg.norm(thigh, axis=-1), np.linalg.norm(shin, axis=-1)
    wanted = whole + move[todo]
    longest = np.maximum(STRETCH * (upper + lower), np.linalg.norm(whole, axis=-1))
    length = np.clip(np.linalg.norm(wanted, axis=-1), np.abs(upper - lower) + 1e-3, longest)
    axis = np.cross(thigh, shin)
    bent = np.linalg.norm(axis, axis=-1)[:, None] > 1e-3 * (upper * lower)[:, None]
    axis = normalize(np.where(bent, axis, W_hip[..., :, 0]))

    def bend(distance: np.ndarray) -> np.ndarray:
        cosine = (distance**2 - upper**2 - lower**2) / (2 * upper * lower)
        return np.arccos(np.clip(cosine, -1, 1))

    more = bend(length) - bend(np.linalg.norm(whole, axis=-1))
    fold = from_rotvec(axis * more[:, None])
    whole = thigh + (fold @ shin[..., None])[..., 0]
    swing = _between(normalize(whole), normalize(wanted))
    W_hip, W_knee = swing @ W_hip, swing @ fold @ W_knee
    rotations[todo, leg[0]] = transpose(above) @ W_hip
    rotations[todo, leg[1]] = transpose(W_hip) @ W_knee
    rotations[todo, leg[2]] = transpose(W_knee) @ W_ankle


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest turn (N, 3, 3) of a unit vector (N, 3) onto another."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    return from_rotvec(normalize(axis) * np.arctan2(sine, cosine))
