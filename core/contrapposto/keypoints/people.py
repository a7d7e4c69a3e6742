# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is who: one person, the best seen, in all views and frames.

Detectors tell everyone in an image in any order. Two people of two views are one when the
points of one lie on the epipolar lines of the other's. What agrees makes candidates in each
frame; the chain of candidates that agree best and move least from frame to frame is the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.epipolar import epipolar_distance
from contrapposto.keypoints.robust import OUTLIER, agreement
from contrapposto.keypoints.tracking import JUMP, NOBODY, sizes

LEAST_AGREEMENT = 0.25
"""Of what the points of a person could count with others at most, what it takes to be the same person."""

CONTINUITY = 0.5
"""What a person who stays counts beside one on whom all views agree fully."""

MEANT = 10.0
"""What it counts to be the one who is meant, beside all else."""

LEAST_FRAMES = 10
"""Someone who is seen by two cameras in fewer is no person but a mistake."""

NO_ONE = "No two cameras agree on a person; are folders and calibration in the same order?"


def follow(
    cameras: Camera, points: np.ndarray, confidence: np.ndarray, meant: np.ndarray | None = None
) -> np.ndarray:
    """Which of the people of each view and frame is the person.

    Args:
        cameras: V of them, at least two.
        points: (V, T, P, K, 2) pixels of up to P people, anything where confidence is 0.
        confidence: (V, T, P, K), 0 where missing.
        meant: (V, T, P) how much each is meant, see ``tracking.wanted``; the best seen if None.

    Returns:
        (V, T) index of the person among the P, ``NOBODY`` where not seen.

    Raises:
        ValueError: if no two views agree on anyone in any frame.

    Cost: grows with the square of the people in a view.
    """
    chosen = _followed(cameras, points, confidence, meant)
    if chosen is None:
        raise ValueError(NO_ONE)
    return chosen


def everyone(cameras: Camera, points: np.ndarray, confidence: np.ndarray, most: int = 16) -> list[np.ndarray]:
    """All people whom at least two views show, each as ``follow`` tells one, the best seen first.

    Someone is followed as long as they go on from frame to frame; who leaves and comes back is
    someone else.

    Args:
        cameras, points, confidence: as ``follow`` takes them.
        most: people to look for.

    Raises:
        ValueError: as ``follow``.
    """
    left, found = confidence.copy(), list[np.ndarray]()
    for number in range(most):
        followed = _followed(cameras, points, left)
        if followed is None and number == 0:
            raise ValueError(NO_ONE)
        if followed is None:
            break
        chosen = _longest_stay(followed, points, left)
        views, frames = np.nonzero(chosen != NOBODY)
        left[views, frames, chosen[views, frames]] = 0
        if (chosen != NOBODY).any(axis=0).sum() >= LEAST_FRAMES:
            found.append(chosen)
    return found


def _followed(
    cameras: Camera, points: np.ndarray, confidence: np.ndarray, meant: np.ndarray | None = None
) -> np.ndarray | None:
    """(V, T) as ``follow`` tells; None if no two views agree on anyone in any frame."""
    frames = [
        _candidates(cameras, points[:, frame], confidence[:, frame]) for frame in range(points.shape[1])
    ]
    if not any(len(frame.people) for frame in frames):
        return None
    if meant is not None:
        frames = [_meant(frame, meant[:, number]) for number, frame in enumerate(frames)]
    return _chain(frames, points, confidence)


