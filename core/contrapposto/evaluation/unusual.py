# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses out of the data, half of them hidden: are they completed, or dragged to standing?

The hidden joints' error beside baselines, and how far they were dragged. With everything known of
the other half, the truth ``t`` and the standing mean pose ``s`` place the hidden joints at two
points of a space; a completion ``c`` lies ``dragged = <c - t, s - t> / |s - t|^2`` of the way from
one to the other: 0 is not at all, 1 is standing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrapposto.evaluation.baselines import Gaussian, nearest
from contrapposto.evaluation.metrics import joint_errors_mm
from contrapposto.evaluation.poses import TRAIN_STRIDE, poses_of
from contrapposto.evaluation.unusual_poses import POSES, unusual_pose
from contrapposto.files.mocap import read_split
from contrapposto.motion import Pose
from contrapposto.observations import Known
from contrapposto.priors.pose import PosePrior
from contrapposto.rotation import project
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.complete import complete_pose

HYPOTHESES = 8

TOO_NEAR_MM = 100.0
"""Hidden joints that stand nearer than this to those of the standing pose cannot be dragged to it."""

_LEG = ("hip", "knee", "ankle", "foot")
_ARM = ("collar", "shoulder", "elbow", "wrist")

_LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in _LEG)

HIDDEN = {
    "left_arm_right_leg": (*(f"left_{part}" for part in _ARM), *(f"right_{part}" for part in _LEG)),
    "legs": _LEGS,
    "legs_on_the_ground": _LEGS,
    "arms_spine_head": (
        "spine1", "spine2", "spine3", "neck", "head",
        *(f"{side}_{part}" for side in ("left", "right") for part in _ARM),
    ),
}  # fmt: skip
"""Halves of a body; the pelvis, and so which way is down, is always known."""

ON_THE_GROUND = ("legs_on_the_ground",)
"""Where the height of the pelvis is known, too, and feet are kept on the floor, as with keyed hips."""

FLESH = 0.03
"""Metres between the lowest joint of a pose and the ground that it touches."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One pose with one half hidden, and what became of it.

    Attributes:
        name, half: of ``POSES`` and ``HIDDEN``.
        hidden: (22,) bool.
        truth: (22, 3, 3).
        found: (N, 22, 3, 3) completions by method; ``contrapposto`` in the order of its ranking,
            ``most_natural`` the one of them with the lowest energy, near the current pose or not.
    """

    name: str
    half: str
    hidden: np.ndarray
    truth: np.ndarray
    found: dict[str, np.ndarray]

    @property
    def moving(self) -> np.ndarray:
        """(22,) bool, joints that move when a hidden one turns."""
        below = DESCENDANTS & ~np.eye(NUM_JOINTS, dtype=bool)
        return np.any(below[self.hidden], axis=0)

    def errors_mm(self, method: str) -> np.ndarray:
        """(N,) mean position error of the moving joints."""
        there = forward_kinematics(self.truth)[1][self.moving]
        return joint_errors_mm(forward_kinematics(self.found[method])[1][:, self.moving], there).mean(axis=-1)

    def dragged(self, method: str) -> np.ndarray | None:
        """(N,) how far towards standing, see the module; None where the truth hardly differs from it."""
        there, standing = (
            forward_kinematics(R)[1][self.moving] for R in (self.truth, self.found["mean_pose"][0])
        )
        if joint_errors_mm(standing, there).mean() < TOO_NEAR_MM:
            return None
        way = standing - there
        came = forward_kinematics(self.found[method])[1][:, self.moving] - there
        return np.sum(came * way, axis=(-2, -1)) / np.sum(way * way)


