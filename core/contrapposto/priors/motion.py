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
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from contrapposto.arrays import Array, like, namespace
from contrapposto.networks import window_transformer
from contrapposto.priors import container
from contrapposto.priors.filters import FILTERS, Filtered, filtered
from contrapposto.rotation import from_rot6d, to_rot6d
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics

WEIGHTS = Path(__file__).parent / "weights" / "motion.npz"

FPS = 30.0
"""Frames a second that the prior knows."""

INPUTS = 2 * (NUM_JOINTS * 6 + NUM_JOINTS * 3 + 3) + 4 * NUM_JOINTS + 2
OUTPUTS = NUM_JOINTS * 6 + NUM_JOINTS * 3 + 3 + (2 * NUM_JOINTS + 1) * FILTERS + 2
"""Features of a frame: rotations, positions and place, as they are and smoothed, and their levels;
what to add to each, which filter to trust, and contacts."""

OUTPUT_GAIN = 0.5
"""What the network adds is so much smaller than the noise: the filters have done the rest."""

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


@dataclass(frozen=True, eq=False)
class Prepared:
    """An observation as the network sees it.

    Attributes:
        rotations, positions, place: normalised, through every filter.
        body: (B, T, 22, 3, 3) the rotations, from their neighbours where hardly known.
        shown: (B, T, 22, 3) the positions, where not observed those of ``body``.
    """

    rotations: Filtered
    positions: Filtered
    place: Filtered
    body: Array
    shown: Array


def _scales(level: Array, spread: Array | float) -> tuple[Array, Array]:
    """A level in units of the clean value's spread, and how much the input counts at it.

    Args:
        level: (...) a standard deviation, 0 to infinity.
        spread: that of the clean value.

    Returns:
        ``r = level / spread`` and ``1 / sqrt(1 + r^2)``, 0 where infinite.
    """
    xp = namespace(level)
    missing = xp.isinf(level)
    r = xp.where(missing, xp.zeros_like(level), level) / spread
    c_in = 1 / xp.sqrt(1 + r * r)
    return level / spread, xp.where(missing, xp.zeros_like(c_in), c_in)


