# SPDX-License-Identifier: GPL-3.0-or-later
"""How natural a pose is, whole and joint by joint, as a percentile against real poses.

A pose is shown to the prior with nothing known, as it is and under little to much noise. The
further the prior would move a joint, the less natural the joint is where the rest of the body is as
it is. The pose as it is shows tremor, noise finds what no body does. Distances are compared with
those of real poses of people the prior was not trained on: its calibration, stored beside its
weights.

The whole is as unnatural as the worse of the two: its tremor, which is in many joints, and what is
wrong with a few of them.

All joints are probed at once, a joint's own state being noisy like the others'. Telling the prior
the other 21 and asking for one joint at a time finds damage about as well, at 22 times the cost.

Source: the distance is the DPoser regulariser (Lu et al. 2023), kept apart by joint and noise level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like, namespace, to_numpy
from contrapposto.networks import residual_mlp
from contrapposto.priors.pose import STATE, Condition, PosePrior, load
from contrapposto.rotation import split_heading
from contrapposto.skeleton import MIRROR, NUM_JOINTS, PARENTS, forward_kinematics, mirror
from contrapposto.soles import TOES

QUIET_RATIO = 0.15
"""Noise-to-signal ratio that the prior is told for the pose itself, to which no noise is added."""

NOISY_RATIOS = (0.35, 0.7, 4.0)
"""Noise-to-signal ratios of the noisy copies."""

PAIRS = 2
"""Noisy copies at each ratio, each beside the copy with the opposite noise."""

TREMOR_SHARPNESS, SHARPNESS = 1.0, 1.5
"""How much a few bad joints count in the whole against many fair ones, without and with noise; 0 is the mean
of the joints. Chosen on val."""

LEVEL_DEG = 1.0
"""Toes that are tilted by less lie on the floor, and are as natural as their ankles: that is how feet stand,
while recorded toes are what a solver of markers took them for. Real poses score as without this."""

QUANTILES = 49
LARGEST_LOGIT = 6.0
"""The calibration curve has this many points, evenly in the logit of the share of real poses,
out to ``sigmoid(LARGEST_LOGIT)`` = 99.75 %: its ends are what it is for."""

CHUNK = 256

_KEYS = tuple(f"naturalness.{name}" for name in ("median", "spread", "parts", "joints", "whole"))


@dataclass(frozen=True, eq=False)
class Naturalness:
    """How natural poses are.

    Attributes:
        percentile: (...) percent of real poses that are less natural as a whole, 0 to 100;
            50 is the median real pose.
        joints: (..., 22) the same joint by joint, against the same joint of real poses.
        energy: (...) what ``percentile`` is read from, in standard deviations of real poses: lower is
            more natural, and it still ranks poses beyond either end of the calibration.
        joint_energy: (..., 22) what ``joints`` is read from, in standard deviations of real poses.
    """

    percentile: Array
    joints: Array
    energy: Array
    joint_energy: Array


def naturalness(rotations: Array, *, prior: PosePrior | None = None) -> Naturalness:
    """How natural poses are, whole and joint by joint.

    Args:
        rotations: (..., 22, 3, 3) local rotations; the root's heading does not matter.
        prior: NumPy or torch, with its calibration; the shipped one on NumPy if None.

    Returns:
        Arrays of the prior's library. A mirrored pose gets the mirrored answer.

    Raises:
        ValueError: if the shape is another, a value is not finite, or the prior is not calibrated.
    """
    prior = load() if prior is None else prior
    if not is_calibrated(prior):
        raise ValueError(
            "These weights do not know how natural real poses are; "
            "calibrate them with: python -m contrapposto calibrate"
        )
    median, spread, of_parts, of_joints, of_whole = (prior.calibration[key] for key in _KEYS)
    levels = _in_deviations(_log_distances(prior, rotations), median, spread)
    levels = _with_toes_as_ankles(levels, like(rotations, levels))
    xp = namespace(levels)
    joint_energy = xp.max(levels, axis=0)
    energy = _whole_energy(_parts(levels), of_parts)
    return Naturalness(
        100 * (1 - _share_below(energy, of_whole)),
        100 * (1 - _share_below(joint_energy, of_joints)),
        energy,
        joint_energy,
    )


def percent_less_natural(rotations: Array, *, prior: PosePrior | None = None) -> np.ndarray | None:
    """(...) percent of real poses that are less natural, NumPy; None if the prior is not calibrated.

    Args and errors as of ``naturalness``.
    """
    prior = load() if prior is None else prior
    return to_numpy(naturalness(rotations, prior=prior).percentile) if is_calibrated(prior) else None


def is_calibrated(prior: PosePrior) -> bool:
    """Whether the prior knows how natural real poses are."""
    return prior.calibration.keys() >= set(_KEYS)


def calibrated(prior: PosePrior, rotations: Array) -> PosePrior:
    """The prior with the naturalness of these real poses as its measure.

    Args:
        prior: any; a calibration that it has is replaced.
        rotations: (N, 22, 3, 3) real poses, best of people it was not trained on; they and their
            mirror images are what 100 percent are.

    Raises:
        ValueError: if there are fewer poses than points on the calibration curve.
    """
    if len(rotations) < QUANTILES:
        raise ValueError(f"At least {QUANTILES} poses are needed to calibrate by, not {len(rotations)}")
    distances = to_numpy(_log_distances(prior, rotations)).astype(np.float64)
    distances = np.concatenate([distances, distances[..., list(MIRROR)]], axis=1)  # left is right
    median = np.median(distances, axis=1)
    spread = np.maximum(np.std(distances, axis=1), 1e-3)
    real = to_numpy(rotations).astype(np.float64)
    levels = _in_deviations(distances, median, spread)
    levels = _with_toes_as_ankles(levels, np.concatenate([real, mirror(real)]))
    parts = _parts(levels)
    of_parts = np.stack([np.mean(parts, axis=1), np.std(parts, axis=1)])
    shares = _shares()
    curves = {
        "naturalness.median": median,
        "naturalness.spread": spread,
        "naturalness.parts": of_parts,
        "naturalness.joints": np.quantile(levels.max(axis=0), shares, axis=0).T,
        "naturalness.whole": np.quantile(_whole_energy(parts, of_parts), shares),
    }
    stored = {name: like(value, prior.mean) for name, value in curves.items()}
    return replace(prior, calibration={**prior.calibration, **stored})


def _shares() -> np.ndarray:
    return 1 / (1 + np.exp(-np.linspace(-LARGEST_LOGIT, LARGEST_LOGIT, QUANTILES)))


def _probes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level (P,), ratio (P,) and noise (P, 132) of each copy of a pose that the prior sees."""
    z = np.random.default_rng(0).standard_normal((PAIRS, STATE))
    opposite = np.concatenate([z, -z])
    copies = len(opposite)
    level = np.concatenate([[0], np.repeat(np.arange(1, len(NOISY_RATIOS) + 1), copies)])
    ratio = np.array([QUIET_RATIO, *NOISY_RATIOS])[level]
    noise = np.concatenate([np.zeros((1, STATE)), np.tile(opposite, (len(NOISY_RATIOS), 1))])
    return level, ratio, noise


