# SPDX-License-Identifier: GPL-3.0-or-later
"""GFPose: p(joint positions | any part of them in an image or in space).

A state is the outline (``keypoints.outline``) of the body's joints and the nose: what a camera
sees of a joint is then two of its entries. One network, trained with hierarchical masks, serves
every task: with nothing known it is a prior over positions.

Two configurations. ``noise`` is the published one: its network (``group_norm_mlp``) estimates the
noise in a state and is told, of each known entry, how far the state is from it, so that "unknown"
and "agrees" look alike. ``clean``, on ``residual_mlp``, estimates how the clean state differs from
what is known of it, scaled to unit variance at every noise level, so that a sample lies on what an
image shows before anything is learnt; it is told the known values themselves, which they are, with
what confidence, how near the person seems and where up is. With a lifter, it starts from what that
believes of an image instead, each joint as widely as the lifter doubts it, and is told that as well:
then diffusion need only learn what a Gaussian a joint cannot say. What ships has DiffPose refine
the lifter's positions before.

Source: Ci et al. 2023, "GFPose: Learning 3D Human Pose Prior with Gradient Fields", and its
released code; Karras et al. 2022, table 1, for the scaling of ``clean``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.sampler import Denoiser
from contrapposto.diffusion.schedule import SubVP
from contrapposto.keypoints.outline import NEAREST, USUAL_NEARNESS, nearness, to_outline
from contrapposto.keypoints.sight import NUM_LIFTED, Sight
from contrapposto.networks import group_norm_mlp, residual_mlp
from contrapposto.networks.residual_mlp import Drop
from contrapposto.priors import container, diffpose
from contrapposto.priors.lifter import Estimate, Lifter, packed, unpacked
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.uncertain_start import on_numpy, pelvis_from

WEIGHTS = Path(__file__).parent / "weights" / "gfpose.npz"

STATE = NUM_LIFTED * 3

TARGETS = {"noise": STATE, "clean": 2 * STATE + NUM_LIFTED + 4}
"""What a network estimates, and how many numbers it is told of a condition."""

SEEN_DEVIATION, DEVIATION, SUREST = 0.0625, 0.25, 0.01
"""Metres by which an entry is off what is known of it (swapped sides among them), and by which the
entries of poses differ; no lifter is surer than the last."""

SCALES = {"noise": 16.0, "clean": 4.0}
"""Units of noise in a metre of the outline: about the released code's, and about unit variance."""


@dataclass(frozen=True, eq=False)
class Condition:
    """What is known of a batch of poses.

    Attributes:
        outline: (..., 23, 3), read where ``known``.
        known: (..., 23, 3) bool: two entries of a point seen in an image, three of one known in space.
        confidence: (..., 23) 0 to 1.
        nearness: (...) that is guessed, see ``keypoints.outline``.
        up: (..., 3) the world's up in the sight's axes, 0 if unknown.
        mean, deviation: (..., 23, 3) what is believed of each entry before anything is learnt.
    """

    outline: Array
    known: Array
    confidence: Array
    nearness: Array
    up: Array
    mean: Array
    deviation: Array

    @classmethod
    def of(cls, outline: Array, known: Array, confidence: Array, nearness: Array, up: Array) -> Condition:
        """What is known, believed to be as it is known."""
        xp = namespace(outline)
        one = xp.ones_like(outline)
        mean = xp.where(known, outline, 0 * one)
        deviation = xp.where(known, SEEN_DEVIATION * one, DEVIATION * one)
        return cls(outline, known, confidence, nearness, up, mean, deviation)

    @classmethod
    def seen(cls, sight: Sight, near: Array) -> Condition:
        """What an image shows of people who seem so near."""
        xp = namespace(sight.points)
        there = sight.confidence > 0
        flat = sight.points * (sight.size / near)[..., None, None]
        outline = xp.concat([flat, xp.zeros_like(flat[..., :1])], axis=-1)
        known = xp.stack([there, there, xp.zeros_like(there)], axis=-1)
        return cls.of(outline, known, sight.confidence, near, sight.up)

    @classmethod
    def placed(cls, outline: Array, known: Array, near: Array, up: Array) -> Condition:
        """Points (..., 23) that are known in space."""
        xp = namespace(outline)
        confidence = xp.astype(known, outline.dtype)
        return cls.of(outline, xp.stack([known] * 3, axis=-1), confidence, near, up)

    @classmethod
    def nothing(cls, batch: int, reference: Array) -> Condition:
        """Nothing known of ``batch`` poses; arrays like ``reference``."""
        outline = like(np.zeros((batch, NUM_LIFTED, 3)), reference)
        near, up = like(np.full(batch, USUAL_NEARNESS), reference), like(np.zeros((batch, 3)), reference)
        return cls.of(outline, outline > 0, outline[..., 0], near, up)

    def hidden(self, unknown: Array) -> Condition:
        """This condition with nothing known where ``unknown`` (...), not even nearness or up."""
        xp = namespace(self.outline)
        there = unknown[..., None, None]
        return replace(
            self,
            known=self.known & ~there,
            confidence=xp.where(unknown[..., None], xp.zeros_like(self.confidence), self.confidence),
            up=xp.where(unknown[..., None], xp.zeros_like(self.up), self.up),
            mean=xp.where(there, xp.zeros_like(self.mean), self.mean),
            deviation=xp.where(there, xp.full_like(self.deviation, DEVIATION), self.deviation),
        )

    def repeated(self, count: int) -> Condition:
        """(count * B) ``count`` times the same B."""
        xp = namespace(self.outline)
        return Condition(*(xp.concat([value] * count, axis=0) for value in vars(self).values()))


