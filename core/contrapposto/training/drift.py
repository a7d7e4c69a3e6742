# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit how a trained motion prior tells drift: on training windows with a known amount of it."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from contrapposto.priors.motion import MotionPrior, Observed
from contrapposto.rotation import from_rotvec
from contrapposto.tasks.drift import DEGREE_OFFSET, probe
from contrapposto.training.windows import Windows

WINDOWS = 320
BATCH = 8
DRIFT_DEG = (0.0, 0.0, 0.0, 1.0, 2.0, 3.5, 5.0, 8.0)
"""Drift of each copy of a window."""
WHITE_DEG = (0.05, 8.0)
WHITE_SHARE = 0.5
"""How often there is white noise, too, and how much, log-uniform."""
DRIFT_FRAMES = (3.0, 16.0)
RIDGE = 3.0
"""Penalty on the squared coefficients."""


def fit_drift(prior: MotionPrior, windows: Windows, seed: int = 0) -> np.ndarray:
    """(FEATURES,) the coefficients that turn ``drift.probe`` into drift, on NumPy."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(windows), min(WINDOWS, len(windows)), p=windows.weight)
    features, degrees = [], []
    for first in range(0, len(chosen), BATCH):
        index = windows.start[chosen[first : first + BATCH], None] + np.arange(windows.frames)
        R, place = windows.rotations[index].astype(np.float64), windows.place[index].astype(np.float64)
        for drift in DRIFT_DEG:
            features.append(probe(prior, _damaged(R, place, drift, rng)))
            degrees.append(np.full(len(R), drift))
    X, y = np.concatenate(features), np.log(np.concatenate(degrees) + DEGREE_OFFSET)
    return np.linalg.solve(X.T @ X + RIDGE * np.eye(X.shape[1]), X.T @ y)


def _damaged(R: np.ndarray, place: np.ndarray, drift_deg: float, rng: Generator) -> Observed:
    """Windows with so much drift and some white noise."""
    B, T, J = R.shape[:3]
    tau = np.exp(rng.uniform(*np.log(DRIFT_FRAMES)))
    apart = np.arange(T)[:, None] - np.arange(T)
    kernel = np.exp(-0.5 * (apart / tau) ** 2)
    kernel /= np.sqrt((kernel**2).sum(axis=1, keepdims=True))
    slow = np.einsum("ts,bsjc->btjc", kernel, rng.standard_normal((B, T, J, 3)))
    white = np.where(rng.random(B) < WHITE_SHARE, np.exp(rng.uniform(*np.log(WHITE_DEG), B)), WHITE_DEG[0])
    turn = drift_deg * slow + white[:, None, None, None] * rng.standard_normal(slow.shape)
    level = np.broadcast_to(np.radians(white)[:, None, None], (B, T, J))
    return Observed.of_rotations(R @ from_rotvec(np.radians(turn)), level, place, np.full((B, T), 0.002))
