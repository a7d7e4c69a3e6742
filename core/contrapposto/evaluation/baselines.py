# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prior has to beat: the nearest training poses and a Gaussian.

Both see the training poses as rows of known features and rows of hidden
rotations, and exactly the knowledge that the prior is given.
"""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import from_rotvec, to_rotvec
from contrapposto.skeleton import NUM_JOINTS

RIDGE = 1e-6
"""Added to the Gaussian's covariance, radians squared: some joints never move."""


def nearest(
    train_features: np.ndarray,
    train_rotations: np.ndarray,
    features: np.ndarray,
    count: int,
) -> np.ndarray:
    """Rotations of the ``count`` training poses whose known features are nearest.

    Args:
        train_features: (N, F).
        train_rotations: (N, 22, 3, 3).
        features: (B, F) of the poses to complete.
        count: how many.

    Returns:
        (count, B, 22, 3, 3), nearest first.
    """
    squares = np.sum(train_features**2, axis=1)
    found = np.empty((count, len(features)), dtype=np.int64)
    for start in range(0, len(features), 256):
        rows = features[start : start + 256]
        distance = squares - 2 * rows @ train_features.T
        few = np.argpartition(distance, count, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distance, few, axis=1), axis=1)
        found[:, start : start + 256] = np.take_along_axis(few, order, axis=1).T
    return train_rotations[found]


class Gaussian:
    """A Gaussian over axis-angle vectors and further features of the training poses.

    Args:
        rotations: (N, 22, 3, 3) training poses.
        extra: (N, E) features beside the rotations, such as placed joints.
    """

    def __init__(self, rotations: np.ndarray, extra: np.ndarray) -> None:
        rows = np.concatenate([self._rotvec(rotations), extra], axis=1)
        self.mean = rows.mean(axis=0)
        self.covariance = np.cov(rows.T) + RIDGE * np.eye(rows.shape[1])

    @staticmethod
    def _rotvec(rotations: np.ndarray) -> np.ndarray:
        return to_rotvec(rotations.astype(np.float64)).reshape(len(rotations), -1)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, 22, 3, 3) rotations drawn from the Gaussian, nothing known."""
        values, vectors = np.linalg.eigh(self.covariance)
        z = rng.standard_normal((count, len(self.mean)))
        rows = self.mean + (z * np.sqrt(np.maximum(values, 0))) @ vectors.T
        return from_rotvec(rows[:, : NUM_JOINTS * 3].reshape(count, NUM_JOINTS, 3))

    def conditional(
        self,
        rotations: np.ndarray,
        hidden: np.ndarray,
        extra: np.ndarray,
        count: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and samples of the hidden rotations given all else.

        Args:
            rotations: (B, 22, 3, 3); read where not ``hidden``.
            hidden: (22,) bool.
            extra: (B, E) known features.
            count: samples a pose.
            rng: source of the samples.

        Returns:
            (B, 22, 3, 3) and (count, B, 22, 3, 3); known rotations are as given.
        """
        missing = np.concatenate([np.repeat(hidden, 3), np.zeros(extra.shape[1], dtype=bool)])
        rows = np.concatenate([self._rotvec(rotations), extra], axis=1)
        C = self.covariance
        gain = np.linalg.solve(C[np.ix_(~missing, ~missing)], C[np.ix_(~missing, missing)])
        mean = self.mean[missing] + (rows[:, ~missing] - self.mean[~missing]) @ gain
        rest = C[np.ix_(missing, missing)] - C[np.ix_(missing, ~missing)] @ gain
        root = np.linalg.cholesky((rest + rest.T) / 2 + 1e-9 * np.eye(len(rest)))
        samples = mean + rng.standard_normal((count, *mean.shape)) @ root.T

        def fill(values: np.ndarray) -> np.ndarray:
            found = np.broadcast_to(rotations, (*values.shape[:-1], 22, 3, 3)).astype(np.float64)
            found[..., hidden, :, :] = from_rotvec(values.reshape(*values.shape[:-1], -1, 3))
            return found

        return fill(mean), fill(samples)
