# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean noisy joint positions of a body whose root was dropped, and find its pose.

The published protocol of motion denoising: 22 joints relative to an upright pelvis, each
frame with noise of its own. The noise is estimated from the clip, as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.diffusion.sampler import Callback
from contrapposto.priors.motion import MotionPrior, Observed, load
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.motion_windows import recover
from contrapposto.tasks.noise import point_noise

LEAST_METRES = 0.001
"""Noise that positions are taken to have at least."""

ROOT_RAD = 0.002
"""Level of the dropped root: it is known to be upright."""


BODY_METRES = 0.045
"""Noise at which a joint told by itself and one told as part of a body are equally sure."""


@dataclass(frozen=True, eq=False)
class CleanPositions:
    """What is behind noisy positions.

    Attributes:
        positions: (T, 22, 3) metres: each joint by itself, the more as part of a body the noisier it is.
        rotations: (T, 22, 3, 3) of a standard body, the root upright.
        joints: (T, 22, 3) where those rotations put that body's joints.
        noise_mm: (22,) estimated noise by component.
    """

    positions: np.ndarray
    rotations: np.ndarray
    joints: np.ndarray
    noise_mm: np.ndarray


def denoise_positions(
    positions: np.ndarray, *, prior: MotionPrior | None = None, callback: Callback | None = None
) -> CleanPositions:
    """The clean clip behind joint positions at 30 frames a second.

    Args:
        positions: (T, 22, 3) metres, about a pelvis at 0 that is upright.
        prior: the shipped one on NumPy if None.
        callback: called with (step, steps); may raise to stop.

    Raises:
        ValueError: if there are fewer than 2 frames or a value is not finite.
    """
    if len(positions) < 2 or not np.isfinite(positions).all():
        raise ValueError("Denoising positions needs at least 2 frames of finite values")
    T, J = positions.shape[:2]
    noise = point_noise(positions, np.ones((T, J), dtype=bool))
    # every joint went through the same camera or marker set: what they agree on is surer than each
    noise = np.sqrt(noise * np.median(noise, axis=1, keepdims=True))
    level = np.full((T, J), np.inf)
    level[:, 0] = ROOT_RAD
    observed = Observed(
        np.tile(np.eye(3), (T, J, 1, 1)),
        level,
        positions,
        np.hypot(noise, LEAST_METRES),
        np.zeros((T, 3)),
        np.full(T, np.inf),
    )
    found = recover(load() if prior is None else prior, observed, callback)
    found.rotations[:, 0] = np.eye(3)
    _, joints = forward_kinematics(found.rotations)
    share = (noise**2 / (noise**2 + BODY_METRES**2))[..., None]
    return CleanPositions(
        found.positions + share * (joints - found.positions),
        found.rotations,
        joints,
        1000 * np.median(noise, axis=0),
    )
