# SPDX-License-Identifier: GPL-3.0-or-later
"""Give back what the prior took from the performance: movement that cannot have been noise.

The mean of white noise over some frames is the smaller the more frames they are, that of drift,
too, once they are more than it lasts. Where what was taken away has a larger mean, the prior has
mistaken an unusual movement for noise, flattened a fast one, or holds a joint as its own people do,
and that part is put back: a Wiener gain on the slow part of the difference, from the slowest to
the fastest.
"""

from __future__ import annotations

import numpy as np

SCALES = (80.0, 40.0, 20.0, 10.0, 5.0, 2.5)
"""Deviations of the kernels that take the slow part, frames."""

AROUND, AROUND_FRAMES = 2.0, 5.0
"""Deviation of the kernel over which its power is measured: so many times the scale, and so many frames."""

ALLOWED = 0.8
"""Share of the power that is expected of noise that passes for noise: more of it is rather the performer."""

DRIFT_FRAMES = 8.0
"""Deviation of the kernel that makes noise as slow as drift is taken to be."""

REACH = 4.0
"""Deviations beyond which a kernel is nothing."""


def faithful(taken: np.ndarray, white: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """What to put back of what was taken from a clip.

    Args:
        taken: (T, J, 3) what was seen minus what the prior told, radians or metres.
        white: (T, J) level of the white noise, in the same unit; infinite where nothing was seen.
        slow: (T,) level of the drift.

    Returns:
        (T, J, 3), 0 where nothing was seen.
    """
    known = np.isfinite(white)
    here = known.astype(float)
    white = np.where(known, white, 0.0)
    rest = taken * known[..., None]
    back = np.zeros_like(rest)
    for scale in SCALES:
        weight = _weight(here, scale)
        part = _smooth(rest, scale) / weight[..., None] * known[..., None]
        around = AROUND * scale + AROUND_FRAMES
        power = _smooth(np.sum(part**2, axis=-1) / 3, around) / _weight(here, around)
        # a mean of few frames, at a clip's ends or beside a gap, is as noisy as few frames are
        few = _smooth(here, scale / np.sqrt(2)) / weight**2
        expected = few * white**2 / (2 * np.sqrt(np.pi) * scale)
        lasting = few * DRIFT_FRAMES / np.hypot(DRIFT_FRAMES, scale)
        expected += np.minimum(lasting, 1) * slow[:, None] ** 2
        part *= np.clip(1 - ALLOWED * expected / np.maximum(power, 1e-12), 0, 1)[..., None]
        back += part
        rest -= part
    return back


def _weight(here: np.ndarray, width: float) -> np.ndarray:
    """(T, J) how much of a Gaussian of time lies on what is there (T, J)."""
    return np.maximum(_smooth(here, width), 1e-9)


def _smooth(x: np.ndarray, width: float) -> np.ndarray:
    """Values (T, ...) under a Gaussian of time; beyond the ends is nothing."""
    frames = len(x) + int(np.ceil(REACH * width))
    turns = np.fft.rfftfreq(frames).reshape(-1, *[1] * (x.ndim - 1))
    gain = np.exp(-2 * (np.pi * turns * width) ** 2)
    return np.fft.irfft(gain * np.fft.rfft(x, frames, axis=0), frames, axis=0)[: len(x)]
