# SPDX-License-Identifier: GPL-3.0-or-later
"""What is believed of a pose before it is refined: a distribution a joint, wide where little is known.

Across the view, a joint is where the detector saw it, as precisely as its confidence says, or
where it saw the same joint of the other side, for detectors exchange arms and legs. In depth,
and across where nothing was seen, it is where the lifter puts it.

Source: Gong et al. 2023, "DiffPose: Toward More Reliable 3D Pose Estimation", section 4.2, with
confidence in place of heat-maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.diffusion.mixture import Mixture, fit
from contrapposto.keypoints.sight import LIFTED, NUM_LIFTED, Sight
from contrapposto.priors.lifter import STATE, Estimate

DRAWS = 1000
KERNELS = 5
"""Poses that are drawn of a belief, and kernels of the mixture that is fitted to them."""

SWAPPED = 0.04
"""Chance that a detector's arms, and that its legs, have their sides exchanged."""

SPAN = 2.0
CONFIDENCE = 5.0
"""A person's size in the image, root of its area, in units of a sight's size; and a point's
deviation in units of that is ``-log(confidence) / CONFIDENCE``, as virtual detectors have it."""

SPOTS = 0.015
"""Metres by which detectors' joints are not the body's, however sure they are."""

USUAL_SIZE = 0.45
"""Metres, root mean square distance of a body's joints from their middle."""

LEAST = 0.002
"""Metres of the least deviation; the pelvis is where it is."""

CHUNK = 16
"""Beliefs that mixtures are fitted to at a time; their draws stay in the processor's cache."""

_LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot"))


def _partners(swapped: tuple[bool, ...]) -> list[int]:
    """Whose point each of ``LIFTED`` was, with the sides of arms and of legs exchanged or not."""
    parts = [part for limb, here in zip(_LIMBS, swapped, strict=True) if here for part in limb]
    other = {"left": "right", "right": "left"}
    found = []
    for name in LIFTED:
        side, _, part = name.partition("_")
        found.append(LIFTED.index(f"{other[side]}_{part}") if part in parts else LIFTED.index(name))
    return found


_MODES = ((False, False), (True, False), (False, True), (True, True))
_MODE_WEIGHTS = tuple(
    float(np.prod([SWAPPED if swapped else 1 - SWAPPED for swapped in mode])) for mode in _MODES
)


@dataclass(frozen=True, eq=False)
class Belief:
    """B beliefs, each a mixture of what was seen and what was seen with sides exchanged.

    Attributes:
        seen: (B, 23, 2) where the detector saw ``LIFTED`` about the pelvis, metres; the lifter's
            positions where it did not.
        modes: the mixture over (23 * 3) coordinates.
    """

    seen: np.ndarray
    modes: Mixture

    @classmethod
    def of(cls, sight: Sight, estimate: Estimate) -> Belief:
        """What sights (B) and a lifter's estimate of them say, of any array library."""
        sight, estimate = on_numpy(sight, estimate)
        known = sight.confidence > 0
        pelvis = pelvis_from(sight, estimate)
        depth = np.maximum(pelvis[:, None, 2] + estimate.positions[..., 2], 0.1)
        seen = sight.points * (sight.size[:, None] * depth)[..., None] - pelvis[:, None, :2]
        body = SPAN * sight.size * pelvis[:, 2]
        unsure = -np.log(np.where(known, np.clip(sight.confidence, 1e-3, 1), 1)) / CONFIDENCE
        blur = np.hypot(unsure * body[:, None], SPOTS)[..., None]
        mean, deviation = estimate.positions, estimate.deviation
        means, deviations = [], []
        for mode in _MODES:
            whose = _partners(mode)
            here = known[:, whose, None]
            x = np.where(here, seen[:, whose], mean[..., :2])
            across = np.where(here, blur[:, whose], deviation[..., :2])
            means.append(np.concatenate([x, mean[..., 2:]], axis=-1))
            deviations.append(np.concatenate([across, deviation[..., 2:]], axis=-1))
        flat = (len(known), len(_MODES), STATE)
        stacked, wide = np.stack(means, axis=1), np.maximum(np.stack(deviations, axis=1), LEAST)
        stacked[:, :, 0], wide[:, :, 0] = 0, LEAST  # the pelvis is what positions are measured from
        weight = np.broadcast_to(_MODE_WEIGHTS, flat[:2])
        modes = Mixture(weight, stacked.reshape(flat), wide.reshape(flat))
        return cls(np.where(known[..., None], seen, mean[..., :2]), modes)

    def gaussian(self) -> Mixture:
        """The single Gaussian of the same mean and deviation."""
        weight = self.modes.weight[:, :, None]
        mean = (weight * self.modes.mean).sum(axis=1, keepdims=True)
        square = self.modes.deviation**2 + (self.modes.mean - mean) ** 2
        deviation = np.sqrt((weight * square).sum(axis=1, keepdims=True))
        return Mixture(np.ones((len(mean), 1)), mean, deviation)

    def mixture(self, kernels: int, draws: int, rng: np.random.Generator, rounds: int = 8) -> Mixture:
        """The belief as so many kernels, fitted to so many draws, the same for all B.

        Kernels begin at what was seen, with sides exchanged or not; further ones near what was seen.
        """
        z = rng.standard_normal((draws, STATE), dtype=np.float32)
        more = rng.standard_normal((max(0, kernels - len(_MODES)), STATE), dtype=np.float32)
        place = (np.arange(draws) + 0.5) / draws
        mode = np.searchsorted(np.cumsum(_MODE_WEIGHTS), place).clip(max=len(_MODES) - 1)
        mean, deviation = (value.astype(np.float32) for value in (self.modes.mean, self.modes.deviation))
        some = []
        for first in range(0, len(mean), CHUNK):
            m, d = mean[first : first + CHUNK], deviation[first : first + CHUNK]
            start = np.concatenate([m, m[:, :1] + d[:, :1] * more], axis=1)[:, :kernels]
            some.append(fit(m[:, mode] + d[:, mode] * z, start, rounds))
        fields = zip(*(vars(mixture).values() for mixture in some), strict=True)
        return Mixture(*(np.concatenate(values) for values in fields))


