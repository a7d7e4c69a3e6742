# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature as plain data: names, parents and rest matrices, nothing of Blender.

The add-on reads it off a Blender armature, the BVH reader off a file; mapping,
calibration and retargeting see only this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Armature:
    """The bones of one rig, parents before children.

    Attributes:
        names: bone names, unique, B of them.
        parents: index of each bone's parent, -1 for a root.
        rest: (B, 4, 4) rest matrices in armature space and the rig's own units;
            column y points along the bone, column w is its head.
        lengths: (B,) head-to-tail length in the rig's units.
        deform: whether the bone deforms a mesh (all True where unknown).
        embedded: joint name to bone name where the file itself says so
            (VRM humanoid data, MMD names): truth, not a guess.
        tags: facts that a profile's fingerprint may ask for, such as ``rig_id``.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: FloatArray
    lengths: FloatArray
    deform: tuple[bool, ...] = ()
    embedded: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        count = len(self.names)
        if len(set(self.names)) != count:
            raise ValueError("Bone names are not unique")
        if len(self.parents) != count or self.rest.shape != (count, 4, 4):
            raise ValueError(f"{count} bones need {count} parents and ({count}, 4, 4) rest matrices")
        if any(parent >= bone for bone, parent in enumerate(self.parents)):
            raise ValueError("Bones must be listed parents first")

    @cached_property
    def index(self) -> dict[str, int]:
        """Bone name to position in ``names``."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Indices of each bone's children."""
        found: list[list[int]] = [[] for _ in self.names]
        for bone, parent in enumerate(self.parents):
            if parent >= 0:
                found[parent].append(bone)
        return tuple(tuple(c) for c in found)

    @cached_property
    def heads(self) -> FloatArray:
        """(B, 3) rest positions of the bone heads, armature space."""
        return self.rest[:, :3, 3]

    @cached_property
    def tails(self) -> FloatArray:
        """(B, 3) rest positions of the bone tails, armature space."""
        return self.heads + self.rest[:, :3, 1] * np.asarray(self.lengths)[:, None]

    def ancestors(self, bone: int) -> tuple[int, ...]:
        """The bone's parent, grandparent, … up to its root."""
        chain: list[int] = []
        while (bone := self.parents[bone]) >= 0:
            chain.append(bone)
        return tuple(chain)
