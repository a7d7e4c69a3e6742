# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifting without a network for it: the mean pose, the nearest one, and a body fitted with the pose prior."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation.ik import mean_rotations
from contrapposto.evaluation.lift_cases import CASES, Method, look
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.robust import OUTLIER, PIXELS
from contrapposto.keypoints.sight import Seen
from contrapposto.motion import Pose
from contrapposto.priors.pose import Condition, PosePrior
from contrapposto.rotation import from_rotvec, geodesic_angle, split_heading, transpose
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.fit_points import fit_points, in_views
from contrapposto.tasks.reach import mobility

VIEWS = 6
"""Cameras that each training pose is seen by, for the nearest one."""

HEADINGS = 4
"""Ways that a body may face where a fit begins; the one that fits best is kept."""

TIMES = (0.4, 0.25, 0.15)
"""Noise at which the prior is asked before each round of a fit but the first."""
LOOSENESS = (0.6, 0.4, 0.2, 0.1)
"""How far a fit may go from where it begins, radians, in each round."""
STEPS = 8


def spread(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Known points about their middle and of unit size, their middle, and their size.

    Args:
        points: (B, J, D).
        known: (B, J) bool, at least one each.

    Returns:
        (B, J, D), 0 where unknown; (B, D); (B,), root mean square distance.
    """
    count = known.sum(axis=1)[:, None]
    middle = np.where(known[..., None], points, 0).sum(axis=1) / np.maximum(count, 1)
    about = np.where(known[..., None], points - middle[:, None], 0)
    size = np.sqrt(np.sum(about**2, axis=(1, 2)) / np.maximum(count[:, 0], 1))
    return about / np.maximum(size, 1e-9)[:, None, None], middle, size


def mean_pose(train: np.ndarray) -> Method:
    """The mean training pose, facing the camera."""
    _, joints = forward_kinematics(mean_rotations(train))

    def lift(seen: Seen) -> np.ndarray:
        turn = seen.cameras.rotation @ _facing(seen.cameras, 0.0)
        return (joints @ transpose(turn))[None]

    return lift


def nearest_pose(train: np.ndarray, name: str, rng: np.random.Generator) -> Method:
    """The training pose whose joints in the image are nearest, of those that virtual cameras see."""
    many = np.tile(train, (VIEWS, 1, 1, 1))
    known_poses, there, _ = look(many, CASES["clean"], name, rng)
    stored, stored_known = known_poses.joints()

    def lift(seen: Seen) -> np.ndarray:
        found = []
        for one, known in zip(*seen.joints(), strict=True):
            both = stored_known & known  # what is missing here is left out there, too
            wanted = np.where(both[..., None], one, 0)
            apart = spread(stored, both)[0] - spread(wanted, both)[0]
            found.append(int(np.argmin(np.sum(apart**2, axis=(1, 2)))))
        return there[found][None]

    return lift


def fitted(prior: PosePrior, train: np.ndarray) -> Method:
    """The standard body fitted to the points, each round near what the pose prior makes of the last.

    It begins as the mean pose, at the distance that its size in the image tells, facing four ways.
    """
    mean = mean_rotations(train)

    def lift(seen: Seen) -> np.ndarray:
        B = len(seen.points)
        body = Body.standard(seen.names)
        best, least = np.zeros((B, NUM_JOINTS, 3)), np.full(B, np.inf)
        place = _distance(seen, mean)
        observe = in_views(seen.cameras[None], seen.points[None], seen.confidence[None])
        for heading in np.arange(HEADINGS) * 2 * np.pi / HEADINGS:
            home = np.tile(mean, (B, 1, 1, 1))
            home[:, 0] = _facing(seen.cameras, heading) @ home[:, 0]
            pose = Pose(home, place)
            for t, looseness in zip((None, *TIMES), LOOSENESS, strict=True):
                home = pose.rotations if t is None else _expected(prior, pose.rotations, t)
                pose = fit_points(
                    body, observe, Pose(home, pose.transl), home, looseness=looseness, steps=STEPS
                )
            _, joints = forward_kinematics(pose.rotations)
            cost = _cost(seen, body, pose, home)
            best[cost < least] = (joints @ transpose(seen.cameras.rotation))[cost < least]
            least = np.minimum(cost, least)
        return best[None]

    return lift


def _facing(cameras: Camera, heading: float) -> np.ndarray:
    """(B, 3, 3) world turns of upright bodies that face their cameras, turned by a heading."""
    forward = -cameras.rotation[:, 2]
    angle = np.arctan2(forward[:, 0], forward[:, 2]) + heading
    return from_rotvec(np.stack([0 * angle, angle, 0 * angle], axis=-1))


def _cost(seen: Seen, body: Body, pose: Pose, home: np.ndarray) -> np.ndarray:
    """(B,) how far poses are from what was seen, and from ``home``, in units of what is expected."""
    world, joints = forward_kinematics(pose.rotations)
    pixels = seen.cameras.project(body.points(world, joints + pose.transl[:, None]))
    off = np.linalg.norm(pixels - seen.points, axis=-1) / seen.cameras.size.max(axis=-1)[:, None]
    off = np.where(seen.confidence > 0, np.nan_to_num(off, nan=OUTLIER), 0)
    off = np.minimum(off, OUTLIER) / PIXELS
    turn = geodesic_angle(pose.rotations, home)[:, 1:] / (LOOSENESS[-1] * np.sqrt(mobility()[1:]))
    return np.sum(off**2, axis=1) + np.sum(turn**2, axis=1)


def _distance(seen: Seen, mean: np.ndarray) -> np.ndarray:
    """(B, 3) where the pelvis is in the world, about: as far away as a mean pose of the size in the image."""
    joints, known = seen.joints()
    _, middle, pixels = spread(joints, known)
    _, standing = forward_kinematics(mean)
    _, above, metres = spread(np.broadcast_to(standing, (len(joints), NUM_JOINTS, 3)), known)
    depth = seen.cameras.intrinsics[:, 0, 0] * metres / np.maximum(pixels, 1.0)
    ahead = np.concatenate([middle, np.ones((len(middle), 1))], axis=1)[..., None]
    ray = transpose(seen.cameras.rotation) @ np.linalg.solve(seen.cameras.intrinsics, ahead)
    return ray[..., 0] * depth[:, None] + seen.cameras.centre - above * [0, 1, 0]


def _expected(prior: PosePrior, rotations: np.ndarray, t: float) -> np.ndarray:
    """The poses (B, 22, 3, 3) that the prior expects behind others that are noisy to time ``t``."""
    heading, upright = split_heading(rotations[:, 0])
    there = rotations.copy()
    there[:, 0] = upright
    state = prior.encode(like(there, prior.mean))
    nothing = Condition.of(like(there, prior.mean), like(np.zeros(there.shape[:2]), prior.mean) > 0)
    x0hat = prior.denoiser(nothing)(float(prior.schedule.a(t)) * state, t)
    found = to_numpy(prior.decode(x0hat)).astype(np.float64)
    found[:, 0] = heading @ found[:, 0]
    return found