def _log_distances(prior: PosePrior, rotations: Array) -> Array:
    """(levels, ..., 22) log of the squared distance that the prior would move each joint."""
    shape = tuple(rotations.shape)
    if shape[-3:] != (NUM_JOINTS, 3, 3):
        raise ValueError(f"rotations must be (..., {NUM_JOINTS}, 3, 3), not {shape}")
    R = like(rotations, prior.mean)
    xp = namespace(R)
    if not bool(xp.all(xp.isfinite(R))):
        raise ValueError("The pose has a rotation that is not a finite number")
    R = xp.reshape(R, (-1, NUM_JOINTS, 3, 3))
    R = xp.concat([split_heading(R[:, 0])[1][:, None], R[:, 1:]], axis=1)
    R = xp.where(_level_toes(R)[..., None, None], like(np.eye(3), R), R)
    chunks = [_of_chunk(prior, R[start : start + CHUNK]) for start in range(0, R.shape[0], CHUNK)]
    found = xp.concat(chunks, axis=1)
    return xp.reshape(found, (found.shape[0], *shape[:-3], NUM_JOINTS))


def _with_toes_as_ankles(levels: Array, rotations: Array) -> Array:
    """The levels (levels, ..., 22) of poses (..., 22, 3, 3), toes that lie on the floor scoring as ankles."""
    xp = namespace(levels)
    return xp.where(_level_toes(rotations), levels[..., list(PARENTS)], levels)


