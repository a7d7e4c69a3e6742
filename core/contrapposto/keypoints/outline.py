# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints as a sight shows them: where each is in the outline, and how much deeper than the pelvis.

In these coordinates what a camera sees of a joint is two of its three numbers, whatever the
distance; and with the lengths of the standard body they say all about its shape in metres.

    (u, v) = (X, Y) / (Z size)        z = (Z - Z_pelvis) / (size Z_pelvis)

so that ``(X, Y, Z - Z_pelvis) = m (u (1 + size z), v (1 + size z), z)``, ``m = size Z_pelvis``.

Source: Ci et al. 2023, "GFPose", whose released code has the joints in pixels and depth at the
same scale; it is told ``m`` by a box drawn around the person, here the bones tell it.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.skeleton import PARENTS, STANDARD_OFFSETS

BONES = float(np.linalg.norm(STANDARD_OFFSETS, axis=-1).sum())
"""Metres of all bones of the standard body together."""

NEAREST = 0.2
"""Nothing is nearer to the camera than this share of the pelvis' distance."""


def to_outline(places: Array, size: Array) -> Array:
    """Outline coordinates (..., 23, 3) of places about the camera in a sight's axes.

    Args:
        places: (..., 23, 3) metres, before the camera.
        size: (...) of the sight.
    """
    xp = namespace(places)
    pelvis = places[..., :1, 2]
    z = (places[..., 2] - pelvis) / (size[..., None] * pelvis)
    return xp.concat([places[..., :2] / (places[..., 2:] * size[..., None, None]), z[..., None]], axis=-1)


def from_outline(outline: Array, size: Array) -> Array:
    """Positions (..., 23, 3) about the pelvis in a sight's axes, metres, of the standard body's size.

    Args:
        outline: (..., 23, 3), the first 22 the body's joints.
        size: (...) of the sight.
    """
    xp = namespace(outline)
    z = outline[..., 2:] - outline[..., :1, 2:]
    near = 1 + size[..., None, None] * z
    near = xp.where(near < NEAREST, NEAREST * xp.ones_like(near), near)
    shape = xp.concat([outline[..., :2] * near, z], axis=-1)
    shape = shape - shape[..., :1, :]
    bones = shape[..., 1 : len(PARENTS), :] - shape[..., list(PARENTS[1:]), :]
    total = xp.sum(xp.sqrt(xp.sum(bones * bones, axis=-1)), axis=-1)[..., None, None]
    return shape * (BONES / xp.where(total > 0, total, xp.ones_like(total)))
