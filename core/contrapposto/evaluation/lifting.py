# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting protocol: image keypoints of one camera, find the joints in space.

Poses of people never trained on stand in front of virtual cameras, each pose its own; a
method is told the points of a set with their confidence, the camera's lens and how it leans,
and answers with joint positions about the pelvis, in the camera's axes. Clean points, points
as a detector would find them (``evaluation.virtual``), and clean ones without a limb.

Errors are mean distances over the 21 joints beside the pelvis, as they are (MPJPE) and after
the best similarity (PA-MPJPE). Of real footage, each camera's view by itself is lifted, and its
arms and legs are compared with those that all cameras together triangulate.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation.ik import mean_rotations
from contrapposto.evaluation.metrics import aligned, joint_errors_mm
from contrapposto.evaluation.poses import TEST_STRIDE, poses_of, spread_evenly
from contrapposto.evaluation.virtual import CLEAN, DetectorNoise, cameras_around, detect
from contrapposto.files.mocap import read_split
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.footage import Footage, read_footage
from contrapposto.keypoints.robust import OUTLIER, PIXELS
from contrapposto.keypoints.sets import SETS, sides
from contrapposto.keypoints.sight import Seen
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.motion import Pose
from contrapposto.priors.pose import Condition, PosePrior
from contrapposto.rotation import from_rotvec, geodesic_angle, split_heading, transpose
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, NUM_JOINTS, forward_kinematics, sole_height
from contrapposto.tasks.fit_points import fit_points, in_views
from contrapposto.tasks.reach import mobility

POINTS = "coco_17"
"""The set of points that poses are told as."""

POSES, QUICK_POSES = 200, 24
TRAIN_STRIDE = 20
VIEWS = 6
"""Cameras that each training pose is seen by, for the nearest one."""

HEADINGS = 4
"""Ways that a body may face where a fit begins; the one that fits best is kept."""

TIMES = (0.4, 0.25, 0.15)
"""Noise at which the prior is asked before each round of a fit but the first."""
LOOSENESS = (0.6, 0.4, 0.2, 0.1)
"""How far a fit may go from where it begins, radians, in each round."""
STEPS = 8

LIMB_JOINTS = sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
FRAME_STRIDE = 6
"""Of real footage, the joints that are compared, and every how many frames."""


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


Method = Callable[[Seen], np.ndarray]
"""Finds (N, B, 22, 3) joint positions about the pelvis in the camera's axes, metres; the best first."""


@dataclass(frozen=True)
class Case:
    """One way that poses are seen.

    Attributes:
        noise: of the detector.
        missing: joints whose points, and those below, are not seen.
    """

    noise: DetectorNoise = CLEAN
    missing: tuple[str, ...] = ()

    @property
    def hidden(self) -> np.ndarray:
        """(22,) bool, the joints that are not seen."""
        below = DESCENDANTS[[JOINT_INDEX[joint] for joint in self.missing]]
        return np.asarray(below.any(axis=0))


CASES = {
    "clean": Case(),
    "noisy": Case(DetectorNoise()),
    "left_arm_missing": Case(missing=("left_shoulder",)),
    "right_leg_missing": Case(missing=("right_hip",)),
    "hands_missing": Case(missing=("left_wrist", "right_wrist")),
}


def look(rotations: np.ndarray, case: Case, name: str, rng: np.random.Generator) -> tuple[Seen, np.ndarray]:
    """What cameras of their own see of poses, and the true joints in their axes.

    Args:
        rotations: (B, 22, 3, 3) poses; they stand on the floor.
        case: how they are seen.
        name: of the set of points.
        rng: of cameras and detector.

    Returns:
        What was seen, and (B, 22, 3) joint positions about the pelvis in the camera's axes.
    """
    rotations = rotations.astype(np.float64)
    world, joints = forward_kinematics(rotations)
    place = np.zeros((len(rotations), 3))
    place[:, 1] = -sole_height(joints).min(axis=-1)
    cameras = cameras_around(place, rng)
    body = Body.standard(SETS[name])
    points, sure = detect(cameras, body, world, joints + place[:, None], rng, noise=case.noise)
    gone = case.hidden[body.joints]
    points, sure = np.where(gone[:, None], np.nan, points), np.where(gone, 0, sure)
    return Seen(cameras, SETS[name], points, sure), joints @ transpose(cameras.rotation)


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
    known_poses, there = look(many, CASES["clean"], name, rng)
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


