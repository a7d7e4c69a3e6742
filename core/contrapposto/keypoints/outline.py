# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints as a camera shows them: where each is in its image, and how much deeper than the pelvis.

In these coordinates what a camera sees of a joint is two of its three numbers, whatever the
distance; and with the lengths of the standard body they say all about its shape in metres. They
are metres themselves as far as the distance is guessed well: ``nearness`` is one over it.

    (u, v) = (X, Y) / (Z nearness)        z = (Z - Z_pelvis) / (nearness Z_pelvis)

so that ``(X, Y, Z - Z_pelvis) = m (u (1 + nearness z), v (1 + nearness z), z)`` with
``m = nearness Z_pelvis``, about 1.

Source: Ci et al. 2023, "GFPose", whose released code has the joints in pixels and depth at the
same scale; it is told ``m`` by a box drawn around the person, here the bones tell it.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.keypoints.sight import Sight
from contrapposto.skeleton import PARENTS, STANDARD_OFFSETS

BONES = float(np.linalg.norm(STANDARD_OFFSETS, axis=-1).sum())
"""Metres of all bones of the standard body together."""

NEAREST = 0.2
"""Nothing is nearer to the camera than this share of the pelvis' distance."""

USUAL_NEARNESS = 0.2
"""Of people of whom too little is seen to guess it: 5 metres."""

FLATTENED = 2 / 3
"""Share of a squared distance that an image shows on average over all directions."""


def nearness(sight: Sight, spans: Array) -> Array:
    """One over the distance (...) at which people are as large as they look, per metre.

    Args:
        sight: what is seen of them.
        spans: (23, 23) mean squared distances between the points of people, square metres.
    """
    xp = namespace(sight.points)
    known = xp.astype(sight.confidence > 0, sight.points.dtype)
    count = xp.sum(known, axis=-1)
    usual = xp.sum((known @ spans) * known, axis=-1) * FLATTENED / 2
    metres = xp.sqrt(usual) / xp.where(count > 0, count, xp.ones_like(count))
    enough = metres > 0
    guess = sight.size / xp.where(enough, metres, xp.ones_like(metres))
    return xp.where(enough, guess, USUAL_NEARNESS * xp.ones_like(guess))


def to_outline(places: Array, nearness: Array) -> Array:
    """Outline coordinates (..., 23, 3) of places about the camera in a sight's axes.

    Args:
        places: (..., 23, 3) metres, before the camera.
        nearness: (...) that is guessed.
    """
    xp = namespace(places)
    pelvis = places[..., :1, 2]
    z = (places[..., 2] - pelvis) / (nearness[..., None] * pelvis)
    flat = places[..., :2] / (places[..., 2:] * nearness[..., None, None])
    return xp.concat([flat, z[..., None]], axis=-1)


def from_outline(outline: Array, nearness: Array) -> Array:
    """Positions (..., 23, 3) about the pelvis in a sight's axes, metres, of the standard body's size.

    Args:
        outline: (..., 23, 3), the first 22 the body's joints.
        nearness: (...) that was guessed.
    """
    xp = namespace(outline)
    shape = shape_of(outline, nearness)
    bones = shape[..., 1 : len(PARENTS), :] - shape[..., list(PARENTS[1:]), :]
    total = xp.sum(xp.sqrt(xp.sum(bones * bones, axis=-1)), axis=-1)[..., None, None]
    return shape * (BONES / xp.where(total > 0, total, xp.ones_like(total)))


def shape_of(outline: Array, nearness: Array) -> Array:
    """Positions (..., 23, 3) about the pelvis in a sight's axes, metres if the nearness was right."""
    xp = namespace(outline)
    z = outline[..., 2:] - outline[..., :1, 2:]
    near = 1 + nearness[..., None, None] * z
    near = xp.where(near < NEAREST, NEAREST * xp.ones_like(near), near)
    shape = xp.concat([outline[..., :2] * near, z], axis=-1)
    return shape - shape[..., :1, :]
