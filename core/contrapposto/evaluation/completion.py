# SPDX-License-Identifier: GPL-3.0-or-later
"""The completion protocol: hide joints of poses never seen, complete, measure.

Every 10th good frame of a split on one standard body. What is hidden is a joint's
rotation; the error is the mean position error over those joints, the root being
fixed, without alignment. All methods know the same and make 1, 5 and 10 hypotheses; where joints
are placed, the same inverse kinematics brings them home for every method. Seconds are the
processor's, of all threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation.baselines import Gaussian, nearest
from contrapposto.evaluation.cases import CASES, DESCRIPTIONS, Case
from contrapposto.evaluation.homing import approaching, bring_home, placed_in
from contrapposto.evaluation.metrics import hypothesis_errors_mm
from contrapposto.evaluation.poses import TEST_STRIDE, TRAIN_STRIDE, poses_of, poses_to_complete
from contrapposto.evaluation.published import Answer, completions
from contrapposto.files.mocap import read_split
from contrapposto.files.table import Record
from contrapposto.priors.dposer import DPoser
from contrapposto.priors.pose import Condition, PosePrior
from contrapposto.rotation import to_rot6d
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.alternatives import alternatives
from contrapposto.tasks.naturalness import percent_less_natural

HYPOTHESES = 10
FEWER = (1, 5)
"""Numbers of hypotheses of which the best is reported, too: asked for anew of the product, which
chooses its few to represent many, and the first ones of every method whose answers are independent."""

CHOSEN_AS_A_SET = ("contrapposto", "contrapposto_diverse")
"""Methods whose ten answers belong together; their best of 1 and of 5 are asked for anew."""

CHUNK = 256


def _placed_features(rotations: np.ndarray, case: Case) -> np.ndarray:
    """(B, 9 K) places and directions of the placed joints; (B, 0) if there are none."""
    if not case.placed:
        return np.zeros((len(rotations), 0))
    world, positions = forward_kinematics(rotations)
    joints = list(case.placed)
    places = positions[:, joints].reshape(len(rotations), -1)
    return np.concatenate([places, to_rot6d(world[:, joints]).reshape(len(rotations), -1)], axis=1)


def complete(
    prior: PosePrior,
    rotations: np.ndarray,
    case: Case,
    hypotheses: int,
    seed: int,
    diversity: float = 0.0,
) -> np.ndarray:
    """(N, B, 22, 3, 3) completions by the shipped method, the most central first, not yet ranked."""
    found = []
    for start in range(0, len(rotations), CHUNK):
        true = rotations[start : start + CHUNK]
        batch = len(true)
        world, positions = forward_kinematics(true)
        placed = np.isin(np.arange(NUM_JOINTS), case.placed)
        condition = Condition(
            true,
            np.broadcast_to(case.known, (batch, NUM_JOINTS)),
            np.full(batch, np.nan, dtype=np.float32),
            np.where(placed[:, None], positions, np.float32(np.nan)),
            np.where(placed[:, None, None], world, np.float32(np.nan)),
        )
        placement = placed_in(case.placed, positions[:, list(case.placed)], world[:, list(case.placed)])
        drawn = alternatives(
            prior,
            condition.on(prior.mean),
            hypotheses,
            seed=seed + start,
            diversity=diversity,
            bring_home=partial(approaching, free=case.hidden, placement=placement) if case.placed else None,
        )
        found.append(to_numpy(drawn))
    return np.concatenate(found, axis=1)


def _brought_home(rotations: np.ndarray, test: np.ndarray, case: Case) -> np.ndarray:
    """The hypotheses with their placed joints where they belong, as inverse kinematics brings them."""
    if not case.placed:
        return rotations
    joints = list(case.placed)
    world, positions = forward_kinematics(test.astype(np.float64))
    return bring_home(rotations, case.hidden, joints, positions[:, joints], world[:, joints])


def _natural(rotations: np.ndarray, prior: PosePrior) -> dict[str, float]:
    """The median percent of real poses that are less natural; nothing if the prior does not know."""
    percent = percent_less_natural(like(rotations, prior.mean), prior=prior)
    return {} if percent is None else {"naturalness": float(np.median(percent))}


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    dposer: DPoser | None = None,
    stride: int = TEST_STRIDE,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: the split to complete; baselines are fitted on ``train``.
        prior: what ``contrapposto`` runs.
        dposer: what ``dposer`` and ``scoresde`` run, where nothing is placed; left out if None.
        stride: every how many good frames of a subject are completed.
        quick: a fixed subset of ``QUICK_POSES`` poses.
        seed: of all samples.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    tell(f"reading {data}")
    test = poses_to_complete(data, split, stride, quick)
    train = poses_of(read_split(data, "train"), TRAIN_STRIDE)
    yield from compare(test, train, prior, dposer=dposer, seed=seed, tell=tell)


def compare(
    test: np.ndarray,
    train: np.ndarray,
    prior: PosePrior,
    *,
    dposer: DPoser | None = None,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and method for these poses.

    Args:
        test: (B, 22, 3, 3) poses to complete, from ``poses_of``.
        train: (N, 22, 3, 3) poses that the baselines know.
        prior, dposer, seed, tell: see ``evaluate``.
    """
    _, true = forward_kinematics(test.astype(np.float64))
    for case in CASES:
        tell(f"{case.name}: {len(test)} poses")
        methods = _methods(case, test, train, prior, dposer, seed)
        for method, answer in methods.items():
            began = time.process_time()
            answers = answer(HYPOTHESES)
            rotations = _brought_home(answers, test, case)
            seconds = time.process_time() - began
            found = _positions(rotations)
            moving = hypothesis_errors_mm(found[:, :, case.moving], true[:, case.moving])
            fewer = {}
            for count in FEWER:
                few = answer(count) if method in CHOSEN_AS_A_SET else answers[:count]
                some = _positions(_brought_home(few, test, case))[:, :, case.hidden]
                errors = hypothesis_errors_mm(some, true[:, case.hidden])
                fewer[f"mpjpe_min_of_{count}_mm"] = errors["mpjpe_min_mm"]
            yield {
                "task": "completion",
                "case": case.name,
                "method": method,
                **hypothesis_errors_mm(found[:, :, case.hidden], true[:, case.hidden]),
                "moving_mpjpe_min_mm": moving["mpjpe_min_mm"],
                "moving_mpjpe_of_mean_mm": moving["mpjpe_of_mean_mm"],
                **fewer,
                **_natural(rotations[0], prior),
                "hypotheses": len(rotations),
                "poses": len(test),
                "seconds": seconds,
            }


