# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips as one table of training poses, with weights against the standing-still bias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from contrapposto.files.mocap import Clip
from contrapposto.rotation import from_rotvec, split_heading
from contrapposto.skeleton import STANDARD_OFFSETS, forward_kinematics, leg_length, sole_height

UNEVEN_FLOOR = ("cmu/cmu001", "cmu/cmu003")
"""Subjects who climb: their height above y = 0 says nothing about their legs."""

CLIP_POWER = 0.5
"""A clip of n frames is drawn in proportion to n ** CLIP_POWER."""

FPS = 30.0
"""Faster takes are thinned to about this rate: their frames say little new."""

GROUND_PERCENTILE = 5
"""Of the lowest sole's height over a clip: low, but not its deepest glitch."""


def _height_above_ground(clip: Clip, frames: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """(len(frames),) pelvis height of the standard body over the ground that the clip stands on.

    Sources disagree by up to 10 cm on where the floor is under their feet: the
    ground is where the lowest sole of the clip is, not y = 0.
    """
    if clip.subject in UNEVEN_FLOOR:
        return np.full(len(frames), np.nan)
    height = clip.transl[frames, 1] * leg_length(STANDARD_OFFSETS) / leg_length(clip.offsets)
    _, positions = forward_kinematics(rotations)
    soles = height + sole_height(positions).min(axis=-1)
    return height - np.percentile(soles, GROUND_PERCENTILE)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Poses without heading, ready to be drawn from.

    Attributes:
        rotations: (N, 22, 3, 3) float32 local rotations, the root's without heading.
        height: (N,) float32 pelvis height in standard-body metres, NaN if unreliable.
        weight: (N,) float64 probability to be drawn, summing to 1.
        clip: (N,) index of the clip that each pose stems from.
    """

    rotations: np.ndarray
    height: np.ndarray
    weight: np.ndarray
    clip: np.ndarray

    def __len__(self) -> int:
        return len(self.height)

    @classmethod
    def of(cls, clips: Iterable[Clip], stride: int = 1) -> Corpus:
        """Every ``stride``-th good frame of the clips, counted at about ``FPS`` frames a second.

        Raises:
            ValueError: if no good frame is left.
        """
        rotations, height, weight, index = [], [], [], []
        for number, clip in enumerate(clips):
            keep = np.flatnonzero(~clip.bad)[:: stride * max(1, round(clip.fps / FPS))]
            if len(keep) == 0:
                continue
            R = from_rotvec(clip.rotvec[keep].astype(np.float64))
            R[:, 0] = split_heading(R[:, 0])[1]
            rotations.append(R.astype(np.float32))
            height.append(_height_above_ground(clip, keep, R))
            weight.append(np.full(len(keep), len(keep) ** (CLIP_POWER - 1)))
            index.append(np.full(len(keep), number))
        if not rotations:
            raise ValueError("There is no good frame to learn from")
        weights = np.concatenate(weight)
        return cls(
            rotations=np.concatenate(rotations),
            height=np.concatenate(height).astype(np.float32),
            weight=weights / weights.sum(),
            clip=np.concatenate(index),
        )