def _level_toes(rotations: Array) -> Array:
    """(..., 22) bool, the toes of poses (..., 22, 3, 3) that lie on the floor."""
    world, _ = forward_kinematics(rotations)
    are_toes = like(np.isin(np.arange(NUM_JOINTS), TOES), rotations) > 0
    return (world[..., 1, 1] > math.cos(math.radians(LEVEL_DEG))) & are_toes


def _of_chunk(prior: PosePrior, rotations: Array) -> Array:
    """(levels, B, 22) of poses (B, 22, 3, 3) without heading."""
    xp = namespace(rotations)
    level, ratio, noise = _probes()
    batch, probes = rotations.shape[0], len(level)
    x0 = prior.encode(xp.stack([rotations, mirror(rotations)]))  # 2, B, 132
    x = x0[None] + like(ratio[:, None] * noise, x0)[:, None, None, :]
    x = xp.reshape(x, (-1, STATE))
    of_row = like(np.repeat(ratio, 2 * batch), x0)
    nothing = Condition.of(rotations[:1], xp.zeros_like(rotations[:1, :, 0, 0]) > 0)
    embedded = residual_mlp.embed_context(prior.weights, prior.context(nothing))
    expected = prior.expect(x, of_row, x, xp.zeros_like(x) > 0, embedded)
    moved = xp.reshape(expected, (probes, 2, batch, STATE)) - x0
    squared = xp.mean(xp.reshape(moved * moved, (probes, 2, batch, NUM_JOINTS, 6)), axis=-1)
    squared = (squared[:, 0] + squared[:, 1][..., list(MIRROR)]) / 2
    of_level = [xp.mean(squared[list(np.flatnonzero(level == k))], axis=0) for k in range(level[-1] + 1)]
    return xp.log(xp.stack(of_level) + 1e-9)


def _in_deviations(distances: Array, median: Array, spread: Array) -> Array:
    """The levels (levels, ..., 22), each joint and level in its own standard deviations of real poses."""
    xp = namespace(distances)
    return xp.stack([(distances[k] - median[k]) / spread[k] for k in range(distances.shape[0])])


def _parts(levels: Array) -> Array:
    """(2, ...) how much of the body trembles, and what else is wrong with it, of levels (levels, ..., 22)."""
    xp = namespace(levels)
    noisy = xp.max(levels[1:], axis=0)
    return xp.stack([_soft_maximum(levels[0], TREMOR_SHARPNESS), _soft_maximum(noisy, SHARPNESS)])


def _soft_maximum(joints: Array, sharpness: float) -> Array:
    """(...) of joints (..., 22)."""
    xp = namespace(joints)
    worst = xp.max(joints, axis=-1, keepdims=True)
    mean = xp.mean(xp.exp(sharpness * (joints - worst)), axis=-1)
    return worst[..., 0] + xp.log(mean) / sharpness


def _whole_energy(parts: Array, of_parts: Array) -> Array:
    """(...) the worse of the parts (2, ...), each in the standard deviations of real poses, (2, 2) in all."""
    mean, deviation = of_parts[0], of_parts[1]
    first, second = ((parts[k] - mean[k]) / deviation[k] for k in range(2))
    return namespace(parts).maximum(first, second)


def _share_below(value: Array, curve: Array) -> Array:
    """Share of real poses below ``value`` (...), by a curve of quantiles (..., QUANTILES).

    Linear between the curve's points, 0 and 1 beyond them.
    """
    xp = namespace(value)
    shares = _shares()
    shares[0], shares[-1] = 0.0, 1.0
    gap = curve[..., 1:] - curve[..., :-1]
    gap = xp.where(gap > 1e-6, gap, 1e-6 * xp.ones_like(gap))
    passed = xp.clip((value[..., None] - curve[..., :-1]) / gap, 0, 1)
    return xp.sum(passed * like(np.diff(shares), value), axis=-1)