def _positions(rotations: np.ndarray) -> np.ndarray:
    """(N, B, 22, 3) of (N, B, 22, 3, 3), one hypothesis after the other to save memory."""
    return np.stack([forward_kinematics(R.astype(np.float64))[1] for R in rotations])


def summary(records: Sequence[Record]) -> list[Record]:
    """One row a case: best of ten of each method in mm, our ratio to the best baseline, both means."""
    rows = []
    for case in dict.fromkeys(record["case"] for record in records):
        by_method = {record["method"]: record for record in records if record["case"] == case}
        best = {name: float(r["mpjpe_min_mm"]) for name, r in by_method.items() if name != "gaussian_mean"}
        ours = best["contrapposto"]
        baseline = min(best["nearest"], best["gaussian"])
        rows.append(
            {
                "hidden, best of 10 in mm": DESCRIPTIONS[str(case)],
                **best,
                "ratio": ours / baseline,
                "our mean": by_method["contrapposto"]["mpjpe_of_mean_mm"],
                "gaussian mean": by_method["gaussian_mean"]["mpjpe_of_mean_mm"],
            }
        )
    return rows


def _methods(
    case: Case,
    test: np.ndarray,
    train: np.ndarray,
    prior: PosePrior,
    dposer: DPoser | None,
    seed: int,
) -> dict[str, Answer]:
    """Each method by its name."""
    known, extra, train_extra = case.known, _placed_features(test, case), _placed_features(train, case)
    seen, train_seen = (
        np.concatenate([R[:, known].reshape(len(R), -1), places], axis=1)
        for R, places in ((test, extra), (train, train_extra))
    )
    gaussian = Gaussian(train, train_extra)

    def from_nearest(count: int) -> np.ndarray:
        found = nearest(train_seen, train, seen, count)
        found[:, :, known] = test[:, known]
        return found

    def from_gaussian(count: int) -> np.ndarray:
        return gaussian.conditional(test, case.hidden, extra, count, np.random.default_rng(seed))[1]

    def from_gaussian_mean(_count: int) -> np.ndarray:
        return gaussian.conditional(test, case.hidden, extra, 1, np.random.default_rng(seed))[0][None]

    methods: dict[str, Answer] = {
        "contrapposto": lambda count: complete(prior, test, case, count, seed),
        "contrapposto_diverse": lambda count: complete(prior, test, case, count, seed, diversity=1.0),
        "nearest": from_nearest,
        "gaussian": from_gaussian,
        "gaussian_mean": from_gaussian_mean,
    }
    if dposer is not None and not case.placed:
        methods |= completions(dposer, test, case, seed)
    return methods
