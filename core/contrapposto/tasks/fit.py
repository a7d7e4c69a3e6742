# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit a body to what cameras saw of a person: one image, a clip, one view or several.

1. Sides of arms and legs that the detector exchanged are put back (``keypoints.exchanged``).
2. Where it begins (``fit_start``): triangulated from several views, or lifted out of one.
3. Rounds between the prior and the images (``fit_refine``): of clips with the motion prior, of
   single images with the pose prior (``fit_image``).
4. Rotations and place are smoothed.
5. If it is wanted, feet are set on the ground (``fit_ground``).

Do no harm: what fits the images clearly worse than where it began is thrown away; and a start that someone
gives knows what images do not tell, so that it is changed the less the better it fits them already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.diffusion.sampler import Callback, part_of
from contrapposto.keypoints.agreeing import check_agreement, check_within
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.exchanged import put_back
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.motion import Motion, Pose
from contrapposto.priors import motion, pose
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.motion import MotionPrior
from contrapposto.priors.pose import PosePrior
from contrapposto.rotation import project, slerp
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.denoise import FPS_RANGE
from contrapposto.tasks.fit_ground import on_ground
from contrapposto.tasks.fit_image import NEARING, refine_image
from contrapposto.tasks.fit_points import Observation, deviations, fit_points
from contrapposto.tasks.fit_refine import ONE_VIEW, VIEWS, observation, refine
from contrapposto.tasks.fit_start import (
    FEWEST_FRAMES,
    Start,
    found_start,
    misfit,
    reprojection,
    shows_enough,
)
from contrapposto.tasks.reconstruct import smoothed

FAR = 0.035
"""A start whose points are further from where they were seen, by the image's longer side, is a bad one.

Chosen on 42 images of ``val``: mean poses are off by 0.01 to 0.05 and gain 20 mm by being led near first;
the truth turned by five degrees is off by 0.01 to 0.04 and loses 8.
"""

FARTHEST = 200.0
"""Metres between a person and the camera."""

WORSE = 1.5
"""How many times worse the images may be fitted than at the start: outliers are let go of, and no more."""
NOISE = 0.5
"""Squared deviations a point that are noise, whatever they are at the start."""

SETTLING = 0.02
"""Radians that a mobile joint may turn once spots have moved: enough for the images, and too little to follow
their noise."""
SETTLING_STEPS = 4

DOUBT = 1.0
"""Radians that a mobile joint may be off by before the images are looked at."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A body that follows what cameras saw.

    Attributes:
        motion: of 22 joints at the footage's rate; the world is that of the cameras, y up.
        body: its proportions, and where the detector's points are on it.
        error: (T,) median reprojection error of each frame, pixels; NaN where nothing is seen.
        contacts: (T, 2) probability that the left and the right foot stand.
        improved: whether the prior's rounds were kept; else it is as it began.
        unseen: (T,) bool, frames that show too little to be fitted: of a clip they follow from their
            neighbours, an image has the pose of another.
        deviation: (T, 22) radians, how sure the images make each rotation: ``DOUBT`` at a mobile joint
            of which they say nothing.
        exchanged: (V, T, 2) bool, where the detector had taken left for right, at arms and at legs.
        grounded: whether the body was set on the ground; not if that was not asked, or no foot stands.
        footage: what it was fitted to and ``error`` is measured against, with those sides put back.
    """

    motion: Motion
    body: Body
    error: np.ndarray
    contacts: np.ndarray
    improved: bool
    unseen: np.ndarray
    deviation: np.ndarray
    exchanged: np.ndarray
    grounded: bool
    footage: Footage


