# SPDX-License-Identifier: GPL-3.0-or-later
"""The naturalness protocol: tell real poses from damaged ones, and say where the damage is.

Real poses of people never trained on, beside the same poses damaged in a known way. For the whole
pose, the area under the ROC curve: the chance that a real pose scores above a damaged one. For the
joints, how often the joint that scores lowest is a damaged one, or next to one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation import damage
from contrapposto.evaluation.poses import TEST_STRIDE, poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.priors import container
from contrapposto.priors import pose as pose_prior
from contrapposto.priors.pose import PosePrior
from contrapposto.rotation import to_rotvec
from contrapposto.skeleton import NUM_JOINTS, PARENTS
from contrapposto.tasks.naturalness import calibrated, naturalness
from contrapposto.tasks.ranking import energy

TRAIN_STRIDE = 4
QUICK_POSES = 150
CHUNK = 256
TIMED = 30

RIDGE = 1e-3
"""Added to the Gaussian's covariance, radians squared: some joints never move."""

CASES: dict[str, Callable[[np.ndarray, np.random.Generator], damage.Damage]] = {
    "bent_joint": damage.bent,
    "swapped_arms": damage.swapped_arms,
    "swapped_legs": damage.swapped_legs,
    "twisted_spine": damage.twisted,
    "noise_40mm": damage.trembling(40.0),
    "noise_20mm": damage.trembling(20.0),
}

Scores = tuple[np.ndarray, np.ndarray | None]
"""Energy of the whole (N,) and of the joints (N, 22), comparable among them, or None where a method
has none; high is unnatural."""


def auc(real: np.ndarray, damaged: np.ndarray) -> float:
    """Chance that a damaged pose has the higher energy of a random pair; ties count half."""
    real = np.sort(real)
    below = np.searchsorted(real, damaged, side="left") + np.searchsorted(real, damaged, side="right")
    return float(np.mean(below / 2) / len(real))


def neighbourhood(joints: np.ndarray) -> np.ndarray:
    """(..., 22) bool: the marked joints with their parents and children."""
    wide = np.array(joints)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            wide[..., joint] |= joints[..., parent]
            wide[..., parent] |= joints[..., joint]
    return wide


class GaussianScore:
    """Baseline: Mahalanobis distance in axis-angle, whole and of each joint given the others."""

    def __init__(self, rotations: np.ndarray) -> None:
        rows = self._rows(rotations)
        self.mean = rows.mean(axis=0)
        self.precision = np.linalg.inv(np.cov(rows.T) + RIDGE * np.eye(rows.shape[1]))
        usual = np.log(self._joints(rows - self.mean) + 1e-9)
        self.usual, self.spread = usual.mean(axis=0), usual.std(axis=0)

    @staticmethod
    def _rows(rotations: np.ndarray) -> np.ndarray:
        return to_rotvec(rotations.astype(np.float64)).reshape(len(rotations), -1)

    def _joints(self, rows: np.ndarray) -> np.ndarray:
        own = self.precision.reshape(NUM_JOINTS, 3, NUM_JOINTS, 3)[range(NUM_JOINTS), :, range(NUM_JOINTS)]
        pull = (rows @ self.precision).reshape(-1, NUM_JOINTS, 3)
        return np.sum(pull * np.linalg.solve(own[None], pull[..., None])[..., 0], axis=-1)

    def __call__(self, rotations: np.ndarray) -> Scores:
        """Squared distances of the whole; of the joints their logs, in standard deviations of real ones."""
        rows = self._rows(rotations) - self.mean
        joints = (np.log(self._joints(rows) + 1e-9) - self.usual) / self.spread
        return np.sum(rows * (rows @ self.precision), axis=-1), joints


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and method, and a record of how real poses score.

    Args:
        data: a motion data folder with ``splits.json``.
        split: whose poses are damaged; the Gaussian is fitted on ``train``.
        prior: calibrated; what ``contrapposto`` runs.
        quick: a fixed subset of ``QUICK_POSES`` poses.
        seed: of the damage.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    tell(f"reading {data}")
    real = poses_of(read_split(data, split), TEST_STRIDE)
    if quick:
        real = spread_evenly(real, QUICK_POSES)
    gaussian = GaussianScore(poses_of(read_split(data, "train"), TRAIN_STRIDE))

    def ours(rotations: np.ndarray) -> Scores:
        found = naturalness(rotations, prior=prior)
        return to_numpy(found.energy), to_numpy(found.joint_energy)

    def dposer(rotations: np.ndarray) -> Scores:
        chunks = [rotations[i : i + CHUNK] for i in range(0, len(rotations), CHUNK)]
        return np.concatenate([to_numpy(energy(prior, like(c, prior.mean))) for c in chunks]), None

    methods: dict[str, Callable[[np.ndarray], Scores]] = {
        "contrapposto": ours,
        "regulariser": dposer,
        "gaussian": gaussian,
    }
    yield _of_real(real, prior)
    of_real = {name: method(real) for name, method in methods.items()}
    for case, make in CASES.items():
        tell(f"{case}: {len(real)} poses")
        damaged = make(real, np.random.default_rng(seed))
        for name, method in methods.items():
            whole, joints = method(damaged.rotations)
            line = float(np.quantile(of_real[name][0], 0.95))
            yield {
                "task": "naturalness",
                "case": case,
                "method": name,
                "auc": auc(of_real[name][0], whole),
                "below_95_percent_of_real": float(np.mean(whole > line)),
                **_found(joints, damaged.joints),
                "poses": len(real),
            }


