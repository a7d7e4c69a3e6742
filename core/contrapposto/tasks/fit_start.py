# SPDX-License-Identifier: GPL-3.0-or-later
"""Where fitting begins: a body and its poses, found without an idea of them.

A clip in several views: points are triangulated, and a motion is reconstructed from them. One view: on a
few frames a second, the standard body is fitted from several headings, each round nearer to what the
pose prior makes of the last; images in several views likewise, with the lengths that are triangulated. A
body that leans to the camera and one that leans away look alike, so all answers are kept, and the
chain of them is chosen that fits, is natural and does not jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback, part_of
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.points import to_joints
from contrapposto.keypoints.robust import OUTLIER, PIXELS
from contrapposto.keypoints.sight import Seen
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.motion import Pose
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.motion import MotionPrior
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.rotation import from_rotvec, split_heading, transpose
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics
from contrapposto.tasks.fit_points import Observation, by_frame, fit_points, in_views
from contrapposto.tasks.gaps import bridged_points, bridged_rotations
from contrapposto.tasks.lift_pose import lift_pose
from contrapposto.tasks.reconstruct import reconstruct

FEWEST_FRAMES = 8
"""Of a clip; what is shorter is fitted image by image."""

KEYS_PER_SECOND = 10.0
"""Frames on which a body is looked for from scratch."""

HEADINGS = 4
"""Ways that a body may face where a fit begins."""

TIMES = (0.4, 0.25, 0.15)
"""Noise at which the prior is asked before each round of a fit but the first."""
LOOSENESS = (0.6, 0.4, 0.2, 0.1)
"""How far a fit may go from where it begins, radians, in each round."""
STEPS = 8

RATIOS = (0.2, 0.4, 0.8)
"""Noise-to-signal ratios at which the prior is asked how natural a pose is."""
NATURAL = 0.4
"""What an unnatural pose costs beside one that does not fit."""

LIFTED = 30.0
"""What a lifted pose costs less than one that was tried: a network knows more of depths than fits show.

