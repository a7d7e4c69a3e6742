# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles drawn into an image with NumPy alone.

A thumbnail needs no graphics card, no camera and no scene of the user's this way: it comes out
the same in a window, on a machine without a screen, and in every Blender.
"""

from __future__ import annotations

import numpy as np

FINER = 2
"""Samples along each side of a pixel."""

MOST_AT_ONCE = 4_000_000
"""Candidates of pixels in triangles that are held at a time."""

KEY, FILL = np.array([-0.45, 0.6, 0.66]), np.array([0.8, 0.1, 0.6])
"""Directions towards the two lights, in the picture's axes."""
AMBIENT, KEY_LIGHT, FILL_LIGHT, RIM = 0.34, 0.62, 0.2, 0.3


def draw(corners: np.ndarray, normals: np.ndarray, colours: np.ndarray, size: int) -> np.ndarray:
    """A shaded picture of triangles on nothing.

    Args:
        corners: (F, 3, 3) x to the right, y up, z towards the viewer; the picture shows -1 to 1.
        normals: (F, 3, 3) of unit length, at the corners.
        colours: (F, 3) as a screen shows them, 0 to 1.
        size: pixels of a side.

    Returns:
        (size, size, 4) float32 red, green, blue and alpha, the lowest row first.
    """
    fine = size * FINER
    places = (corners[..., :2] + 1) * (fine / 2) - 0.5
    low = np.clip(np.ceil(places.min(axis=1)), 0, fine).astype(int)
    high = np.clip(np.floor(places.max(axis=1)), -1, fine - 1).astype(int)
    sides = np.maximum(high - low + 1, 0)
    counts = sides.prod(axis=1)
    depth = np.full(fine * fine, -np.inf)
    image = np.zeros((fine * fine, 4), dtype=np.float32)
    groups = np.cumsum(counts) // MOST_AT_ONCE
    for group in np.unique(groups):
        rows = np.flatnonzero((groups == group) & (counts > 0))
        if len(rows):
            _draw(rows, places, low, sides, counts, corners, normals, colours, depth, image, fine)
    blocks = image.reshape(size, FINER, size, FINER, 4).mean(axis=(1, 3))
    alpha = blocks[..., 3:]
    return np.concatenate([blocks[..., :3] / np.maximum(alpha, 1e-6), alpha], axis=-1)


def _draw(
    rows: np.ndarray,
    places: np.ndarray,
    low: np.ndarray,
    sides: np.ndarray,
    counts: np.ndarray,
    corners: np.ndarray,
    normals: np.ndarray,
    colours: np.ndarray,
    depth: np.ndarray,
    image: np.ndarray,
    fine: int,
) -> None:
    """Draw some of the triangles over what is there, nearer ones in front."""
    triangle = np.repeat(rows, counts[rows])
    first = np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
    step = np.arange(len(triangle)) - first
    x = low[triangle, 0] + step % sides[triangle, 0]
    y = low[triangle, 1] + step // sides[triangle, 0]
    a, b, c = (places[triangle, corner] for corner in range(3))
    area = _cross(b - a, c - a)
    at = np.stack([x, y], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.stack([_cross(b - at, c - at), _cross(c - at, a - at), _cross(a - at, b - at)]) / area
    inside = (shares >= 0).all(axis=0) & (np.abs(area) > 1e-12)
    triangle, shares, pixel = triangle[inside], shares[:, inside], (y * fine + x)[inside]
    z = np.einsum("kn,nk->n", shares, corners[triangle, :, 2])
    order = np.argsort(z, kind="stable")  # of several on a pixel, the one written last stays
    order = order[z[order] > depth[pixel[order]]]
    triangle, pixel = triangle[order], pixel[order]
    depth[pixel] = z[order]
    front = np.full(len(depth), -1)
    front[pixel] = np.arange(len(pixel))
    seen = front[front >= 0]
    normal = np.einsum("kn,nkd->nd", shares[:, order[seen]], normals[triangle[seen]])
    image[pixel[seen], :3] = _shade(normal) * colours[triangle[seen]]
    image[pixel[seen], 3] = 1.0


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def _shade(normal: np.ndarray) -> np.ndarray:
    """(N, 1) brightness of a surface seen from the front."""
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    normal = np.where(normal[:, 2:] < 0, -normal, normal)  # the inside of an open surface
    key, fill = (np.clip(normal @ (light / np.linalg.norm(light)), 0, 1) for light in (KEY, FILL))
    rim = (1 - normal[:, 2]) ** 3
    light = AMBIENT * (0.75 + 0.25 * normal[:, 1]) + KEY_LIGHT * key + FILL_LIGHT * fill + RIM * rim
    return np.clip(light, 0, 1)[:, None]