def _found(joints: np.ndarray | None, touched: np.ndarray) -> dict[str, float | str]:
    """How often the worst joint is a touched one, or beside it; left open where all are."""
    if joints is None or touched.all():
        return {"worst_joint_touched": "", "worst_joint_touched_or_next": ""}
    worst = np.argmax(joints, axis=1)[:, None]
    near = np.take_along_axis(neighbourhood(touched), worst, axis=1)
    return {
        "worst_joint_touched": float(np.mean(np.take_along_axis(touched, worst, axis=1))),
        "worst_joint_touched_or_next": float(np.mean(near)),
    }


def _of_real(real: np.ndarray, prior: PosePrior) -> dict[str, str | float | int]:
    """How real poses score, a median of 50 and 5 % below 5 where the calibration fits; the time of one."""
    found = naturalness(real, prior=prior)
    percentile, joints = to_numpy(found.percentile), to_numpy(found.joints)
    seconds, cpu_seconds = [], []
    for k in range(TIMED):
        began, cpu_began = time.perf_counter(), time.process_time()
        naturalness(real[k % len(real)], prior=prior)
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - cpu_began)
    return {
        "task": "naturalness",
        "case": "real",
        "method": "contrapposto",
        "median_percentile": float(np.median(percentile)),
        "percent_below_5": float(100 * np.mean(percentile < 5)),
        "percent_of_joints_below_5": float(100 * np.mean(joints < 5)),
        "percent_with_a_joint_below_5": float(100 * np.mean((joints < 5).any(axis=-1))),
        "percent_with_a_joint_below_0.5": float(100 * np.mean((joints < 0.5).any(axis=-1))),
        "percent_with_a_joint_below_0.05": float(100 * np.mean((joints < 0.05).any(axis=-1))),
        "one_pose_ms": 1000 * min(seconds),
        "one_pose_cpu_ms": float(1000 * np.median(cpu_seconds)),
        "poses": len(real),
    }


def calibrate_file(weights: Path, data: Path, split: str = "val") -> None:
    """Measure the real poses of a split and store the result in a weights file, beside its weights.

    Raises:
        ValueError: with one sentence, if weights or data are missing or damaged.
    """
    prior = pose_prior.read(weights)
    config, _ = container.load(weights, "pose")
    facts = {name: value for name, value in config.items() if name not in ("width", "blocks")}
    pose_prior.save(calibrated(prior, poses_of(read_split(data, split), TEST_STRIDE)), weights, facts)
