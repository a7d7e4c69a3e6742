# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose prior: p(22 joint rotations | any known subset, targets, height).

A state is the 22 local rotations as z-scored 6D vectors, the root's without its
heading, so that gravity is part of what the prior knows. Known joints enter the
network clean and stay clean; noise lives on the unknown ones only. One network
serves every subset: it was trained with random masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.sampler import Denoiser
from contrapposto.diffusion.schedule import SubVP
from contrapposto.networks import residual_mlp
from contrapposto.priors import container
from contrapposto.rotation import from_rot6d, to_rot6d
from contrapposto.skeleton import MIRROR, NUM_JOINTS, mirror, mirror_points

WEIGHTS = Path(__file__).parent / "weights" / "pose.npz"

STATE = NUM_JOINTS * 6
CONTEXT = NUM_JOINTS + 2 + NUM_JOINTS * 4 + NUM_JOINTS * 7
"""Features of a condition: known joints, height, placed joints, oriented joints."""

HEIGHT_MEAN, HEIGHT_SCALE = 0.85, 0.2
"""Pelvis height in metres is centred and scaled by these before the network sees it."""

POSITION_SCALE = 0.5
"""Metres that count as one unit of a target's position."""

CALIBRATIONS = ("naturalness.",)
"""Tasks that may leave a calibration beside the weights."""


@dataclass(frozen=True, eq=False)
class Condition:
    """What is known about a batch of poses, in the frame of their heading.

    Attributes:
        rotations: (..., 22, 3, 3) local rotations, the root's without heading;
            read only where ``known``.
        known: (..., 22) bool.
        height: (...) pelvis height above the floor in metres, NaN where unknown.
        positions: (..., 22, 3) joint positions relative to the pelvis, NaN where free.
        orientations: (..., 22, 3, 3) world rotations without heading, NaN where free.
    """

    rotations: Array
    known: Array
    height: Array
    positions: Array
    orientations: Array

    @classmethod
    def of(cls, rotations: Array, known: Array) -> Condition:
        """Only joint rotations known, nothing placed, no height."""
        xp = namespace(rotations)
        return cls(
            rotations,
            known,
            xp.nan * xp.ones_like(rotations[..., 0, 0, 0]),
            xp.nan * xp.ones_like(rotations[..., 0]),
            xp.nan * xp.ones_like(rotations),
        )

    def on(self, reference: Array) -> Condition:
        """This condition in the array library, dtype and device of ``reference``."""
        moved = {name: like(value, reference) for name, value in vars(self).items() if name != "known"}
        known = like(self.known, reference) > 0
        return Condition(known=known, **moved)

    def mirrored(self) -> Condition:
        """The condition seen in a mirror."""
        return Condition(
            mirror(self.rotations),
            self.known[..., list(MIRROR)],
            self.height,
            mirror_points(self.positions),
            mirror(self.orientations),
        )


def _masked(value: Array, free: Array) -> Array:
    """``value`` with zeros where ``free``, followed by a +-1 mask, flat per pose."""
    xp = namespace(value)
    flags = xp.where(free, -xp.ones_like(value[..., 0]), xp.ones_like(value[..., 0]))
    value = xp.where(free[..., None], xp.zeros_like(value), value)
    return xp.concat([xp.reshape(value, (*value.shape[:-2], -1)), flags], axis=-1)


