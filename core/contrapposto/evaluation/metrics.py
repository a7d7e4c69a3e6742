# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors between poses, and distances between sets of poses.

Positions are metres in, millimetres out; a set of poses is compared with another as
rows of 63 numbers, the axis-angle vectors of the 21 body joints (the DPoser-X protocol).
"""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import geodesic_angle, to_quat, to_rotvec

CHUNK = 256
"""Rows of a distance matrix that are held at a time."""

NEIGHBOURS = 3
"""k of the nearest-neighbour manifolds of precision and recall."""


def joint_errors_mm(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(..., K) Euclidean errors of K joints; positions (..., K, 3) in metres, no alignment."""
    return 1000 * np.sqrt(np.sum((estimated - true) ** 2, axis=-1))


def aligned(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Positions (..., K, 3) moved, turned and scaled to lie as near to the true ones as they can.

    A mirror image is not allowed. Points that all coincide are only moved.

    Source: Umeyama 1991, "Least-Squares Estimation of Transformation Parameters".
    """
    middle = true.mean(axis=-2, keepdims=True)
    a, b = estimated - estimated.mean(axis=-2, keepdims=True), true - middle
    U, S, Vt = np.linalg.svd(np.swapaxes(a, -1, -2) @ b)
    sign = np.linalg.det(U @ Vt)
    flip = np.stack([np.ones_like(sign), np.ones_like(sign), sign], axis=-1)
    size = np.sum(a**2, axis=(-2, -1))
    scale = np.sum(S * flip, axis=-1) / np.where(size > 0, size, 1)
    return scale[..., None, None] * (a @ ((U * flip[..., None, :]) @ Vt)) + middle


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


def mgeo_rad(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(...) mean geodesic error of the 21 body joints' local rotations, (..., 22, 3, 3), radians."""
    return geodesic_angle(estimated[..., 1:, :, :], true[..., 1:, :, :]).mean(axis=-1)


def body_rows(rotations: np.ndarray) -> np.ndarray:
    """(N, 63) axis-angle vectors of the 21 body joints of (N, 22, 3, 3), float64."""
    return to_rotvec(rotations[:, 1:].astype(np.float64)).reshape(len(rotations), -1)


def apd_cm(positions: np.ndarray) -> float:
    """Average pairwise distance of S poses: mean joint distance over all pairs, centimetres.

    Args:
        positions: (S, 22, 3) metres, S at least 2.
    """
    total = sum(joint_errors_mm(one, positions).mean(axis=-1).sum() for one in positions)
    count = len(positions)
    return float(total / (count * (count - 1)) / 10)


def mean_and_covariance(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D,) mean and (D, D) unbiased covariance (ddof 1) of rows (N, D)."""
    return rows.mean(axis=0), np.cov(rows, rowvar=False, ddof=1)


def frechet_distance(
    mean1: np.ndarray, covariance1: np.ndarray, mean2: np.ndarray, covariance2: np.ndarray
) -> float:
    """Squared Frechet distance of two Gaussians, ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``.

    The trace of the root is taken from the eigenvalues of the symmetric
    ``C1^(1/2) C2 C1^(1/2)``, which are real and, but for rounding, not negative.

    Source: Dowson & Landau 1982, "The Frechet distance between multivariate normal distributions".
    """
    values, vectors = np.linalg.eigh(covariance1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ covariance2 @ root)
    spread = np.trace(covariance1) + np.trace(covariance2) - 2 * np.sqrt(np.maximum(cross, 0)).sum()
    return float(np.sum((mean1 - mean2) ** 2) + spread)


def precision_recall(real: np.ndarray, made: np.ndarray, k: int = NEIGHBOURS) -> tuple[float, float]:
    """How many made rows lie among the real ones, and how many real ones among the made.

    Args:
        real: (N, D), N more than ``k``.
        made: (M, D), M more than ``k``; recall grows with M, so compare equal counts.
        k: see ``Manifold``.

    Source: Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for
    Assessing Generative Models".
    """
    return float(Manifold(real, k).holds(made).mean()), float(Manifold(made, k).holds(real).mean())


class Manifold:
    """The union of the balls around rows (N, D) that reach to their ``k``-th nearest neighbour."""

    def __init__(self, rows: np.ndarray, k: int = NEIGHBOURS) -> None:
        self.rows, self.radius = rows, _radius(rows, k)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """(M,) bool, which rows (M, D) lie on it."""
        inside = np.zeros(len(rows), dtype=bool)
        for start in range(0, len(self.rows), CHUNK):
            chunk = slice(start, start + CHUNK)
            inside |= (_distances(self.rows[chunk], rows) <= self.radius[chunk, None]).any(axis=0)
        return inside


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) Euclidean distances of rows."""
    squares = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def _radius(rows: np.ndarray, k: int) -> np.ndarray:
    """(N,) distance of each row to its ``k``-th nearest other row."""
    found = [
        np.partition(_distances(rows[start : start + CHUNK], rows), k, axis=1)[:, k]
        for start in range(0, len(rows), CHUNK)
    ]
    return np.concatenate(found)


def nearest_distance_rad(rotations: np.ndarray, train: np.ndarray) -> float:
    """dNN: the turn, summed over the 21 body joints, to the nearest training pose; the mean.

    Nearest by the Euclidean distance of the unit quaternions, either sign of each
    meaning the same rotation.

    Args:
        rotations: (N, 22, 3, 3).
        train: (M, 22, 3, 3).

    Cost: N * M * 21 dot products; 500 against 40,000 poses take a few seconds.

    Source: He et al. 2024, "NRDF"; the distance is that of the DPoser-X protocol.
    """
    made, known = (to_quat(R[:, 1:].astype(np.float32)) for R in (rotations, train))
    total = np.empty(len(made))
    for i, pose in enumerate(made):
        alike = np.abs(np.einsum("mjc,jc->mj", known, pose))
        found = train[int(np.argmax(alike.sum(axis=1)))]  # |q - q'|^2 = 2 - 2 <q, q'>
        total[i] = geodesic_angle(rotations[i, 1:], found[1:]).sum()
    return float(total.mean())
