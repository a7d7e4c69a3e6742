# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several alternatives comes first."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.rotation import split_heading
from contrapposto.skeleton import forward_kinematics

ENERGY_RATIO = 0.35
"""Noise-to-signal ratio at which a pose is tested for naturalness."""

ENERGY_DRAWS = 4

CENTRALITY_WEIGHT, DISTANCE_WEIGHT = 1.0, 0.25
"""How much the mean distance to the other alternatives, and that to the current pose, count in the
ranking beside the energy. The one that most of the others resemble is the likeliest given what is known.
On val, the first by energy alone errs up to a quarter more where limbs are free; the first by resemblance
alone up to a tenth more around placed hands, and is half as natural there."""

MOST_OTHERS = 512
"""Alternatives that each one is compared with, so that the cost stays linear."""

LIFT_WEIGHT = 10.0
"""How much a metre of sole above the floor counts where feet are to be kept on it: it costs nothing in error
on val, and spares the animator a foot that hangs in the air first."""


def energy(prior: PosePrior, rotations: Array, seed: int = 0, ratio: float = ENERGY_RATIO) -> Array:
    """How far the prior would move each pose to make it more natural.

    The mean squared distance between a pose and what the prior expects it to be
    from slightly noisy copies, nothing known (the DPoser regulariser of the whole
    pose).

    Args:
        rotations: (..., 22, 3, 3) local rotations; the root's heading does not count.
        seed: of the noise, which is the same for every pose, so that poses compare.
        ratio: noise-to-signal ratio of the copies.

    Returns:
        (...) in units of the state's variance.
    """
    xp = namespace(rotations)
    upright = split_heading(rotations[..., 0, :, :])[1]
    rotations = xp.concat([upright[..., None, :, :], rotations[..., 1:, :, :]], axis=-3)
    condition = Condition.of(rotations, xp.zeros_like(rotations[..., 0, 0]) > 0)
    z = like(np.random.default_rng(seed).standard_normal((ENERGY_DRAWS, STATE)), rotations)
    x0 = prior.encode(rotations)
    total = xp.zeros_like(x0[..., 0])
    t = prior.schedule.time(ratio)
    denoiser = prior.denoiser(condition)
    a, s = float(prior.schedule.a(t)), float(prior.schedule.s(t))
    for k in range(ENERGY_DRAWS):
        moved = denoiser(a * x0 + s * z[k], t) - x0
        total = total + xp.mean(moved * moved, axis=-1)
    return total / ENERGY_DRAWS


def rank(
    rotations: np.ndarray,
    found: np.ndarray,
    current: np.ndarray | None = None,
    offsets: np.ndarray | None = None,
    lifted: np.ndarray | None = None,
) -> np.ndarray:
    """How far down each of N alternatives belongs: the lower, the better.

    Args:
        rotations: (N, 22, 3, 3) local rotations.
        found: (N,) their energies.
        current: (22, 3, 3) the pose that they complete, if there is one to stay near.
        offsets: (22, 3) body proportions; the standard body if None.
        lifted: (N,) mean height of the soles above the floor that they are to be kept on.

    Returns:
        (N,) energy, distance to the others (``CENTRALITY_WEIGHT``) and to the current
        pose (``DISTANCE_WEIGHT``), each relative to its mean, and lifted soles (``LIFT_WEIGHT``).
    """
    _, positions = forward_kinematics(rotations, offsets)

    def distance(away: np.ndarray) -> np.ndarray:
        return np.sqrt(np.sum(away**2, axis=-1)).mean(axis=-1)

    def relative(values: np.ndarray) -> np.ndarray:
        return values / max(float(values.mean()), 1e-9)

    others = positions[:: -(-len(positions) // MOST_OTHERS)]
    centrality = np.mean([distance(positions - one) for one in others], axis=0)
    total = relative(found) + CENTRALITY_WEIGHT * relative(centrality)
    if current is not None:
        _, there = forward_kinematics(current, offsets)
        total += DISTANCE_WEIGHT * relative(distance(positions - there))
    if lifted is not None:
        total += LIFT_WEIGHT * lifted
    return total
