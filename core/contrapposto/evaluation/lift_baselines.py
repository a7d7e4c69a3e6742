# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifting without a network for it: the mean pose, the nearest one, and a body fitted with the pose prior."""

from __future__ import annotations

import numpy as np

from contrapposto.evaluation.ik import mean_rotations
from contrapposto.evaluation.lift_cases import CASES, Method, look
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sight import Seen
from contrapposto.motion import Pose
from contrapposto.priors.pose import PosePrior
from contrapposto.rotation import geodesic_angle, transpose
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.fit_points import in_views, mobility
from contrapposto.tasks.fit_start import HEADINGS, LOOSENESS, approached, facing, misfit, standing_place

VIEWS = 6
"""Cameras that each training pose is seen by, for the nearest one."""


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
        turn = seen.cameras.rotation @ facing(seen.cameras, 0.0)
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
        views = seen.cameras[None], seen.points[None], seen.confidence[None]
        place, observe = standing_place(*views, seen.names, mean), in_views(*views)
        for heading in np.arange(HEADINGS) * 2 * np.pi / HEADINGS:
            home = np.tile(mean, (B, 1, 1, 1))
            home[:, 0] = facing(seen.cameras, heading) @ home[:, 0]
            pose, home = approached(prior, body, observe, Pose(home, place))
            turn = geodesic_angle(pose.rotations, home)[:, 1:] / (LOOSENESS[-1] * np.sqrt(mobility()[1:]))
            cost = misfit(*views, body, pose) + np.sum(turn**2, axis=1)
            _, joints = forward_kinematics(pose.rotations)
            best[cost < least] = (joints @ transpose(seen.cameras.rotation))[cost < least]
            least = np.minimum(cost, least)
        return best[None]

    return lift
