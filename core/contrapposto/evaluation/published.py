# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser as further rows of the completion, generation and inverse kinematics protocols."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.evaluation import generation, ik
from contrapposto.evaluation.cases import Case
from contrapposto.evaluation.generation import Sampler, fast, slow
from contrapposto.priors.dposer import BODY, DPoser, with_root
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.dposer import completion
from contrapposto.tasks.dposer.kinematics import inverse_kinematics

CHUNK = 256

Answer = Callable[[int], np.ndarray]
"""How a method completes: (N, B, 22, 3, 3) rotations for N hypotheses."""


def completions(prior: DPoser, test: np.ndarray, case: Case, seed: int) -> dict[str, Answer]:
    """Completion as published, by the regulariser and by replacement."""
    return {
        "dposer": completing(prior, test, case, seed, completion.complete),
        "scoresde": completing(prior, test, case, seed, completion.complete_by_replacement),
    }


def completing(prior: DPoser, test: np.ndarray, case: Case, seed: int, solve: Callable[..., Array]) -> Answer:
    """A solver on DPoser's network, such as ``tasks.dposer.completion.complete``, as a method.

    Args:
        prior: on torch, if the solver needs its gradients.
        test: (B, 22, 3, 3) poses to complete; their roots are known.
        case: what is hidden.
        seed: of the solver.
        solve: arguments as ``tasks.dposer.completion.complete``.
    """
    body = test.astype(np.float32)[:, BODY]
    hidden = case.hidden[BODY]

    def answer(count: int) -> np.ndarray:
        found = []
        for start in range(0, len(test), CHUNK):
            rows = like(body[start : start + CHUNK], prior.space.mean)
            found.append(to_numpy(solve(prior, rows, hidden, count, seed + start)))
        body_found = np.concatenate(found, axis=1)
        roots = np.broadcast_to(test[:, None, :1], (count, *test[:, None, :1].shape))[:, :, 0]
        return np.concatenate([roots, body_found], axis=2)

    return answer


def samplers(prior: DPoser) -> dict[str, generation.Method]:
    """Generation as published: the root, which DPoser does not know, upright."""

    def rows(count: int, rng: np.random.Generator, sample: Sampler) -> np.ndarray:
        z = like(rng.standard_normal((count, prior.space.size), dtype=np.float32), prior.space.mean)
        x0 = sample(prior.denoiser(), z, prior.schedule, rng)
        return to_numpy(with_root(prior.space.decode(x0)))

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
