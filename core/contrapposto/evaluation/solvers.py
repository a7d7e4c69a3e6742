# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way to ask the conditional prior, and in how many steps: error, diversity and time of each.

Conditioning alone, replacement alone (the network is told nothing, the known entries
are set after each step), both, and DPoser's regulariser on the conditional network
after or instead of sampling. Every hypothesis is one draw: no selection, so that the
rows differ in the solver only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.diffusion.adam import Adam
from contrapposto.diffusion.impute import replacement
from contrapposto.diffusion.prior_loss import Timesteps, residual, snr_weight
from contrapposto.diffusion.sampler import Denoiser, ddim, dpm_solver, euler_maruyama
from contrapposto.diffusion.schedule import uniform_times
from contrapposto.evaluation.cases import CASES
from contrapposto.evaluation.metrics import hypothesis_errors_mm
from contrapposto.evaluation.poses import poses_to_complete
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.skeleton import forward_kinematics

HYPOTHESES = 10
STRIDE = 40
CASE_NAMES = ("left_leg", "both_arms", "ends")

Solve = Callable[[PosePrior, Condition, np.ndarray, np.random.Generator], np.ndarray]
"""A solver: prior, condition, noise (N, B, 132) and more noise if it needs any; gives states."""


def _nothing_known(condition: Condition) -> Condition:
    return replace(condition, known=np.zeros_like(condition.known))


def _pasted(prior: PosePrior, condition: Condition, x: np.ndarray) -> np.ndarray:
    clean, known = prior.known_state(condition)
    return np.where(known, clean, x)


def conditioned(steps: int, sampler: str = "dpm_solver") -> Solve:
    """Told what is known, as the product does it."""

    def solve(prior: PosePrior, condition: Condition, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        denoiser, schedule = prior.denoiser(condition), prior.schedule
        if sampler == "euler_maruyama":
            return euler_maruyama(denoiser, z, schedule, uniform_times(steps), rng=rng)
        return {"dpm_solver": dpm_solver, "ddim": ddim}[sampler](
            denoiser, z, schedule, schedule.ladder(steps)
        )

    return solve


def imputed(steps: int, *, told: bool) -> Solve:
    """Known entries are replaced after each step; the network is told of them or not."""

    def solve(prior: PosePrior, condition: Condition, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        clean, known = prior.known_state(condition)
        denoiser = prior.denoiser(condition if told else _nothing_known(condition))
        constrain = replacement(clean, known, prior.schedule, rng)
        return euler_maruyama(denoiser, z, prior.schedule, uniform_times(steps), rng=rng, constrain=constrain)

    return solve


def regularised(rounds: int, *, told: bool, start: Solve | None = None) -> Solve:
    """DPoser's loop on this network, from noise or from another solver's answer."""
    timesteps, lr = Timesteps(0.15, 0.05), 0.1 if start is None else 0.01

    def solve(prior: PosePrior, condition: Condition, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        clean, known = prior.known_state(condition)
        denoiser: Denoiser = prior.denoiser(condition if told else _nothing_known(condition))
        x = np.where(known, clean, z if start is None else start(prior, condition, z, rng))
        adam = Adam(lr, (0.9, 0.99))
        for step in range(rounds):
            t = timesteps.at(step, rounds, rng)
            pull = residual(denoiser, prior.schedule, x, t, rng)
            pull = np.where(known, np.float32(0), pull)
            x = adam.step(x, 2 * snr_weight(prior.schedule, t) * pull)
        return x

    return solve


SOLVERS: dict[str, Solve] = {
    **{f"told_dpm_{steps}": conditioned(steps) for steps in (1, 2, 3, 4, 6, 8, 16)},
    **{f"told_ddim_{steps}": conditioned(steps, "ddim") for steps in (4, 8, 16)},
    "told_euler_maruyama_200": conditioned(200, "euler_maruyama"),
    "replaced_200": imputed(200, told=False),
    "told_replaced_200": imputed(200, told=True),
    "regularised_200": regularised(200, told=False),
    "told_regularised_200": regularised(200, told=True),
    "told_dpm_8_regularised_20": regularised(20, told=True, start=conditioned(8)),
}


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and solver; arguments as in ``completion.evaluate``, the prior on NumPy."""
    test = poses_to_complete(data, split, STRIDE, quick)
    _, true = forward_kinematics(test.astype(np.float64))
    for case in (case for case in CASES if case.name in CASE_NAMES):
        tell(f"{case.name}: {len(test)} poses")
        known = np.broadcast_to(case.known, (HYPOTHESES, len(test), len(case.known)))
        condition = Condition.of(np.broadcast_to(test, (HYPOTHESES, *test.shape)), known)
        for name, solve in SOLVERS.items():
            rng = np.random.default_rng(seed)
            z = rng.standard_normal((HYPOTHESES, len(test), STATE), dtype=np.float32)
            began = time.perf_counter()
            x = _pasted(prior, condition, solve(prior, condition, z, rng))
            seconds = time.perf_counter() - began
            found = forward_kinematics(to_numpy(prior.decode(x)).astype(np.float64))[1]
            yield {
                "task": "solvers",
                "case": case.name,
                "method": name,
                **hypothesis_errors_mm(found[:, :, case.hidden], true[:, case.hidden]),
                "ms_per_hypothesis": 1000 * seconds / (HYPOTHESES * len(test)),
                "poses": len(test),
            }