Of 0, 10, 30 and 100 the one with the least error on 84 images of ``val``.
"""

SPEED = 4.0
"""What a joint that moves at 1 m/s from one answer to the next costs, squared."""
FASTEST = 10.0
"""Metres a second beyond which faster is no worse."""

LEAST_JOINTS, SMALLEST = 6, 8.0
"""Joints that a frame must show to be looked at, and pixels that they must span: trackers that stand
still at one place show nobody."""


@dataclass(frozen=True, eq=False)
class Start:
    """A body and where it is in T frames.

    Attributes:
        body: with its spots.
        pose: T poses.
    """

    body: Body
    pose: Pose


def found_start(
    footage: Footage,
    fps: float,
    motion_prior: MotionPrior,
    pose_prior: PosePrior,
    lifting: Lifting | None = None,
    *,
    callback: Callback | None = None,
) -> Start:
    """The start that the footage itself allows.

    Args:
        footage: of T frames of one person, by one camera or several.
        fps: frames a second.
        motion_prior, pose_prior: that say what is not seen.
        lifting: as ``start_from_search`` takes it.
        callback: called with (step, steps); may raise to stop.

    Raises:
        ValueError: with one sentence, if the footage shows too little.
    """
    if len(footage.cameras) > 1 and footage.points.shape[1] >= FEWEST_FRAMES:
        return start_from_views(footage, fps, prior=motion_prior, callback=callback)
    return start_from_search(footage, fps, pose_prior, lifting=lifting, callback=callback)


def start_from_views(
    footage: Footage, fps: float, *, prior: MotionPrior | None = None, callback: Callback | None = None
) -> Start:
    """The start that several views triangulate.

    Raises:
        ValueError: as ``reconstruct``.
    """
    found = triangulate(footage.cameras, footage.points, footage.confidence)
    sure = np.where(np.isfinite(found.points[..., 0]), found.weight.max(axis=0), 0)
    person = reconstruct(found.points, sure, footage.names, fps, prior=prior, callback=callback)
    return Start(person.body, person.motion.poses)


def start_from_search(
    footage: Footage,
    fps: float,
    prior: PosePrior,
    *,
    lifting: Lifting | None = None,
    callback: Callback | None = None,
) -> Start:
    """The start that poses tried from all sides allow: of a clip in one view, or images in any number.

    Args:
        footage: of T frames; fewer than ``FEWEST_FRAMES`` are images, each for itself.
        fps: frames a second.
        prior: of poses.
        lifting: whose answer is tried, too, of images in one view; what shipped on NumPy if None. In clips
            it is not: on ``val`` the end was as good without.
        callback: called with (step, steps); may raise to stop.

    Raises:
        ValueError: with one sentence, if no frame shows ``LEAST_JOINTS`` joints, or several views show a body
            that is no person's.
    """
    shown = shows_enough(footage)
    if not shown.any():
        raise ValueError(f"No frame shows {LEAST_JOINTS} joints of the person at once")
    T = footage.points.shape[1]
    is_clip = T >= FEWEST_FRAMES
    frames = np.flatnonzero(shown)[:: max(1, round(fps / KEYS_PER_SECOND)) if is_clip else 1]
    body = Body.standard(footage.names)
    if len(footage.cameras) > 1:
        seen = triangulate(footage.cameras, footage.points, footage.confidence)
        body = Body.measured(seen.points, footage.names)
    answers = _answers(footage, frames, body, prior, lifting, callback)
    chosen = _chain(answers, frames / fps) if is_clip else answers.cost.argmin(axis=0)
    at = np.arange(len(frames))
    known = np.zeros(T, dtype=bool)
    known[frames] = True
    rotations, transl = np.tile(np.eye(3), (T, NUM_JOINTS, 1, 1)), np.zeros((T, 3))
    rotations[frames], transl[frames] = answers.rotations[chosen, at], answers.place[chosen, at]
    rotations = np.stack([bridged_rotations(rotations[:, j], known) for j in range(NUM_JOINTS)], axis=1)
    return Start(body, Pose(rotations, bridged_points(transl, known)))


def shows_enough(footage: Footage) -> np.ndarray:
    """(T,) bool, the frames that show ``LEAST_JOINTS`` joints or more."""
    joints, sure = to_joints(footage.points, footage.confidence, footage.names)
    known = (sure > 0)[..., None]
    span = np.where(known, joints, -np.inf).max(axis=2) - np.where(known, joints, np.inf).min(axis=2)
    large = (span.max(axis=-1) >= SMALLEST)[..., None]
    return ((sure > 0) & large).any(axis=0).sum(axis=-1) >= LEAST_JOINTS


@dataclass(frozen=True, eq=False)
class _Answers:
    """What was found from each of C beginnings in T frames.

    Attributes:
        rotations: (C, T, 22, 3, 3).
        place: (C, T, 3) metres.
        cost: (C, T) how badly it fits, and how unnatural it is.
    """

    rotations: np.ndarray
    place: np.ndarray
    cost: np.ndarray


def _answers(
    footage: Footage,
    frames: np.ndarray,
    body: Body,
    prior: PosePrior,
    lifting: Lifting | None,
    callback: Callback | None,
) -> _Answers:
    """Of each heading, and of a lifted pose, a fit to what cameras saw in these frames."""
    cameras, points, confidence = footage.cameras, footage.points[:, frames], footage.confidence[:, frames]
    mean = to_numpy(prior.decode(like(np.zeros(STATE), prior.mean))).astype(np.float64)
    observe = in_views(cameras, points, confidence)
    place = standing_place(cameras, points, confidence, body.names, mean)
    begun: list[tuple[Pose, float]] = []
    for heading in np.arange(HEADINGS) * 2 * np.pi / HEADINGS:
        home = np.tile(mean, (len(frames), 1, 1, 1))
        home[:, 0] = facing(cameras[:1], heading) @ home[:, 0]
        begun.append((Pose(home, place), 0.0))
    if len(cameras) == 1 and footage.points.shape[1] < FEWEST_FRAMES:
        home = _lifted(footage, frames, lifting, prior)
        lifted = fit_points(body, observe, Pose(home, place), home, looseness=LOOSENESS[-1], steps=STEPS)
        begun.append((lifted, LIFTED))
    found = []
    for number, (begin, less) in enumerate(begun):
        pose, _ = approached(prior, body, observe, begin, part_of(callback, number, len(begun)))
        cost = misfit(cameras, points, confidence, body, pose) + NATURAL * unnatural(prior, pose.rotations)
        found.append((pose.rotations, pose.transl, cost - less))
    return _Answers(*(np.stack(values) for values in zip(*found, strict=True)))


def _lifted(footage: Footage, frames: np.ndarray, lifting: Lifting | None, prior: PosePrior) -> np.ndarray:
    """(F, 22, 3, 3) lifted poses of images of one view, each by itself, whatever others there are."""
    found = []
    for row in frames:
        seen = Seen(
            footage.cameras[:1], footage.names, footage.points[0, [row]], footage.confidence[0, [row]]
        )
        found.append(lift_pose(seen, lifting, pose_prior=prior).rotations)
    return np.concatenate(found)


def facing(cameras: Camera, heading: float) -> np.ndarray:
    """(B, 3, 3) world turns of upright bodies that face their cameras (B), turned by a heading, radians."""
    forward = -cameras.rotation[:, 2]
    angle = np.arctan2(forward[:, 0], forward[:, 2]) + heading
    return from_rotvec(np.stack([0 * angle, angle, 0 * angle], axis=-1))


def approached(
    prior: PosePrior, body: Body, observe: Observation, pose: Pose, callback: Callback | None = None
) -> tuple[Pose, np.ndarray]:
    """Poses led towards what was observed, each round near what the prior makes of the last.

    Returns:
        The poses, and what the prior made (T, 22, 3, 3) of those before the last round.
    """
    home = pose.rotations
    for number, (t, looseness) in enumerate(zip((None, *TIMES), LOOSENESS, strict=True)):
        if callback is not None:
            callback(number, len(LOOSENESS))
        home = pose.rotations if t is None else expected(prior, pose.rotations, t)
        pose = fit_points(body, observe, Pose(home, pose.transl), home, looseness=looseness, steps=STEPS)
    return pose, home


def standing_place(
    cameras: Camera, points: np.ndarray, confidence: np.ndarray, names: tuple[str, ...], mean: np.ndarray
) -> np.ndarray:
    """(T, 3) where the pelvis is, about: as far away as a mean pose of its size in the images.

    Args:
        cameras: V of them, or V by T.
        points, confidence: (V, T, K, 2) pixels and (V, T, K), 0 where missing.
        names: of the K points.
        mean: (22, 3, 3) local rotations of the mean pose.
    """
    cameras = by_frame(cameras)
    joints, sure = to_joints(points, confidence, names)
    known = (sure > 0)[..., None]
    count = known.sum(axis=2)
    _, standing = forward_kinematics(mean)

    def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        middle = np.where(known, values, 0).sum(axis=2) / np.maximum(count, 1)
        away = np.where(known, values - middle[:, :, None], 0)
        return middle, np.sqrt(np.sum(away**2, axis=(2, 3)) / np.maximum(count[..., 0], 1))

    middle, pixels = spread(joints)
    above, metres = spread(np.broadcast_to(standing, (*points.shape[:2], NUM_JOINTS, 3)))
    depth = cameras.intrinsics[..., 0, 0] * metres / np.maximum(pixels, 1.0)
    ahead = np.concatenate([middle, np.ones_like(middle[..., :1])], axis=-1)[..., None]
    ray = (transpose(cameras.rotation) @ np.linalg.solve(cameras.intrinsics, ahead))[..., 0]
    place = ray * depth[..., None] + cameras.centre - above * [0, 1, 0]
    return np.sum(place * count, axis=0) / np.maximum(count.sum(axis=0), 1)


def expected(prior: PosePrior, rotations: np.ndarray, t: float) -> np.ndarray:
    """The poses (T, 22, 3, 3) that the prior expects behind others that are noisy to time ``t``."""
    heading, upright = split_heading(rotations[:, 0])
    there = rotations.copy()
    there[:, 0] = upright
    state = prior.encode(like(there, prior.mean))
    x0hat = _unconditional(prior, there)(float(prior.schedule.a(t)) * state, t)
    found = to_numpy(prior.decode(x0hat)).astype(np.float64)
    found[:, 0] = heading @ found[:, 0]
    return found


def unnatural(prior: PosePrior, rotations: np.ndarray) -> np.ndarray:
    """(T,) how far the prior moves poses, in units of the noise that it takes them to have."""
    _, upright = split_heading(rotations[:, 0])
    there = rotations.copy()
    there[:, 0] = upright
    state, denoiser = prior.encode(like(there, prior.mean)), _unconditional(prior, there)
    total = np.zeros(len(there))
    for ratio in RATIOS:
        t = prior.schedule.time(ratio)
        away = to_numpy(state - denoiser(float(prior.schedule.a(t)) * state, t)).astype(np.float64)
        total += np.sum(away**2, axis=-1) / ratio**2
    return total


def _unconditional(prior: PosePrior, rotations: np.ndarray):  # noqa: ANN202 - a Denoiser
    there = like(rotations, prior.mean)
    return prior.denoiser(Condition.of(there, like(np.zeros(rotations.shape[:2]), prior.mean) > 0))


def misfit(cameras: Camera, points: np.ndarray, confidence: np.ndarray, body: Body, pose: Pose) -> np.ndarray:
    """(T,) how far points (V, T, K, 2) are from where a body has them, squared deviations, outliers cut."""
    off = reprojection(cameras, points, body, pose) / by_frame(cameras).size.max(axis=-1)[..., None]
    off = np.where(confidence > 0, np.nan_to_num(off, nan=OUTLIER), 0)
    return np.sum((np.minimum(off, OUTLIER) / PIXELS) ** 2, axis=(0, 2))


def reprojection(cameras: Camera, points: np.ndarray, body: Body, pose: Pose) -> np.ndarray:
    """(V, T, K) pixels between points (V, T, K, 2) and where a body has them; NaN where not seen."""
    world, joints = forward_kinematics(pose.rotations, body.offsets)
    places = body.points(world, joints + pose.transl[:, None])
    return np.linalg.norm(by_frame(cameras).project(places[None]) - points, axis=-1)


def _chain(answers: _Answers, time: np.ndarray) -> np.ndarray:
    """(T,) the answers that cost least as a chain (Viterbi); time in seconds."""
    _, joints = forward_kinematics(answers.rotations)
    total, came = answers.cost[:, 0], []
    for before, now in pairwise(range(len(time))):
        way = np.linalg.norm(joints[:, None, before] - joints[None, :, now], axis=-1).mean(axis=-1)
        speed = np.minimum(way / (time[now] - time[before]), FASTEST)
        cost = total[:, None] + (SPEED * speed) ** 2
        came.append(cost.argmin(axis=0))
        total = cost.min(axis=0) + answers.cost[:, now]
    chosen = [int(total.argmin())]
    for back in reversed(came):
        chosen.append(int(back[chosen[-1]]))
    return np.array(chosen[::-1])
