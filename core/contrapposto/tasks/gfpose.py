# SPDX-License-Identifier: GPL-3.0-or-later
"""GFPose's tasks with one set of weights: estimate, complete, denoise, generate.

All sample the same prior and differ in what is known and where sampling begins. ``few_steps``
follows the probability flow with a second-order solver; ``published`` is the papers' 1,000
Euler-Maruyama steps, in which known entries can be imputed at the level that a step has reached.

The released code's flow has twice the score's coefficient, and it denoises from a level that has
nothing to do with the noise; both are mistakes that help nothing and are not offered here.

Source: Ci et al. 2023, "GFPose", section 3.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.impute import replacement
from contrapposto.diffusion.sampler import (
    EULER_MARUYAMA_STEPS,
    Callback,
    Denoiser,
    dpm_solver,
    euler_maruyama,
)
from contrapposto.diffusion.schedule import uniform_times
from contrapposto.keypoints.outline import USUAL_NEARNESS, from_outline, shape_of, to_outline
from contrapposto.keypoints.sight import NUM_LIFTED, Sight, mirrored
from contrapposto.priors.gfpose import STATE, Condition, GFPose

STEPS = 12
"""Of the few-step sampler."""

FURTHEST = 3.0
"""Metres between a joint and its pelvis."""

Solver = Callable[[GFPose, Denoiser, Array], Array]
"""From noise (B, 69) to states."""


def few_steps(steps: int = STEPS, callback: Callback | None = None) -> Solver:
    """The probability flow in a few steps: the same noise gives the same pose."""

    def solve(prior: GFPose, denoiser: Denoiser, x: Array) -> Array:
        return dpm_solver(denoiser, x, prior.schedule, prior.schedule.ladder(steps), callback)

    return solve


def published(
    rng: np.random.Generator,
    *,
    impute: Condition | None = None,
    steps: int = EULER_MARUYAMA_STEPS,
    callback: Callback | None = None,
) -> Solver:
    """The reverse process in small random steps, as the paper samples.

    Args:
        rng: of the noise.
        impute: entries that are set to their noisy truth after each step, of the same batch.
        steps: uniform in time.
        callback: told before each step.
    """

    def solve(prior: GFPose, denoiser: Denoiser, x: Array) -> Array:
        constrain = None
        if impute is not None:
            known = namespace(x).reshape(impute.known, tuple(x.shape))
            constrain = replacement(prior.encode(impute.outline), known, prior.schedule, rng)
        times = uniform_times(steps)
        return euler_maruyama(
            denoiser, x, prior.schedule, times, rng=rng, callback=callback, constrain=constrain
        )

    return solve


def sample(
    prior: GFPose,
    condition: Condition,
    count: int,
    rng: np.random.Generator,
    solver: Solver | None = None,
) -> Array:
    """``count`` outlines (count, B, 23, 3) of each of B conditions."""
    batch = int(condition.nearness.shape[0])
    many = condition.repeated(count)
    x = like(rng.standard_normal((count * batch, STATE), dtype=np.float32), condition.outline)
    found = prior.decode((solver or few_steps())(prior, prior.denoiser(many), x))
    return namespace(found).reshape(found, (count, batch, NUM_LIFTED, 3))


def estimate(
    prior: GFPose,
    sight: Sight,
    count: int,
    rng: np.random.Generator,
    solver: Solver | None = None,
) -> Array:
    """Positions in space of what an image shows; every second answer is found in its mirror image.

    Returns:
        (count, B, 23, 3) about the pelvis in the sight's axes, metres.
    """
    xp = namespace(sight.points)
    found = [_estimate(prior, sight, count - count // 2, rng, solver)]
    if count > 1:
        found.append(mirrored(_estimate(prior, sight.mirrored(), count // 2, rng, solver)))
    order = np.argsort(np.concatenate([np.arange(len(part)) for part in found]), kind="stable")
    return xp.concat(found, axis=0)[list(order)]


def _estimate(
    prior: GFPose, sight: Sight, count: int, rng: np.random.Generator, solver: Solver | None
) -> Array:
    condition = prior.seen(sight)
    return from_outline(sample(prior, condition, count, rng, solver), condition.nearness)


def estimate_one(prior: GFPose, sight: Sight) -> Array:
    """One answer (B, 23, 3) without chance: the flow from the middle of the noise."""
    x = like(np.zeros((int(sight.size.shape[0]), STATE)), sight.points)
    condition = prior.seen(sight)
    return from_outline(prior.decode(few_steps()(prior, prior.denoiser(condition), x)), condition.nearness)


def complete_2d(prior: GFPose, sight: Sight, count: int, rng: np.random.Generator) -> Array:
    """Where in the image all points are, (count, B, 23, 2) in the sight's coordinates; known ones stay."""
    xp = namespace(sight.points)
    condition = prior.seen(sight)
    found = sample(prior, condition, count, rng)[..., :2] * (condition.nearness / sight.size)[:, None, None]
    return xp.where((sight.confidence > 0)[None, ..., None], sight.points[None], found)


