# SPDX-License-Identifier: GPL-3.0-or-later
"""The smoothing that animators have now, each with the setting that is best in hindsight.

A filter runs over the 6D rotations (or positions) channel by channel, as Blender's run
over F-curves. ``SETTINGS`` lists what the oracle chooses from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, savgol_filter, sosfiltfilt

FPS = 30.0

Filter = Callable[[np.ndarray, float], np.ndarray]
"""Of channels (T, C) and a setting."""


def butterworth(x: np.ndarray, cutoff_hz: float) -> np.ndarray:
    """Second order, forward and back, as Blender's smoothing of F-curves."""
    sections = butter(2, cutoff_hz / (FPS / 2), output="sos")
    return np.asarray(sosfiltfilt(sections, x, axis=0, padlen=min(len(x) - 1, 30)))


def gaussian(x: np.ndarray, sigma_frames: float) -> np.ndarray:
    """A Gaussian kernel."""
    return gaussian_filter1d(x, sigma_frames, axis=0, mode="nearest")


def savgol(x: np.ndarray, window: float) -> np.ndarray:
    """Savitzky-Golay of third order."""
    return np.asarray(savgol_filter(x, int(window), 3, axis=0))


def kalman(x: np.ndarray, ratio: float) -> np.ndarray:
    """The Rauch-Tung-Striebel smoother of a constant-velocity body.

    Args:
        x: (T, C) channels.
        ratio: deviation of the acceleration noise by that of the measurement, per frame squared.

    Source: Rauch, Tung & Striebel 1965.
    """
    F = np.array([[1.0, 1.0], [0.0, 1.0]])
    Q = ratio**2 * np.array([[0.25, 0.5], [0.5, 1.0]])
    P, m = np.diag([1.0, 1.0]), np.stack([x[0], 0 * x[0]])
    means, covariances, predicted = [], [], []
    for frame, z in enumerate(x):
        if frame:
            m, P = F @ m, F @ P @ F.T + Q
        predicted.append((m, P))
        gain = P[:, 0] / (P[0, 0] + 1)
        m = m + gain[:, None] * (z - m[0])
        P = P - np.outer(gain, P[0])
        means.append(m)
        covariances.append(P)
    for frame in range(len(x) - 2, -1, -1):
        ahead, spread = predicted[frame + 1]
        gain = covariances[frame] @ F.T @ np.linalg.inv(spread)
        means[frame] = means[frame] + gain @ (means[frame + 1] - ahead)
    return np.stack([m[0] for m in means])


FILTERS: dict[str, tuple[Filter, tuple[float, ...]]] = {
    "butterworth": (butterworth, (0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 11.0, 14.0)),
    "gaussian": (gaussian, (0.3, 0.5, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)),
    "savgol": (savgol, (5, 7, 9, 11, 15, 19, 25, 31, 41)),
    "kalman": (kalman, (3.0, 1.0, 0.4, 0.2, 0.1, 0.05, 0.02)),
}
"""Each with the settings that the oracle chooses from."""