def _flat(value: Array) -> Array:
    xp = namespace(value)
    return xp.reshape(value, (*value.shape[:-2], STATE))


def shapes(target: str, width: int, blocks: int, *, lifted: bool = False) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a configuration's network of this size, with a lifter or without."""
    if target == "noise":
        return group_norm_mlp.shapes(STATE, width, blocks, TARGETS[target])
    return residual_mlp.shapes(STATE, TARGETS[target] + (2 * STATE if lifted else 0), width, blocks)


@dataclass(frozen=True, eq=False)
class GFPose:
    """A trained network with what it estimates and its schedule.

    Attributes:
        weights: the network's arrays, of NumPy or torch.
        spans: (23, 23) mean squared distances between the points of people, square metres.
        width, blocks: the network's size.
        target: "noise" or "clean", see above.
        lifting: of images, what "clean" starts from, of the same library; what is seen alone if None.
        schedule: the noise schedule.
    """

    weights: Mapping[str, Array]
    spans: Array
    width: int
    blocks: int
    target: str = "clean"
    lifting: Lifting | None = None
    schedule: SubVP = field(default_factory=SubVP)

    def on(self, reference: Array) -> GFPose:
        """This prior in the array library, dtype and device of ``reference``."""
        weights = {name: like(value, reference) for name, value in self.weights.items()}
        lifting = None if self.lifting is None else self.lifting.on(reference)
        return replace(self, weights=weights, spans=like(self.spans, reference), lifting=lifting)

    @property
    def scale(self) -> float:
        """Units of the state in a metre of the outline."""
        return SCALES[self.target]

    def seen(self, sight: Sight) -> Condition:
        """What an image shows, as a condition."""
        near = nearness(sight, self.spans)
        condition = Condition.seen(sight, near)
        if self.lifting is None:
            return condition
        mean, deviation = _lifted_outline(sight, self.lifting.estimate(sight), near)
        return replace(condition, mean=mean, deviation=deviation)

    def encode(self, outline: Array) -> Array:
        """State (..., 69) of outlines (..., 23, 3)."""
        return self.scale * _flat(outline)

    def decode(self, x: Array) -> Array:
        """Outlines (..., 23, 3) of a state (..., 69)."""
        xp = namespace(x)
        return xp.reshape(x, (*x.shape[:-1], NUM_LIFTED, 3)) / self.scale

    def expect(
        self, x: Array, ratio: Array, condition: Condition, *, drop: Drop | None = None
    ) -> tuple[Array, Array]:
        """The clean state and the noise that the network expects.

        Args:
            x: (..., 69) state ``x_0 + ratio * z`` (signal scale divided out).
            ratio: noise-to-signal ratio ``s / a``, () or (...).
            condition: of the same batch.
            drop: see ``residual_mlp.forward``.

        Returns:
            ``x0hat`` and ``eps``, each (..., 69), with ``x = x0hat + ratio * eps``.
        """
        r = ratio[..., None]
        if self.target == "noise":
            a = 2 / (namespace(r).sqrt(r * r + 4) + r)  # of the sub-VP process, where s = 1 - a^2
            x_t = a * x
            away, label = self._difference(x_t, condition), self._time(a[..., 0])
            eps = group_norm_mlp.forward(self.weights, x_t, label, self.blocks, condition=away, drop=drop)
            return x - r * eps, eps
        about, deviation = self._expected(condition)
        total = namespace(x).sqrt(r * r + deviation * deviation)
        label = namespace(x).log(ratio) * 62.5
        told = residual_mlp.embed_context(self.weights, self._told(condition))
        F = residual_mlp.forward(self.weights, (x - about) / total, label, told, self.blocks, drop=drop)
        x0hat = about + (x - about) * (deviation / total) ** 2 + r * deviation / total * F
        return x0hat, (x - x0hat) / r

    def weight(self, ratio: Array, condition: Condition) -> Array:
        """(..., 69) what makes squared errors of the clean state ones of ``clean``'s network."""
        r, (_, deviation) = ratio[..., None], self._expected(condition)
        return 1 / (r * r) + 1 / (deviation * deviation)

    def _expected(self, condition: Condition) -> tuple[Array, Array]:
        """Mean and deviation of the clean state's entries, (..., 69), before anything is learnt."""
        return self.encode(condition.mean), self.encode(condition.deviation)

    def _time(self, a: Array) -> Array:
        """The label ``999 t`` at signal scale ``a``, see ``SubVP.time``."""
        xp = namespace(a)
        p, q = (self.schedule.beta_max - self.schedule.beta_min) / 4, self.schedule.beta_min / 2
        return 999 * (-q + xp.sqrt(q * q - 4 * p * xp.log(a))) / (2 * p)

    def _difference(self, x_t: Array, condition: Condition) -> Array:
        xp = namespace(x_t)
        away = x_t - self.encode(condition.outline)
        return xp.where(_flat(condition.known), away, xp.zeros_like(away))

    def _told(self, condition: Condition) -> Array:
        xp = namespace(condition.outline)
        known, value = _flat(condition.known), self.encode(condition.outline)
        anything = xp.any(known, axis=-1)
        near = xp.log(
            xp.where(anything, condition.nearness / USUAL_NEARNESS, xp.ones_like(condition.nearness))
        )
        told = [
            xp.where(known, value, xp.zeros_like(value)),
            xp.astype(known, value.dtype),
            condition.confidence,
            near[..., None],
            condition.up,
        ]
        if self.lifting is not None:
            mean, deviation = self._expected(condition)
            told += [mean, xp.log(deviation)]
        return xp.concat(told, axis=-1)

    def denoiser(self, condition: Condition) -> Denoiser:
        """A function of ``(x_t, t)`` for the samplers; ``x_t`` is (B, 69), as the condition."""

        def x0hat(x_t: Array, t: float) -> Array:
            a, s = float(self.schedule.a(t)), float(self.schedule.s(t))
            ratio = like(np.full(tuple(x_t.shape[:-1]), s / a), x_t)
            return self.expect(x_t / a, ratio, condition)[0]

        return x0hat


