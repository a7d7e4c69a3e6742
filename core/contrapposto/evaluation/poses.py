# SPDX-License-Identifier: GPL-3.0-or-later
"""The poses that protocols measure on and that baselines know: good frames of a split, thinned."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contrapposto.files.mocap import Clip, read_split
from contrapposto.rotation import from_rotvec, split_heading

TEST_STRIDE = 10
TRAIN_STRIDE = 2
"""Every how many good frames of a subject are measured, and are known to the baselines."""

QUICK_POSES = 48


def poses_of(clips: list[Clip], stride: int) -> np.ndarray:
    """(N, 22, 3, 3) float32 rotations without heading of every ``stride``-th good frame of a subject.

    Counted through each subject's good frames in the order of its file.
    """
    kept = []
    for subject in dict.fromkeys(clip.subject for clip in clips):
        good = [clip.rotvec[~clip.bad] for clip in clips if clip.subject == subject]
        kept.append(np.concatenate(good)[::stride])
    R = from_rotvec(np.concatenate(kept).astype(np.float64))
    R[:, 0] = split_heading(R[:, 0])[1]
    return R.astype(np.float32)


def spread_evenly(poses: np.ndarray, count: int) -> np.ndarray:
    """``count`` of the poses (N, ...), evenly spaced from first to last, or all if there are fewer."""
    return poses[np.linspace(0, len(poses) - 1, min(count, len(poses))).astype(int)]


def poses_to_complete(data: Path, split: str, stride: int, quick: bool) -> np.ndarray:
    """(N, 22, 3, 3) every ``stride``-th good frame of the split, or ``QUICK_POSES`` of them."""
    test = poses_of(read_split(data, split), stride)
    return spread_evenly(test, QUICK_POSES) if quick else test