def complete_3d(prior: GFPose, positions: Array, known: Array, count: int, rng: np.random.Generator) -> Array:
    """Where in space all points are; known ones stay.

    Args:
        prior: to ask.
        positions: (B, 23, 3) metres, x right, y down, z ahead; read where ``known``.
        known: (B, 23) bool, the pelvis and more.
        count: answers to each.
        rng: of the noise.

    Returns:
        (count, B, 23, 3) in the axes and about the origin of ``positions``.

    Raises:
        ValueError: if a pelvis is not known, or a known joint is further from it than people reach.
    """
    xp = namespace(positions)
    if not xp.all(known[:, 0]):
        raise ValueError("Joints are completed from where the pelvis is; tell that as well")
    origin = positions[:, :1]
    outline = _before_a_camera(xp.where(known[..., None], positions - origin, xp.zeros_like(positions)))
    near, up = _far_away(positions)
    found = shape_of(sample(prior, Condition.placed(outline, known, near, up), count, rng), near)
    return xp.where(known[None, ..., None], positions[None], origin + found)


def denoise(prior: GFPose, positions: Array, deviation: float) -> Array:
    """Positions (B, 23, 3), x right, y down, z ahead, freed from noise of so many metres.

    The process is entered where it has just this noise, and the flow followed from there.

    Raises:
        ValueError: unless the deviation is above 0, and joints are as near their pelvis as people's.
    """
    if not deviation > 0:
        raise ValueError(f"Noise has a deviation above 0 metres, not {deviation}")
    origin = positions[:, :1]
    nothing = Condition.nothing(int(positions.shape[0]), positions)
    times = prior.schedule.ladder(STEPS, high=prior.scale * deviation)
    x = float(prior.schedule.a(times[0])) * prior.encode(_before_a_camera(positions - origin))
    found = prior.decode(dpm_solver(prior.denoiser(nothing), x, prior.schedule, times))
    return origin + shape_of(found, nothing.nearness)


def generate(prior: GFPose, count: int, rng: np.random.Generator, reference: Array) -> Array:
    """Poses from nothing, (count, 23, 3) about the pelvis, x right, y down, z ahead, metres."""
    nothing = Condition.nothing(count, reference)
    return from_outline(sample(prior, nothing, 1, rng)[0], nothing.nearness)


def _before_a_camera(shape: Array) -> Array:
    """Outline (B, 23, 3) of positions about the pelvis, metres, as far away as people of unknown distance."""
    xp = namespace(shape)
    if not xp.all(xp.abs(shape) < FURTHEST):
        raise ValueError(f"Joints further than {FURTHEST:g} m from the pelvis are no body's; give metres")
    ahead = like(np.array([0.0, 0.0, 1 / USUAL_NEARNESS]), shape)
    return to_outline(shape + ahead, USUAL_NEARNESS * xp.ones_like(shape[:, 0, 0]))


def _far_away(positions: Array) -> tuple[Array, Array]:
    """Nearness (B,) and up (B, 3) of whom no camera sees."""
    xp = namespace(positions)
    return USUAL_NEARNESS * xp.ones_like(positions[:, 0, 0]), xp.zeros_like(positions[:, 0])