def score(found: np.ndarray, true: np.ndarray, hidden: np.ndarray) -> dict[str, float]:
    """Errors of a method's answer.

    Args:
        found: (N, B, 22, 3), the best first.
        true: (B, 22, 3).
        hidden: (22,) bool, joints that were not seen.

    Returns:
        ``mpjpe_mm`` and ``pa_mpjpe_mm`` of the first hypothesis, and ``hidden_mpjpe_mm`` of its hidden
        joints if there are any; ``mpjpe_min_mm`` and ``pa_mpjpe_min_mm`` of the best of N.
    """
    errors = joint_errors_mm(found, true)[..., 1:]
    after = joint_errors_mm(aligned(found, np.broadcast_to(true, found.shape)), true)[..., 1:]
    record = {
        "mpjpe_mm": float(errors[0].mean()),
        "pa_mpjpe_mm": float(after[0].mean()),
        "mpjpe_min_mm": float(errors.mean(axis=-1).min(axis=0).mean()),
        "pa_mpjpe_min_mm": float(after.mean(axis=-1).min(axis=0).mean()),
    }
    if hidden.any():
        record["hidden_mpjpe_mm"] = float(errors[0][:, hidden[1:]].mean())
    return record


def footage_in(scene: Path) -> Footage:
    """The footage of a folder with ``Calib.qca.txt`` and ``pose/*_json``, by the numbers of its cameras.

    Raises:
        ValueError: as ``read_footage``.
    """

    def by_numbers(folder: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", folder.name)]

    return read_footage(sorted(scene.glob("pose/*_json"), key=by_numbers), scene / "Calib.qca.txt")


def views_of(footage: Footage) -> Iterator[tuple[str, Seen, np.ndarray]]:
    """Each camera of footage by itself: its name, what it saw, and the triangulated limbs in its axes.

    Yields:
        The limbs are (B, 12, 3) metres, joints in the order of ``LIMB_JOINTS``; frames in which all
        cameras together do not see them whole are left out.
    """
    found = triangulate(footage.cameras, footage.points, footage.confidence).points
    limbs = found[:, [footage.names.index(joint) for joint in LIMB_JOINTS]]
    frames = np.flatnonzero(np.isfinite(limbs).all(axis=(1, 2)))[::FRAME_STRIDE]
    for view, (points, sure) in enumerate(zip(footage.points, footage.confidence, strict=True)):
        cameras = footage.cameras[np.full(len(frames), view)]
        seen = Seen(cameras, footage.names, points[frames], sure[frames])
        yield f"camera_{view + 1}", seen, limbs[frames] @ transpose(cameras.rotation)


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    quick: bool = False,
    seed: int = 0,
    footage: Footage | None = None,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a case and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: the split whose poses are sought; baselines look at ``train``.
        prior: what ``pose_prior_fit`` asks.
        quick: ``QUICK_POSES`` poses instead of ``POSES``.
        seed: of the cameras and the detector.
        footage: real views to lift, too.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    tell(f"reading {data}")
    test = spread_evenly(poses_of(read_split(data, split), TEST_STRIDE), QUICK_POSES if quick else POSES)
    train = poses_of(read_split(data, "train"), TRAIN_STRIDE)
    rows: dict[str, Method] = {
        "mean_pose": mean_pose(train),
        "nearest": nearest_pose(train, POINTS, np.random.default_rng(seed + 1)),
        "pose_prior_fit": fitted(prior, train),
    }
    for case, how in CASES.items():
        tell(f"{case}: {len(test)} poses")
        seen, true = look(test, how, POINTS, np.random.default_rng(seed))
        for method, lift in rows.items():
            began = time.perf_counter()
            found = lift(seen)
            seconds = time.perf_counter() - began
            yield {
                "task": "lift",
                "case": case,
                "method": method,
                **score(found, true, how.hidden),
                "hypotheses": len(found),
                "poses": len(test),
                "seconds": seconds,
            }
    for case, seen, true in views_of(footage) if footage else ():
        tell(f"{case}: {len(true)} frames")
        for method, lift in rows.items():
            began = time.perf_counter()
            found = lift(seen)[0][:, [JOINT_INDEX[joint] for joint in LIMB_JOINTS]]
            yield {
                "task": "lift",
                "case": case,
                "method": method,
                "pa_mpjpe_mm": float(joint_errors_mm(aligned(found, true), true).mean()),
                "poses": len(true),
                "seconds": time.perf_counter() - began,
            }
