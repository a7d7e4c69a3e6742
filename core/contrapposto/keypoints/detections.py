# SPDX-License-Identifier: GPL-3.0-or-later
"""What a detector saw of everyone in a view: the one value that every reader of keypoints gives.

What differs between detectors ends here. A point that is ``0, 0, 0`` or holds a NaN is missing;
a score above 1, which detectors with SimCC heads give, counts as 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

MOST_MISSING = 10
"""A source may lack so many times the frames that it has; with more, the numbers are no frames'."""

MOST_NUMBERS = 1 << 26
"""Of all frames, people and points together; half a gigabyte."""

FURTHEST = 1e6
"""Pixels; what is further away is no place in an image."""

NORMALISED = 2.0
"""Half of all coordinates are below it: they are shares of the image, not pixels."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector saw of everyone in a view.

    Attributes:
        points: (T, P, K, 2) pixels, or shares of the image's width and height if ``is_normalised``;
            NaN where missing. P is the most people of a frame, in no stable order.
        confidence: (T, P, K) 0 to 1; 0 where missing.
        first: number of the first frame.
        names: of the K points, where the source says so; else their count tells the set.
        is_normalised: whether points are shares of the image.
    """

    points: np.ndarray
    confidence: np.ndarray
    first: int = 0
    names: tuple[str, ...] | None = None
    is_normalised: bool = False

    @classmethod
    def of(
        cls, points: np.ndarray, confidence: np.ndarray, source: object, names: tuple[str, ...] | None = None
    ) -> Detections:
        """What arrays hold that came out of a file.

        Args:
            points: (T, P, K, 2); NaN where missing.
            confidence: (T, P, K); NaN where missing, 0 or more else.
            source: the file, for what is said of it.
            names: of the K points.

        Raises:
            ValueError: with one sentence, if a value cannot be.
        """
        rows = checked(np.concatenate([points, confidence[..., None]], axis=-1), source)
        confidence = rows[..., 2]
        seen = confidence > 0
        if not seen.any():
            raise ValueError(f"No one is seen in any frame of {source}")
        shares = bool(np.median(np.abs(rows[seen][:, :2])) < NORMALISED)
        points = np.where(seen[..., None], rows[..., :2], np.nan)
        return cls(points, confidence, names=names, is_normalised=shares)

    def __len__(self) -> int:
        return len(self.points)

    def frames(self, first: int, count: int) -> Detections:
        """``count`` frames from the one that is numbered ``first``."""
        rows = slice(first - self.first, first - self.first + count)
        return replace(self, points=self.points[rows], confidence=self.confidence[rows], first=first)

    def in_pixels(self, size: Sequence[float] | np.ndarray | None) -> Detections:
        """The same in pixels of an image of a width and height.

        Raises:
            ValueError: with one sentence, if the points are shares of an image whose size is not known.
        """
        if not self.is_normalised:
            return self
        if size is None:
            raise ValueError("The points are shares of the image, not pixels, so the image's size is needed")
        if not (np.isfinite(size).all() and np.all(np.asarray(size) >= 1)):
            raise ValueError(f"An image cannot be {size[0]:g} x {size[1]:g} pixels")
        return replace(self, points=self.points * np.asarray(size, dtype=float), is_normalised=False)


def checked(rows: np.ndarray, source: object) -> np.ndarray:
    """Points with their confidence (..., 3) as they are used: 0 where missing, no confidence above 1.

    Raises:
        ValueError: with one sentence, for what is infinite, out of any image, or of negative confidence.
    """
    rows = np.where(np.isnan(rows).any(axis=-1, keepdims=True), 0, rows)
    if not np.isfinite(rows).all():
        raise ValueError(f"{source} has a point that is not a finite number")
    if np.any(rows[..., 2] < 0):
        raise ValueError(f"{source} has a point with negative confidence")
    if np.any(np.abs(rows[..., :2]) > FURTHEST):
        raise ValueError(f"{source} has a point that is a million pixels away, so it holds no image points")
    return np.concatenate([rows[..., :2], np.minimum(rows[..., 2:], 1)], axis=-1)


def gathered(people: Mapping[int, Sequence[np.ndarray]], source: object) -> Detections:
    """Everyone of every frame in one array.

    Args:
        people: frame number -> the (K, 3) points of each person, as ``checked`` gives them. A number
            that is missing between the first and the last is a frame with no one.
        source: the file or folder, for what is said of it.

    Raises:
        ValueError: with one sentence, if there is no one, the people differ in points, or the
            numbers are no frames'.
    """
    found = {frame: [one for one in seen if np.any(one[:, 2] > 0)] for frame, seen in people.items()}
    shapes = {one.shape for seen in found.values() for one in seen}
    if not shapes:
        raise ValueError(f"No one is seen in any frame of {source}")
    first, last = min(found), max(found)
    if last - first > MOST_MISSING * len(found):
        raise ValueError(f"Most of the frames from {first} to {last} are missing in {source}")
    if len(shapes) > 1:
        counts = sorted(shape[0] for shape in shapes)
        raise ValueError(f"The frames in {source} differ in points a person: {counts[0]} and {counts[-1]}")
    whole = (last - first + 1, max(len(seen) for seen in found.values()), *shapes.pop())
    check_size(whole, source)
    rows = np.zeros(whole)
    for frame, seen in found.items():
        if seen:
            rows[frame - first, : len(seen)] = seen
    return replace(Detections.of(rows[..., :2], rows[..., 2], source), first=first)


def check_size(shape: Sequence[int], source: object) -> None:
    """Refuse what would fill the memory.

    Raises:
        ValueError: with one sentence.
    """
    if np.prod([float(count) for count in shape]) > MOST_NUMBERS:
        raise ValueError(f"{source} holds more than fits into memory: {' x '.join(map(str, shape))} numbers")


def same_detector(views: Sequence[Detections], sources: Sequence[Path]) -> tuple[str, ...] | None:
    """The names of the points that all views have; None where their count tells.

    Raises:
        ValueError: with one sentence, if the views are not of one detector.
    """
    for view, source in zip(views[1:], sources[1:], strict=True):
        if view.confidence.shape[-1] != views[0].confidence.shape[-1] or view.names != views[0].names:
            raise ValueError(
                f"{sources[0]} and {source} differ in points a person; all cameras need the same detector"
            )
    return views[0].names
