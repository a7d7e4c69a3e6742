# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether keypoints can be what these cameras saw: within their images, and of one person in one place."""

from __future__ import annotations

import numpy as np

from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.triangulate import Triangulated

LEAST_AGREEMENT = 0.5
"""Of what a camera's points could count in triangulation, what they count where all is in order: 0.8 to 1."""

BORDER = 0.05
MOST_OUTSIDE = 0.2
"""By how much of its size a point may lie beyond an image, and how many of them may be further out."""


def check_within(footage: Footage) -> None:
    """Refuse points of which many lie outside their camera's image.

    Raises:
        ValueError: with one sentence that names the view and the size.
    """
    views = zip(footage.cameras.size, footage.points, footage.confidence, strict=True)
    for view, (size, points, confidence) in enumerate(views):
        seen = points[confidence > 0]
        outside = ((seen < -BORDER * size) | (seen > (1 + BORDER) * size)).any(axis=-1)
        if len(seen) and outside.mean() > MOST_OUTSIDE:
            image = f"the camera's image of {size[0]:g} x {size[1]:g} pixels"
            raise ValueError(
                f"{outside.mean():.0%} of the keypoints in {_name(footage, view)} lie outside {image}; "
                "is that their size?"
            )


def check_agreement(footage: Footage, found: Triangulated) -> None:
    """Refuse a view that sees the person elsewhere than the others.

    Args:
        footage: by several cameras.
        found: what they triangulate.

    Raises:
        ValueError: with one sentence that names the view.
    """
    could, counts = footage.confidence.sum(axis=(1, 2)), found.weight.sum(axis=(1, 2))
    share = np.where(could > 0, counts / np.maximum(could, 1e-9), 1)
    if share.min() < LEAST_AGREEMENT:
        raise ValueError(
            f"{_name(footage, int(share.argmin()))} does not show the person where the other cameras do; "
            "are the folders in the order of the calibration, and synchronised? --cameras leaves one out"
        )


def _name(footage: Footage, view: int) -> str:
    """What a view is called: its folder, if it is of one."""
    return str(footage.folders[view]) if footage.folders else f"view {view + 1}"