@dataclass(frozen=True, eq=False)
class PosePrior:
    """A trained network with the normaliser and the schedule it was trained for.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        mean, std: (22, 6) and (22, 1), the normaliser of the 6D rotations.
        width, blocks: the network's size.
        schedule: the noise schedule.
        calibration: arrays that tasks measured on real poses, named ``task.array``.
    """

    weights: Mapping[str, Array]
    mean: Array
    std: Array
    width: int
    blocks: int
    schedule: SubVP = field(default_factory=SubVP)
    calibration: Mapping[str, Array] = field(default_factory=dict)

    def on(self, reference: Array) -> PosePrior:
        """This prior in the array library, dtype and device of ``reference``."""
        return replace(
            self,
            weights={name: like(value, reference) for name, value in self.weights.items()},
            mean=like(self.mean, reference),
            std=like(self.std, reference),
            calibration={name: like(value, reference) for name, value in self.calibration.items()},
        )

    def encode(self, rotations: Array) -> Array:
        """State (..., 132) of local rotations (..., 22, 3, 3)."""
        xp = namespace(rotations)
        d = (to_rot6d(rotations) - self.mean) / self.std
        return xp.reshape(d, (*d.shape[:-2], STATE))

    def decode(self, x: Array) -> Array:
        """Local rotations (..., 22, 3, 3) of a state (..., 132)."""
        xp = namespace(x)
        return from_rot6d(xp.reshape(x, (*x.shape[:-1], NUM_JOINTS, 6)) * self.std + self.mean)

    def context(self, condition: Condition) -> Array:
        """Features (..., CONTEXT) of a condition."""
        xp = namespace(condition.rotations)
        one = xp.ones_like(condition.height)[..., None]
        height = ((condition.height - HEIGHT_MEAN) / HEIGHT_SCALE)[..., None, None]
        positions, orientations = condition.positions, to_rot6d(condition.orientations)
        return xp.concat(
            [
                xp.where(condition.known, one, -one),
                _masked(height, xp.isnan(condition.height)[..., None]),
                _masked(positions / POSITION_SCALE, xp.any(xp.isnan(positions), axis=-1)),
                _masked(orientations, xp.any(xp.isnan(orientations), axis=-1)),
            ],
            axis=-1,
        )

    def known_state(self, condition: Condition) -> tuple[Array, Array]:
        """The clean state of the known joints and the mask (..., 132) of its entries."""
        xp = namespace(condition.rotations)
        shape = tuple(condition.known.shape)
        known = xp.broadcast_to(condition.known[..., None], (*shape, 6))
        known = xp.reshape(known, (*shape[:-1], STATE))
        return self.encode(condition.rotations), known

    def expect(
        self,
        x: Array,
        ratio: Array,
        clean: Array,
        known: Array,
        embedded: Array,
        *,
        drop: residual_mlp.Drop | None = None,
    ) -> Array:
        """The clean state that the network expects, known entries as they are.

        The network's input and output are scaled so that both have unit variance
        at every noise level.

        Args:
            x: (..., 132) state ``x_0 + ratio * z`` (signal scale divided out).
            ratio: noise-to-signal ratio ``s / a``, () or (...).
            clean, known: (..., 132), from ``known_state``.
            embedded: (..., width), from ``residual_mlp.embed_context``.
            drop: see ``residual_mlp.forward``.

        Source: Karras et al. 2022, "Elucidating the Design Space …", table 1.
        """
        xp = namespace(x)
        r = ratio[..., None]
        scale = 1 / xp.sqrt(r * r + 1)
        label = xp.log(ratio) * 62.5
        F = residual_mlp.forward(
            self.weights, xp.where(known, clean, x * scale), label, embedded, self.blocks, drop=drop
        )
        return xp.where(known, clean, x * scale * scale + r * scale * F)

    def denoiser(self, condition: Condition) -> Denoiser:
        """A function of ``(x_t, t)`` for the samplers; ``x_t`` has the batch shape of the condition."""
        clean, known = (self._rows(value) for value in self.known_state(condition))
        embedded = residual_mlp.embed_context(self.weights, self._rows(self.context(condition)))

        def x0hat(x_t: Array, t: float) -> Array:
            xp = namespace(x_t)
            a, s = float(self.schedule.a(t)), float(self.schedule.s(t))
            expected = self.expect(self._rows(x_t) / a, like(s / a, x_t), clean, known, embedded)
            return xp.reshape(expected, tuple(x_t.shape))

        return x0hat

    @staticmethod
    def _rows(value: Array) -> Array:
        """One row a pose: a stack of thin matrix products costs many times one large one."""
        return namespace(value).reshape(value, (-1, value.shape[-1]))


def save(prior: PosePrior, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training."""
    config = {"width": prior.width, "blocks": prior.blocks, **facts}
    arrays = {**prior.weights, **prior.calibration, "mean": prior.mean, "std": prior.std}
    container.save(path, "pose", config, arrays)


def read(path: Path) -> PosePrior:
    """Read a prior as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "pose")
    try:
        width, blocks = int(config["width"]), int(config["blocks"])
        mean, std = arrays.pop("mean"), arrays.pop("std")
        measured = [name for name in arrays if name.startswith(CALIBRATIONS)]
        calibration = {name: arrays.pop(name) for name in measured}
    except (KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{path.name}' is damaged: {error}") from error
    expected = residual_mlp.shapes(STATE, CONTEXT, width, blocks)
    normaliser = mean.shape == (NUM_JOINTS, 6) and std.shape == (NUM_JOINTS, 1)
    if not normaliser or {name: a.shape for name, a in arrays.items()} != expected:
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    return PosePrior(arrays, mean, std, width, blocks, calibration=calibration)


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> PosePrior:
    """The shipped prior, or another file's, read on first use and kept."""
    return read(path)