def on_numpy(sight: Sight, estimate: Estimate) -> tuple[Sight, Estimate]:
    """Both, of any array library, in NumPy."""
    found = Estimate(*(to_numpy(value) for value in vars(estimate).values()))
    return Sight(*(to_numpy(value) for value in vars(sight).values())), found


def pelvis_from(sight: Sight, estimate: Estimate) -> np.ndarray:
    """(B, 3) metres, where the pelvis is in the sight's axes if the joints are where they are estimated.

    The best for all points that are seen, in closed form; with few of them, near where a body
    of the usual size would be.
    """
    known = sight.confidence > 0
    plane = sight.points * sight.size[:, None, None]
    spread = np.mean(estimate.deviation[..., :2], axis=-1) ** 2 + SPOTS**2
    weight = np.where(known, sight.confidence / spread, 0)[..., None]
    away = estimate.positions[..., :2] - plane * estimate.positions[..., 2:]
    A, b = np.zeros((len(known), 3, 3)), np.zeros((len(known), 3))
    A[:, 0, 0] = A[:, 1, 1] = weight.sum(axis=(1, 2))
    A[:, :2, 2] = A[:, 2, :2] = -(weight * plane).sum(axis=1)
    A[:, 2, 2] = (weight * plane**2).sum(axis=(1, 2))
    b[:, :2] = -(weight * away).sum(axis=1)
    b[:, 2] = (weight * plane * away).sum(axis=(1, 2))
    usual = np.stack([0 * sight.size, 0 * sight.size, USUAL_SIZE / sight.size], axis=-1)
    prior = np.stack([0 * sight.size + 1, 0 * sight.size + 1, 4 / usual[:, 2] ** 2], axis=-1)
    A += prior[:, None] * np.eye(3)
    b += prior * usual
    found = np.linalg.solve(A, b[..., None])[..., 0]
    found[:, 2] = np.clip(found[:, 2], usual[:, 2] / 3, usual[:, 2] * 3)
    return found


def standard_normal(mean: np.ndarray, scale: np.ndarray, count: int) -> Mixture:
    """``count`` starts that know nothing but all poses' mean (23, 3) and deviation (23,)."""
    wide = np.broadcast_to(scale[:, None], (NUM_LIFTED, 3)).reshape(STATE)
    shape = (count, 1, STATE)
    return Mixture(
        np.ones((count, 1)), np.broadcast_to(mean.reshape(STATE), shape), np.broadcast_to(wide, shape)
    )
