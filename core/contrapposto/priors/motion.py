# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion prior: p(a window of frames | any known subset of joints and frames).

One network, and a noise level for every joint and frame as part of its input
("diffusion forcing"): 0 is known, infinite is missing, in between is an observation
with that much noise. It tells the clean window. So the same weights denoise (one
evaluation at the observation's own level is the posterior mean), fill gaps and
in-between (levels infinite, then falling, while what is known stays at its own).

What is observed of a frame are local rotations, each with its level in radians; joint
positions relative to the pelvis, each with its level in metres; the pelvis' place. Any
of them may be missing. Where positions are not observed, the network is shown where
the observed rotations put the joints.

A window is seen without heading and place: turned about the vertical so that it looks
forward on the whole, moved so that its middle is at the origin; heights are kept.

Source: Chen et al. 2024, "Diffusion Forcing"; scaling of input and output as in Karras
et al. 2022, "Elucidating the Design Space …", table 1, by joint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from contrapposto.arrays import Array, like, namespace
from contrapposto.networks import window_transformer
from contrapposto.priors import container
from contrapposto.rotation import from_rot6d, to_rot6d
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics

WEIGHTS = Path(__file__).parent / "weights" / "motion.npz"

FPS = 30.0
"""Frames a second that the prior knows."""

INPUTS = NUM_JOINTS * 6 + 2 * NUM_JOINTS + NUM_JOINTS * 3 + 2 * NUM_JOINTS + 3 + 2
OUTPUTS = NUM_JOINTS * 6 + NUM_JOINTS * 3 + 3 + 2
"""Features of a frame: rotations, positions and place, each with levels; and contacts."""

PLACE_MEAN, PLACE_SCALE = (0.0, 0.85, 0.0), (0.5, 0.2, 0.5)
"""The pelvis' place in metres is centred and scaled by these before the network sees it."""

SPREAD_6D = (2 / 3) ** 0.5
"""Deviation of an entry of a 6D rotation, by radians of isotropic turn."""

ANGLE_SPAN = (0.005, 1.0)
PLACE_SPAN = (0.002, 0.3)
"""Levels, in radians and metres, at which the label of a level begins to rise and is 1."""

HARDLY_KNOWN = 1.2
"""Radians of level beyond which a rotation says nothing about where its joint's children are."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What is known of windows of T frames, in the frame of their heading.

    Levels are standard deviations: 0 where known, infinite where missing. What is missing
    holds any finite value.

    Attributes:
        rotations: (B, T, 22, 3, 3) local rotations.
        rotation_level: (B, T, 22) radians, of the turn's vector by component.
        positions: (B, T, 22, 3) metres from the pelvis.
        position_level: (B, T, 22) metres by component.
        place: (B, T, 3) of the pelvis, metres, about the origin; the floor is y = 0.
        place_level: (B, T) metres by component.
    """

    rotations: Array
    rotation_level: Array
    positions: Array
    position_level: Array
    place: Array
    place_level: Array

    @classmethod
    def of_rotations(cls, rotations: Array, level: Array, place: Array, place_level: Array) -> Observed:
        """Nothing but rotations and the pelvis' place observed."""
        xp = namespace(rotations)
        nowhere = xp.inf * xp.ones_like(level)
        return cls(rotations, level, xp.zeros_like(rotations[..., 0]), nowhere, place, place_level)


@dataclass(frozen=True, eq=False)
class Expected:
    """The clean windows that the network expects.

    Attributes:
        rotations: (B, T, 22, 3, 3).
        positions: (B, T, 22, 3) metres from the pelvis, not quite those of ``rotations``:
            told each by itself, without bones.
        place: (B, T, 3) metres.
        contacts: (B, T, 2) log-odds that the left and the right foot stand still on the floor.
    """

    rotations: Array
    positions: Array
    place: Array
    contacts: Array


def _scales(level: Array, spread: Array | float) -> tuple[Array, Array, Array]:
    """How input, skipped observation and network output count at a level.

    Args:
        level: (...) a standard deviation, 0 to infinity.
        spread: that of the clean value.

    Returns:
        ``c_in = 1 / sqrt(1 + r^2)``, ``c_in^2`` and ``r c_in`` with ``r = level / spread``.
    """
    xp = namespace(level)
    missing = xp.isinf(level)
    r = xp.where(missing, xp.zeros_like(level), level) / spread
    scale = xp.where(missing, xp.zeros_like(level), 1 / xp.sqrt(1 + r * r))
    return scale, scale * scale, xp.where(missing, xp.ones_like(level), r * scale)


def _labels(level: Array, span: tuple[float, float]) -> Array:
    """(..., 2) a level on a logarithmic scale, about 0 to 1, and whether it is infinite."""
    xp = namespace(level)
    missing = xp.isinf(level)
    low, high = span
    top = like(high, level)
    finite = xp.where(missing, top, level)
    label = xp.log(finite / low + 1) / xp.log(top / low + 1)
    return xp.stack([label, xp.where(missing, xp.ones_like(level), xp.zeros_like(level))], axis=-1)


def _flat(value: Array, keep: int = 2) -> Array:
    return namespace(value).reshape(value, (*value.shape[:keep], -1))


@dataclass(frozen=True, eq=False)
class MotionPrior:
    """A trained network with its normaliser.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        mean, std: (22, 6) and (22,), the normaliser of the 6D rotations.
        position_mean, position_std: (22, 3) and (22,), that of the positions.
        width, blocks, frames: the network's size and the longest window.
    """

    weights: Mapping[str, Array]
    mean: Array
    std: Array
    position_mean: Array
    position_std: Array
    width: int
    blocks: int
    frames: int

    def on(self, reference: Array) -> MotionPrior:
        """This prior in the array library, dtype and device of ``reference``."""
        moved = {
            name: like(getattr(self, name), reference)
            for name in ("mean", "std", "position_mean", "position_std")
        }
        return replace(
            self, weights={name: like(value, reference) for name, value in self.weights.items()}, **moved
        )

    def shown(self, observed: Observed) -> tuple[Array, Array]:
        """The rotations with the mean where hardly known, and positions where they were not observed.

        Returns:
            (B, T, 22, 3, 3) and (B, T, 22, 3).
        """
        xp = namespace(observed.rotations)
        unknown = observed.rotation_level > HARDLY_KNOWN
        usual = xp.broadcast_to(from_rot6d(self.mean), tuple(observed.rotations.shape))
        rotations = xp.where(unknown[..., None, None], usual, observed.rotations)
        _, positions = forward_kinematics(rotations)
        unseen = xp.isinf(observed.position_level)[..., None]
        return rotations, xp.where(unseen, positions, observed.positions)

    def features(self, observed: Observed) -> Array:
        """(B, T, INPUTS) what the network sees."""
        xp = namespace(observed.rotations)
        _, positions = self.shown(observed)
        x = (to_rot6d(observed.rotations) - self.mean) / self.std[:, None]
        x = x * _scales(observed.rotation_level * SPREAD_6D, self.std)[0][..., None]
        p = (positions - self.position_mean) / self.position_std[:, None]
        seen = xp.where(
            xp.isinf(observed.position_level), xp.zeros_like(observed.position_level), observed.position_level
        )
        p = p * _scales(seen, self.position_std)[0][..., None]
        t = (observed.place - like(PLACE_MEAN, x)) / like(PLACE_SCALE, x)
        t = t * _scales(observed.place_level[..., None], like(PLACE_SCALE, x))[0]
        return xp.concat(
            [
                _flat(x),
                _flat(_labels(observed.rotation_level, ANGLE_SPAN)),
                _flat(p),
                _flat(_labels(observed.position_level, PLACE_SPAN)),
                t,
                _labels(observed.place_level, PLACE_SPAN),
            ],
            axis=-1,
        )

    def told(self, observed: Observed, output: Array) -> Expected:
        """The clean window, given the network's output (B, T, OUTPUTS)."""
        xp = namespace(output)
        B, T = output.shape[:2]
        J = NUM_JOINTS
        F = xp.reshape(output[..., : 6 * J], (B, T, J, 6))
        G = xp.reshape(output[..., 6 * J : 9 * J], (B, T, J, 3))
        _, skip, out = _scales(observed.rotation_level * SPREAD_6D, self.std)
        d = to_rot6d(observed.rotations) - self.mean
        d = self.mean + d * skip[..., None] + (self.std * out)[..., None] * F
        _, skip, out = _scales(observed.position_level, self.position_std)
        p = observed.positions - self.position_mean
        p = self.position_mean + p * skip[..., None] + (self.position_std * out)[..., None] * G
        mean, scale = like(PLACE_MEAN, output), like(PLACE_SCALE, output)
        _, skip, out = _scales(observed.place_level[..., None], scale)
        t = mean + (observed.place - mean) * skip + scale * out * output[..., 9 * J : 9 * J + 3]
        return Expected(from_rot6d(d), p, t, output[..., 9 * J + 3 :])

    def expect(self, observed: Observed) -> Expected:
        """The clean windows: the posterior mean, by one evaluation of the network.

        Raises:
            ValueError: if the windows have more frames than the network was made for.
        """
        if observed.rotations.shape[1] > self.frames:
            raise ValueError(f"A window may have {self.frames} frames, not {observed.rotations.shape[1]}")
        output = window_transformer.forward(self.weights, self.features(observed), self.blocks)
        return self.told(observed, output)


NORMALISER = ("mean", "std", "position_mean", "position_std")


def save(prior: MotionPrior, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training."""
    config = {"width": prior.width, "blocks": prior.blocks, "frames": prior.frames, **facts}
    arrays = {**prior.weights, **{name: getattr(prior, name) for name in NORMALISER}}
    container.save(path, "motion", config, arrays)


def read(path: Path) -> MotionPrior:
    """Read a prior as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "motion")
    try:
        width, blocks, frames = (int(config[name]) for name in ("width", "blocks", "frames"))
        normaliser = {name: arrays.pop(name) for name in NORMALISER}
    except (KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{path.name}' is damaged: {error}") from error
    fits = {name: value.shape for name, value in normaliser.items()} == {
        "mean": (NUM_JOINTS, 6),
        "std": (NUM_JOINTS,),
        "position_mean": (NUM_JOINTS, 3),
        "position_std": (NUM_JOINTS,),
    }
    expected = window_transformer.shapes(INPUTS, OUTPUTS, width, blocks, frames)
    if not fits or {name: a.shape for name, a in arrays.items()} != expected:
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    return MotionPrior(arrays, width=width, blocks=blocks, frames=frames, **normaliser)


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> MotionPrior:
    """The shipped prior, or another file's, read on first use and kept."""
    return read(path)
