# SPDX-License-Identifier: GPL-3.0-or-later
"""What to know of a fit beside how far it is off: sides put back, frames that show too little."""

from __future__ import annotations

import numpy as np

from contrapposto.tasks.fit import Fitted
from contrapposto.tasks.fit_start import LEAST_JOINTS
from contrapposto.tasks.gaps import runs

MOST_SPANS = 8
"""Of frames that are named."""


NOTHING_STANDS = "No foot was seen to stand, so nothing was set on the ground"


def remarks(found: Fitted, frames: np.ndarray) -> list[str]:
    """A sentence each; none if nothing is amiss.

    Args:
        found: what was fitted.
        frames: (T,) numbers of its frames, as the reader counts them.
    """
    told = []
    if found.exchanged.any():
        count = int(found.exchanged.any(axis=(0, 2)).sum())
        told.append(
            f"In {count} frames left and right of arms or legs were exchanged by the detector, and put back"
        )
    if found.unseen.any():
        told.append(_too_little(found.unseen, frames))
    return told


def _too_little(unseen: np.ndarray, frames: np.ndarray) -> str:
    """Which frames nothing is known of, and where their poses are from."""
    spans = [
        f"{frames[a]:.10g}" if b - a == 1 else f"{frames[a]:.10g}-{frames[b - 1]:.10g}"
        for a, b in runs(unseen)
    ]
    told = ", ".join(spans[:MOST_SPANS]) + (
        f" and {len(spans) - MOST_SPANS} more" * (len(spans) > MOST_SPANS)
    )
    return (
        f"{unseen.sum()} of {len(unseen)} frames show fewer than {LEAST_JOINTS} joints and follow from "
        f"the others: {told}"
    )
