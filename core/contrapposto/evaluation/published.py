# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser as further rows of the generation and inverse kinematics protocols."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.diffusion.prior_loss import EARLIEST
from contrapposto.diffusion.sampler import ddim, euler_maruyama
from contrapposto.evaluation import generation, ik
from contrapposto.priors.dposer import DPoser, with_root
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.dposer.kinematics import inverse_kinematics

EULER_MARUYAMA_STEPS, DDIM_STEPS = 1000, 10

Sampler = Callable[[DPoser, Array, np.random.Generator], Array]


def slow(prior: DPoser, z: Array, rng: np.random.Generator) -> Array:
    """States (N, D) from noise by 1000 steps of Euler and Maruyama."""
    times = np.linspace(1, EARLIEST, EULER_MARUYAMA_STEPS).tolist()
    return euler_maruyama(prior.denoiser(), z, prior.schedule, times, rng=rng)


def fast(prior: DPoser, z: Array, _rng: np.random.Generator) -> Array:
    """States (N, D) from noise by 10 DDIM steps."""
    return ddim(prior.denoiser(), z, prior.schedule, np.linspace(1, EARLIEST, DDIM_STEPS).tolist())


def samplers(prior: DPoser) -> dict[str, generation.Method]:
    """Generation as published: the root, which DPoser does not know, upright."""

    def rows(count: int, rng: np.random.Generator, sample: Sampler) -> np.ndarray:
        z = like(rng.standard_normal((count, prior.space.size), dtype=np.float32), prior.space.mean)
        return to_numpy(with_root(prior.space.decode(sample(prior, z, rng))))

    return {
        "dposer_euler_maruyama_1000": lambda count, rng: rows(count, rng, slow),
        "dposer_ddim_10": lambda count, rng: rows(count, rng, fast),
    }


def kinematics(prior: DPoser) -> dict[str, ik.Method]:
    """Adam with DPoser's regulariser, as it ends and with the same damped least squares behind it.

    DPoser knows no root: a pelvis that is not given is taken to be upright.
    """

    def solve(problem: ik.Problem, rng: np.random.Generator) -> np.ndarray:
        local = np.einsum("bji,bkj->bki", problem.pelvis, np.nan_to_num(problem.positions))
        seen = np.isin(np.arange(NUM_JOINTS), problem.case.placed)
        found = inverse_kinematics(
            prior,
            like(local, prior.space.mean),
            seen,
            ik.HYPOTHESES,
            int(rng.integers(2**31)),
            noisy=problem.case.noise > 0,
        )
        rotations = to_numpy(found).astype(np.float64)
        rotations[:, :, 0] = problem.pelvis
        return rotations

    return {
        "dposer": solve,
        "dposer_dls": lambda problem, rng: ik.bring_home(problem, solve(problem, rng)),
    }
