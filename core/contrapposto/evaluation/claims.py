# SPDX-License-Identifier: GPL-3.0-or-later
"""What DPoser's papers claim about directions, tried on this data: holds, or does not.

An order counts if it is there in the means of ``SEEDS`` and each gap is larger than the
spread between the seeds (``ordered``); ``CLAIMS`` says of each claim which orders it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.diffusion.adam import Adam
from contrapposto.diffusion.prior_loss import Timesteps, residual
from contrapposto.diffusion.sampler import Denoiser
from contrapposto.diffusion.schedule import SubVP
from contrapposto.evaluation import denoise, dps, vae
from contrapposto.evaluation.cases import CASES, Case
from contrapposto.evaluation.generation import Sampler, fast, slow
from contrapposto.evaluation.metrics import body_rows, hypothesis_errors_mm, precision_recall
from contrapposto.evaluation.orders import SEEDS, Values, ordered
from contrapposto.evaluation.poses import poses_of, poses_to_complete
from contrapposto.evaluation.published import completing
from contrapposto.files.mocap import read_split
from contrapposto.priors.dposer import BODY, DPoser, with_root
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.dposer.completion import complete, complete_by_replacement
from contrapposto.tasks.dposer.motion import NOISY
from contrapposto.training.corpus import Corpus

HYPOTHESES = 10
STRIDE = 860
"""Every how many good frames of a subject the slow solvers complete."""

CLIPS, SAMPLES, REFERENCES = 6, 500, 4000
VAE_STEPS = 3000
RANGES = ((0.15, 0.05), (0.20, 0.05), (0.20, 0.10), (0.25, 0.10))
MODE_SEEKING_STEPS = 200
PARTS = ("left_leg", "both_legs", "both_arms", "trunk")

Range = tuple[float, float]
"""``t_max`` and ``t_min`` of truncated timesteps."""


def wants_larger(little: Mapping[Range, list[float]], much: Mapping[Range, list[float]]) -> bool:
    """Whether under much noise a larger range is best, and each range better than the other under its own.

    Args:
        little, much: errors of each seed by range, under little and under much noise.
    """
    low, high = (min(errors, key=lambda range_: np.mean(errors[range_])) for errors in (little, much))
    if low == high or not all(larger >= smaller for larger, smaller in zip(high, low, strict=True)):
        return False
    return all(
        ordered({"own": errors[own], "other": errors[other]})
        for errors, own, other in ((little, low, high), (much, high, low))
    )


class Trials:
    """The data and the prior that every claim is tried on."""

    def __init__(self, data: Path, split: str, prior: DPoser, quick: bool) -> None:
        self.prior, self.seeds = prior, SEEDS[:1] if quick else SEEDS
        self.clips = denoise.windows(data, split, 2 if quick else CLIPS)
        self.test = poses_to_complete(data, split, STRIDE, quick)[: 8 if quick else None]
        self.cases = [case for case in CASES if case.name in (PARTS[:1] if quick else PARTS)]
        _, self.true = forward_kinematics(self.test.astype(np.float64))
        self.corpus = Corpus.of(read_split(data, "train"))
        self.references = body_rows(poses_of(read_split(data, "train"), 1))[:: 40 if quick else 20]
        self.references = self.references[:REFERENCES]
        self.samples = 100 if quick else SAMPLES

    def denoised(self, noise_mm: int, timesteps: Timesteps | None, weight: float = 0.1) -> list[float]:
        """MPJPE of each seed; ``timesteps`` None for the recipe's own."""
        recipe = NOISY[noise_mm]
        recipe = replace(recipe, prior=weight, timesteps=timesteps or recipe.timesteps)
        return [denoise.noisy_error_mm(self.prior, self.clips, noise_mm, recipe, seed) for seed in self.seeds]

    def completed(self, case: Case, solve: Callable[..., Array]) -> list[float]:
        """Best-of-ten error of each seed."""
        found = []
        for seed in self.seeds:
            rotations = completing(self.prior, self.test, case, seed, solve)(HYPOTHESES)
            _, positions = forward_kinematics(rotations.astype(np.float64))
            errors = hypothesis_errors_mm(positions[:, :, case.hidden], self.true[:, case.hidden])
            found.append(errors["mpjpe_min_mm"])
        return found

    def parts(self, solve: Callable[..., Array]) -> list[float]:
        """The mean of the four parts' best-of-ten errors."""
        return list(np.mean([self.completed(case, solve) for case in self.cases], axis=0))

    def generated(self, sample: Sampler) -> tuple[list[float], list[float]]:
        """Precision and recall of each seed."""
        scores = []
        for seed in self.seeds:
            rng = np.random.default_rng(seed)
            z = like(
                rng.standard_normal((self.samples, self.prior.space.size), dtype=np.float32),
                self.prior.space.mean,
            )
            x0 = sample(self.prior.denoiser(), z, self.prior.schedule, rng)
            body = to_numpy(self.prior.space.decode(x0))
            scores.append(precision_recall(self.references, body_rows(with_root(body))))
        return [precision for precision, _ in scores], [recall for _, recall in scores]