def fit(
    footage: Footage,
    fps: float,
    *,
    start: Start | None = None,
    strength: float = 1.0,
    ground: bool = False,
    motion_prior: MotionPrior | None = None,
    pose_prior: PosePrior | None = None,
    lifting: Lifting | None = None,
    callback: Callback | None = None,
) -> Fitted:
    """The body that cameras saw.

    Args:
        footage: of T frames of one person, by one camera or several.
        fps: frames a second.
        start: where to begin; found from the footage if None.
        strength: 0 leaves the start as it is, 1 goes all the way.
        ground: whether feet stand on a plane, without sliding or sinking.
        motion_prior, pose_prior: the shipped ones on NumPy if None.
        lifting: whose answer images of a single view begin from, too; what shipped on NumPy if None.
        callback: called with (step, steps), the share of the way that is done, in each round; may raise
            to stop.

    Raises:
        ValueError: with one sentence, for an odd frame rate or strength, footage that shows too little, or
            keypoints that are not these cameras', or no person's.
    """
    low, high = FPS_RANGE
    if not (np.isfinite(fps) and low <= fps <= high):
        raise ValueError(f"The frame rate must be between {low:g} and {high:g}, not {fps}")
    if not 0 <= strength <= 1:
        raise ValueError(f"Strength is between 0 and 1, not {strength}")
    moving = motion.load() if motion_prior is None else motion_prior
    posed = pose.load() if pose_prior is None else pose_prior
    T, several = footage.points.shape[1], len(footage.cameras) > 1
    check_within(footage)
    if several and T >= FEWEST_FRAMES:
        check_agreement(footage, triangulate(footage.cameras, footage.points, footage.confidence))
    footage, exchanged = put_back(footage, is_clip=T >= FEWEST_FRAMES)
    trust = 0.0 if start is None else _trust(start, footage)
    if start is None:
        start = found_start(footage, fps, moving, posed, lifting, callback=part_of(callback, 0, 2))
    unseen = ~shows_enough(footage)
    contacts, begin, told = np.zeros((T, 2)), _near(start, footage, posed), part_of(callback, 1, 2)
    if T < FEWEST_FRAMES:
        found = refine_image(begin, footage, posed, callback=told)
    else:
        rounds = VIEWS if several else ONE_VIEW
        found, contacts = refine(begin, footage, unseen, fps, rounds, moving, callback=told)
        if several:
            found = _with_spots(found, footage)
            found = _settled(found, observation(footage))
        found = Start(found.body, _smooth(found.pose, fps))
    improved = _harmless(start, found, footage)
    found = _blended(start, found, strength * (1 - trust)) if improved else start
    poses = on_ground(found.body, found.pose, contacts, fps) if ground else found.pose
    grounded = poses is not found.pose
    away = np.linalg.norm(poses.transl - footage.cameras.centre[0], axis=-1)
    if not (np.isfinite(poses.rotations).all() and np.median(away) < FARTHEST):
        raise ValueError(
            "The keypoints do not look like a person whom this camera saw: the body would be too far away"
        )
    error = error_of_frames(footage, found.body, poses)
    deviation, _ = deviations(found.body, observation(footage), poses, DOUBT)
    return Fitted(
        Motion(poses, fps),
        found.body,
        error=error,
        contacts=contacts,
        improved=improved,
        unseen=unseen,
        deviation=deviation,
        exchanged=exchanged,
        grounded=grounded,
        footage=footage,
    )


def error_of_frames(footage: Footage, body: Body, poses: Pose) -> np.ndarray:
    """(T,) median reprojection error of each frame, pixels; NaN where nothing is seen."""
    error = reprojection(footage.cameras, footage.points, body, poses)
    return _median(np.where(footage.confidence > 0, error, np.nan))


def _trust(start: Start, footage: Footage) -> float:
    """0 to 1, how well a start fits the images already; a half where points are off as detectors are."""
    off = misfit(footage.cameras, footage.points, footage.confidence, start.body, start.pose).sum()
    return float(1 / (1 + off / max((footage.confidence > 0).sum(), 1)))


def _near(start: Start, footage: Footage, prior: PosePrior) -> Start:
    """The start, brought nearer to the images frame by frame if it is far from them."""
    off = reprojection(footage.cameras, footage.points, start.body, start.pose)
    off = (off / footage.cameras.size.max(axis=-1)[:, None, None])[footage.confidence > 0]
    if len(off) == 0 or np.median(np.nan_to_num(off, nan=np.inf)) < FAR:
        return start
    return refine_image(start, footage, prior, NEARING)


def _smooth(poses: Pose, fps: float) -> Pose:
    return Pose(project(smoothed(poses.rotations, fps)), smoothed(poses.transl, fps))


def _with_spots(found: Start, footage: Footage) -> Start:
    """The body with its spots where its points are triangulated."""
    seen = triangulate(footage.cameras, footage.points, footage.confidence)
    sure = np.where(np.isfinite(seen.points[..., 0]), seen.weight.max(axis=0), 0)
    world, joints = forward_kinematics(found.pose.rotations, found.body.offsets)
    placed = joints + found.pose.transl[:, None]
    return Start(found.body.with_spots_moved(world, placed, seen.points, sure), found.pose)


def _settled(found: Start, observe: Observation) -> Start:
    """The body where its moved spots are seen, turned hardly at all."""
    home = found.pose.rotations
    pose = fit_points(found.body, observe, found.pose, home, looseness=SETTLING, steps=SETTLING_STEPS)
    return Start(found.body, pose)


def _harmless(start: Start, found: Start, footage: Footage) -> bool:
    """Whether what was found fits the images no worse than the start did, but for outliers and noise."""
    before, after = (
        misfit(footage.cameras, footage.points, footage.confidence, one.body, one.pose).sum()
        for one in (start, found)
    )
    return bool(after <= WORSE * before + NOISE * (footage.confidence > 0).sum())


def _blended(start: Start, found: Start, strength: float) -> Start:
    if strength == 1:
        return found
    share = np.full(found.pose.rotations.shape[:2], strength)
    rotations = slerp(start.pose.rotations, found.pose.rotations, share)
    place = start.pose.transl + strength * (found.pose.transl - start.pose.transl)
    offsets = start.body.offsets + strength * (found.body.offsets - start.body.offsets)
    places = start.body.places + strength * (found.body.places - start.body.places)
    return Start(Body(found.body.names, offsets, places), Pose(rotations, place))


def _median(error: np.ndarray) -> np.ndarray:
    """(T,) over views and points of (V, T, K), NaN where nothing is seen."""
    frames = np.moveaxis(error, 1, 0).reshape(error.shape[1], -1)
    seen = np.isfinite(frames).any(axis=1)
    result = np.full(len(frames), np.nan)
    result[seen] = np.nanmedian(frames[seen], axis=1)
    return result
