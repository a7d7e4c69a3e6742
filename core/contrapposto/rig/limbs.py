# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of bone chains that could be two arms or two legs, by hierarchy and lengths alone.

Two branches of one bone are compared from their roots outward: bones match that lie
equally far from the bone before. What one side has alone (a sword, a holster) drops
out; on what is left every chain of three bones is a candidate limb. Only lengths
count, so the pose at rest, the axes and the unit do not matter.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields, replace

import numpy as np

from contrapposto.rig.armature import Armature

_LENGTH_TOLERANCE = 0.2  # of the longer one: how much left and right may differ
_SLACK = 0.01  # of the rig's size, for bones that are short anyway
_SHORTEST = 0.03  # of the rig's size: a limb's segment is longer
_MOST = 400  # candidates kept, the longest ones: arms and legs are long, and a search tries all pairs
_FINGERS = 3  # this many branches make a hand


Path = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class LimbPairs:
    """N candidate limbs, each on both sides.

    Attributes:
        bones: (N, 2, 3) bones at the start, the hinge and the end, for the two sides.
        node: (N,) the bone that both branches hang from.
        branch: (N, 2) its child on the way to each side's start.
        detour: (N, 2) how much longer than straight the way along the bones is,
            on the upper and the lower segment.
        fingers: (N,) bool, whether the ends carry several branches each.
        leaf: (N,) bool, whether nothing follows the ends.
    """

    bones: np.ndarray
    node: np.ndarray
    branch: np.ndarray
    detour: np.ndarray
    fingers: np.ndarray
    leaf: np.ndarray

    def __len__(self) -> int:
        return len(self.node)

    def keep(self, which: np.ndarray) -> LimbPairs:
        """Some of the candidates, by a mask (N,) or by their indices."""
        return LimbPairs(*(getattr(self, field.name)[which] for field in fields(self)))


def size_of(armature: Armature) -> float:
    """The largest extent of the bone heads, the rig's own units."""
    return float(np.max(np.ptp(armature.heads, axis=0), initial=0.0))


def limb_pairs(armature: Armature) -> LimbPairs:
    """The candidate limbs of the armature, all but the shortest if there are very many."""
    size = size_of(armature)
    reach = _reach(armature)
    offset = _offsets(armature)
    matcher = _Matcher(armature, offset, reach, _SLACK * size)
    rows: list[tuple[int, int, int, Path, tuple[float, float], int]] = []
    for node, children in enumerate(armature.children):
        long = [c for c in children if reach[c] > 2 * _SHORTEST * size]
        for first, second in itertools.combinations(long, 2):
            for path, branches in matcher.paths(first, second):
                way = np.cumsum([0.0, *(offset[list(pair)].mean() for pair in path[1:])])
                rows.extend(
                    (
                        node,
                        first,
                        second,
                        (path[i], path[j], path[-1]),
                        (way[j] - way[i], way[-1] - way[j]),
                        branches,
                    )
                    for i, j in itertools.combinations(range(len(path) - 1), 2)
                )
    pairs = LimbPairs(
        bones=np.array([row[3] for row in rows], dtype=int).reshape(-1, 3, 2).swapaxes(1, 2),
        node=np.array([row[0] for row in rows], dtype=int),
        branch=np.array([row[1:3] for row in rows], dtype=int).reshape(-1, 2),
        detour=np.array([row[4] for row in rows], dtype=float).reshape(-1, 2),
        fingers=np.array([row[5] >= _FINGERS for row in rows], dtype=bool),
        leaf=np.array([row[5] == 0 for row in rows], dtype=bool),
    )
    pairs = pairs.keep(_plausible(armature, pairs, size))
    longest = np.argsort(-segments(armature, pairs).sum(axis=(1, 2)), kind="stable")[:_MOST]
    pairs = pairs.keep(np.sort(longest))
    return replace(pairs, detour=pairs.detour / segments(armature, pairs).mean(axis=1) - 1)


def segments(armature: Armature, pairs: LimbPairs) -> np.ndarray:
    """(N, 2, 2) lengths of the upper and the lower segment of each side."""
    points = armature.heads[pairs.bones]
    return np.linalg.norm(np.diff(points, axis=2), axis=-1)


def _plausible(armature: Armature, pairs: LimbPairs, size: float) -> np.ndarray:
    lengths = segments(armature, pairs)
    points = armature.heads[pairs.bones]
    alike = np.all(np.abs(lengths[:, 0] - lengths[:, 1]) <= _LENGTH_TOLERANCE * lengths.max(axis=1), axis=-1)
    long = np.all(lengths > _SHORTEST * size, axis=(1, 2))
    apart = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1) > _SLACK * size
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = lengths[..., 1] / lengths[..., 0]
    even = np.all((ratio > 0.4) & (ratio < 2.5), axis=-1)
    return alike & long & even & np.all(apart, axis=-1)


def _reach(armature: Armature) -> np.ndarray:
    """(B,) length of the longest way from each bone's head down to another head."""
    offset = _offsets(armature)
    reach = np.zeros(len(armature.names))
    for bone in reversed(range(len(armature.names))):
        parent = armature.parents[bone]
        if parent >= 0:
            reach[parent] = max(reach[parent], reach[bone] + offset[bone])
    return reach


def _offsets(armature: Armature) -> np.ndarray:
    parents = np.array(armature.parents, dtype=int)
    heads = armature.heads
    return np.where(parents < 0, 0.0, np.linalg.norm(heads - heads[parents], axis=-1))


@dataclass(frozen=True, eq=False)
class _Matcher:
    """Matches the bones of two branches, see the module."""

    armature: Armature
    offset: np.ndarray
    reach: np.ndarray
    slack: float

    def paths(self, first: int, second: int) -> list[tuple[Path, int]]:
        """Every chain of matched bones from the two roots outward, and how many matched bones follow."""
        found: list[tuple[Path, int]] = []
        open_paths: list[Path] = [((first, second),)]
        while open_paths:
            path = open_paths.pop()
            matched = self._match_children(*path[-1])
            found.append((path, len(matched)))
            open_paths.extend((*path, pair) for pair in matched)
        return found

    def _match_children(self, first: int, second: int) -> list[tuple[int, int]]:
        costs = sorted(
            (self._difference(a, b), a, b)
            for a in self.armature.children[first]
            for b in self.armature.children[second]
        )
        matched: list[tuple[int, int]] = []
        used: set[int] = set()
        for cost, a, b in costs:
            if np.isfinite(cost) and a not in used and b not in used:
                used |= {a, b}
                matched.append((a, b))
        return matched

    def _difference(self, a: int, b: int) -> float:
        """How unlike two bones are: by the way to the bone before, then by what hangs from them."""
        way = abs(self.offset[a] - self.offset[b])
        if way > _LENGTH_TOLERANCE * max(self.offset[a], self.offset[b]) + self.slack:
            return np.inf
        return float(way + 0.1 * abs(self.reach[a] - self.reach[b]))
