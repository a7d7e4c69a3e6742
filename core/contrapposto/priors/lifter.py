# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifter: where joints are in space, of one camera's sight of one frame, and how sure that is.

It answers with a Gaussian a joint. Where points are missing, or several depths would explain
them, the deviation grows; what nothing is known of is as wide as people's poses are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.keypoints.sight import FEATURES, NUM_LIFTED, Sight
from contrapposto.networks import frame_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors import container

STATE = NUM_LIFTED * 3

NORMALISER = ("mean", "scale")

LEAST, MOST = -5.0, 1.5
"""Logarithms between which a deviation stays, in units of the poses' own."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a lifter makes of sights.

    Attributes:
        positions: (..., 23, 3) ``LIFTED`` about the pelvis in the sight's axes, metres.
        deviation: (..., 23, 3) of each coordinate, metres.
        features: (..., width) what the network saw, for others to build on.
    """

    positions: Array
    deviation: Array
    features: Array

    def __getitem__(self, index: Array) -> Estimate:
        """The estimates at ``index`` of the leading dimensions."""
        return Estimate(*(value[index] for value in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Lifter:
    """A trained network with its normaliser.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        mean: (23, 3) metres, of the poses that it learnt from, in their sights' axes.
        scale: (23,) metres, their deviation.
        width, blocks: the network's size.
        plain: whether it tells positions alone; its deviation is then that of all poses.
    """

    weights: Mapping[str, Array]
    mean: Array
    scale: Array
    width: int
    blocks: int
    plain: bool = False

    def on(self, reference: Array) -> Lifter:
        """This lifter in the array library, dtype and device of ``reference``."""
        weights = {name: like(value, reference) for name, value in self.weights.items()}
        return replace(
            self, weights=weights, mean=like(self.mean, reference), scale=like(self.scale, reference)
        )

    def estimate(self, sight: Sight, *, drop: Drop | None = None) -> Estimate:
        """What it makes of sights of any batch shape, each frame by itself.

        Args:
            sight: what cameras saw, in the library of the weights; see ``Sight.on``.
            drop: in training, a function applied to each hidden layer.
        """
        features = frame_mlp.features(self.weights, sight.features(), self.blocks, drop=drop)
        return told(frame_mlp.answer(self.weights, features), features, self.mean, self.scale)


def told(output: Array, features: Array, mean: Array, scale: Array) -> Estimate:
    """The estimate that a network's output (..., 69 or 138) means.

    Args:
        output: positions in units of the poses' deviation, and the logarithm of their own deviation
            if it is told.
        features: kept as they are.
        mean, scale: (23, 3) and (23,) metres, of the poses, or where the output counts from.
    """
    xp = namespace(output)
    shape = (*output.shape[:-1], NUM_LIFTED, 3)
    positions = mean + scale[..., None] * xp.reshape(output[..., :STATE], shape)
    if output.shape[-1] == STATE:
        return Estimate(positions, xp.broadcast_to(scale[..., None], shape), features)
    logarithm = xp.clip(xp.reshape(output[..., STATE:], shape), LEAST, MOST)
    return Estimate(positions, scale[..., None] * xp.exp(logarithm), features)


def save(lifter: Lifter, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a lifter (NumPy arrays) with the facts of its training."""
    config, arrays = packed(lifter)
    container.save(path, "lifter", {**config, **facts}, arrays)


def read(path: Path) -> Lifter:
    """Read a lifter as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    return unpacked(path.name, *container.load(path, "lifter"))


def packed(lifter: Lifter) -> tuple[dict[str, Any], dict[str, Array]]:
    """What a file says of a lifter, and its arrays (NumPy)."""
    config = {"width": lifter.width, "blocks": lifter.blocks, "plain": lifter.plain}
    return config, {**lifter.weights, **{name: getattr(lifter, name) for name in NORMALISER}}


def unpacked(file: str, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Lifter:
    """The lifter of which a file says and holds this.

    Raises:
        WeightsError: if they do not fit each other.
    """
    weights = dict(arrays)
    try:
        width, blocks = int(config["width"]), int(config["blocks"])
        plain = bool(config.get("plain", False))
        mean, scale = (weights.pop(name) for name in NORMALISER)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{file}' is damaged: {error}") from error
    expected = network_shapes(width, blocks, plain=plain)
    fits = mean.shape == (NUM_LIFTED, 3) and scale.shape == (NUM_LIFTED,)
    if not fits or {name: a.shape for name, a in weights.items()} != expected:
        raise container.WeightsError(f"The weights in '{file}' do not fit a network of their size")
    return Lifter(weights, mean, scale, width, blocks, plain)


def network_shapes(width: int, blocks: int, *, plain: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a lifter of this size."""
    return frame_mlp.shapes(FEATURES, STATE if plain else 2 * STATE, width, blocks)