def _lifted_outline(sight: Sight, estimate: Estimate, near: Array) -> tuple[Array, Array]:
    """A lifter's estimate as outline (..., 23, 3) and its deviation, as near a camera as it puts them."""
    xp = namespace(estimate.positions)
    pelvis = like(pelvis_from(*on_numpy(sight, estimate)), estimate.positions)[..., None, :]
    places = pelvis + estimate.positions
    nearest = NEAREST * pelvis[..., 2:]
    depth = xp.where(places[..., 2:] > nearest, places[..., 2:], nearest)
    outline = to_outline(xp.concat([places[..., :2], depth], axis=-1), near)
    metre = 1 / (near[..., None, None] * xp.concat([depth, depth, pelvis[..., 2:] + 0 * depth], axis=-1))
    deviation = estimate.deviation * metre
    return outline, xp.where(deviation > SUREST, deviation, xp.full_like(deviation, SUREST))


def save(prior: GFPose, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a prior (NumPy arrays) with the facts of its training, and the lifter that it starts from."""
    config = {"width": prior.width, "blocks": prior.blocks, "target": prior.target, **facts}
    arrays = {**prior.weights, "spans": prior.spans}
    if prior.lifting is not None:
        config["lifter"], inner = packed(cast("Lifter", prior.lifting.lifter))
        arrays |= container.under("lifter", inner)
    container.save(path, "gfpose", config, arrays)


def read(path: Path) -> GFPose:
    """Read a prior as NumPy float32 arrays.

    Raises:
        WeightsError: if the file is missing, damaged or of another kind.
    """
    config, arrays = container.load(path, "gfpose")
    try:
        width, blocks, target = int(config["width"]), int(config["blocks"]), str(config["target"])
        spans, lifted = arrays.pop("spans"), "lifter" in config
        expected = shapes(target, width, blocks, lifted=lifted)
    except (KeyError, TypeError, ValueError) as error:
        raise container.WeightsError(f"The weights file '{path.name}' is damaged: {error}") from error
    fits = spans.shape == (NUM_LIFTED, NUM_LIFTED)
    own, inner = container.split_off("lifter", arrays)
    if not fits or {name: a.shape for name, a in own.items()} != expected:
        raise container.WeightsError(f"The weights in '{path.name}' do not fit a network of their size")
    lifting = Lifting(unpacked(path.name, config["lifter"], inner), None) if lifted else None
    return GFPose(own, spans, width, blocks, target, lifting)


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> GFPose:
    """The shipped prior, or another file's, read on first use and kept.

    What ships starts from what the DiffPose that ships, trained on the same lifter, makes of its answer.
    """
    prior = read(path)
    if path != WEIGHTS or prior.lifting is None:
        return prior
    return replace(prior, lifting=replace(prior.lifting, refine=diffpose.read()))
