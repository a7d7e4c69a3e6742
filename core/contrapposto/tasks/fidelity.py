# SPDX-License-Identifier: GPL-3.0-or-later
"""Give back what the prior took from the performance: movement that cannot have been noise.

White noise has little power at low frequencies. Where what was taken away has more of it
than its level allows, the prior has mistaken an unusual movement for noise, or flattened
a fast one, and that part is put back: a Wiener gain on the slow part of the difference.
"""

from __future__ import annotations

import numpy as np

from contrapposto.rotation import from_rotvec, to_rotvec, transpose

SLOW = 2.5
"""Deviation of the kernel that takes the slow part, frames."""

AROUND = 10.0
"""Deviation of the kernel over which its power is measured, frames."""

ALLOWED = 1.5
"""How much more power than expected passes for noise."""


def faithful(clean: np.ndarray, seen: np.ndarray, white: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Clean rotations with the movement put back that cannot have been noise.

    Args:
        clean, seen: (T, J, 3, 3) what the prior told, of what it was shown.
        white: (T, J) level of the white noise, radians; infinite where nothing was seen.
        slow: (T,) level of noise that is slow itself and is not put back, radians.

    Returns:
        (T, J, 3, 3).
    """
    known = np.isfinite(white)
    taken = to_rotvec(transpose(clean) @ seen) * known[..., None]
    weight = _smooth(known.astype(float), SLOW)
    part = _smooth(taken, SLOW) / np.maximum(weight, 1e-9)[..., None] * known[..., None]
    power = _smooth(np.sum(part**2, axis=-1) / 3, AROUND)
    share = 1 / (2 * np.sqrt(np.pi) * SLOW)
    expected = share * np.where(known, white, 0) ** 2 + slow[:, None] ** 2
    gain = np.clip(1 - ALLOWED * expected / np.maximum(power, 1e-12), 0, 1)
    return clean @ from_rotvec(gain[..., None] * part)


def _smooth(x: np.ndarray, width: float) -> np.ndarray:
    """Values (T, ...) under a Gaussian of time, cut at its ends."""
    reach = int(3 * width)
    total, sum_of = np.zeros_like(x), np.zeros(len(x))
    for shift in range(-reach, reach + 1):
        weight = float(np.exp(-0.5 * (shift / width) ** 2))
        here = slice(max(0, -shift), len(x) - max(0, shift))
        there = slice(max(0, shift), len(x) + min(0, shift))
        if here.start < here.stop:
            total[here] += weight * x[there]
            sum_of[here] += weight
    return total / sum_of.reshape(-1, *[1] * (x.ndim - 1))