def _d1(trials: Trials) -> tuple[Values, bool]:
    kinds = ("truncated", "uniform", "fixed", "random")
    found = {kind: trials.denoised(40, Timesteps(0.20, 0.05, kind)) for kind in kinds}
    first = ordered({kind: found[kind] for kind in ("truncated", "uniform")})
    return found, first and all(ordered({"u": found["uniform"], k: found[k]}) for k in ("fixed", "random"))


def _d2(trials: Trials) -> tuple[Values, bool]:
    leg = next(case for case in CASES if case.name == "left_leg")
    ours = trials.completed(leg, complete)
    body = trials.test[:, BODY]
    theirs = []
    for seed in trials.seeds:
        model = vae.fit(trials.corpus, VAE_STEPS if len(trials.seeds) > 1 else 100, seed)
        found = vae.complete(model, body, leg.hidden[BODY], HYPOTHESES, seed)
        roots = np.broadcast_to(trials.test[:, :1], (HYPOTHESES, *trials.test[:, :1].shape))
        _, positions = forward_kinematics(np.concatenate([roots, found], axis=2).astype(np.float64))
        errors = hypothesis_errors_mm(positions[:, :, leg.hidden], trials.true[:, leg.hidden])
        theirs.append(errors["mpjpe_min_mm"])
    twice = [2 * error for error in ours]
    return {"dposer": ours, "vae": theirs}, ordered({"twice_dposer": twice, "vae": theirs})


def _d3(trials: Trials) -> tuple[Values, bool]:
    found = {
        "prior_loss": trials.parts(complete),
        "dps": trials.parts(dps.complete),
        "scoresde": trials.parts(complete_by_replacement),
    }
    return found, ordered(found)


def _d4(trials: Trials) -> tuple[Values, bool]:
    slow_precision, slow_recall = trials.generated(slow)
    fast_precision, fast_recall = trials.generated(fast)
    found = {
        "em_1000_precision": slow_precision,
        "ddim_10_precision": fast_precision,
        "em_1000_recall": slow_recall,
        "ddim_10_recall": fast_recall,
    }
    lower = ordered({"ddim": fast_precision, "em": slow_precision})
    return found, lower and ordered({"em": slow_recall, "ddim": fast_recall})


def _d5(trials: Trials) -> tuple[Values, bool]:
    gains = {}
    for noise_mm in NOISY:
        without, with_prior = trials.denoised(noise_mm, None, 0.0), trials.denoised(noise_mm, None)
        gains[f"gain_{noise_mm}_mm"] = [1 - b / a for a, b in zip(without, with_prior, strict=True)]
    return gains, ordered(gains) and float(np.mean(gains["gain_100_mm"])) >= 0.3


def _d6(trials: Trials) -> tuple[Values, bool]:
    found = {f"{steps}_steps": trials.parts(partial(complete, denoising_steps=steps)) for steps in (1, 5, 10)}
    better = [ordered({many: found[many], "one": found["1_steps"]}) for many in ("5_steps", "10_steps")]
    return found, not any(better)


def _d8(trials: Trials) -> tuple[Values, bool]:
    errors = {
        noise_mm: {range_: trials.denoised(noise_mm, Timesteps(*range_)) for range_ in RANGES}
        for noise_mm in (40, 100)
    }
    values = {
        f"{noise_mm}_mm_{t_max}_{t_min}": found
        for noise_mm, of_ranges in errors.items()
        for (t_max, t_min), found in of_ranges.items()
    }
    return values, wants_larger(errors[40], errors[100])


