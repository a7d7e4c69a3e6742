# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaps in what is known of a clip: where they are, bridges over them, and who fills them.

Curves that go on as what is known begins and ends fill short gaps better than the motion prior, which
fills long ones better: the longer one is, the more it has to say. In a very long one of the whole body a
window might see nothing at all: there a straight bridge is shown to the prior, dimly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from contrapposto.priors.filters import bridged
from contrapposto.priors.motion import Observed
from contrapposto.rotation import from_rot6d, slerp, to_rot6d
from contrapposto.skeleton import NUM_JOINTS

EVEN_GAP = 45.0
"""Frames of a gap that a curve fills as well as the prior: both have a say."""

LONG_GAP = 40
DIM_RAD, DIM_METRES = 0.35, 0.1
"""Frames beyond which a gap of the whole body is bridged first, and the level of the bridge."""


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each run of True of a mask (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def bridged_rotations(R: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3), straight from one known to the next; the identity where none is."""
    at = np.flatnonzero(known)
    if len(at) == 0:
        return np.tile(np.eye(3), (len(R), 1, 1))
    frames = np.arange(len(R))
    after = np.clip(np.searchsorted(at, frames), 0, len(at) - 1)
    before = np.clip(np.searchsorted(at, frames, side="right") - 1, 0, len(at) - 1)
    a, b = at[before], at[after]
    share = np.where(b > a, (frames - a) / np.maximum(b - a, 1), 0.0)
    return slerp(R[a], R[b], share)


def bridged_points(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Points (T, 3), straight from one known to the next; the origin where none is."""
    at = np.flatnonzero(known)
    if len(at) == 0:
        return np.zeros_like(points)
    frames = np.arange(len(points))
    return np.stack([np.interp(frames, at, points[at, axis]) for axis in range(3)], axis=-1)


def curved_rotations(R: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Clean rotations (T, J, 3, 3), where not known (T, J) on curves that go on as they begin and end."""
    return from_rot6d(bridged(to_rot6d(R)[None], ~known[None])[0][0])


def curved_points(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Clean points (T, 3), where not known (T,) on curves that go on as they begin and end."""
    return bridged(points[None, :, None], ~known[None, :, None])[0][0, :, 0]


def prior_share(known: np.ndarray) -> np.ndarray:
    """(T,) how much the prior has to say in the gaps of what is known (T,): the more, the longer a gap."""
    share = np.ones(len(known))
    if known.any():
        for begin, end in runs(~known):
            length = end - begin
            share[begin:end] = length**2 / (length**2 + EVEN_GAP**2)
    return share


def with_long_gaps(observed: Observed) -> Observed:
    """The clip with frames of long gaps of the whole body seen dimly, where a window might see nothing."""
    gone = np.isinf(observed.rotation_level).all(axis=1)
    dim = np.zeros(len(gone), dtype=bool)
    for begin, end in runs(gone):
        dim[begin:end] = end - begin > LONG_GAP
    known = ~np.isinf(observed.rotation_level)
    R = observed.rotations.copy()
    for joint in range(NUM_JOINTS):
        R[dim, joint] = bridged_rotations(R[:, joint], known[:, joint])[dim]
    lost = dim & np.isinf(observed.place_level)
    place = np.where(
        lost[:, None], bridged_points(observed.place, ~np.isinf(observed.place_level)), observed.place
    )
    return replace(
        observed,
        rotations=R,
        rotation_level=np.where(dim[:, None], DIM_RAD, observed.rotation_level),
        place=place,
        place_level=np.where(lost, DIM_METRES, observed.place_level),
    )
