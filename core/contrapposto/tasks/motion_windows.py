# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion prior on a clip of any length: windows that overlap and fade into each other.

Every window is turned and moved to where the prior expects it, and its answer back.
Windows lie evenly, whatever the length, and weigh less towards their ends, so that
no seam shows and cost grows with length only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.diffusion.sampler import Callback
from contrapposto.priors.motion import Expected, MotionPrior, Observed
from contrapposto.rotation import from_rot6d, to_rot6d, transpose
from contrapposto.skeleton import MIRROR, mirror, mirror_points

ROUNDS = (24, 32)
"""Frames that neighbouring windows share at least, in each round over the clip."""

CHUNK = 8
"""Windows that are worked on at a time; between chunks a task can be stopped."""


@dataclass(frozen=True, eq=False)
class Recovered:
    """What the prior makes of a clip.

    Attributes:
        rotations: (T, 22, 3, 3).
        positions: (T, 22, 3) metres from the pelvis, told without bones.
        place: (T, 3) metres.
        contacts: (T, 2) probability that the left and the right foot stand.
    """

    rotations: np.ndarray
    positions: np.ndarray
    place: np.ndarray
    contacts: np.ndarray


def window_starts(count: int, frames: int, overlap: int = ROUNDS[0]) -> np.ndarray:
    """First frames of windows that cover ``count`` frames."""
    if count <= frames:
        return np.zeros(1, dtype=int)
    number = int(np.ceil((count - frames) / (frames - min(overlap, frames // 2)))) + 1
    return np.rint(np.linspace(0, count - frames, number)).astype(int)


def passes(count: int, frames: int) -> int:
    """How often ``recover`` calls back for a clip of ``count`` frames."""
    return sum(-(-len(window_starts(count, min(count, frames), overlap)) // CHUNK) for overlap in ROUNDS)


def recover(prior: MotionPrior, observed: Observed, callback: Callback | None = None) -> Recovered:
    """The clean clip that the prior expects behind what is observed of it.

    The mean of two rounds, the second with windows elsewhere and of the clip in a mirror:
    what the network is unsure about differs between them, what it knows does not.

    Args:
        prior: on any array library.
        observed: of T frames, without the batch dimension, in the world; NumPy.
        callback: called with (step, steps) before each chunk of windows; may raise to stop.
    """
    T, J = observed.rotation_level.shape
    frames = min(T, prior.frames)
    steps, step = passes(T, prior.frames), 0
    total = [np.zeros((T, *shape)) for shape in ((J, 6), (J, 3), (3,), (2,))]
    weight = np.zeros(T)
    for overlap in ROUNDS:
        flipped = overlap != ROUNDS[0]
        seen = _mirrored(observed) if flipped else observed
        starts = window_starts(T, frames, overlap)
        fade = fading(frames, overlap)
        for first in range(0, len(starts), CHUNK):
            if callback is not None:
                callback(step, steps)
            step += 1
            index = starts[first : first + CHUNK, None] + np.arange(frames)
            values = _answer(prior, Observed(**{k: v[index] for k, v in vars(seen).items()}), flipped=flipped)
            for window, rows in enumerate(index):
                weight[rows] += fade
                for sum_of, value in zip(total, values, strict=True):
                    sum_of[rows] += fade.reshape(-1, *[1] * (value.ndim - 2)) * value[window]
    d, positions, place, contacts = (value / weight.reshape(-1, *[1] * (value.ndim - 1)) for value in total)
    return Recovered(from_rot6d(d), positions, place, 1 / (1 + np.exp(-contacts)))


def fading(frames: int, overlap: int) -> np.ndarray:
    """(frames,) weight of a window's frames, less towards its ends."""
    rise = np.minimum(np.arange(frames) + 1, frames - np.arange(frames)) / (overlap / 2 + 1)
    return np.minimum(1, rise) ** 2 * (3 - 2 * np.minimum(1, rise))


def _mirrored(observed: Observed) -> Observed:
    """The clip seen in a mirror."""
    return Observed(
        mirror(observed.rotations),
        observed.rotation_level[..., list(MIRROR)],
        mirror_points(observed.positions),
        observed.position_level[..., list(MIRROR)],
        observed.place * [-1, 1, 1],
        observed.place_level,
    )


def _answer(prior: MotionPrior, seen: Observed, *, flipped: bool) -> tuple[np.ndarray, ...]:
    """6D rotations, positions, place and contacts' log-odds of windows (B, T, ...), in the clip's world."""
    turned, heading, origin = canonical(seen)
    found = _expect(prior, turned)
    rotations, contacts = found.rotations, found.contacts
    rotations[:, :, 0] = heading[:, None] @ rotations[:, :, 0]
    place = (heading[:, None] @ found.place[..., None])[..., 0] + origin[:, None]
    positions = (heading[:, None, None] @ found.positions[..., None])[..., 0]
    if flipped:
        rotations, positions = mirror(rotations), mirror_points(positions)
        place, contacts = place * [-1, 1, 1], contacts[..., ::-1]
    return to_rot6d(rotations), positions, place, contacts


def _expect(prior: MotionPrior, seen: Observed) -> Expected:
    """The prior's answer to windows, as NumPy float64."""
    moved = Observed(**{name: like(value, prior.mean) for name, value in vars(seen).items()})
    found = prior.expect(moved)
    return Expected(**{name: to_numpy(value).astype(np.float64) for name, value in vars(found).items()})


def canonical(observed: Observed) -> tuple[Observed, np.ndarray, np.ndarray]:
    """Windows (B, T, ...) as the prior knows them, and their heading (B, 3, 3) and origin (B, 3) to undo it.

    The heading is the mean of where the pelvis faces, most of all in the middle of the window.
    """
    B, T = observed.place_level.shape
    middle = np.exp(-0.5 * ((np.arange(T) - (T - 1) / 2) / (0.15 * T + 1)) ** 2) + 1e-3
    known = np.isfinite(observed.rotation_level[..., 0]) * middle
    R = observed.rotations[:, :, 0]
    # the twist about the vertical of each root, as a complex number
    facing = (R[..., 0, 0] + R[..., 2, 2]) + 1j * (R[..., 0, 2] - R[..., 2, 0])
    length = np.abs(facing)
    facing = np.sum(known * facing / np.where(length > 0, length, 1), axis=1)
    facing = np.where(np.abs(facing) > 1e-9, facing, 1)
    cos, sin = np.cos(np.angle(facing)), np.sin(np.angle(facing))
    zero, one = np.zeros(B), np.ones(B)
    heading = np.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], axis=-1).reshape(B, 3, 3)
    back = transpose(heading)
    placed = np.isfinite(observed.place_level).astype(float)
    origin = (placed[..., None] * observed.place).sum(axis=1) / np.maximum(placed.sum(axis=1), 1)[:, None]
    origin[:, 1] = 0
    rotations = observed.rotations.copy()
    rotations[:, :, 0] = back[:, None] @ R
    place = np.where(placed[..., None] > 0, observed.place - origin[:, None], 0)
    return (
        replace(
            observed,
            rotations=rotations,
            positions=(back[:, None, None] @ observed.positions[..., None])[..., 0],
            place=(back[:, None] @ place[..., None])[..., 0],
        ),
        heading,
        origin,
    )
