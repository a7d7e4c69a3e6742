# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's motion from points in space that are noisy, incomplete and on the skin.

1. The body is measured: its lengths are the medians of what the points say.
2. The motion prior is told where the joints are and how noisy that is. It answers with
   rotations, twists and what was not seen among them, of a body that is not quite this one.
3. From there this body is turned until its points are where they were seen (``fit_points``),
   and spots are moved to where the detector marks them on this person; a few times.
4. Rotations and place are smoothed, all alike: what the spine's joints are off by makes up for
   one another, and a filter that told them apart would shake the head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.diffusion.sampler import Callback
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.points import to_joints
from contrapposto.keypoints.sets import sides
from contrapposto.motion import Motion, Pose
from contrapposto.priors.motion import MotionPrior, Observed, load
from contrapposto.rotation import normalize, project
from contrapposto.skeleton import (
    JOINT_INDEX,
    JOINT_NAMES,
    NUM_JOINTS,
    SOLE_BELOW_TOE,
    STANDARD_OFFSETS,
    forward_kinematics,
    leg_length,
)
from contrapposto.tasks.denoise import FPS_RANGE
from contrapposto.tasks.fit_points import fit_points, in_space
from contrapposto.tasks.gaps import DIM_METRES, DIM_RAD, bridged_points, bridged_rotations
from contrapposto.tasks.motion_windows import recover
from contrapposto.tasks.noise import point_noise
from contrapposto.tasks.timeline import Timeline

ROUNDS = 3
"""Fits of the body, between which its spots are moved."""

LOOSENESS = 0.3
"""Radians that the prior's first answer is taken to be off at a mobile joint."""

TRUNK_RAD = 0.1
"""Level of the pelvis' rotation as hips and shoulders show it."""

POINT_METRES = 0.015
"""Noise that joints in space are taken to have at least."""

SMOOTHING_SECONDS = 0.25
"""Over which the motion is smoothed by a parabola.

At 30 and 60 frames a second a swing of 2 Hz keeps 97 % of its size, of 3 Hz 85 to 87, of 4 Hz 61 to 65, of
6 Hz 3 to 4: a fast punch or a shaken hand is flattened.
"""

GROUND_PERCENTILE = 5
"""Of the ankles' heights over the clip: where they are when the feet stand."""

IS_SURE = np.isin(np.array(JOINT_NAMES), sides("hip", "knee", "ankle", "shoulder", "elbow", "wrist"))
"""(22,) bool, joints that detectors mark where SMPL has them, about."""


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """A person's motion.

    Attributes:
        motion: of the same length and frame rate.
        body: as it was measured, with its spots.
        points: (T, K, 3) where the body's points are, metres.
    """

    motion: Motion
    body: Body
    points: np.ndarray


def reconstruct(
    points: np.ndarray,
    weight: np.ndarray,
    names: tuple[str, ...],
    fps: float,
    *,
    prior: MotionPrior | None = None,
    callback: Callback | None = None,
) -> Reconstructed:
    """The motion behind points in space.

    Args:
        points: (T, K, 3) metres, y up; anything where the weight is 0.
        weight: (T, K) 0 to 1, how sure each point is; 0 where unknown.
        names: of the K points, each on a body (see ``body.usable``).
        fps: frames a second.
        prior: the shipped one on NumPy if None.
        callback: called with (step, steps) while the prior is asked; may raise to stop.

    Raises:
        ValueError: with one sentence, for fewer than 2 frames, an odd frame rate, no frame with
            both hips and shoulders, or a body that is no person's.
    """
    low, high = FPS_RANGE
    if not (np.isfinite(fps) and low <= fps <= high):
        raise ValueError(f"The frame rate must be between {low:g} and {high:g}, not {fps}")
    if len(points) < 2:
        raise ValueError("A motion needs at least 2 frames")
    points = np.where((weight > 0)[..., None], points, np.nan)
    body = Body.measured(points, names)
    start, seen = _trunk(body, points)
    line = Timeline(len(points), float(fps))
    told = _on_standard(_of_joints(line, points, weight, names, start, seen), body)
    found = recover(load() if prior is None else prior, told, callback)
    home = line.rotations_from_grid(found.rotations)
    pose, observe = Pose(home, start.transl), in_space(points, weight)
    for _ in range(ROUNDS):
        pose = fit_points(body, observe, pose, home, looseness=LOOSENESS)
        world, positions = forward_kinematics(pose.rotations, body.offsets)
        body = body.with_spots_moved(world, positions + pose.transl[:, None], points, weight)
    pose = Pose(project(smoothed(pose.rotations, fps)), smoothed(pose.transl, fps))
    world, positions = forward_kinematics(pose.rotations, body.offsets)
    return Reconstructed(Motion(pose, fps), body, body.points(world, positions + pose.transl[:, None]))


