# SPDX-License-Identifier: GPL-3.0-or-later
"""What lifting is measured on: poses and clips in front of virtual cameras, and how they are seen.

Clean points, points as a detector would find them (``evaluation.virtual``), and clean ones of
which some are missing. Of poses, each has its own camera; a clip has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from contrapposto.evaluation.virtual import CLEAN, DetectorNoise, cameras_around, detect
from contrapposto.files.mocap import Clip
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.sets import SETS, sides
from contrapposto.keypoints.sight import Seen
from contrapposto.priors.motion import FPS
from contrapposto.rotation import transpose
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX, forward_kinematics, sole_height
from contrapposto.training.windows import resampled

FEW = sides("elbow", "wrist", "knee", "ankle")
"""Joints of which a few are missing in ``few_missing``."""

CLIP_FRAMES = 81
"""Frames of a clip, at ``FPS``."""

Method = Callable[[Seen], np.ndarray]
"""Finds (N, B, 22, 3) joint positions about the pelvis in the camera's axes, metres; the best first."""


class Sighting(NamedTuple):
    """Poses as they are seen, and as they are.

    Attributes:
        seen: what cameras saw of B poses.
        true: (B, 22, 3) joint positions about the pelvis in the camera's axes, metres.
        hidden: (B, 22) bool, joints that were taken away.
    """

    seen: Seen
    true: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True)
class Case:
    """One way that poses are seen.

    Attributes:
        noise: of the detector.
        missing: joints whose points, and those below, are not seen.
        few: of each pose, one to so many of the joints ``FEW`` are not seen.
    """

    noise: DetectorNoise = CLEAN
    missing: tuple[str, ...] = ()
    few: int = 0

    def hidden(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, 22) bool, the joints that are taken away."""
        below = DESCENDANTS[[JOINT_INDEX[joint] for joint in self.missing]].any(axis=0)
        gone = np.tile(below, (count, 1))
        if self.few:
            rank = rng.random((count, len(FEW))).argsort(axis=1).argsort(axis=1)
            joints = [JOINT_INDEX[joint] for joint in FEW]
            gone[:, joints] |= rank < rng.integers(1, self.few + 1, count)[:, None]
        return gone


CASES = {
    "clean": Case(),
    "noisy": Case(DetectorNoise()),
    "few_missing": Case(few=3),
    "left_arm_missing": Case(missing=("left_shoulder",)),
    "right_leg_missing": Case(missing=("right_hip",)),
    "hands_missing": Case(missing=("left_wrist", "right_wrist")),
}

CLIP_CASES = {"clip_clean": CASES["clean"], "clip_noisy": CASES["noisy"]}


def look(rotations: np.ndarray, case: Case, name: str, rng: np.random.Generator) -> Sighting:
    """What cameras of their own see of poses.

    Args:
        rotations: (B, 22, 3, 3) poses; they stand on the floor.
        case: how they are seen.
        name: of the set of points.
        rng: of cameras and detector.
    """
    _, joints = forward_kinematics(rotations.astype(np.float64))
    place = np.zeros((len(rotations), 3))
    place[:, 1] = -sole_height(joints).min(axis=-1)
    cameras = cameras_around(place, rng)
    return _seen_by(cameras, rotations, place, case, name, rng, fps=None)


def look_at_clip(
    rotations: np.ndarray, place: np.ndarray, case: Case, name: str, rng: np.random.Generator
) -> Sighting:
    """What one camera sees of a clip.

    Args:
        rotations, place: (T, 22, 3, 3) and (T, 3) at ``FPS``.
        case: how it is seen.
        name: of the set of points.
        rng: of camera and detector.
    """
    one = cameras_around(place.mean(axis=0)[None], rng)
    cameras = one[np.zeros(len(rotations), dtype=int)]
    return _seen_by(cameras, rotations, place, case, name, rng, fps=FPS)


def clips_to_lift(clips: Iterable[Clip], count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rotations and place of ``CLIP_FRAMES`` frames of ``count`` clips, or of all if there are fewer."""
    found = []
    for clip in clips:
        R, place, bad = resampled(clip, FPS)
        good = np.flatnonzero(np.convolve(~bad, np.ones(CLIP_FRAMES), "valid") == CLIP_FRAMES)
        if len(good):
            frames = slice(int(good[len(good) // 2]), int(good[len(good) // 2]) + CLIP_FRAMES)
            found.append((R[frames], place[frames]))
    chosen = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
    return [found[index] for index in chosen]


def _seen_by(
    cameras: Camera,
    rotations: np.ndarray,
    place: np.ndarray,
    case: Case,
    name: str,
    rng: np.random.Generator,
    fps: float | None,
) -> Sighting:
    world, joints = forward_kinematics(rotations.astype(np.float64))
    body = Body.standard(SETS[name])
    points, sure = detect(cameras, body, world, joints + place[:, None], rng, noise=case.noise, fps=fps)
    hidden = case.hidden(len(rotations), rng)
    gone = hidden[:, body.joints]
    points, sure = np.where(gone[..., None], np.nan, points), np.where(gone, 0, sure)
    true = joints @ transpose(cameras.rotation)
    return Sighting(Seen(cameras, SETS[name], points, sure), true, hidden)


def joined(sightings: Iterable[Sighting]) -> tuple[np.ndarray, np.ndarray]:
    """The true joints (B, 22, 3) and the hidden ones (B, 22) of several sightings."""
    many = list(sightings)
    return np.concatenate([one.true for one in many]), np.concatenate([one.hidden for one in many])