def _seek_modes(denoiser: Denoiser, z: Array, schedule: SubVP, rng: np.random.Generator) -> Array:
    """States from noise by the regulariser alone."""
    x, adam, timesteps = z, Adam(0.1, (0.9, 0.99)), Timesteps(0.15, 0.05)
    for step in range(MODE_SEEKING_STEPS):
        t = timesteps.at(step, MODE_SEEKING_STEPS, rng)
        x = adam.step(x, residual(denoiser, schedule, x, t, rng))
    return x


def _d9(trials: Trials) -> tuple[Values, bool]:
    sought_precision, sought_recall = trials.generated(_seek_modes)
    precision, recall = trials.generated(slow)
    found = {
        "regulariser_precision": sought_precision,
        "em_1000_precision": precision,
        "regulariser_recall": sought_recall,
        "em_1000_recall": recall,
    }
    higher = ordered({"em": precision, "regulariser": sought_precision})
    return found, higher and ordered({"regulariser": sought_recall, "em": recall})


@dataclass(frozen=True)
class Claim:
    """A sentence of the papers, and how it is tried.

    Attributes:
        statement: what is claimed.
        holds_if: what counts; ``<`` is an order whose gap is larger than the seeds' spread.
        attempt: gives the values and the verdict.
    """

    statement: str
    holds_if: str
    attempt: Callable[[Trials], tuple[Values, bool]]


CLAIMS = {
    "D1": Claim(
        "truncated < uniform < fixed and random timesteps (denoise 40 mm, MPJPE)",
        "truncated < uniform, uniform < fixed, uniform < random",
        _d1,
    ),
    "D2": Claim(
        "DPoser at least twice as good as a VPoser-like VAE on a leg (best of 10)",
        "twice DPoser's error < the VAE's",
        _d2,
    ),
    "D3": Claim(
        "prior loss < DPS < ScoreSDE (completion, best of 10, mean of four parts)",
        "prior loss < DPS < ScoreSDE",
        _d3,
    ),
    "D4": Claim(
        "DDIM-10 lowers precision and raises recall against EM-1000",
        "precision: DDIM < EM; recall: EM < DDIM",
        _d4,
    ),
    "D5": Claim(
        "the prior's gain grows with the noise, at least 30 % at 100 mm",
        "gains: 20 mm < 40 mm < 100 mm; the mean at 100 mm is at least 0.3",
        _d5,
    ),
    "D6": Claim(
        "one-step denoising in the regulariser at least as good as 5 or 10 steps",
        "neither 5 steps < 1 step nor 10 steps < 1 step",
        _d6,
    ),
    "D8": Claim(
        "noisier input wants a larger t_max and t_min",
        "the best range at 100 mm is larger than that at 40 mm, and each < the other at its own noise",
        _d8,
    ),
    "D9": Claim(
        "the regulariser alone seeks modes: higher precision, lower recall than EM-1000",
        "precision: EM < regulariser; recall: regulariser < EM",
        _d9,
    ),
}
"""D7, on representations and normalisers, is the verdict of ``evaluation.ablation``."""


def evaluate(
    data: Path,
    split: str,
    prior: DPoser,
    *,
    quick: bool = False,
    only: tuple[str, ...] = (),
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a claim.

    Args:
        data: a motion data folder with ``splits.json``.
        split: what the claims are tried on.
        prior: on torch, DPS needs its gradients.
        quick: one seed, one part and a few poses; says nothing about the claims.
        only: names of claims; all if empty.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged or a claim is unknown.
    """
    for name in only:
        if name == "D7":
            raise ValueError("D7 is the verdict of `evaluate ablation`, its last line")
        if name not in CLAIMS:
            raise ValueError(f"There is no claim '{name}', only {', '.join(CLAIMS)}")
    trials = Trials(data, split, prior, quick)
    for name in only or CLAIMS:
        claim = CLAIMS[name]
        tell(f"{name}: {claim.statement}")
        values, holds = claim.attempt(trials)
        means = "  ".join(f"{what} {np.mean(found):.4g}" for what, found in values.items())
        yield {
            "task": "claims",
            "case": name,
            "method": "dposer",
            "holds": "holds" if holds else "does not hold",
            "claim": claim.statement,
            "holds_if": claim.holds_if,
            "values": means,
            "largest_seed_std": float(max(np.std(found) for found in values.values())),
            "seeds": len(trials.seeds),
        }
