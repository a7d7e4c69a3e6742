# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors between poses, in millimetres."""

from __future__ import annotations

import numpy as np


def joint_errors_mm(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(..., K) Euclidean errors of K joints; positions (..., K, 3) in metres, no alignment."""
    return 1000 * np.sqrt(np.sum((estimated - true) ** 2, axis=-1))


def hypothesis_errors_mm(estimated: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """MPJPE of N hypotheses a sample, averaged over the samples.

    Args:
        estimated: (N, B, K, 3) positions of the joints that count, metres.
        true: (B, K, 3).

    Returns:
        ``mpjpe_min_mm`` and ``mpjpe_mean_mm``: the best and the average of the N,
        chosen per sample by the error of the whole pose; ``mpjpe_std_mm``: their
        standard deviation; ``mpjpe_of_mean_mm``: the error of the hypotheses' mean
        position; ``spread_mm``: mean distance between two hypotheses (0 for one).
    """
    per_pose = joint_errors_mm(estimated, true).mean(axis=-1)  # (N, B)
    count = len(estimated)
    pairs = [
        joint_errors_mm(estimated[i], estimated[j]).mean() for i in range(count) for j in range(i + 1, count)
    ]
    return {
        "mpjpe_min_mm": float(per_pose.min(axis=0).mean()),
        "mpjpe_mean_mm": float(per_pose.mean()),
        "mpjpe_std_mm": float(per_pose.std(axis=0).mean()),
        "mpjpe_of_mean_mm": float(joint_errors_mm(estimated.mean(axis=0), true).mean()),
        "spread_mm": float(np.mean(pairs)) if pairs else 0.0,
    }
