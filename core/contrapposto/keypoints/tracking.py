# SPDX-License-Identifier: GPL-3.0-or-later
"""Who stays who in one view, and which of them is meant.

A person of one frame is that person of an earlier one whose points are nearest, in units of their
size. Of those who are so told apart one is meant: the largest, who is seen longest, or who stands
where someone clicked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

NOBODY = -1

JUMP = 0.5
"""A person who is so far from where they were, in units of their own size, may be anyone."""

PATIENCE = 30
"""Frames that someone may be out of sight and come back as the same person."""

NEAR = 0.5
"""A click may be so far beside a person, in units of their size."""


class Rule(Enum):
    """Who is meant if no one clicks."""

    BEST = "best"
    LARGEST = "largest"
    LONGEST = "longest"


@dataclass(frozen=True)
class Click:
    """Who is meant: the person at a place of a frame.

    Attributes:
        x, y: pixels.
        frame: number of the frame, as the files have it.
        camera: which of the views, from 1.
    """

    x: float
    y: float
    frame: int
    camera: int = 1


Choice = Rule | Click


def choice_of(text: str) -> Choice:
    """A choice as it is written: the name of a rule, or ``X,Y,FRAME`` or ``X,Y,FRAME,CAMERA``.

    Raises:
        ValueError: with one sentence, for anything else.
    """
    if text in {rule.value for rule in Rule}:
        return Rule(text)
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (3, 4) or not all(math.isfinite(value) for value in values):
        rules = ", ".join(rule.value for rule in Rule)
        raise ValueError(
            f"--person is {rules}, or where to click, X,Y,FRAME or X,Y,FRAME,CAMERA; not '{text}'"
        )
    return Click(values[0], values[1], *(int(value) for value in values[2:]))


def sizes(points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(...) diagonal in pixels of the box around people (..., K, 2), 1 at least."""
    seen = (confidence > 0)[..., None]
    low = np.where(seen, points, np.inf).min(axis=-2)
    high = np.where(seen, points, -np.inf).max(axis=-2)
    span = np.where(np.isfinite(high - low), high - low, 0)
    return np.maximum(np.linalg.norm(span, axis=-1), 1.0)