def _gain(level: Array, spread: Array | float, doubt: Array) -> Array:
    """(..., 1) what the network's output counts: as much as the mixture of filters can be off.

    That is ``r / sqrt(1 + r^2)`` at a level ``r`` in spreads, and in a gap the doubt about the curve over it.
    """
    xp = namespace(level)
    missing = xp.isinf(level)
    r = xp.where(missing, xp.zeros_like(level), level) / spread
    return OUTPUT_GAIN * xp.where(missing, doubt, r / xp.sqrt(1 + r * r))[..., None]


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
        calibration: arrays that tasks measured on damaged clips, named ``task.array``.
    """

    weights: Mapping[str, Array]
    mean: Array
    std: Array
    position_mean: Array
    position_std: Array
    width: int
    blocks: int
    frames: int
    calibration: Mapping[str, Array] = field(default_factory=dict)

    def on(self, reference: Array) -> MotionPrior:
        """This prior in the array library, dtype and device of ``reference``."""
        moved = {
            name: like(getattr(self, name), reference)
            for name in ("mean", "std", "position_mean", "position_std")
        }
        weights, calibration = (
            {name: like(value, reference) for name, value in arrays.items()}
            for arrays in (self.weights, self.calibration)
        )
        return replace(self, weights=weights, calibration=calibration, **moved)

    def prepared(self, observed: Observed) -> Prepared:
        """What the network gets beside the observation: filtered, normalised, put on a body."""
        xp = namespace(observed.rotations)
        r, _ = _scales(observed.rotation_level * SPREAD_6D, self.std)
        d = filtered((to_rot6d(observed.rotations) - self.mean) / self.std[:, None], r)
        r, _ = _scales(observed.position_level, self.position_std)
        p = filtered((observed.positions - self.position_mean) / self.position_std[:, None], r)
        scale = like(PLACE_SCALE, r)
        r = observed.place_level[..., None] / float(PLACE_SCALE[0])
        t = filtered(((observed.place - like(PLACE_MEAN, r)) / scale)[..., None, :], r)
        filled = from_rot6d(self.mean + self.std[:, None] * d.filled)
        unknown = observed.rotation_level > HARDLY_KNOWN
        rotations = xp.where(unknown[..., None, None], filled, observed.rotations)
        _, positions = forward_kinematics(rotations)
        unseen = xp.isinf(observed.position_level)[..., None]
        return Prepared(d, p, t, rotations, xp.where(unseen, positions, observed.positions))

    def features(self, observed: Observed, prepared: Prepared) -> Array:
        """(B, T, INPUTS) what the network sees."""
        xp = namespace(observed.rotations)
        rotations, positions, place = prepared.rotations, prepared.positions, prepared.place
        _, c_in = _scales(observed.rotation_level * SPREAD_6D, self.std)
        p = (prepared.shown - self.position_mean) / self.position_std[:, None]
        seen = xp.isinf(observed.position_level)
        seen = xp.where(seen, xp.zeros_like(c_in), observed.position_level)
        p = p * _scales(seen, self.position_std)[1][..., None]
        _, t_in = _scales(observed.place_level, float(PLACE_SCALE[0]))
        return xp.concat(
            [
                _flat(rotations.filled * xp.where(c_in > 0, c_in, xp.ones_like(c_in))[..., None]),
                _flat(rotations.smooth),
                _flat(_labels(observed.rotation_level, ANGLE_SPAN)),
                _flat(p),
                _flat(positions.smooth),
                _flat(_labels(observed.position_level, PLACE_SPAN)),
                _flat(place.filled * xp.where(t_in > 0, t_in, xp.ones_like(t_in))[..., None, None]),
                _flat(place.smooth),
                _labels(observed.place_level, PLACE_SPAN),
            ],
            axis=-1,
        )

    def told(self, observed: Observed, prepared: Prepared, output: Array) -> Expected:
        """The clean window, given the network's output (B, T, OUTPUTS)."""
        xp = namespace(output)
        B, T = output.shape[:2]
        parts, at = [], 0
        for size in (
            6 * NUM_JOINTS,
            3 * NUM_JOINTS,
            3,
            NUM_JOINTS * FILTERS,
            NUM_JOINTS * FILTERS,
            FILTERS,
            2,
        ):
            parts.append(output[..., at : at + size])
            at += size
        rows = (NUM_JOINTS, NUM_JOINTS, 1)
        F, G, H = (xp.reshape(part, (B, T, n, -1)) for part, n in zip(parts[:3], rows, strict=True))
        choice = [xp.reshape(part, (B, T, n, FILTERS)) for part, n in zip(parts[3:6], rows, strict=True)]
        d = prepared.rotations.mixed(choice[0])
        d = d + _gain(observed.rotation_level * SPREAD_6D, self.std, prepared.rotations.doubt) * F
        p = prepared.positions.mixed(choice[1])
        p = p + _gain(observed.position_level, self.position_std, prepared.positions.doubt) * G
        t = prepared.place.mixed(choice[2])
        t = t + _gain(observed.place_level[..., None], float(PLACE_SCALE[0]), prepared.place.doubt) * H
        return Expected(
            from_rot6d(self.mean + self.std[:, None] * d),
            self.position_mean + self.position_std[:, None] * p,
            like(PLACE_MEAN, t) + like(PLACE_SCALE, t) * t[..., 0, :],
            parts[6],
        )

    def expect(self, observed: Observed) -> Expected:
        """The clean windows: the posterior mean, by one evaluation of the network.

        Raises:
            ValueError: if the windows have more frames than the network was made for.
        """
        if observed.rotations.shape[1] > self.frames:
            raise ValueError(f"A window may have {self.frames} frames, not {observed.rotations.shape[1]}")
        prepared = self.prepared(observed)
        output = window_transformer.forward(self.weights, self.features(observed, prepared), self.blocks)
        return self.told(observed, prepared, output)


CALIBRATIONS = ("drift.",)
"""Tasks that may leave a calibration beside the weights."""

NORMALISER = ("mean", "std", "position_mean", "position_std")


def save(prior: MotionPrior, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training."""
    config = {"width": prior.width, "blocks": prior.blocks, "frames": prior.frames, **facts}
    arrays = {**prior.weights, **prior.calibration, **{name: getattr(prior, name) for name in NORMALISER}}
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
        calibration = {name: arrays.pop(name) for name in list(arrays) if name.startswith(CALIBRATIONS)}
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
    return MotionPrior(
        arrays, width=width, blocks=blocks, frames=frames, calibration=calibration, **normaliser
    )


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> MotionPrior:
    """The shipped prior, or another file's, read on first use and kept."""
    return read(path)
