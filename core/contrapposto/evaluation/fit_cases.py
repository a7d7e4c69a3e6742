# SPDX-License-Identifier: GPL-3.0-or-later
"""What fitting is measured on: images and clips in front of virtual cameras, and where fits begin.

Every clip has four cameras of its own; one, two or all of them are told. A *good* start is the truth
with every joint turned by a few degrees, a *bad* one the mean pose where the person is, facing as
they do. The *found* one is what the task makes by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation.virtual import DetectorNoise, cameras_around, detect
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.sets import SETS
from contrapposto.motion import Pose
from contrapposto.priors.motion import FPS
from contrapposto.priors.pose import STATE, PosePrior
from contrapposto.rotation import from_rotvec, split_heading
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.fit_points import mobility
from contrapposto.tasks.fit_start import FEWEST_FRAMES, Start

POINTS = "body_25b"
"""The set of points that are told: with feet, as OpenPose and Halpe have them."""

VIEWS = 4

GOOD_RAD, GOOD_METRES = 0.08, 0.05
"""By which a good start is off: deviation of a mobile joint's turn, and of the place."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A person whom cameras saw, and how they moved.

    Attributes:
        case: its name.
        footage: what was seen of T frames.
        truth: the true T poses of the standard body, None where no one knows.
        fps: frames a second.
    """

    case: str
    footage: Footage
    truth: Pose | None
    fps: float = FPS

    @property
    def pose(self) -> Pose:
        """The true poses.

        Raises:
            ValueError: if no one knows them.
        """
        if self.truth is None:
            raise ValueError(f"No one knows how the person of {self.case} moved")
        return self.truth

    def views(self, count: int) -> Scene:
        """The same with the first cameras only."""
        f = self.footage
        fewer = replace(
            f, cameras=f.cameras[:count], points=f.points[:count], confidence=f.confidence[:count]
        )
        return replace(self, case=f"{self.case}_{count}", footage=fewer)

    @property
    def is_still(self) -> bool:
        """Whether its frames are images that have nothing to do with each other."""
        return self.footage.points.shape[1] < FEWEST_FRAMES

    def images(self, frames: list[int]) -> Scene:
        """Some frames of the first camera, as images."""
        f = self.footage
        one = replace(
            f, cameras=f.cameras[:1], points=f.points[:1, frames], confidence=f.confidence[:1, frames]
        )
        return replace(self, case="image", footage=one, truth=self.pose[np.array(frames)])


def scene(rotations: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> Scene:
    """A clip (T, 22, 3, 3) and (T, 3) at ``FPS``, seen by four cameras with a detector's noise."""
    R, place = rotations.astype(np.float64), place.astype(np.float64)
    world, joints = forward_kinematics(R)
    body = Body.standard(SETS[POINTS])
    cameras = cameras_around(np.tile(place.mean(axis=0), (VIEWS, 1)), rng)
    seen = [
        detect(
            cameras[np.full(len(R), view)], body, world, joints + place[:, None], rng,
            noise=DetectorNoise(), fps=FPS,
        )
        for view in range(VIEWS)
    ]  # fmt: skip
    points, confidence = (np.stack(values) for values in zip(*seen, strict=True))
    return Scene("clip", Footage((), cameras, POINTS, SETS[POINTS], points, confidence), Pose(R, place))


def starts(one: Scene, prior: PosePrior, rng: np.random.Generator) -> Iterator[tuple[str, Start]]:
    """A good and a bad start, by name."""
    body, T = Body.standard(one.footage.names), len(one.pose.transl)
    turn = GOOD_RAD * np.sqrt(mobility())[:, None] * rng.standard_normal((T, NUM_JOINTS, 3))
    place = one.pose.transl + GOOD_METRES * rng.standard_normal((T, 3))
    yield "good", Start(body, Pose(from_rotvec(turn) @ one.pose.rotations, place))
    mean = to_numpy(prior.decode(like(np.zeros(STATE), prior.mean))).astype(np.float64)
    rotations = np.tile(mean, (T, 1, 1, 1))
    rotations[:, 0] = split_heading(one.pose.rotations[:, 0])[0] @ mean[0]
    yield "bad", Start(body, Pose(rotations, place))
