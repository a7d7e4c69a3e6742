# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds between what a prior expects of a motion and what cameras saw of it.

Guided inversion for whole clips. ScoreHMR's rounds take each pose up to one small noise level and lead it
back, each frame for itself. The motion prior is told a level for every joint of every frame, so that
the state is not noised at all: a round asks how sure the images make each rotation (``deviations``;
an arm that points at the camera is less sure than one seen from the side), tells the prior
just that, and moves what it expects back towards the images, as an implicit step does
(``diffusion.invert_guide``): no further from there than by the level. Levels fall from round to round.
Keypoints, all views, the lengths of the body and the movement over time are asked at once, each as one more
sum in the same equations.

Source: Stathopoulos, Han & Metaxas 2024, "Score-Guided Diffusion for 3D Human Recovery"; Chen et al.
2024, "Diffusion Forcing" (a level for each part of the state).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrapposto.diffusion.sampler import Callback, part_of
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.robust import OUTLIER
from contrapposto.motion import Pose
from contrapposto.priors.motion import MotionPrior, Observed
from contrapposto.skeleton import (
    JOINT_INDEX,
    SOLE_BELOW_TOE,
    STANDARD_OFFSETS,
    forward_kinematics,
    leg_length,
)
from contrapposto.tasks.fit_points import Observation, Place, deviations, fit_points, in_views
from contrapposto.tasks.fit_shape import fit_shape
from contrapposto.tasks.fit_start import Start
from contrapposto.tasks.gaps import DIM_METRES, DIM_RAD
from contrapposto.tasks.motion_windows import recover
from contrapposto.tasks.timeline import Timeline

STEPS = 4
"""Of the solver in each round."""

OUTLIER_BESIDE_OTHERS = 0.016
"""How far off a point counts a quarter where other views see it, too, by the image's longer side."""

SHAPE_FRAMES = 200
"""Frames that the body's lengths are looked at in, at most."""

GROUND_PERCENTILE = 5
"""Of the ankles' heights over the clip: where they are when the feet stand."""


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        doubt: radians that a mobile joint may be off before the images are looked at.
        looseness: radians that the prior's answer is taken to be off at a mobile joint.
        metres: by which the prior's place is taken to be off.
    """

    doubt: float
    looseness: float
    metres: float


ONE_VIEW = (Round(1.0, 0.3, 0.3), Round(0.6, 0.2, 0.2), Round(0.4, 0.15, 0.1), Round(0.2, 0.1, 0.05))
"""A single view says little of depth: the prior is told so, and trusted more and more."""

VIEWS = (Round(0.5, 0.3, 0.05), Round(0.5, 0.3, 0.05))
"""Several views say it all; the prior has the twists and what is hidden."""


def refine(
    start: Start,
    footage: Footage,
    lost: np.ndarray,
    fps: float,
    rounds: tuple[Round, ...],
    prior: MotionPrior,
    *,
    callback: Callback | None = None,
) -> tuple[Start, np.ndarray]:
    """The motion that a prior and observations agree on.

    Args:
        start: of T frames.
        footage: what cameras saw of them.
        lost: (T,) bool, frames that show too little to be believed.
        fps: frames a second.
        rounds: from doubt to trust.
        prior: of motion.
        callback: called with (step, steps) in each round; may raise to stop.

    Returns:
        Where it ends, and the probability (T, 2) that the left and the right foot stand.
    """
    usual, body, pose, observe = start.body.offsets, start.body, start.pose, observation(footage)
    few = np.linspace(0, len(lost) - 1, min(len(lost), SHAPE_FRAMES)).astype(int)
    contacts = np.zeros((len(lost), 2))
    for number, one in enumerate(rounds):
        level, place_level = deviations(body, observe, pose, one.doubt)
        level = np.where(lost[:, None], DIM_RAD, level)
        place_level = np.where(lost, DIM_METRES, place_level)
        told = part_of(callback, number, len(rounds))
        home, expected, contacts = _told(prior, Start(body, pose), level, place_level, fps, told)
        place, begin = Place(expected, one.metres), Pose(home, pose.transl)
        if number + 1 < len(rounds):
            body, _ = fit_shape(
                body,
                observation(footage, few),
                begin[few],
                home[few],
                looseness=one.looseness,
                place=Place(expected[few], one.metres),
                usual=usual,
            )
        pose = fit_points(body, observe, begin, home, looseness=one.looseness, place=place, steps=STEPS)
    return Start(body, pose), contacts


def observation(footage: Footage, frames: np.ndarray | slice = slice(None)) -> Observation:
    """What cameras saw in these frames; several keep each other from being fooled, and may be stricter."""
    outlier = OUTLIER if len(footage.cameras) == 1 else OUTLIER_BESIDE_OTHERS
    return in_views(footage.cameras, footage.points[:, frames], footage.confidence[:, frames], outlier)


def _told(
    prior: MotionPrior,
    at: Start,
    level: np.ndarray,
    place_level: np.ndarray,
    fps: float,
    callback: Callback | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations, place and contacts that the prior expects behind poses that are so sure."""
    line = Timeline(len(level), fps)
    everywhere = np.ones(level.shape, dtype=bool)
    R, _ = line.rotations_to_grid(at.pose.rotations, everywhere)
    transl, _ = line.points_to_grid(at.pose.transl, everywhere[:, 0])
    # the prior knows bodies of standard size above a floor
    scale = leg_length(STANDARD_OFFSETS) / leg_length(at.body.offsets)
    ground = np.array([0.0, ankles_standing(R, transl, at.body.offsets), 0.0])
    soles = np.array([0.0, STANDARD_OFFSETS[JOINT_INDEX["left_foot"], 1] - SOLE_BELOW_TOE, 0.0])
    observed = Observed.of_rotations(
        R,
        line.nearest_to_grid(level),
        (transl - ground) * scale - soles,
        line.nearest_to_grid(place_level) * scale,
    )
    found = recover(prior, observed, callback)
    place = (line.points_from_grid(found.place) + soles) / scale + ground
    return line.rotations_from_grid(found.rotations), place, line.nearest_on_grid(found.contacts)


def ankles_standing(rotations: np.ndarray, transl: np.ndarray, offsets: np.ndarray) -> float:
    """Height of the ankles where feet stand, metres."""
    _, joints = forward_kinematics(rotations, offsets)
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    return float(np.percentile(joints[:, ankles, 1] + transl[:, None, 1], GROUND_PERCENTILE))