def _longest_stay(chosen: np.ndarray, points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """The longest part (V, T) of a chain in which no one jumps."""
    frames = np.flatnonzero((chosen != NOBODY).any(axis=0))
    candidates = {frame: _Candidates(chosen[:, frame][None], np.ones(1)) for frame in frames.tolist()}
    whole = [candidates.get(frame, _NO_ONE) for frame in range(chosen.shape[1])]
    parts: list[list[int]] = [[int(frames[0])]]
    for before, now in pairwise(frames.tolist()):
        if _stays(whole, before, now, points, confidence)[0, 0] > 0:
            parts[-1].append(now)
        else:
            parts.append([now])
    longest = max(parts, key=len)
    kept = np.full_like(chosen, NOBODY)
    kept[:, longest] = chosen[:, longest]
    return kept


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Who may be the person in one frame.

    Attributes:
        people: (C, V) index in each view.
        score: (C,) 0 to 1, how much all views agree.
    """

    people: np.ndarray
    score: np.ndarray


_NO_ONE = _Candidates(np.zeros((0, 0), dtype=int), np.zeros(0))


def _meant(frame: _Candidates, meant: np.ndarray) -> _Candidates:
    """The candidates, scored by how much their people (V, P) are meant, too."""
    if not len(frame.people):
        return frame
    each = np.take_along_axis(meant[None], np.maximum(frame.people, 0)[..., None], axis=2)[..., 0]
    share = np.where(frame.people != NOBODY, each, 0).sum(axis=1) / max(1, len(meant))
    return _Candidates(frame.people, frame.score + MEANT * share)


def _candidates(cameras: Camera, points: np.ndarray, confidence: np.ndarray) -> _Candidates:
    """Of a frame: points (V, P, K, 2), confidence (V, P, K)."""
    V, P, K = confidence.shape
    agreed, most = np.zeros((V, P, V, P)), np.zeros((V, P, V, P))
    for v, w in combinations(range(V), 2):
        both = np.minimum(confidence[v][:, None], confidence[w][None])
        scale = OUTLIER * max(cameras.size[v].max(), cameras.size[w].max())
        off = epipolar_distance(cameras[v], cameras[w], points[v][:, None], points[w][None]) / scale
        counted = np.where(both > 0, both * agreement(np.nan_to_num(off) ** 2), 0)
        agreed[v, :, w], most[v, :, w] = counted.sum(axis=-1), both.sum(axis=-1)
        agreed[w, :, v], most[w, :, v] = agreed[v, :, w].T, most[v, :, w].T
    agree = agreed > LEAST_AGREEMENT * np.maximum(most, K * 1e-3)
    found: dict[tuple[int, ...], float] = {}
    for v, p, w, q in np.argwhere(agree):
        if v > w:
            continue
        people = np.full(V, NOBODY)
        people[v], people[w] = p, q
        for u in set(range(V)) - {v, w}:
            with_both = np.where(agree[v, p, u] & agree[w, q, u], agreed[v, p, u] + agreed[w, q, u], 0)
            if with_both.any():
                people[u] = np.argmax(with_both)
        seen = np.flatnonzero(people != NOBODY)
        score = sum(agreed[a, people[a], b, people[b]] for a, b in combinations(seen, 2))
        found[tuple(people)] = float(score) / (K * V * (V - 1) / 2)
    return _Candidates(np.array(list(found), dtype=int).reshape(-1, V), np.array(list(found.values())))


def _chain(frames: list[_Candidates], points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(V, T) the candidates that score best as a chain (Viterbi); frames without any are left out."""
    V, T = points.shape[:2]
    chosen = np.full((V, T), NOBODY)
    whole = [frame for frame in range(T) if len(frames[frame].people)]
    total, came = frames[whole[0]].score, []
    for before, now in pairwise(whole):
        stays = _stays(frames, before, now, points, confidence)
        way = total[:, None] + CONTINUITY * stays
        came.append(way.argmax(axis=0))
        total = way.max(axis=0) + frames[now].score
    best = int(total.argmax())
    for number in reversed(range(len(whole))):
        chosen[:, whole[number]] = frames[whole[number]].people[best]
        best = int(came[number - 1][best]) if number else best
    return chosen


def _stays(
    frames: list[_Candidates], before: int, now: int, points: np.ndarray, confidence: np.ndarray
) -> np.ndarray:
    """(C, D) 0 to 1, how much the candidates of two frames are in the same places, mean over views."""
    old, new = frames[before].people, frames[now].people
    stays = np.zeros((len(points), len(old), len(new)))
    for view in range(len(points)):
        a, b = points[view, before, old[:, view]][:, None], points[view, now, new[:, view]][None]
        seen = (confidence[view, before, old[:, view]][:, None] > 0) & (
            confidence[view, now, new[:, view]][None] > 0
        )
        seen &= (old[:, view] != NOBODY)[:, None, None] & (new[:, view] != NOBODY)[None, :, None]
        count = np.maximum(seen.sum(axis=-1), 1)
        apart = np.where(seen, np.linalg.norm(np.nan_to_num(a - b), axis=-1), 0).sum(axis=-1) / count
        size = sizes(points[view, now, new[:, view]], confidence[view, now, new[:, view]])
        stays[view] = np.maximum(0, 1 - apart / (JUMP * size)) * seen.any(axis=-1)
    return stays.mean(axis=0)
