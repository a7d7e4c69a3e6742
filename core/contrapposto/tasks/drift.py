# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise that is as slow as movement, which only what is known of bodies can tell from it.

The motion prior is asked what it would make of the clip if every joint had ``PROBE_RAD`` of
noise. How far it then turns each joint, by how much the joint moves, says how much of the
movement is drift: stiff joints that sway give it away. A linear fit on the logarithms,
made on damaged training clips, turns that into degrees.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.priors.motion import MotionPrior, Observed
from contrapposto.rotation import to_rotvec, transpose
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.motion_windows import CHUNK, canonical, window_starts

PROBE_RAD = np.radians(5.0)
"""Level that the prior is asked about."""

FEATURES = 3 * NUM_JOINTS + 1

OVERLAP = 16
"""Frames that the windows share; they need not fade into each other."""

SHORTEST = 24
"""Frames of a clip that is too short to tell."""

STEP = 4
"""Frames over which a joint's movement is taken."""

SMOOTHING = 3.5
"""Deviation, in frames, of the kernel that takes the white noise out of how far joints are turned."""

LEAST_DEG = 0.1
"""Added before logarithms, degrees."""

NEIGHBOURS = 2
"""Windows to each side that have a say in a window's estimate, which is their median."""

SURE_DEG, WHITE_DEG = 1.0, 0.5
"""Drift that a clean clip may seem to have: only what is beyond counts. A clip with so much white noise
is half as likely to be clean, and half of it counts."""

LARGEST_DEG = 12.0

CALIBRATION = "drift.fit"
"""Name of the fit, (FEATURES,), among a prior's calibration."""


def probe(prior: MotionPrior, observed: Observed) -> np.ndarray:
    """What gives drift away, of windows of rotations.

    Args:
        prior: on any array library.
        observed: (B, T, ...) in the world; NumPy; its levels are those of the white noise.

    Returns:
        (B, FEATURES).
    """
    turned, _, _ = canonical(observed)
    level = np.hypot(turned.rotation_level, PROBE_RAD)
    asked = Observed(**{**vars(turned), "rotation_level": level})
    found = prior.expect(Observed(**{name: like(value, prior.mean) for name, value in vars(asked).items()}))
    R = turned.rotations
    known = np.isfinite(level)
    away = to_rotvec(transpose(R) @ to_numpy(found.rotations).astype(np.float64)) * known[..., None]
    frames = np.arange(R.shape[1])
    kernel = np.exp(-0.5 * ((frames[:, None] - frames) / SMOOTHING) ** 2)
    weight = np.einsum("ts,bsj->btj", kernel, known)
    away = np.einsum("ts,bsjc->btjc", kernel, away) / np.maximum(weight, 1e-9)[..., None]
    step = to_rotvec(transpose(R[:, :-STEP]) @ R[:, STEP:])
    both = known[:, :-STEP] & known[:, STEP:]
    white = np.where(known, turned.rotation_level, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    rows = [_log_deg(away, known), _log_deg(step, both), np.log(np.degrees(white) + LEAST_DEG)]
    return np.concatenate([*rows, np.ones((len(R), 1))], axis=1)


def _log_deg(turn: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(B, 22) logarithm of the root mean square of turns (B, T, 22, 3), of the others where none is known."""
    count = known.sum(axis=1)
    power = np.sum(turn**2 * known[..., None], axis=(1, 3)) / np.maximum(count, 1)
    value = np.log(np.degrees(np.sqrt(power)) + LEAST_DEG)
    any_known = count > 0
    usual = np.sum(value * any_known, axis=1) / np.maximum(any_known.sum(axis=1), 1)
    return np.where(any_known, value, usual[:, None])


def drift(prior: MotionPrior, observed: Observed, callback: Callback | None = None) -> np.ndarray:
    """How much of a clip's rotations is drift.

    Args:
        prior: on any array library; without a fit, nothing is told to be drift.
        observed: of T frames, without the batch dimension, in the world; NumPy.
        callback: called with (step, steps) before each chunk of windows; may raise to stop.

    Returns:
        (T,) radians by component, beyond what a clean clip may seem to have.
    """
    T = len(observed.place)
    if CALIBRATION not in prior.calibration or T < SHORTEST:
        return np.zeros(T)
    fit = to_numpy(prior.calibration[CALIBRATION]).astype(np.float64)
    frames = min(T, prior.frames)
    starts = window_starts(T, frames, OVERLAP)
    found = []
    for number in range(0, len(starts), CHUNK):
        if callback is not None:
            callback(number // CHUNK, probes(T, prior))
        index = starts[number : number + CHUNK, None] + np.arange(frames)
        features = probe(prior, Observed(**{name: value[index] for name, value in vars(observed).items()}))
        found.append(degrees(features, fit))
    told = np.concatenate(found)
    around = np.arange(len(told))[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    told = np.median(told[np.clip(around, 0, len(told) - 1)], axis=1)
    known = np.isfinite(observed.rotation_level)
    white = np.degrees(np.median(observed.rotation_level[known])) if known.any() else 0.0
    told = np.clip(told - SURE_DEG / (1 + white / WHITE_DEG), 0, LARGEST_DEG)
    return np.radians(np.interp(np.arange(T), starts + frames / 2, told))


def probes(count: int, prior: MotionPrior) -> int:
    """How often ``drift`` calls back for a clip of ``count`` frames."""
    if CALIBRATION not in prior.calibration or count < SHORTEST:
        return 0
    return -(-len(window_starts(count, min(count, prior.frames), OVERLAP)) // CHUNK)


def degrees(features: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """(B,) degrees of drift by features (B, FEATURES) and the fit (FEATURES,)."""
    return np.exp(np.minimum(features @ fit, np.log(LARGEST_DEG * 2))) - DEGREE_OFFSET


DEGREE_OFFSET = 0.5
"""Added to degrees before their logarithm is fitted."""
