# SPDX-License-Identifier: GPL-3.0-or-later
"""What fitting to joint positions shares: the variable, its kinematics, the distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.priors.dposer import BODY, NUM_BODY_JOINTS, DPoser, with_root
from contrapposto.rotation import transpose
from contrapposto.skeleton import PARENTS, position_gradient

EPSILON = 1e-8
"""Metres squared below which a distance has no direction."""


@dataclass(frozen=True, eq=False)
class Variable:
    """Poses as raw numbers of the prior's representation (radians for axis-angle).

    Attributes:
        prior: whose space the numbers are in.
        scale, mean: (D,) the normaliser, flat.
    """

    prior: DPoser
    scale: Array
    mean: Array

    @classmethod
    def of(cls, prior: DPoser) -> Variable:
        """The variable of a prior."""
        xp = namespace(prior.space.mean)
        return cls(prior, xp.reshape(prior.space.scale, (-1,)), xp.reshape(prior.space.mean, (-1,)))

    def of_rest(self) -> Array:
        """(D,) the rest pose."""
        rest = like(np.tile(np.eye(3), (NUM_BODY_JOINTS, 1, 1)), self.mean)
        return self.prior.space.encode(rest) * self.scale + self.mean

    def near(self, raw: Array, shape: tuple[int, ...], rng: np.random.Generator, spread: float) -> Array:
        """(*shape, D) copies of a pose (D,) with noise of this standard deviation."""
        noise = rng.standard_normal((*shape, self.prior.space.size), dtype=np.float32)
        return raw + spread * like(noise, raw)

    def normalised(self, raw: Array) -> Array:
        """The prior's state."""
        return (raw - self.mean) / self.scale

    def rotations(self, raw: Array) -> Array:
        """(..., 22, 3, 3), the root upright."""
        return with_root(self.prior.space.decode(self.normalised(raw)))

    def gradient(self, raw: Array, world: Array, positions: Array, by_positions: Array) -> Array:
        """Derivative (..., D) of a function whose derivative by joint positions is given.

        Args:
            raw: (..., D).
            world, positions: forward kinematics of its rotations.
            by_positions: (..., 22, 3).
        """
        turns = position_gradient(positions, by_positions)[..., BODY, :]
        local = (transpose(world[..., list(PARENTS[1:]), :, :]) @ turns[..., None])[..., 0]
        return self.prior.space.pullback(self.normalised(raw), local) / self.scale


def distance_gradient(found: Array, wanted: Array, counts: Array) -> Array:
    """Derivative by ``found`` (..., K, 3) of the mean distance to ``wanted`` over the joints that count.

    Args:
        found, wanted: positions in metres.
        counts: (..., K) or (K,) weight of each joint, 0 to leave it out.
    """
    xp = namespace(found)
    away = found - wanted
    length = xp.sqrt(xp.sum(away * away, axis=-1, keepdims=True) + EPSILON)
    return away / length * (counts / xp.sum(counts, axis=-1, keepdims=True))[..., None]
