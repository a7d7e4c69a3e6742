# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a clip that are not the performer's: spikes, flips and frozen spans.

A spike is a value that its neighbours on both sides disown: it lies far from the cubic
through the two before and the two after it. A flip is a span between two jumps that
would not be there without it. A frozen span repeats one value to the last digit, then
catches up. Fast movement is none of these, nor are held poses and stepped keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.rotation import geodesic_angle, to_rotvec, transpose

SPIKE_DEG, SPIKE_METRES = 10.0, 0.06
"""How far a spike is off at least; what the sharpest movement leaves of a cubic stays below."""
SPIKE_NOISES = 7.0
"""And how many deviations of the noise."""
ROUNDS = 4
"""Of looking for spikes: a high one hides those beside it."""

JUMP_DEG = 25.0
JUMP_STEPS = 6.0
"""A jump turns by more in one frame, and by more than so many times what is usual around it."""
FLIP_SECONDS = 2.0
AROUND = 8
"""Frames to each side that tell what is usual."""

FROZEN_FRAMES, FROZEN_SECONDS = 5, 0.15
SAME_RAD = 2e-6
"""A shorter repetition is not frozen; angle below which two values are the same."""
NOISY_RAD = 0.002
"""Noise of a joint above which a repetition cannot be its own."""
CATCH_UP_DEG, CATCH_UP_STEPS = 2.0, 3.0
"""The jump out of a frozen span, at least, and in steps of the movement after it."""
MOVING_DEG = 0.1


@dataclass(frozen=True, eq=False)
class Outliers:
    """Marks of a clip's values.

    Attributes:
        spikes: (T, J) bool, single values and flipped spans.
        frozen: (T, J) bool.
    """

    spikes: np.ndarray
    frozen: np.ndarray

    @property
    def any(self) -> np.ndarray:
        """(T, J) bool."""
        return self.spikes | self.frozen


def find_outliers(R: np.ndarray, reliable: np.ndarray, noise: np.ndarray, fps: float) -> Outliers:
    """Spikes, flips and frozen spans of rotations.

    Args:
        R: (T, J, 3, 3).
        reliable: (T, J) bool; what is not is neither looked at nor marked.
        noise: (T, J) radians, from ``noise.rotation_noise``.
        fps: frames a second.
    """
    step = geodesic_angle(R[:-1], R[1:])
    frozen = _frozen(step, noise, fps) & reliable
    flips = _flips(R, step, reliable, fps)
    spikes = _spikes(R, reliable & ~flips & ~frozen, noise)
    return Outliers(flips | spikes, frozen)


def point_spikes(points: np.ndarray, reliable: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(T,) bool, spikes of points (T, 3) in metres, reliable and noise (T,)."""
    found = np.zeros(len(points), dtype=bool)
    if len(points) < 5:
        return found
    for _ in range(ROUNDS):
        good = reliable & ~found
        beside = _beside(points[:, None], good[:, None])
        off = np.linalg.norm(_cubic(beside) - points[2:-2, None], axis=-1)[:, 0]
        bypass = np.linalg.norm(beside[1] - beside[2], axis=-1)[:, 0]
        new = _peaks(off[:, None], (SPIKE_METRES + SPIKE_NOISES * noise[2:-2])[:, None])[:, 0]
        new &= good[2:-2] & (bypass < off)
        if not new.any():
            break
        found[2:-2] |= new
    return found


def _beside(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    """(4, T - 4, J, ...) the values two and one before, one and two after; the nearest good ones of each."""
    T = len(values)
    order = np.arange(T)[:, None]
    last = np.maximum.accumulate(np.where(good, order, 0), axis=0)
    after = np.minimum.accumulate(np.where(good, order, T - 1)[::-1], axis=0)[::-1]
    column = np.arange(values.shape[1])
    index = np.stack([last[:-4], last[1:-3], after[3:-1], after[4:]])
    return values[index, column]


def _cubic(v: np.ndarray) -> np.ndarray:
    """The cubic through two values before and two after, in the middle."""
    return (4 * (v[1] + v[2]) - (v[0] + v[3])) / 6


def _peaks(off: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """(T, J) where ``off`` is beyond the limit and nowhere larger within two frames."""
    padded = np.pad(off, ((2, 2), (0, 0)))
    largest = np.max([padded[i : i + len(off)] for i in range(5)], axis=0)
    return (off > limit) & (off >= largest)


def _spikes(R: np.ndarray, reliable: np.ndarray, noise: np.ndarray) -> np.ndarray:
    found = np.zeros(reliable.shape, dtype=bool)
    if len(R) < 5:
        return found
    limit = np.radians(SPIKE_DEG) + SPIKE_NOISES * noise[2:-2]
    back = transpose(R[2:-2])
    for _ in range(ROUNDS):
        good = reliable & ~found
        beside = _beside(R, good)
        v = np.stack([to_rotvec(back @ value) for value in beside])
        off = np.linalg.norm(_cubic(v), axis=-1)
        bypass = geodesic_angle(beside[1], beside[2])
        new = _peaks(np.where(good[2:-2], off, 0), limit) & (bypass < off) & good[2:-2]
        if not new.any():
            break
        found[2:-2] |= new
    return found


def _flips(R: np.ndarray, step: np.ndarray, reliable: np.ndarray, fps: float) -> np.ndarray:
    found = np.zeros(reliable.shape, dtype=bool)
    usual = np.median(
        np.stack([np.roll(step, shift, axis=0) for shift in range(-AROUND, AROUND + 1)]), axis=0
    )
    jumps = (step > np.radians(JUMP_DEG) + JUMP_STEPS * usual) & reliable[:-1] & reliable[1:]
    longest = max(1, round(FLIP_SECONDS * fps))
    for joint in np.flatnonzero(jumps.any(axis=0)):
        at = np.flatnonzero(jumps[:, joint])
        free = -1
        for number, i in enumerate(at):
            if i <= free:
                continue
            for j in at[number + 1 :]:
                if j - i > longest:
                    break
                bypass = geodesic_angle(R[i, joint], R[j + 1, joint])
                if bypass < 0.5 * min(step[i, joint], step[j, joint]):
                    found[i + 1 : j + 1, joint] = True
                    free = j
                    break
    return found


def _frozen(step: np.ndarray, noise: np.ndarray, fps: float) -> np.ndarray:
    T, J = noise.shape
    found = np.zeros((T, J), dtype=bool)
    shortest = max(FROZEN_FRAMES, round(FROZEN_SECONDS * fps))
    same = step < SAME_RAD
    for joint in np.flatnonzero(same.any(axis=0) & ~same.all(axis=0)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], same[:, joint].astype(int), [0]])))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            if end - begin < shortest:
                continue
            jump = step[end, joint] if end < T - 1 else 0.0
            after = step[end + 1 : end + 4, joint]
            moving = float(after.mean()) if len(after) else 0.0
            caught_up = jump > max(np.radians(CATCH_UP_DEG), CATCH_UP_STEPS * moving)
            if noise[begin, joint] > NOISY_RAD or (caught_up and moving > np.radians(MOVING_DEG)):
                found[begin + 1 : end + 1, joint] = True
    return found
