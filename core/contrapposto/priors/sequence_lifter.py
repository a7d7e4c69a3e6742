# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifter over time: what a whole clip tells about where the joints are in each of its frames.

Frame by frame, the lifter answers first, and its answers are smoothed, surer ones counting more.
A transformer over the frames sees both and what they rest on, and corrects them: noise that
lasts, sides that are exchanged for a moment, depths that only the motion tells apart, points
that were seen a moment ago, and moves that smoothing cut short.

Source: Zhang et al. 2022, "MixSTE", for space before time; the networks are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.keypoints.sight import FEATURES, NUM_LIFTED, Sight
from contrapposto.networks import window_transformer
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors import container
from contrapposto.priors.lifter import STATE, Estimate, Lifter, packed, unpacked

WEIGHTS = Path(__file__).parent / "weights" / "sequence_lifter.npz"
"""The lifter over time that ships; its ``frame`` is the lifter of single frames."""

INPUTS = FEATURES + 3 * STATE + 2
"""Numbers a frame: the sight, the lifter's answer, that smoothed, and the move across the image."""

SMOOTH = 1.5
"""Frames over which smoothing begins to reach; training finds the time of each joint."""

LEAST, MOST = -3.0, 2.0
"""Logarithms between which deviations are corrected."""


@dataclass(frozen=True, eq=False)
class SequenceLifter:
    """A trained network and the lifter whose answers it corrects.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        frame: the lifter, of the same library.
        width, blocks: the network's size.
        frames: longest window that the network sees at once.
    """

    weights: Mapping[str, Array]
    frame: Lifter
    width: int
    blocks: int
    frames: int

    def on(self, reference: Array) -> SequenceLifter:
        """This lifter in the array library, dtype and device of ``reference``."""
        weights = {name: like(value, reference) for name, value in self.weights.items()}
        return replace(self, weights=weights, frame=self.frame.on(reference))

    def estimate(self, sight: Sight, *, drop: Drop | None = None) -> Estimate:
        """What it makes of windows.

        Args:
            sight: (B, T) frames of B windows, T up to ``frames``, in the library of the weights.
            drop: in training, a function applied to each hidden layer.
        """
        first = self.frame.estimate(sight)
        return self.corrected(sight, first, self.smoothed(sight, first), drop=drop)

    def smoothed(self, sight: Sight, first: Estimate) -> Array:
        """(B, T, 23, 3) the lifter's positions, each a mean over the frames around it, surer ones first.

        Frames count the less the farther they are, over a time of its own for each joint. Taken
        is the mean in the camera's axes, for a camera stands still more often than a person.
        """
        xp = namespace(first.positions)
        T = first.positions.shape[1]
        sure = 1 / xp.mean(first.deviation**2, axis=-1, keepdims=True)
        weighed = xp.concat([sure * sight.to_camera(first.positions), sure], axis=-1)
        apart = like(np.abs(np.arange(T)[:, None] - np.arange(T)), sure)
        near = xp.exp(-apart / xp.exp(self.weights["smooth"])[:, None, None])
        total = near @ xp.permute_dims(weighed, (0, 2, 1, 3))
        return sight.from_camera(xp.permute_dims(total[..., :3] / total[..., 3:], (0, 2, 1, 3)))

    def corrected(
        self, sight: Sight, first: Estimate, smooth: Array, *, drop: Drop | None = None
    ) -> Estimate:
        """The estimate that ``smoothed`` positions and the lifter's own, ``first``, lead to."""
        xp = namespace(sight.points)
        shape, flat = first.positions.shape, (*first.positions.shape[:-2], STATE)
        scale = self.frame.scale[..., None]
        told = [
            xp.reshape((first.positions - self.frame.mean) / scale, flat),
            xp.reshape((smooth - self.frame.mean) / scale, flat),
            xp.reshape(xp.log(first.deviation / scale), flat),
        ]
        x = xp.concat([sight.features(), *told, motion(sight)], axis=-1)
        output = window_transformer.forward(self.weights, x, self.blocks, drop=drop)
        more = xp.clip(xp.reshape(output[..., STATE:], shape), LEAST, MOST)
        positions = smooth + scale * xp.reshape(output[..., :STATE], shape)
        return Estimate(positions, first.deviation * xp.exp(more), first.features)


def motion(sight: Sight) -> Array:
    """(..., T, 2) how far the middle of what is known moves between frames, in units of its size, up to 1."""
    xp = namespace(sight.rotation)
    ahead = sight.rotation[..., :, 2]
    later = xp.concat([ahead[..., 1:, :], ahead[..., -1:, :]], axis=-2)
    earlier = xp.concat([ahead[..., :1, :], ahead[..., :-1, :]], axis=-2)
    moved = ((later - earlier)[..., None, :] @ sight.rotation)[..., 0, :2]
    return xp.clip(moved / (2 * sight.size[..., None]), -1.0, 1.0)


def save(lifter: SequenceLifter, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a lifter over time (NumPy arrays), with the lifter whose answers it corrects."""
    frame, arrays = packed(lifter.frame)
    config = {
        "width": lifter.width,
        "blocks": lifter.blocks,
        "frames": lifter.frames,
        "frame": frame,
        **facts,
    }
    container.save(path, "sequence-lifter", config, {**lifter.weights, **container.under("frame", arrays)})


def read(path: Path = WEIGHTS) -> SequenceLifter:
    """Read a lifter over time as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "sequence-lifter")
    try:
        width, blocks, frames = (int(config[name]) for name in ("width", "blocks", "frames"))
        of_frame = config["frame"]
    except (KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{path.name}' is damaged: {error}") from error
    own, inner = container.split_off("frame", arrays)
    if {name: a.shape for name, a in own.items()} != shapes(width, blocks, frames):
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    return SequenceLifter(own, unpacked(path.name, of_frame, inner), width, blocks, frames)


def shapes(width: int, blocks: int, frames: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size."""
    return {
        **window_transformer.shapes(INPUTS, 2 * STATE, width, blocks, frames),
        "smooth": (NUM_LIFTED,),
    }
