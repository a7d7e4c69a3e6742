# SPDX-License-Identifier: GPL-3.0-or-later
"""A surface with fewer vertices, each a place on the fine one: what the fine one carries can be taken along.

A vertex of the coarse surface is looked for on those triangles alone that were merged into it, so that
nothing comes from a surface that is merely near: another finger, the other thigh.
"""

from __future__ import annotations

import fast_simplification
import numpy as np
from scipy.sparse import csr_matrix, vstack


def make_coarser(
    vertices: np.ndarray, faces: np.ndarray, target: int
) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """Fewer vertices.

    Args:
        vertices, faces: (V, 3) and (F, 3).
        target: exactly so many vertices, fewer than V.

    Returns:
        (target, V) each new vertex as a mean of old ones, (F', 3) new faces, and (V,) the new
        vertex that each old one was merged into.
    """
    low, high = 0.0, 1.0  # share of the triangles that goes
    while high - low > 1e-5:
        share = (low + high) / 2
        if len(fast_simplification.simplify(vertices, faces, share)[0]) > target:
            low = share
        else:
            high = share
    _, _, collapses = fast_simplification.simplify(vertices, faces, high, return_collapses=True)
    places, coarse, merged = fast_simplification.replay_simplification(vertices, faces, collapses)
    rows = on_surface(places, vertices, faces, merged)
    coarse = coarse.astype(np.int64)
    while rows.shape[0] < target:
        rows, coarse = split_longest_edge(rows, coarse, vertices)
    return rows, coarse, merged


def on_surface(places: np.ndarray, vertices: np.ndarray, faces: np.ndarray, merged: np.ndarray) -> csr_matrix:
    """(n, V) the point nearest to each place (n, 3) on the triangles that were merged into it."""
    touching: list[set[int]] = [set() for _ in places]
    for face, corners in enumerate(merged[faces]):
        for corner in corners:
            touching[corner].add(face)
    rows, columns, values = [], [], []
    for row, (place, near) in enumerate(zip(places, touching, strict=True)):
        candidates = np.array(sorted(near))
        shares = nearest_on_triangles(place, vertices[faces[candidates]])
        found = np.einsum("fk,fkd->fd", shares, vertices[faces[candidates]])
        best = int(np.argmin(np.linalg.norm(found - place, axis=-1)))
        rows += [row] * 3
        columns += faces[candidates[best]].tolist()
        values += shares[best].tolist()
    return csr_matrix((values, (rows, columns)), shape=(len(places), len(vertices)))


def nearest_on_triangles(place: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(F, 3) barycentric coordinates of the points nearest to a place on triangles (F, 3, 3)."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    gram = np.stack(
        [np.sum(ab * ab, -1), np.sum(ab * ac, -1), np.sum(ab * ac, -1), np.sum(ac * ac, -1)], -1
    ).reshape(-1, 2, 2)
    right = np.stack([np.sum(ab * (place - a), -1), np.sum(ac * (place - a), -1)], -1)
    inner = (np.linalg.pinv(gram) @ right[..., None])[..., 0]
    options = [np.concatenate([1 - inner.sum(-1, keepdims=True), inner], -1)]
    for i, j in ((0, 1), (1, 2), (2, 0)):  # and the nearest on each side
        along = corners[:, j] - corners[:, i]
        length = np.maximum(np.sum(along * along, -1), 1e-30)
        share = np.clip(np.sum(along * (place - corners[:, i]), -1) / length, 0, 1)
        option = np.zeros((len(corners), 3))
        option[:, i], option[:, j] = 1 - share, share
        options.append(option)
    shares = np.stack(options)
    away = np.linalg.norm(np.einsum("ofk,fkd->ofd", shares, corners) - place, axis=-1)
    away[(shares < 0).any(-1)] = np.inf
    return shares[np.argmin(away, axis=0), np.arange(len(corners))]


def split_longest_edge(
    rows: csr_matrix, faces: np.ndarray, vertices: np.ndarray
) -> tuple[csr_matrix, np.ndarray]:
    """One vertex more, in the middle of the longest edge."""
    places = rows @ vertices
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]]
    lengths = np.linalg.norm(places[edges[..., 0]] - places[edges[..., 1]], axis=-1)
    face, side = np.unravel_index(int(np.argmax(lengths)), lengths.shape)
    ends = {int(end) for end in edges[face, side]}
    new = rows.shape[0]
    kept, added = [], []
    for corners in faces.tolist():
        if not ends <= set(corners):
            kept.append(corners)
            continue
        added += [[new if corner == end else corner for corner in corners] for end in sorted(ends)]
    first, second = sorted(ends)
    return vstack([rows, (rows[first] + rows[second]) / 2]).tocsr(), np.array(kept + added)
