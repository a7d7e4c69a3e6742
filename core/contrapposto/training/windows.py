# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips as windows of frames to learn motion from, drawn with weights against idling.

All clips lie in a row at 30 frames a second, each also a little slower and faster, on
the standard body. A window never crosses a clip's border or a bad frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from contrapposto.files.mocap import Clip
from contrapposto.priors.motion import FPS
from contrapposto.rotation import from_rotvec, slerp
from contrapposto.skeleton import JOINT_INDEX, STANDARD_OFFSETS, forward_kinematics, leg_length, sole_height
from contrapposto.training.corpus import CLIP_POWER, GROUND_PERCENTILE, UNEVEN_FLOOR

SPEEDS = (1.0, 0.82, 1.2)
"""How fast the clips are played."""

SHORTEST = 16
"""Frames of the shortest stretch that is worth a window."""

LIVELY = 1.0
IDLE_SHARE = 0.15
"""Metres a second of mean joint speed at which a window counts fully, and how little a still one does."""

CONTACT_HEIGHT = 0.06
CONTACT_SPEED = 0.25
"""A foot stands when its sole is lower and its toe base slower: metres over the ground, metres a second."""

FEET = (
    (JOINT_INDEX["left_ankle"], JOINT_INDEX["left_foot"]),
    (JOINT_INDEX["right_ankle"], JOINT_INDEX["right_foot"]),
)


@dataclass(frozen=True, eq=False)
class Windows:
    """Frames of many clips in a row, and where windows may begin.

    Attributes:
        rotations: (N, 22, 3, 3) float32 local rotations.
        place: (N, 3) float32 of the pelvis, standard-body metres over the clip's own ground.
        contacts: (N, 2) float32, 1 where the left and right foot stand, NaN where the ground is uneven.
        start: (M,) the first frames of windows of ``frames`` frames.
        weight: (M,) float64 probability to be drawn, summing to 1.
        frames: length of a window.
    """

    rotations: np.ndarray
    place: np.ndarray
    contacts: np.ndarray
    start: np.ndarray
    weight: np.ndarray
    frames: int

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(
        cls, clips: Iterable[Clip], frames: int, *, speeds: tuple[float, ...] = SPEEDS, stride: int = 1
    ) -> Windows:
        """Windows of the clips' good frames, beginning at every ``stride``-th.

        Raises:
            ValueError: if no clip has so many good frames in a row.
        """
        rotations, place, contacts, start, weight = [], [], [], [], []
        total = 0
        for clip in clips:
            for speed in speeds:
                R, t, bad = resampled(clip, FPS / speed)
                if len(R) < frames:
                    continue
                here, standing, lively = _grounded(R, t, uneven=clip.subject in UNEVEN_FLOOR)
                blocked = np.concatenate([[0], np.cumsum(bad)])
                begins = np.arange(0, len(R) - frames + 1, stride)
                begins = begins[blocked[begins + frames] == blocked[begins]]
                if len(begins) == 0:
                    continue
                moving = np.concatenate([[0.0], np.cumsum(lively)])
                speed_of = (moving[begins + frames] - moving[begins]) / frames
                weight.append(
                    np.maximum(IDLE_SHARE, np.minimum(1, speed_of / LIVELY)) * len(begins) ** (CLIP_POWER - 1)
                )
                rotations.append(R.astype(np.float32))
                place.append(here.astype(np.float32))
                contacts.append(standing)
                start.append(begins + total)
                total += len(R)
        if not rotations:
            raise ValueError(f"No clip has {frames} good frames in a row to learn motion from")
        weights = np.concatenate(weight)
        return cls(
            np.concatenate(rotations),
            np.concatenate(place),
            np.concatenate(contacts),
            np.concatenate(start),
            weights / weights.sum(),
            frames,
        )


def resampled(clip: Clip, fps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A clip at another frame rate, on the standard body's legs.

    Returns:
        (T, 22, 3, 3) rotations, (T, 3) place in metres and (T,) bad.
    """
    R = from_rotvec(clip.rotvec.astype(np.float64))
    t = clip.transl * leg_length(STANDARD_OFFSETS) / leg_length(clip.offsets)
    if abs(fps - clip.fps) < 1e-6 * fps:
        return R, t, clip.bad
    time = np.arange(int((len(clip) - 1) * fps / clip.fps) + 1) * clip.fps / fps
    first = np.minimum(time.astype(int), max(0, len(clip) - 2))
    second = np.minimum(first + 1, len(clip) - 1)
    share = time - first
    between = slerp(R[first], R[second], np.broadcast_to(share[:, None], (len(time), R.shape[1])))
    moved = t[first] + share[:, None] * (t[second] - t[first])
    return between, moved, clip.bad[first] | clip.bad[second]


def _grounded(R: np.ndarray, t: np.ndarray, *, uneven: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place over the ground, standing feet (NaN where uneven) and mean joint speed of a clip's frames."""
    _, positions = forward_kinematics(R)
    soles = t[:, 1:2] + sole_height(positions)
    ground = np.percentile(soles.min(axis=-1), GROUND_PERCENTILE)
    world = positions + t[:, None]
    velocity = np.gradient(world, axis=0) * FPS
    speed = np.sqrt(np.sum(velocity**2, axis=-1))
    toes = np.stack([speed[:, toe] for _, toe in FEET], axis=-1)
    standing = ((soles - ground < CONTACT_HEIGHT) & (toes < CONTACT_SPEED)).astype(np.float32)
    if uneven:
        standing[:] = np.nan
    return t - [0, ground, 0], standing, speed.mean(axis=-1)
