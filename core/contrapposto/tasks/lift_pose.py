# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift a body out of images: where its joints are, how sure that is, and how they are turned.

1. A lifter and DiffPose say where the joints are, the lifter how sure it is of each.
2. Hips and shoulders tell how the pelvis is turned, the pose prior how the other joints are,
   twists among them, that end where the joints are.
3. From there a body of standard size is turned until its joints are where they were found, the
   less a joint is sure the less.

The distance of the body cannot be seen in an image; positions are about the pelvis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback, dpm_solver
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sight import LIFTED, Seen
from contrapposto.motion import Pose
from contrapposto.priors import pose
from contrapposto.priors.lifting import Lifting, of_images
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.rotation import normalize, split_heading
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS
from contrapposto.tasks.fit_points import fit_points, in_space
from contrapposto.tasks.lift import lift

SURE_METRES = 0.03
"""A joint counts half as much as one that is certain where the poses deviate so much."""

LOOSENESS = 0.25
"""Radians that the pose prior's answer is taken to be off at a mobile joint."""

PRIOR_STEPS = 8


@dataclass(frozen=True, eq=False)
class LiftedPose:
    """Bodies found in images.

    Attributes:
        positions: (B, 23, 3) ``LIFTED`` about the pelvis in the world's axes, metres, of usual size.
        deviation: (B, 23) of each point, metres: the root of its variance in all directions.
        rotations: (B, 22, 3, 3) local rotations of the joints.
    """

    positions: np.ndarray
    deviation: np.ndarray
    rotations: np.ndarray


def lift_pose(
    seen: Seen,
    lifting: Lifting | None = None,
    *,
    seed: int = 0,
    pose_prior: PosePrior | None = None,
    callback: Callback | None = None,
) -> LiftedPose:
    """The bodies that cameras saw.

    Args:
        seen: B bodies, each in its image, or one in each frame of a clip at 30 frames a second.
        lifting: what shipped for images on NumPy if None; ``priors.lifting.of_clips`` for a clip.
        seed: same seed, same answer.
        pose_prior: the shipped one on NumPy if None.
        callback: called with (step, steps) while DiffPose is asked; may raise to stop.

    Returns:
        What was found; where nothing is seen, the middle of all poses, with a deviation that says so.

    Raises:
        WeightsError: if the weights are missing or damaged.
    """
    lifting = of_images() if lifting is None else lifting
    lifted = lift(seen, lifting.lifter, lifting.refine, seed=seed, callback=callback)
    positions, deviation = lifted.positions @ seen.cameras.rotation, np.sqrt(3) * lifted.deviation
    return LiftedPose(positions, deviation, turned(positions, deviation, prior=pose_prior))


def turned(positions: np.ndarray, deviation: np.ndarray, *, prior: PosePrior | None = None) -> np.ndarray:
    """Local rotations (B, 22, 3, 3) of a standard body whose points are where they were found.

    Args:
        positions: (B, 23, 3) ``LIFTED`` about the pelvis, y up, metres.
        deviation: (B, 23) metres.
        prior: the shipped one on NumPy if None.
    """
    prior = pose.load() if prior is None else prior
    home = _expected(prior, positions)
    body = Body.standard(LIFTED)
    weight = SURE_METRES**2 / (SURE_METRES**2 + deviation**2)
    start = Pose(home, np.zeros((len(home), 3)))
    return fit_points(body, in_space(positions, weight), start, home, looseness=LOOSENESS).rotations


def _expected(prior: PosePrior, positions: np.ndarray) -> np.ndarray:
    """What the pose prior makes of joints whose places it is told, without chance; (B, 22, 3, 3)."""
    root = _facing(positions)
    heading, upright = split_heading(root)
    given = np.tile(np.eye(3), (len(root), NUM_JOINTS, 1, 1))
    given[:, 0] = upright
    is_pelvis = np.arange(NUM_JOINTS) == 0
    places = np.where(is_pelvis[:, None], np.nan, positions[:, :NUM_JOINTS] @ heading)
    known = np.tile(is_pelvis, (len(root), 1))
    nowhere = np.full_like(given, np.nan)
    condition = Condition(given, known, np.full(len(root), np.nan), places, nowhere).on(prior.mean)
    x = like(np.zeros((len(root), STATE)), prior.mean)
    x0hat = dpm_solver(prior.denoiser(condition), x, prior.schedule, prior.schedule.ladder(PRIOR_STEPS))
    rotations = to_numpy(prior.decode(x0hat)).astype(np.float64)
    rotations[:, 0] = heading @ upright
    return rotations


def _facing(positions: np.ndarray) -> np.ndarray:
    """(B, 3, 3) how bodies are turned by their hips and shoulders."""
    at = {name: positions[:, JOINT_INDEX[name]] for name in JOINT_INDEX}
    left = normalize(at["left_hip"] - at["right_hip"])
    up = at["left_shoulder"] + at["right_shoulder"] - at["left_hip"] - at["right_hip"]
    forward = normalize(np.cross(left, up))
    return np.stack([left, np.cross(forward, left), forward], axis=-1)