def tracks(points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Who is who from frame to frame.

    Args:
        points: (T, P, K, 2) pixels of up to P people, anything where confidence is 0.
        confidence: (T, P, K), 0 where missing.

    Returns:
        (N, T) of each of N people their index among the P of a frame, ``NOBODY`` where not seen.

    Cost: grows with the people of a frame times those of the frames before, within ``PATIENCE``.
    """
    found: list[np.ndarray] = []
    last: dict[int, int] = {}  # person -> the frame in which they were seen last
    for frame in range(len(points)):
        here = [p for p in range(points.shape[1]) if (confidence[frame, p] > 0).any()]
        last = {person: seen for person, seen in last.items() if frame - seen <= PATIENCE}
        known = list(last)
        before = [last[person] for person in known], [int(found[person][last[person]]) for person in known]
        apart = _apart(points[before], confidence[before], points[frame, here], confidence[frame, here])
        for row, column in _nearest_first(apart):
            found[known[row]][frame] = here[column]
            last[known[row]] = frame
        taken = {int(found[person][frame]) for person in known}
        for p in here:
            if p not in taken:
                last[len(found)] = frame
                found.append(np.full(len(points), NOBODY))
                found[-1][frame] = p
    return np.array(found, dtype=int).reshape(-1, len(points))


def _nearest_first(apart: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a row and a column, each taken once, the nearest first, none further than a jump."""
    pairs: list[tuple[int, int]] = []
    left = apart.copy()
    while left.size and (best := int(left.argmin())) >= 0 and left.flat[best] < JUMP:
        row, column = np.unravel_index(best, left.shape)
        pairs.append((int(row), int(column)))
        left[row, :] = left[:, column] = np.inf
    return pairs


def _apart(
    points: np.ndarray, confidence: np.ndarray, others: np.ndarray, others_confidence: np.ndarray
) -> np.ndarray:
    """(N, M) how far people (N, K, 2) are from others (M, K, 2), in units of their size, by shared points."""
    both = (confidence[:, None] > 0) & (others_confidence[None] > 0)
    distance = np.where(both, np.linalg.norm(points[:, None] - others[None], axis=-1), 0).sum(axis=-1)
    count = both.sum(axis=-1)
    apart = distance / np.maximum(count, 1) / sizes(others, others_confidence)[None]
    return np.where(count > 0, apart, np.inf)


def wanted(choice: Choice, points: np.ndarray, confidence: np.ndarray, first: int = 0) -> np.ndarray:
    """(V, T, P) how much each is meant, 0 to 1, of the people of V views (V, T, P, K, 2).

    Args:
        choice: who is meant.
        points, confidence: as ``tracks`` takes them, for each view.
        first: number of the first frame.

    Raises:
        ValueError: with one sentence, if no one is where someone clicked.
    """
    meant = np.zeros(confidence.shape[:3])
    seen = (confidence > 0).any(axis=-1)
    if choice is Rule.LARGEST:
        size = np.where(seen, sizes(points, confidence), 0)
        return size / np.maximum(size.max(axis=-1, keepdims=True), 1.0)
    if isinstance(choice, Click):
        view = choice.camera - 1
        who = _clicked(choice, points, confidence, first)
        _mean(meant[view], who)
    if choice is Rule.LONGEST:
        for view in range(len(points)):
            people = tracks(points[view], confidence[view])
            if len(people):
                _mean(meant[view], people[int((people != NOBODY).sum(axis=1).argmax())])
    return meant


def _mean(meant: np.ndarray, who: np.ndarray) -> None:
    """Mark a person (T,) as the one who is meant (T, P)."""
    frames = np.flatnonzero(who != NOBODY)
    meant[frames, who[frames]] = 1


def _clicked(click: Click, points: np.ndarray, confidence: np.ndarray, first: int) -> np.ndarray:
    """(T,) the person who was clicked."""
    views, frames = points.shape[:2]
    if not 1 <= click.camera <= views:
        raise ValueError(f"There is no camera {click.camera} to click in, only 1 to {views}")
    if not first <= click.frame < first + frames:
        raise ValueError(f"There is no frame {click.frame} to click in, only {first} to {first + frames - 1}")
    view, frame = click.camera - 1, click.frame - first
    here, sure = points[view, frame], confidence[view, frame]
    low = np.where((sure > 0)[..., None], here, np.inf).min(axis=1)
    high = np.where((sure > 0)[..., None], here, -np.inf).max(axis=1)
    place = np.array([click.x, click.y])
    beside = np.linalg.norm(np.maximum(np.maximum(low - place, place - high), 0), axis=-1) / sizes(here, sure)
    off = np.linalg.norm((low + high) / 2 - place, axis=-1) / sizes(here, sure)
    order = np.where(np.isfinite(beside), beside * 1e3 + np.nan_to_num(off, nan=np.inf), np.inf)
    person = int(order.argmin())
    if not beside[person] < NEAR:
        raise ValueError(
            f"No one is at {click.x:g}, {click.y:g} of frame {click.frame} of camera {click.camera}"
        )
    people = tracks(points[view], confidence[view])
    return people[int((people[:, frame] == person).argmax())]


def one_person(
    points: np.ndarray, confidence: np.ndarray, choice: Choice = Rule.BEST, first: int = 0
) -> np.ndarray:
    """(T,) index of the one who is meant, in the only view; ``NOBODY`` where not seen.

    Args:
        points: (T, P, K, 2) pixels of up to P people, anything where confidence is 0.
        confidence: (T, P, K), 0 where missing.
        choice: who is meant; the best is who has most confidence in all frames together.
        first: number of the first frame.

    Raises:
        ValueError: with one sentence, if no one is seen, or no one is where someone clicked.
    """
    people = tracks(points, confidence)
    if not len(people):
        raise ValueError("No one is seen in any frame")
    if isinstance(choice, Click):
        return _clicked(choice, points[None], confidence[None], first)
    worth = confidence.sum(axis=-1)
    if choice is Rule.LARGEST:
        worth = sizes(points, confidence) * (confidence > 0).any(axis=-1)
    if choice is Rule.LONGEST:
        worth = (confidence > 0).any(axis=-1).astype(float)
    total = [worth[np.flatnonzero(who != NOBODY), who[who != NOBODY]].sum() for who in people]
    return people[int(np.argmax(total))]
