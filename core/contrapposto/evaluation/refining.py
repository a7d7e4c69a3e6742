# SPDX-License-Identifier: GPL-3.0-or-later
"""DiffPose's ablations on one's own data, and what its paper claims about directions: holds, or does not.

Ablations are of two kinds. Draws, steps and a mixture that is fitted by EM are asked of the one
trained network; what the network was trained to do, and from which start, takes networks of
its own, each trained for the same number of steps on the answers of the lifter that ships.

Orders count as in ``evaluation.orders``. A seed is of the cameras and the detectors, of claims also
of the draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.evaluation.lift_cases import CASES, Method, look
from contrapposto.evaluation.lifters import lifted_by, refined_as_released, refined_by
from contrapposto.evaluation.lifting import POINTS, POSES, QUICK_POSES
from contrapposto.evaluation.metrics import joint_errors_mm
from contrapposto.evaluation.orders import SEEDS, Values, ordered
from contrapposto.evaluation.poses import TEST_STRIDE, poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.priors import sequence_lifter
from contrapposto.priors.diffpose import DiffPose
from contrapposto.priors.diffpose_released import ReleasedDiffPose
from contrapposto.priors.lifter import Lifter
from contrapposto.training.corpus import Corpus
from contrapposto.training.diffpose import DiffPoseTask, Settings
from contrapposto.training.lifter import RATES
from contrapposto.training.run import Trainer, best_device
from contrapposto.training.sights import SightedPoses

Record = dict[str, str | float | int]

MORE_POSES = 20
"""Draws beyond the paper's, by which its claim that more change nothing is tried."""

FLAT = 0.01
"""Relative change that counts as none."""

ASKED: Mapping[str, Mapping[str, Any]] = {
    "diffpose": {},
    "diffpose, 1 draw": {"poses": 1},
    f"diffpose, {MORE_POSES} draws": {"poses": MORE_POSES},
    "diffpose, 1 step": {"steps": 1},
    "diffpose, 2 steps": {"steps": 2},
    "diffpose, 50 steps": {"steps": 50},
    "diffpose, independent draws": {"balanced": False},
    "diffpose, no mirror": {"both_ways": False},
    "diffpose, fitted by em": {"fitted": True},
}
"""What is asked of the one network."""

ALTERNATIVES = ("stacked", "one_step", "gaussian", "normal")
"""Networks that were trained otherwise, by what differs."""


CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    "diffpose": {},
    "stacked": {"objective": "stacked"},
    "one_step": {"objective": "one_step"},
    "gaussian": {"start": "gaussian"},
    "normal": {"start": "normal"},
}
"""What is trained, by what differs from what ships."""

SEEN = ("clean", "noisy")
QUICK_WIDTH = 16


def evaluate(
    data: Path,
    split: str,
    folder: Path,
    *,
    steps: int,
    quick: bool = False,
    tell: Callable[[str], None] = print,
) -> Iterator[Record]:
    """Yield one record an ablation and case, the mean of ``SEEDS``, then the claims.

    Args:
        data: a motion data folder with ``splits.json``.
        split: what is lifted.
        folder: where the runs go, one folder a configuration; runs that are there are taken up.
        steps: of each run.
        quick: one seed, narrow networks and fewer poses.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    lifter = sequence_lifter.read().frame
    corpora = Corpus.of(read_split(data, "train")), Corpus.of(read_split(data, "val"))
    trained = {}
    for name, differs in CONFIGURATIONS.items():
        tell(f"{name}: {steps} steps")
        size: dict[str, Any] = {"width": QUICK_WIDTH, "blocks": 1} if quick else {}
        trained[name] = train(corpora, folder / name, lifter, Settings(steps=steps, **size, **differs), tell)
    prior, alternatives = trained.pop("diffpose"), trained
    rotations = _rotations(data, split, quick=quick)
    for case in SEEN:
        for name, lift in methods(lifter, prior, alternatives).items():
            errors = [errors_mm(rotations, case, lift, seed) for seed in _seeds(quick=quick)]
            yield {
                "task": "diffpose_ablation",
                "case": case,
                "method": name,
                "mpjpe_mm": float(np.mean(errors)),
                "seed_std_mm": float(np.std(errors)),
                "poses": len(rotations),
                "training_steps": steps,
            }
    yield from claims(data, split, lifter, prior, alternatives, quick=quick, tell=tell)


def train(
    corpora: tuple[Corpus, Corpus],
    folder: Path,
    lifter: Lifter,
    settings: Settings,
    tell: Callable[[str], None],
) -> DiffPose:
    """A DiffPose trained with these settings, taken up from the folder if it was begun there; NumPy."""
    device = best_device()
    learn, choose = (SightedPoses(corpus, RATES, device) for corpus in corpora)
    task = DiffPoseTask(learn, choose, lifter, settings, device)
    trainer = Trainer(task, folder, settings)
    trainer.resume()
    trainer.run(tell)
    return replace(task.prior.on(np.zeros(())), weights=trainer.best_weights())


def methods(
    lifter: Lifter,
    prior: DiffPose,
    alternatives: Mapping[str, DiffPose],
    released: ReleasedDiffPose | None = None,
    *,
    seed: int = 0,
) -> dict[str, Method]:
    """The lifter alone, DiffPose as it is and as it is asked otherwise, and those trained otherwise.

    Args:
        lifter: whose answers all refine.
        prior: trained to denoise from the mixture.
        alternatives: some of ``ALTERNATIVES``.
        released: the released code's, trained with this lifter.
        seed: of the draws.
    """
    found: dict[str, Method] = {"lifter": lifted_by(lifter)}
    found |= {name: refined_by(prior, lifter, seed=seed, **asked) for name, asked in ASKED.items()}
    for name in ALTERNATIVES:
        if name in alternatives:
            found[f"diffpose, {name}"] = refined_by(alternatives[name], lifter, seed=seed)
    if released is not None:
        found["diffpose_released"] = refined_as_released(released, lifter)
    return found


def errors_mm(rotations: np.ndarray, case: str, lift: Method, seed: int) -> float:
    """MPJPE of a method's answers to poses (B, 22, 3, 3) before cameras of a seed."""
    seen, true, _ = look(rotations, CASES[case], POINTS, np.random.default_rng(seed))
    return float(joint_errors_mm(lift(seen)[:1], true)[..., 1:].mean())


