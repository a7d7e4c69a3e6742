# SPDX-License-Identifier: GPL-3.0-or-later
"""What captures suffer, done to clean clips: the cases of the denoising protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from contrapposto.rotation import from_rotvec, normalize
from contrapposto.skeleton import BELOW, JOINT_INDEX, NUM_JOINTS

DRIFT_FRAMES = 8.0
"""Deviation of the kernel that makes low-frequency noise."""

PLACE_MM_A_DEGREE = 1.0
"""Noise of the pelvis' place beside that of the rotations."""

LIMBS = tuple(
    tuple(JOINT_INDEX[f"{side}_{part}"] for part in parts)
    for side in ("left", "right")
    for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
)


@dataclass(frozen=True, eq=False)
class Capture:
    """A damaged clip.

    Attributes:
        rotations, place: (T, 22, 3, 3) and (T, 3).
        missing: (T, 22) bool, marked as missing.
        damaged: (T, 22) bool, joints that are elsewhere for more than noise.
    """

    rotations: np.ndarray
    place: np.ndarray
    missing: np.ndarray
    damaged: np.ndarray


Damage = Callable[[np.ndarray, np.ndarray, np.random.Generator], Capture]


def _below(turned: np.ndarray) -> np.ndarray:
    """(T, 22) joints that a wrong rotation (T, 22) puts elsewhere."""
    return np.asarray((turned[:, :, None] & BELOW).any(axis=1))


def _drift(rng: np.random.Generator, *shape: int) -> np.ndarray:
    slow = gaussian_filter1d(rng.standard_normal(shape), DRIFT_FRAMES, axis=0, mode="wrap")
    return slow / slow.std()


def _capture(
    R: np.ndarray, place: np.ndarray, turned: np.ndarray, missing: np.ndarray | None = None
) -> Capture:
    none = np.zeros(R.shape[:2], dtype=bool)
    return Capture(R, place, none if missing is None else missing, _below(turned))


def clean(R: np.ndarray, place: np.ndarray, _: np.random.Generator) -> Capture:
    """Nothing is wrong."""
    return _capture(R, place, np.zeros(R.shape[:2], dtype=bool))


def jitter(degrees: float, *, drifts: bool) -> Damage:
    """Noise of this deviation, by component, on every joint's rotation: white, or drifting."""

    def damage(R: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Capture:
        draw = _drift if drifts else (lambda rng, *shape: rng.standard_normal(shape))
        R = R @ from_rotvec(np.radians(degrees) * draw(rng, *R.shape[:-1]))
        place = place + PLACE_MM_A_DEGREE * degrees / 1000 * draw(rng, *place.shape)
        return _capture(R, place, np.zeros(R.shape[:2], dtype=bool))

    return damage


def spikes(rate: float) -> Damage:
    """Single values turned by 20 to 90 degrees."""

    def damage(R: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Capture:
        hit = rng.random(R.shape[:2]) < rate
        axis = normalize(rng.standard_normal((*hit.shape, 3)))
        angle = np.radians(rng.uniform(20, 90, hit.shape)) * hit
        return _capture(R @ from_rotvec(axis * angle[..., None]), place, hit)

    return damage


def flips(R: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Capture:
    """Spans of 1 to 20 frames turned by half a turn about one of the joint's axes."""
    R, hit = R.copy(), np.zeros(R.shape[:2], dtype=bool)
    for _ in range(max(1, len(R) // 40)):
        joint, length = rng.integers(1, NUM_JOINTS), int(rng.integers(1, 21))
        begin = int(rng.integers(1, max(2, len(R) - length - 1)))
        if hit[begin - 1 : begin + length + 1, joint].any():
            continue
        span = slice(begin, begin + length)
        R[span, joint] = R[span, joint] @ from_rotvec(np.pi * np.eye(3)[rng.integers(3)])
        hit[span, joint] = True
    return _capture(R, place, hit)


def _limb_span(frames: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """(T, 22) bool, one limb in one span, in each quarter of the clip that has room."""
    mask = np.zeros((frames, NUM_JOINTS), dtype=bool)
    for part in range(max(1, frames // 120)):
        begin = min(part * 120 + int(rng.integers(5, max(6, 115 - length))), frames - length - 2)
        mask[max(1, begin) : begin + length, list(LIMBS[rng.integers(len(LIMBS))])] = True
    return mask


def dropped(length: int, *, whole: bool = False) -> Damage:
    """A limb, or the whole body, missing for so many frames, and marked as missing."""

    def damage(R: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Capture:
        gone = _limb_span(len(R), length, rng)
        if whole:
            gone = np.repeat(gone.any(axis=1, keepdims=True), NUM_JOINTS, axis=1)
        R, place = np.where(gone[..., None, None], np.nan, R), np.where(gone[:, :1], np.nan, place)
        return Capture(R, place, gone, gone if whole else _below(gone))

    return damage


def frozen(length: int) -> Damage:
    """A limb that keeps its last rotations for so many frames, unmarked."""

    def damage(R: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Capture:
        stuck = _limb_span(len(R), length, rng)
        R = R.copy()
        for frame in range(1, len(R)):
            R[frame] = np.where(stuck[frame, :, None, None], R[frame - 1], R[frame])
        return _capture(R, place, stuck)

    return damage


def markerless(R: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Capture:
    """Jitter and drift of limbs more than the trunk's, a drifting place, a few spikes, a frozen limb."""
    loose = np.where(np.isin(np.arange(NUM_JOINTS), np.concatenate(LIMBS)), 1.0, 0.5)
    turn = np.radians(3) * rng.standard_normal(R.shape[:-1]) + np.radians(4) * _drift(rng, *R.shape[:-1])
    R = R @ from_rotvec(turn * loose[:, None])
    place = place + 0.008 * rng.standard_normal(place.shape) + 0.02 * _drift(rng, *place.shape)
    spiked = spikes(0.003)(R, place, rng)
    stuck = frozen(15)(spiked.rotations, place, rng)
    return Capture(stuck.rotations, place, stuck.missing, spiked.damaged | stuck.damaged)


CASES: dict[str, Damage] = {
    **{f"white_{degrees}_deg": jitter(degrees, drifts=False) for degrees in (2, 5, 10)},
    **{f"drift_{degrees}_deg": jitter(degrees, drifts=True) for degrees in (2, 5, 10)},
    "spikes": spikes(0.01),
    "flips": flips,
    **{f"dropped_{length}_frames": dropped(length) for length in (5, 15, 30, 60)},
    **{f"body_dropped_{length}_frames": dropped(length, whole=True) for length in (5, 15, 30)},
    "frozen_30_frames": frozen(30),
    "markerless": markerless,
    "clean": clean,
}