def trials(data: Path, prior: PosePrior, *, seed: int = 0) -> Iterator[Trial]:
    """Complete every pose with every half hidden, by our method and the baselines.

    The pose to complete has its hidden joints in the standing mean pose, as an animator's
    character has them in rest: what is not known must not show.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    train = poses_of(read_split(data, "train"), TRAIN_STRIDE)
    standing = project(train.astype(np.float64).mean(axis=0))
    nothing = np.zeros((len(train), 0))
    gaussian = Gaussian(train, nothing)
    for name in POSES:
        truth = unusual_pose(name)
        for half, joints in HIDDEN.items():
            hidden = np.zeros(NUM_JOINTS, dtype=bool)
            hidden[[JOINT_INDEX[joint] for joint in joints]] = True
            begun = np.where(hidden[:, None, None], standing, truth)
            grounded = half in ON_THE_GROUND
            height = FLESH - forward_kinematics(truth)[1][:, 1].min() if grounded else 1.0
            ours = complete_pose(
                Pose(begun, np.array([0.0, height, 0.0])),
                Known(~hidden, height_known=grounded),
                keep_feet_on_floor=grounded,
                hypotheses=HYPOTHESES,
                seed=seed,
                prior=prior,
            )
            features, seen = (R[:, ~hidden].reshape(len(R), -1) for R in (train, truth[None]))
            near = nearest(features, train, seen, HYPOTHESES)[:, 0].astype(np.float64)
            near[:, ~hidden] = truth[~hidden]
            mean, samples = gaussian.conditional(
                truth[None], hidden, np.zeros((1, 0)), HYPOTHESES, np.random.default_rng(seed)
            )
            found = {
                "contrapposto": ours.poses.rotations,
                "most_natural": ours.poses.rotations[[int(np.argmin(ours.energy))]],
                "nearest": near,
                "gaussian": samples[:, 0],
                "gaussian_mean": mean,
                "mean_pose": begun[None],
            }
            yield Trial(name, half, hidden, truth, found)


def evaluate(
    data: Path,
    prior: PosePrior,
    *,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a pose and half, then one a half with the means of all poses.

    Columns: error of the hidden half in mm of our first, most natural and best of ``HYPOTHESES``, of
    the best of as many of the nearest training poses and of Gaussian samples, of the Gaussian's mean,
    of the standing mean pose; how far ours and the Gaussian's mean were dragged to standing.
    """
    tell(f"reading {data}")
    rows = []
    for trial in trials(data, prior, seed=seed):
        tell(f"{trial.name}, {trial.half} hidden")
        errors = {method: trial.errors_mm(method) for method in trial.found}
        best = int(np.argmin(errors["contrapposto"]))
        dragged, of_natural, of_gaussian = (
            trial.dragged(method) for method in ("contrapposto", "most_natural", "gaussian_mean")
        )
        numbers = {
            "first_mm": float(errors["contrapposto"][0]),
            "most_natural_mm": float(errors["most_natural"][0]),
            "best_mm": float(errors["contrapposto"][best]),
            "nearest_best_mm": float(errors["nearest"].min()),
            "gaussian_best_mm": float(errors["gaussian"].min()),
            "gaussian_mean_mm": float(errors["gaussian_mean"][0]),
            "mean_pose_mm": float(errors["mean_pose"][0]),
            "first_dragged": None if dragged is None else float(dragged[0]),
            "most_natural_dragged": None if of_natural is None else float(of_natural[0]),
            "best_dragged": None if dragged is None else float(dragged[best]),
            "gaussian_mean_dragged": None if of_gaussian is None else float(of_gaussian[0]),
        }
        rows.append((trial.half, numbers))
        yield _record(trial.name, trial.half, numbers)
    for half in HIDDEN:
        of_half = [numbers for name, numbers in rows if name == half]
        means = {}
        for column in of_half[0]:
            values = [numbers[column] for numbers in of_half]
            means[column] = float(np.mean([value for value in values if value is not None]))
        yield _record("mean", half, means)


def _record(name: str, half: str, numbers: dict[str, float | None]) -> dict[str, str | float | int]:
    shown = {column: "" if value is None else value for column, value in numbers.items()}
    return {"task": "unusual", "case": name, "hidden": half, **shown, "hypotheses": HYPOTHESES}
