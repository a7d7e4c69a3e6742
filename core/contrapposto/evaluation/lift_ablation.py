# SPDX-License-Identifier: GPL-3.0-or-later
"""GFPose in several configurations: levels of masking, and what the network estimates.

Trains one small network each for the same number of steps and lifts with it. The last lines are
the verdicts on the claims of its paper: masking parts costs nothing where all is seen (G1), and
the best of S hypotheses gets much better with S (G2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from contrapposto.evaluation.claims import ordered
from contrapposto.evaluation.lift_cases import CASES, Sighting, look
from contrapposto.evaluation.lift_gfpose import hypotheses
from contrapposto.evaluation.lifting import POINTS, score
from contrapposto.evaluation.metrics import joint_errors_mm
from contrapposto.evaluation.poses import TEST_STRIDE, poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.priors.gfpose import GFPose
from contrapposto.training.corpus import Corpus
from contrapposto.training.gfpose import GFPoseTask, Settings
from contrapposto.training.run import Trainer

CONFIGURATIONS = {
    "clean_100": ("clean", "100", 4),
    "clean_110": ("clean", "110", 4),
    "clean_111": ("clean", "111", 4),
    "noise_111": ("noise", "111", 2),
}
"""What is estimated, the chance in tenths that a person, a part and a joint is hidden, and blocks."""

SEEN = ("clean", "noisy", "right_leg_missing")
POSES, QUICK_POSES = 40, 8
COUNTS = (1, 10, 200)
QUICK_WIDTH = 64
SEEDS = (0, 1, 2)

STRONGLY = 0.8
"""The best of ten times as many hypotheses has at most this share of the error."""

Errors = Mapping[str, list[float]]
"""One number a seed, by what was tried."""


def train(
    corpora: tuple[Corpus, Corpus], folder: Path, settings: Settings, tell: Callable[[str], None]
) -> GFPose:
    """A GFPose trained with these settings, taken up from the folder if it was begun there."""
    task = GFPoseTask(*corpora, settings)
    trainer = Trainer(task, folder, settings)
    trainer.resume()
    trainer.run(tell)
    weights = {name: torch.as_tensor(value) for name, value in trainer.best_weights().items()}
    return replace(task.prior, weights=weights)


def evaluate(
    data: Path,
    split: str,
    folder: Path,
    *,
    steps: int,
    width: int = 512,
    quick: bool = False,
    tell: Callable[[str], None] = print,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a configuration and case, the mean of ``SEEDS``, then the claims.

    Args:
        data: a motion data folder with ``splits.json``.
        split: what is lifted.
        folder: where the runs go, one folder a configuration; runs that are there are taken up.
        steps: of each run.
        width: of each network.
        quick: one seed, narrow networks and fewer poses.
        tell: receives a line on what is being done.
    """
    corpora = Corpus.of(read_split(data, "train")), Corpus.of(read_split(data, "val"))
    test = spread_evenly(poses_of(read_split(data, split), TEST_STRIDE), QUICK_POSES if quick else POSES)
    seeds = SEEDS[:1] if quick else SEEDS
    most = COUNTS[1] if quick else COUNTS[2]
    best: dict[tuple[str, str, int], list[float]] = {}
    for name, (target, masks, blocks) in CONFIGURATIONS.items():
        tell(f"{name}: {steps} steps")
        narrow = min(width, QUICK_WIDTH) if quick else width
        settings = Settings(width=narrow, blocks=blocks, steps=steps, target=target, masks=masks)
        prior = train(corpora, folder / name, settings, tell)
        for case in SEEN:
            runs = []
            for seed in seeds:
                sighting = look(test, CASES[case], POINTS, np.random.default_rng(seed))
                runs.append(_run(prior, sighting, most, seed))
            for count in COUNTS[: COUNTS.index(most) + 1]:
                best[name, case, count] = [run[f"mpjpe_min_of_{count}_mm"] for run in runs]
            yield {
                "task": "lift_ablation",
                "case": case,
                "method": name,
                **{key: float(np.mean([run[key] for run in runs])) for key in runs[0]},
                "poses": len(test),
                "training_steps": steps,
            }
    yield masking_costs_nothing(best["clean_100", "clean", most], best["clean_110", "clean", most])
    yield more_is_better({count: best["clean_111", "clean", count] for count in COUNTS if count <= most})


def _run(prior: GFPose, sighting: Sighting, most: int, seed: int) -> dict[str, float]:
    """What ``score`` says of ``most`` hypotheses, and the error of the best of fewer."""
    found = hypotheses(prior, most, seed=seed)(sighting.seen)
    errors = joint_errors_mm(found, sighting.true)[..., 1:].mean(axis=-1)
    fewer = {
        f"mpjpe_min_of_{count}_mm": float(errors[:count].min(axis=0).mean())
        for count in COUNTS
        if count <= most
    }
    return {**fewer, **score(found, sighting.true, sighting.hidden)}


def masking_costs_nothing(none: list[float], parts: list[float]) -> dict[str, str | float | int]:
    """G1: a network trained with hidden parts is no worse where everything is seen."""
    return _claim(
        "G1",
        "hiding parts in training costs nothing where all is seen (best of S)",
        "not: no part hidden < parts hidden",
        {"none_hidden": none, "parts_hidden": parts},
        not ordered({"none_hidden": none, "parts_hidden": parts}),
    )


def more_is_better(best: Mapping[int, list[float]]) -> dict[str, str | float | int]:
    """G2: the best of S hypotheses gets much better with S."""
    errors = {f"best_of_{count}": values for count, values in best.items()}
    means = [float(np.mean(values)) for values in errors.values()]
    falls = all(more < STRONGLY * fewer for fewer, more in pairwise(means))
    return _claim(
        "G2",
        "the error of the best of S hypotheses falls strongly with S",
        f"each at most {STRONGLY:g} of the one before, beyond the seeds' spread",
        errors,
        falls and ordered(dict(reversed(errors.items()))),
    )


def _claim(
    name: str, statement: str, holds_if: str, values: Errors, holds: bool
) -> dict[str, str | float | int]:
    return {
        "task": "claims",
        "case": name,
        "method": "gfpose",
        "holds": "holds" if holds else "does not hold",
        "claim": statement,
        "holds_if": holds_if,
        "values": "  ".join(f"{what} {np.mean(found):.4g}" for what, found in values.items()),
        "largest_seed_std": float(max(np.std(found) for found in values.values())),
        "seeds": len(next(iter(values.values()))),
    }
