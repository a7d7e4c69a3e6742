# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser in every space: which representation and normaliser wins on this data.

Trains one small network a space for the same number of steps, completes with each. The
last line is the verdict on claim D7 of DPoser's papers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from contrapposto.evaluation.cases import CASES
from contrapposto.evaluation.metrics import hypothesis_errors_mm
from contrapposto.evaluation.orders import ordered
from contrapposto.evaluation.poses import poses_to_complete
from contrapposto.evaluation.published import completing
from contrapposto.files.mocap import read_split
from contrapposto.priors.dposer import DPoser
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.dposer.completion import complete
from contrapposto.training.corpus import Corpus
from contrapposto.training.dposer import DPoserTask, Settings
from contrapposto.training.run import Trainer

SPACES = (
    ("rotvec", "zscore"),
    ("rotvec", "minmax"),
    ("rotvec", "none"),
    ("rot6d", "zscore"),
    ("tangent", "zscore"),
)
STRIDE = 80
HYPOTHESES = 10
SEEDS = (0, 1, 2)
QUICK_WIDTH = 64


def train(
    corpora: tuple[Corpus, Corpus], folder: Path, settings: Settings, tell: Callable[[str], None]
) -> DPoser:
    """A DPoser trained with these settings, taken up from the folder if it was begun there."""
    task = DPoserTask(*corpora, settings)
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
    """Yield one record a space and mask, the mean of ``SEEDS`` with the spread between them, then the claim.

    Args:
        data: a motion data folder with ``splits.json``.
        split: what is completed.
        folder: where the runs go, one folder a space; runs that are there are taken up.
        steps: of each run.
        width: of each network.
        quick: one seed, narrow networks and fewer poses.
        tell: receives a line on what is being done.
    """
    corpora = Corpus.of(read_split(data, "train")), Corpus.of(read_split(data, "val"))
    test = poses_to_complete(data, split, STRIDE, quick)
    seeds = SEEDS[:1] if quick else SEEDS
    errors: dict[str, list[list[float]]] = {}
    _, true = forward_kinematics(test.astype(np.float64))
    for representation, normalisation in SPACES:
        name = f"{representation}_{normalisation}"
        tell(f"{name}: {steps} steps")
        settings = Settings(
            width=min(width, QUICK_WIDTH) if quick else width,
            batch=512,
            steps=steps,
            representation=representation,
            normalisation=normalisation,
        )
        prior = train(corpora, folder / name, settings, tell)
        for case in (case for case in CASES if not case.placed):
            runs = []
            for seed in seeds:
                rotations = completing(prior, test, case, seed, complete)(HYPOTHESES)
                _, found = forward_kinematics(rotations.astype(np.float64))
                runs.append(hypothesis_errors_mm(found[:, :, case.hidden], true[:, case.hidden]))
            best = [run["mpjpe_min_mm"] for run in runs]
            errors.setdefault(name, []).append(best)
            yield {
                "task": "ablation",
                "case": case.name,
                "method": name,
                "mpjpe_min_mm": float(np.mean(best)),
                "mpjpe_min_std_mm": float(np.std(best)),
                "mpjpe_mean_mm": float(np.mean([run["mpjpe_mean_mm"] for run in runs])),
                "spread_mm": float(np.mean([run["spread_mm"] for run in runs])),
                "poses": len(test),
                "training_steps": steps,
            }
    yield verdict({name: np.mean(masks, axis=0).tolist() for name, masks in errors.items()})


def verdict(errors: Mapping[str, list[float]]) -> dict[str, str | float | int]:
    """Whether z-scored axis-angle is better than every other space, beyond the seeds' spread.

    Args:
        errors: of each space the mean over the masks, one number a seed.
    """
    published = "_".join(SPACES[0])
    better = [
        ordered({published: errors[published], other: values})
        for other, values in errors.items()
        if other != published
    ]
    return {
        "task": "claims",
        "case": "D7",
        "method": published,
        "holds": "holds" if all(better) else "does not hold",
        "claim": "z-scored axis-angle beats min-max, no normaliser, 6D and tangent (completion, best of 10)",
        "holds_if": "z-scored axis-angle < each other space, mean over the masks",
        "values": "  ".join(f"{name} {np.mean(values):.4g}" for name, values in errors.items()),
        "largest_seed_std": float(max(np.std(values) for values in errors.values())),
        "seeds": len(errors[published]),
    }
