# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift a body out of one image: where its joints are, how sure that is, and how they are turned.

1. GFPose draws poses that the image may show. Their mean is the answer; how they differ says
   how sure it is of each joint.
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
from contrapposto.keypoints.sight import LIFTED, Seen, Sight
from contrapposto.motion import Pose
from contrapposto.priors import gfpose, pose
from contrapposto.priors.gfpose import GFPose
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.rotation import normalize, split_heading
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS
from contrapposto.tasks.fit_points import fit_points, in_space
from contrapposto.tasks.gfpose import estimate, few_steps

HYPOTHESES = 20
"""Poses that are drawn of each image."""

SURE_METRES = 0.03
"""A joint counts half as much as one that is certain where the poses deviate so much."""

LOOSENESS = 0.25
"""Radians that the pose prior's answer is taken to be off at a mobile joint."""

PRIOR_STEPS = 8


@dataclass(frozen=True, eq=False)
class LiftedPose:
    """Bodies found in images.

    Attributes:
        positions: (B, 23, 3) ``LIFTED`` about the pelvis in the world's axes, metres, of standard size.
        deviation: (B, 23) of each point, metres: the root of its variance in all directions.
        hypotheses: (N, B, 23, 3) poses that the images may show, as ``positions``.
        rotations: (B, 22, 3, 3) local rotations of the joints.
    """

    positions: np.ndarray
    deviation: np.ndarray
    hypotheses: np.ndarray
    rotations: np.ndarray


def lift_pose(
    seen: Seen,
    *,
    hypotheses: int = HYPOTHESES,
    seed: int = 0,
    positions_prior: GFPose | None = None,
    pose_prior: PosePrior | None = None,
    callback: Callback | None = None,
) -> LiftedPose:
    """The bodies that cameras saw.

    Args:
        seen: B bodies, each in its image.
        hypotheses: N, at least 2.
        seed: same seed, same answer.
        positions_prior, pose_prior: the shipped ones on NumPy if None.
        callback: called with (step, steps) while GFPose is asked; may raise to stop.

    Returns:
        What was found; where nothing is seen, the middle of all poses, with a deviation that says so.

    Raises:
        ValueError: with one sentence, for fewer than 2 hypotheses.
        WeightsError: if the weights are missing or damaged.
    """
    if hypotheses < 2:
        raise ValueError(f"How sure a pose is shows in at least 2 hypotheses, not {hypotheses}")
    prior = gfpose.load() if positions_prior is None else positions_prior
    sight = Sight.of(seen)
    reference = next(iter(prior.weights.values()))
    rng = np.random.default_rng(seed)
    drawn = estimate(prior, sight.on(reference), hypotheses, rng, few_steps(callback=callback))
    in_camera = sight.to_camera(to_numpy(drawn).astype(np.float64))
    found = in_camera @ seen.cameras.rotation
    positions = found.mean(axis=0)
    deviation = np.sqrt(found.var(axis=0, ddof=1).sum(axis=-1))
    return LiftedPose(positions, deviation, found, turned(positions, deviation, prior=pose_prior))


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
