# SPDX-License-Identifier: GPL-3.0-or-later
"""The inverse kinematics protocol: joints are given as places, find the rotations.

Three sets of HuProSO3 (left leg; left arm and hand; right shoulder and upper arm
hidden, all other joints placed), the five points of ProtoRes (chest, hands, feet),
all joints, and all joints with noise. Positions are relative to the pelvis, whose
rotation is given except in ``five_points_tilt``, where only its heading is.

Every method ends in the same damped least squares, so that target errors are alike and
what remains is where a method puts the joints that no target holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation import homing
from contrapposto.evaluation.baselines import Gaussian, nearest
from contrapposto.evaluation.metrics import joint_errors_mm, mgeo_rad
from contrapposto.evaluation.poses import TEST_STRIDE, TRAIN_STRIDE, poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.priors.pose import Condition, PosePrior
from contrapposto.rotation import project
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.alternatives import alternatives
from contrapposto.tasks.ranking import energy, rank

HYPOTHESES = 10
POSES = 200
QUICK_POSES = 24
NOISE = 0.02
"""Metres, standard deviation of each coordinate of a noisy target."""

ROUNDS = 3
"""How often damped least squares is run in a row: from far away, once is not always enough."""

CHUNK = 100


@dataclass(frozen=True)
class Case:
    """One way to place joints.

    Attributes:
        name: as it stands in the table.
        placed: joints whose position is given.
        pelvis_known: whether the pelvis' rotation is given; if not, its heading is.
        noise: standard deviation of the given positions, metres.
    """

    name: str
    placed: tuple[int, ...]
    pelvis_known: bool = True
    noise: float = 0.0

    @property
    def free(self) -> np.ndarray:
        """(22,) bool, joints whose rotation is to be found."""
        return ~(self.pelvis_known & (np.arange(NUM_JOINTS) == 0))

    @property
    def unseen(self) -> np.ndarray:
        """(22,) bool, joints whose position is neither given nor follows from the pelvis."""
        moving = np.array((DESCENDANTS & ~np.eye(NUM_JOINTS, dtype=bool))[self.free].any(axis=0))
        moving[JOINT_INDEX["spine1"]] = False  # lies on the pelvis
        return moving & ~np.isin(np.arange(NUM_JOINTS), self.placed)


def _hiding(name: str, *joints: str) -> Case:
    hidden = [JOINT_INDEX[joint] for joint in ("pelvis", *joints)]
    return Case(name, tuple(joint for joint in range(NUM_JOINTS) if joint not in hidden))


FIVE = tuple(
    JOINT_INDEX[joint] for joint in ("spine3", "left_wrist", "right_wrist", "left_ankle", "right_ankle")
)
ALL = tuple(range(1, NUM_JOINTS))
CASES = (
    _hiding("left_leg", "left_hip", "left_knee", "left_ankle", "left_foot"),
    _hiding("left_arm_hand", "left_shoulder", "left_elbow", "left_wrist"),
    _hiding("right_shoulder_upper_arm", "right_shoulder", "right_elbow"),
    Case("five_points", FIVE),
    Case("five_points_tilt", FIVE, pelvis_known=False),
    Case("all_joints", ALL),
    Case("all_joints_noisy", ALL, noise=NOISE),
)


@dataclass(frozen=True, eq=False)
class Problem:
    """What B poses give away of themselves.

    Attributes:
        case: how.
        pelvis: (B, 3, 3) the pelvis' rotation without heading; identity if not known.
        positions: (B, 22, 3) joint positions relative to the pelvis, NaN where not given.
    """

    case: Case
    pelvis: np.ndarray
    positions: np.ndarray

    @classmethod
    def of(cls, case: Case, rotations: np.ndarray, rng: np.random.Generator) -> Problem:
        """The problem that true poses (B, 22, 3, 3) pose."""
        _, positions = forward_kinematics(rotations.astype(np.float64))
        noisy = positions + case.noise * rng.standard_normal(positions.shape)
        given = np.where(np.isin(np.arange(NUM_JOINTS), case.placed)[:, None], noisy, np.nan)
        pelvis = rotations[:, 0] if case.pelvis_known else np.tile(np.eye(3), (len(rotations), 1, 1))
        return cls(case, pelvis.astype(np.float64), given)

    def __len__(self) -> int:
        return len(self.pelvis)

    def part(self, rows: slice) -> Problem:
        """The problem of some of the poses."""
        return Problem(self.case, self.pelvis[rows], self.positions[rows])

    @property
    def targets(self) -> np.ndarray:
        """(B, K, 3) the given positions, in the order of ``case.placed``."""
        return self.positions[:, list(self.case.placed)]

    @property
    def features(self) -> np.ndarray:
        """(B, F) all that is given, a row a pose."""
        return self._row(self.pelvis, self.targets)

    def _row(self, pelvis: np.ndarray, targets: np.ndarray) -> np.ndarray:
        parts = [targets.reshape(len(targets), -1)]
        if self.case.pelvis_known:
            parts.append(pelvis.reshape(len(pelvis), -1))
        return np.concatenate(parts, axis=1)

    def features_of(self, rotations: np.ndarray) -> np.ndarray:
        """(N, F) what other poses (N, 22, 3, 3) would give, without noise."""
        _, positions = forward_kinematics(rotations)
        return self._row(rotations[:, 0], positions[:, list(self.case.placed)])


Method = Callable[[Problem, np.random.Generator], np.ndarray]
"""Finds (N, B, 22, 3, 3) local rotations, N hypotheses of each pose, the best first."""


def bring_home(problem: Problem, rotations: np.ndarray) -> np.ndarray:
    """Poses (N, B, 22, 3, 3) with their placed joints where they belong, by damped least squares."""
    start = np.array(rotations, dtype=np.float64)
    if problem.case.pelvis_known:
        start[:, :, 0] = problem.pelvis
    return homing.bring_home(start, problem.case.free, problem.case.placed, problem.targets, rounds=ROUNDS)


def from_prior(prior: PosePrior, hypotheses: int) -> Method:
    """The conditional prior told the placed joints, then damped least squares: Complete Pose's way.

    Ranked as Complete Pose does, there being no current pose.
    """

    def solve(problem: Problem, rng: np.random.Generator) -> np.ndarray:
        seed = int(rng.integers(2**31))
        found = []
        for first in range(0, len(problem), CHUNK):
            part = problem.part(slice(first, first + CHUNK))
            rotations = np.tile(np.eye(3), (len(part), NUM_JOINTS, 1, 1))
            rotations[:, 0] = part.pelvis
            condition = Condition(
                rotations,
                np.broadcast_to(~part.case.free, (len(part), NUM_JOINTS)),
                np.full(len(part), np.nan),
                part.positions,
                np.full_like(rotations, np.nan),
            )
            drawn = alternatives(
                prior,
                condition.on(prior.mean),
                hypotheses,
                seed=seed + first,
                bring_home=partial(
                    homing.approaching,
                    free=part.case.free,
                    placement=homing.placed_in(part.case.placed, part.targets),
                ),
            )
            home = bring_home(part, to_numpy(drawn))
            energies = to_numpy(energy(prior, like(home, prior.mean)))
            ranks = np.stack([rank(home[:, b], energies[:, b]) for b in range(len(part))], axis=1)
            order = np.argsort(ranks, axis=0, kind="stable")
            found.append(np.take_along_axis(home, order[:, :, None, None, None], axis=0))
        return np.concatenate(found, axis=1)

    return solve


def from_pose(start: np.ndarray) -> Method:
    """Damped least squares started from one pose (22, 3, 3)."""

    def solve(problem: Problem, _: np.random.Generator) -> np.ndarray:
        return bring_home(problem, np.broadcast_to(start, (1, len(problem), *start.shape)))

    return solve


def from_nearest(train: np.ndarray) -> Method:
    """Damped least squares started from the training poses that fit best."""

    def solve(problem: Problem, _: np.random.Generator) -> np.ndarray:
        found = nearest(problem.features_of(train), train, problem.features, HYPOTHESES)
        return bring_home(problem, found)

    return solve


def from_gaussian(train: np.ndarray) -> Method:
    """Damped least squares started from the mean of a Gaussian over rotations and given places."""

    def solve(problem: Problem, rng: np.random.Generator) -> np.ndarray:
        places = problem.features_of(train)[:, : 3 * len(problem.case.placed)]
        noisy = places + problem.case.noise * rng.standard_normal(places.shape)
        rotations = np.tile(np.eye(3), (len(problem), NUM_JOINTS, 1, 1))
        rotations[:, 0] = problem.pelvis
        given = problem.targets.reshape(len(problem), -1)
        mean, _ = Gaussian(train, noisy).conditional(rotations, problem.case.free, given, 1, rng)
        return bring_home(problem, mean[None])

    return solve


def mean_rotations(rotations: np.ndarray) -> np.ndarray:
    """(..., 3, 3) chordal mean of rotations (N, ..., 3, 3) over the first dimension."""
    return project(rotations.astype(np.float64).mean(axis=0))


def score(problem: Problem, found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Errors of a method's answer.

    Args:
        problem: as it was posed.
        found: (N, B, 22, 3, 3), the best first.
        true: (B, 22, 3, 3).

    Returns:
        ``unseen_mpjpe_*_mm`` over the joints that no target holds (left out if there
        are none): of the first hypothesis, of the best and of the average of the N, of
        the mean pose of the N. ``mpjpe_mm`` over the 21 body joints, ``mgeo_rad`` over
        their rotations: of the first, and of the mean pose (HuProSO3's "10").
        ``target_mm``: mean distance of the first hypothesis to what was asked for.
    """
    _, there = forward_kinematics(true.astype(np.float64))
    positions = np.stack([forward_kinematics(one.astype(np.float64))[1] for one in found])
    errors = joint_errors_mm(positions, there)  # (N, B, 22)
    mean_pose = mean_rotations(found)
    _, mean_positions = forward_kinematics(mean_pose)
    of_mean = joint_errors_mm(mean_positions, there)
    record: dict[str, float] = {}
    unseen = problem.case.unseen
    if unseen.any():
        per_pose = errors[:, :, unseen].mean(axis=-1)
        record |= {
            "unseen_mpjpe_mm": float(per_pose[0].mean()),
            "unseen_mpjpe_min_mm": float(per_pose.min(axis=0).mean()),
            "unseen_mpjpe_mean_mm": float(per_pose.mean()),
            "unseen_mpjpe_of_mean_mm": float(of_mean[:, unseen].mean()),
        }
    targets = joint_errors_mm(positions[0][:, list(problem.case.placed)], problem.targets)
    return record | {
        "mpjpe_mm": float(errors[0, :, 1:].mean()),
        "mpjpe_of_mean_mm": float(of_mean[:, 1:].mean()),
        "mgeo_rad": float(mgeo_rad(found[0].astype(np.float64), true.astype(np.float64)).mean()),
        "mgeo_of_mean_rad": float(mgeo_rad(mean_pose, true.astype(np.float64)).mean()),
        "target_mm": float(targets.mean()),
    }


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
    poses: int | None = None,
    cases: Sequence[Case] = CASES,
    methods: Mapping[str, Method] | None = None,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: the split whose poses are sought; baselines look at ``train``.
        prior: what ``contrapposto`` runs, on NumPy or torch.
        quick: ``QUICK_POSES`` poses instead of ``POSES``.
        seed: of the noise and of all samples.
        tell: receives a line on what is being done.
        poses: how many, evenly taken from every 10th good frame.
        cases: which of the protocol's.
        methods: further rows, by name; scored as they answer, no ``bring_home`` added.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    tell(f"reading {data}")
    test = poses_of(read_split(data, split), TEST_STRIDE)
    test = spread_evenly(test, poses or (QUICK_POSES if quick else POSES))
    count = len(test)
    train = poses_of(read_split(data, "train"), TRAIN_STRIDE)
    rows: dict[str, Method] = {
        "contrapposto": from_prior(prior, HYPOTHESES),
        "contrapposto_one": from_prior(prior, 1),
        "dls_rest": from_pose(np.tile(np.eye(3), (NUM_JOINTS, 1, 1))),
        "dls_mean": from_pose(mean_rotations(train)),
        "nearest": from_nearest(train),
        "gaussian_mean": from_gaussian(train),
        **(methods or {}),
    }
    for case in cases:
        tell(f"{case.name}: {count} poses")
        problem = Problem.of(case, test, np.random.default_rng(seed))
        for method, solve in rows.items():
            began = time.perf_counter()
            found = solve(problem, np.random.default_rng(seed + 1))
            seconds = time.perf_counter() - began
            yield {
                "task": "ik",
                "case": case.name,
                "method": method,
                **score(problem, found, test),
                "hypotheses": len(found),
                "poses": count,
                "seconds": seconds,
            }
