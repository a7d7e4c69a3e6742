# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of Sample Poses: how varied and how real its samples are, as drawn and spread out.

A set of samples is made for each of a number of poses of the split: free of it, with its legs kept, or
with its left hand placed. APD is the mean over the sets. Precision, recall and dNN are those of
``generation``, of all sets together against training poses, and the naturalness is the median. Leaning
over are those whose weight lies more than ``LEANS`` beside what they stand on. Every row has as many
samples, so that recalls compare. Sets of real poses, nothing kept, are the ceiling.

The claim: samples that are spread out have an APD that is higher by ``RISE`` than that of samples as they
are drawn, and lose less than ``LOSS`` of its precision. The sets are of the same poses; the change of
precision lies within twice its standard error over them. The claim holds if all of that interval is less than
the loss, does not if all of it is more, and is not told apart otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.evaluation.generation import QUICK_REFERENCES, REFERENCES
from contrapposto.evaluation.metrics import Manifold, apd_cm, body_rows, nearest_distance_rad
from contrapposto.evaluation.poses import poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors.pose import PosePrior
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics
from contrapposto.soles import Soles
from contrapposto.tasks.balance import overhang
from contrapposto.tasks.naturalness import naturalness
from contrapposto.tasks.sample import sample_poses

SIZE = 24
SAMPLES = 480
QUICK_SAMPLES = 96
DNN_SAMPLES = 240
"""Samples of a set, of a row, and those of a row that dNN looks at."""

RISE, LOSS = 0.25, 0.1

LEANS = 0.2
"""Metres from what a body stands on to below its weight, beyond which it is counted as leaning over."""

LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot"))
HAND = "left_wrist"


def _free(_: Pose) -> Known:
    return Known.of()


def _legs_kept(_: Pose) -> Known:
    return Known.of("pelvis", *LEGS, height_known=True)


def _hand_placed(pose: Pose) -> Known:
    _, positions = forward_kinematics(pose.rotations)
    return Known.of(targets=(Target(HAND, positions[JOINT_INDEX[HAND]] + pose.transl),))


CASES: dict[str, Callable[[Pose], Known]] = {
    "free": _free,
    "legs_kept": _legs_kept,
    "hand_placed": _hand_placed,
}

METHODS = {"contrapposto_drawn": 0.0, "contrapposto": 1.0}
"""The diversity of each; the latter is what Sample Poses does unless asked for another."""


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and method; those of ``contrapposto`` say whether the claim holds.

    Args:
        data: a motion data folder with ``splits.json``.
        split: whose poses are kept in part; the reference is ``train``.
        prior: calibrated; on NumPy or torch.
        quick: ``QUICK_SAMPLES`` samples a row; recall then says little.
        seed: of the first set; the next ones count on.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged or the prior not calibrated.
    """
    samples = QUICK_SAMPLES if quick else SAMPLES
    tell(f"reading {data}")
    train = poses_of(read_split(data, "train"), 1)
    seen, unseen = train[::2], train[1::2]
    of_split = poses_of(read_split(data, split), 1)
    references = body_rows(spread_evenly(seen, QUICK_REFERENCES if quick else REFERENCES))
    real_poses = Manifold(references)

    def measured(made: np.ndarray) -> tuple[dict[str, float | int], np.ndarray]:
        """The measures of sets (S, N, 22, 3, 3) of samples, and the precision of each set."""
        upright = made.copy()
        upright[:, :, 0] = np.eye(3)  # as in ``generation``: the protocol has no root
        pooled = made.reshape(-1, *made.shape[2:])
        rows = body_rows(pooled)
        precision = real_poses.holds(rows).reshape(made.shape[:2]).mean(axis=1)
        return {
            "apd_cm": float(np.mean([apd_cm(forward_kinematics(one)[1]) for one in upright])),
            "precision": float(precision.mean()),
            "recall": float(Manifold(rows).holds(references).mean()),
            "dnn_rad": nearest_distance_rad(spread_evenly(pooled, DNN_SAMPLES), seen),
            "naturalness_percentile": float(np.median(to_numpy(naturalness(pooled, prior=prior).percentile))),
            "leaning_percent": float(100 * np.mean(overhang(pooled, Soles.of()) > LEANS)),
            "samples": len(pooled),
        }, precision

    poses = spread_evenly(of_split, samples // SIZE)
    for case, know in CASES.items():
        sets = {}
        for method, diversity in METHODS.items():
            tell(f"{case}, {method}: {len(poses)} sets of {SIZE}")
            made, seconds = _sets(poses, know, diversity=diversity, seed=seed, prior=prior)
            found, precision = measured(made)
            sets[method] = (found["apd_cm"], precision)
            yield {
                "task": "samples",
                "case": case,
                "method": method,
                **found,
                "ms_per_pose": 1000 * seconds / SIZE,
                **(_verdict(*sets.values()) if len(sets) > 1 else {}),
            }
    for name, real in ((split, of_split), ("train", unseen)):
        count = min(samples, len(real)) // SIZE
        sets_of_real = spread_evenly(real, count * SIZE).reshape(SIZE, count, *real.shape[1:]).swapaxes(0, 1)
        yield {
            "task": "samples",
            "case": "real",
            "method": name,
            **measured(np.asarray(sets_of_real, dtype=np.float64))[0],
        }


def _sets(
    poses: np.ndarray,
    know: Callable[[Pose], Known],
    *,
    diversity: float,
    seed: int,
    prior: PosePrior,
) -> tuple[np.ndarray, float]:
    """Samples (S, SIZE, 22, 3, 3), a set for each of the poses, and the median seconds of a set."""
    made, seconds = [], []
    for number, rotations in enumerate(poses.astype(np.float64)):
        height = -Soles.of().heights(*forward_kinematics(rotations)).min()
        pose = Pose(rotations, np.array([0.0, height, 0.0]))
        began = time.perf_counter()
        found = sample_poses(
            pose, know(pose), count=SIZE, seed=seed + number, diversity=diversity, prior=prior
        )
        seconds.append(time.perf_counter() - began)
        made.append(found.poses.rotations)
    return np.stack(made), float(np.median(seconds))


def _verdict(drawn: tuple[float, np.ndarray], spread_out: tuple[float, np.ndarray]) -> dict[str, str | float]:
    """How much higher the APD is, what becomes of the precision of the sets (S,), whether the claim holds."""
    rise = spread_out[0] / drawn[0] - 1
    change = spread_out[1] - drawn[1]
    error = float(np.std(change, ddof=1) / np.sqrt(len(change)))
    lost = LOSS * drawn[1].mean()
    if rise < RISE or change.mean() + 2 * error < -lost:
        claim = "does not hold"
    else:
        claim = "holds" if change.mean() - 2 * error > -lost else "not told apart"
    return {
        "apd_rise": rise,
        "precision_change": float(change.mean()),
        "precision_change_error": error,
        "claim": claim,
    }
