# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting networks and DiffPose as methods of ``evaluation.lifting``, and clips to lift.

A method's first answer is what it would give a user: a lifter's own, or the mean of DiffPose's
draws, which follow as further hypotheses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from contrapposto.arrays import to_numpy
from contrapposto.evaluation.filmed import film
from contrapposto.evaluation.lift_cases import Method
from contrapposto.evaluation.virtual import DetectorNoise
from contrapposto.files.mocap import read_split
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.sight import Seen, Sight
from contrapposto.motion import Pose
from contrapposto.priors.diffpose import POSES, STEPS, DiffPose
from contrapposto.priors.diffpose_released import ReleasedDiffPose
from contrapposto.priors.lifter import Lifter
from contrapposto.priors.motion import FPS
from contrapposto.priors.sequence_lifter import SequenceLifter
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.lift import lift
from contrapposto.training.windows import Windows

CLIPS, CLIP_FRAMES = 24, 243
"""Clips of a split that sequences are measured on, and their frames, at 30 a second."""


def lifted_by(lifter: Lifter | SequenceLifter) -> Method:
    """The lifter's answer; of one over time, the frames are one clip."""

    def method(seen: Seen) -> np.ndarray:
        return lift(seen, lifter).positions[None, :, :NUM_JOINTS]

    return method


def refined_by(
    prior: DiffPose,
    lifter: Lifter | SequenceLifter,
    *,
    poses: int = POSES,
    steps: int = STEPS,
    balanced: bool = True,
    fitted: bool = False,
    seed: int = 0,
) -> Method:
    """The mean of DiffPose's draws, and the draws, on the lifter's answer."""

    def method(seen: Seen) -> np.ndarray:
        found = lift(
            seen, lifter, prior, seed=seed, poses=poses, steps=steps, balanced=balanced, fitted=fitted
        )
        return np.concatenate([found.positions[None], found.hypotheses])[:, :, :NUM_JOINTS]

    return method


def refined_as_released(prior: ReleasedDiffPose, lifter: Lifter) -> Method:
    """What the released DiffPose makes of the lifter's answer."""

    def method(seen: Seen) -> np.ndarray:
        sight = Sight.of(seen)
        moved = sight.on(lifter.mean)
        found = to_numpy(prior.refine(moved, lifter.estimate(moved))).astype(np.float64)
        return sight.to_camera(found)[None, :, :NUM_JOINTS]

    return method


def clips_of(data: Path, split: str, count: int = CLIPS, frames: int = CLIP_FRAMES) -> list[Pose]:
    """So many clips of a split, spread evenly over its motion.

    Raises:
        ValueError: if the data is missing, or has no clip so long.
    """
    windows = Windows.of(read_split(data, split), frames, speeds=(1.0,), stride=frames)
    chosen = windows.start[np.unique(np.linspace(0, len(windows) - 1, count).astype(int))]
    rows = (slice(first, first + frames) for first in chosen)
    return [Pose(windows.rotations[row].astype(float), windows.place[row].astype(float)) for row in rows]


def filmed(
    clips: list[Pose], noise: DetectorNoise, name: str, seed: int
) -> Iterator[tuple[Seen, np.ndarray]]:
    """Each clip as a camera of its own sees it, and its true joints (T, 22, 3) in that camera's axes.

    Args:
        clips: from ``clips_of``.
        noise: the detector's.
        name: of the set of points.
        seed: of cameras and detectors.
    """
    body = Body.standard(SETS[name])
    for number, clip in enumerate(clips):
        rng = np.random.default_rng((seed, number))
        seen, positions = film(clip.rotations, clip.transl, body, noise, FPS, rng)
        yield seen, positions[:, :NUM_JOINTS]