def smoothed(values: np.ndarray, fps: float) -> np.ndarray:
    """Values (T, ...) at the middle of the parabola that fits best what lies around each.

    Source: Savitzky & Golay 1964; the ends go on as they began, turned about.
    """
    reach = min(round(SMOOTHING_SECONDS * fps / 2), len(values) - 1)
    if reach < 2:
        return values
    kernel = np.linalg.pinv(np.vander(np.arange(-reach, reach + 1), 3))[-1]
    before, after = 2 * values[:1] - values[reach:0:-1], 2 * values[-1:] - values[-2 : -reach - 2 : -1]
    longer = np.concatenate([before, values, after])
    return np.sum([share * longer[i : i + len(values)] for i, share in enumerate(kernel)], axis=0)


def _on_standard(observed: Observed, body: Body) -> Observed:
    """The observation as the prior knows bodies: of standard size, above the floor."""
    scale = leg_length(STANDARD_OFFSETS) / leg_length(body.offsets)
    feet = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    known = np.isfinite(observed.position_level[:, feet])
    heights = (observed.positions[:, feet, 1] + observed.place[:, 1:2])[known]
    standing = STANDARD_OFFSETS[JOINT_INDEX["left_foot"], 1] - SOLE_BELOW_TOE
    ground = np.array([0.0, np.percentile(heights, GROUND_PERCENTILE), 0.0]) if len(heights) else np.zeros(3)
    return replace(
        observed,
        positions=observed.positions * scale,
        position_level=observed.position_level * scale,
        place=(observed.place - ground) * scale - [0.0, standing, 0.0],
        place_level=observed.place_level * scale,
    )


def _trunk(body: Body, points: np.ndarray) -> tuple[Pose, np.ndarray]:
    """The body turned and placed by hips and shoulders, at rest else, and the frames (T,) that show them."""
    at = {name: points[:, body.names.index(name)] for name in body.names}
    left = at["left_hip"] - at["right_hip"]
    hips = (at["left_hip"] + at["right_hip"]) / 2
    up = (at["left_shoulder"] + at["right_shoulder"]) / 2 - hips
    forward = normalize(np.cross(left, up))
    left = normalize(left)
    frame = np.stack([left, np.cross(forward, left), forward], axis=-1)
    frame = np.where(np.isfinite(frame.sum(axis=(1, 2)))[:, None, None], frame, 0)
    seen = np.asarray(np.linalg.det(frame)) > 0.5  # 0 where not seen, or all in one line
    if not seen.any():
        raise ValueError("Both hips and both shoulders are never seen at once, so the facing is unknown")
    root = bridged_rotations(np.where(seen[:, None, None], frame, np.eye(3)), seen)
    pelvis = hips - (root @ body.offsets[[1, 2]].mean(axis=0)[:, None])[..., 0]
    place = bridged_points(np.where(seen[:, None], pelvis, 0), seen)
    rotations = np.tile(np.eye(3), (len(points), NUM_JOINTS, 1, 1))
    rotations[:, 0] = root
    return Pose(rotations, place), seen


def _of_joints(
    line: Timeline,
    points: np.ndarray,
    weight: np.ndarray,
    names: tuple[str, ...],
    trunk: Pose,
    seen: np.ndarray,
) -> Observed:
    """What the prior is told of joints in space, and of the trunk's rotation; on its own frames."""
    joints, sure = to_joints(points, weight, names)
    joints[:, 0] = trunk.transl
    known = (sure > 0) & IS_SURE
    known[:, 0] = seen
    grid = [
        line.points_to_grid(bridged_points(joints[:, j], known[:, j]), known[:, j]) for j in range(NUM_JOINTS)
    ]
    places, known = np.stack([place for place, _ in grid], axis=1), np.stack([k for _, k in grid], axis=1)
    level = np.where(known, np.hypot(point_noise(places, known), POINT_METRES), np.inf)
    rotations, turned = line.rotations_to_grid(trunk.rotations, np.tile(seen[:, None], NUM_JOINTS))
    is_pelvis = np.arange(NUM_JOINTS) == 0
    return Observed(
        rotations,
        # where the trunk is not seen its bridge is, dimly: a window that saw no facing would take any
        np.where(is_pelvis, np.where(turned, TRUNK_RAD, DIM_RAD), np.inf),
        np.where(known[..., None], places - places[:, :1], 0),
        np.where(known[:, 0, None], level, np.inf),
        places[:, 0],
        np.where(known[:, 0], level[:, 0], DIM_METRES),
    )
