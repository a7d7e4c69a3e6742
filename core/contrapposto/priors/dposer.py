# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser: an unconditional prior over the 21 body joints' rotations.

The published comparison for the conditional pose prior: no root, no conditions; what is
known of a pose meets it in a solver (``tasks/dposer``).

Source: Lu et al., "DPoser-X", arXiv 2508.00599, and its released code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.sampler import Denoiser
from contrapposto.diffusion.schedule import SubVP
from contrapposto.networks import group_norm_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors import container
from contrapposto.priors.space import SIZES, Space
from contrapposto.skeleton import NUM_JOINTS

BODY = slice(1, NUM_JOINTS)
"""Its joints among the 22: all but the pelvis."""

NUM_BODY_JOINTS = NUM_JOINTS - 1


@dataclass(frozen=True, eq=False)
class DPoser:
    """A trained network with its space and schedule.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        space: representation and normaliser of the 21 rotations.
        width, blocks: the network's size.
        schedule: the noise schedule.
    """

    weights: Mapping[str, Array]
    space: Space
    width: int
    blocks: int
    schedule: SubVP = field(default_factory=SubVP)

    def on(self, reference: Array) -> DPoser:
        """This prior in the array library, dtype and device of ``reference``."""
        weights = {name: like(value, reference) for name, value in self.weights.items()}
        return replace(self, weights=weights, space=self.space.on(reference))

    def noise(self, x_t: Array, t: Array, *, drop: Drop | None = None) -> Array:
        """The noise (..., D) that the network sees in ``x_t`` (..., D) at times ``t``, () or (...)."""
        return group_norm_mlp.forward(self.weights, x_t, 999 * t, self.blocks, drop=drop)

    def denoiser(self) -> Denoiser:
        """A function of ``(x_t, t)`` for samplers and solvers, of any batch shape."""

        def x0hat(x_t: Array, t: float) -> Array:
            xp = namespace(x_t)
            a, s = float(self.schedule.a(t)), float(self.schedule.s(t))
            rows = xp.reshape(x_t, (-1, x_t.shape[-1]))  # one large product, not many thin ones
            return xp.reshape((rows - s * self.noise(rows, like(t, x_t))) / a, tuple(x_t.shape))

        return x0hat


def save(prior: DPoser, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training."""
    config = {
        "width": prior.width,
        "blocks": prior.blocks,
        "representation": prior.space.representation,
        **facts,
    }
    space = {"mean": prior.space.mean, "scale": prior.space.scale, "base": prior.space.base}
    container.save(path, "dposer", config, {**prior.weights, **space})


def read(path: Path) -> DPoser:
    """Read a prior as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "dposer")
    try:
        width, blocks = int(config["width"]), int(config["blocks"])
        representation = str(config["representation"])
        space = Space(representation, arrays.pop("mean"), arrays.pop("scale"), arrays.pop("base"))
        state = NUM_BODY_JOINTS * SIZES[representation]
    except (KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{path.name}' is damaged: {error}") from error
    expected = group_norm_mlp.shapes(state, width, blocks)
    fits = space.mean.shape == space.scale.shape == (NUM_BODY_JOINTS, SIZES[representation])
    fits = fits and space.base.shape == (NUM_BODY_JOINTS, 3, 3)
    if not fits or {name: a.shape for name, a in arrays.items()} != expected:
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    return DPoser(arrays, space, width, blocks)


def body_of(rotations: Array) -> Array:
    """The 21 body joints (..., 21, 3, 3) of poses (..., 22, 3, 3)."""
    return rotations[..., BODY, :, :]


def with_root(body: Array, root: Array | None = None) -> Array:
    """Poses (..., 22, 3, 3) of body joints (..., 21, 3, 3); the root upright if None."""
    xp = namespace(body)
    upright = like(np.eye(3), body) if root is None else root
    upright = xp.broadcast_to(upright, (*body.shape[:-3], 3, 3))
    return xp.concat([upright[..., None, :, :], body], axis=-3)
