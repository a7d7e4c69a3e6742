# SPDX-License-Identifier: GPL-3.0-or-later
"""One person in the keypoints of one view, with the likeliest camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contrapposto.keypoints.body import usable
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.footage import LEAST_CONFIDENCE, Footage
from contrapposto.keypoints.openpose import read_openpose
from contrapposto.keypoints.sets import SETS, recognise

LIKELY_LENS = 35 / math.hypot(36, 24)
"""Focal length by the image's diagonal of a 35 mm lens on a full frame, between phones and portraits."""

FAR = 0.5
"""A person who moves by so much of their size from frame to frame may as well be another."""


def read_view(folder: Path, *, size: Sequence[float] | None = None, name: str | None = None) -> Footage:
    """The person of an OpenPose folder who is largest and surest and stays, V = 1.

    Args:
        folder: of one camera, which stands at the world's origin and looks along -z, y up.
        size: width and height of the image in pixels; it is taken to end where the points do if None.
        name: of the set of points; recognised if None.

    Raises:
        ValueError: with one sentence, if a file is damaged, no point is sure, or the set cannot be told.
    """
    seen = read_openpose(folder)
    sure = np.where(seen.confidence < LEAST_CONFIDENCE, 0, seen.confidence)
    if not sure.any():
        raise ValueError(f"No point in {folder} is sure by {LEAST_CONFIDENCE:.0%} or more")
    points = np.where(sure[..., None] > 0, seen.points, np.nan)
    name = name or recognise(points, sure)
    if len(SETS[name]) != sure.shape[-1]:
        raise ValueError(f"{name} has {len(SETS[name])} points a person, not {sure.shape[-1]}")
    used = usable(SETS[name])
    points, sure = _of_one(points[..., used, :], sure[..., used])
    width, height = np.nanmax(points.reshape(-1, 2), axis=0) + 1 if size is None else size
    focal = LIKELY_LENS * math.hypot(width, height)
    intrinsics = np.array([[[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]]])
    camera = Camera(
        intrinsics, np.diag([1.0, -1, -1])[None], np.zeros((1, 3)), np.array([[width, height]], dtype=float)
    )
    names = tuple(SETS[name][index] for index in used)
    return Footage((folder,), camera, name, names, points[None], sure[None])


def _of_one(points: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (T, K, 2) and confidence (T, K) of one person among P, followed from where they are clearest."""
    T = len(points)
    known = (sure > 0)[..., None]
    middle = np.where(known, points, 0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    size = np.sqrt(np.where(known, (points - middle[:, :, None]) ** 2, 0).sum(axis=(2, 3)))
    clear = size * sure.mean(axis=2)
    best = int(clear.max(axis=1).argmax())
    chosen = np.full(T, -1)
    for way in (range(best, T), range(best, -1, -1)):
        at = None
        for frame in way:
            if at is None:
                who = int(clear[frame].argmax())
            else:
                apart = np.linalg.norm(middle[frame] - at[0], axis=-1) / max(at[1], 1.0)
                apart = np.where(clear[frame] > 0, apart, np.inf)
                who = int(apart.argmin())
                if apart[who] > FAR:
                    continue
            chosen[frame], at = who, (middle[frame, who], size[frame, who])
    index = np.maximum(chosen, 0)
    points, sure = points[np.arange(T), index], sure[np.arange(T), index]
    sure = np.where((chosen < 0)[:, None], 0, sure)
    return np.where(sure[..., None] > 0, points, np.nan), sure