def _rotations(data: Path, split: str, *, quick: bool) -> np.ndarray:
    """Poses (B, 22, 3, 3) of a split."""
    return spread_evenly(poses_of(read_split(data, split), TEST_STRIDE), QUICK_POSES if quick else POSES)


def _seeds(*, quick: bool) -> tuple[int, ...]:
    return SEEDS[:1] if quick else SEEDS


def claims(
    data: Path,
    split: str,
    lifter: Lifter,
    prior: DiffPose,
    alternatives: Mapping[str, DiffPose],
    *,
    quick: bool = False,
    tell: Callable[[str], object] = str,
) -> Iterator[Record]:
    """Yield one record a claim.

    Args:
        data: a motion data folder with ``splits.json``.
        split: what the claims are tried on: noisy points, independent draws and no mirror, as in the paper.
        lifter, prior, alternatives: as of ``methods``; P1 needs stacked and one_step.
        quick: one seed and a few poses; says nothing about the claims.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    rotations, seeds = _rotations(data, split, quick=quick), _seeds(quick=quick)

    def tried(network: DiffPose, **asked: int) -> list[float]:
        lift = partial(refined_by, network, lifter, balanced=False, both_ways=False, **asked)
        return [errors_mm(rotations, "noisy", lift(seed=seed), seed) for seed in seeds]

    def record(
        case: str, claim: str, holds_if: str, values: Values, *, holds: bool
    ) -> dict[str, str | float | int]:
        return {
            "task": "claims",
            "case": case,
            "method": "diffpose",
            "holds": "holds" if holds else "does not hold",
            "claim": claim,
            "holds_if": holds_if,
            "values": "  ".join(f"{what} {np.mean(found):.4g}" for what, found in values.items()),
            "largest_seed_std": float(max(np.std(found) for found in values.values())),
            "seeds": len(seeds),
        }

    whole = tried(prior)
    if {"stacked", "one_step"} <= alternatives.keys():
        tell("P1: diffusion, stacked passes and a single one")
        values = {
            "diffusion": whole,
            "stacked": tried(alternatives["stacked"]),
            "one_step": tried(alternatives["one_step"]),
        }
        text = "diffusion better than the same network stacked, that better than one pass (noisy, MPJPE)"
        yield record("P1", text, "diffusion < stacked < one step", values, holds=ordered(values))
    tell("P2: draws and their mean")
    values = {"n_5": whole, "n_1": tried(prior, poses=1), f"n_{MORE_POSES}": tried(prior, poses=MORE_POSES)}
    better = ordered({name: values[name] for name in ("n_5", "n_1")})
    flat = abs(np.mean(values[f"n_{MORE_POSES}"]) / np.mean(whole) - 1) < FLAT
    text = "the mean of five draws better than one, and hardly worse than that of more (noisy, MPJPE)"
    condition = f"5 draws < 1 draw; {MORE_POSES} draws within {FLAT:.0%} of 5"
    yield record("P2", text, condition, values, holds=better and bool(flat))
