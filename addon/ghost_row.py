# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of ghosts beside a character: it is posed for a moment for each, and its surface becomes a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import bpy
import numpy as np

from contrapposto.rig.similarity import Similarity
from contrapposto.rotation import split_heading

from .figure import figure
from .ghosts import ghosts, material, new_ghost, remove_ghosts
from .rig import Rig
from .space import BLENDER_TO_CORE
from .still_there import still_there

IN_A_ROW = 8

MOST_TRIANGLES = 1_000_000
"""Of all ghosts of a character: where its meshes would have more, they are of its bones. They slow the view,
and go into the file and into every step of undo."""

_BODY_M = 1.7
"""Height of a body of standard size."""


class GhostRows:
    """Makes ghosts of one character, in place of those that it had; if anything goes wrong inside, it keeps
    those.

    They stand to the left of the body as it stands now, and from the second row on behind it.
    """

    def __init__(self, context: bpy.types.Context, rig: Rig, count: int, spacing: float) -> None:
        """Args:
        context: whose scene gets them.
        rig: the character, as it stands.
        count: how many ghosts there will be.
        spacing: from one ghost to the next, in heights of the body.
        """
        self.context = context
        self.rig = rig
        self._most = MOST_TRIANGLES / count
        self._made: list[int] = []
        self._before = [ghost.session_uid for ghost in ghosts(rig.object)]
        to_blender = BLENDER_TO_CORE[:3, :3].T
        facing = to_blender @ split_heading(rig.pose.global_orient)[0] @ to_blender.T
        step = spacing * _BODY_M / rig.calibration.scale * Similarity.of(rig.to_world).scale
        self._along, self._behind = step * facing[:, 0], step * facing[:, 1]
        hips = rig.object.matrix_world @ rig.object.pose.bones[rig.rigmap.joints["pelvis"].read[0]].matrix
        self._origin = np.array([*hips.translation[:2], rig.object.matrix_world.translation[2]])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the earlier ones, or after an error those that were made."""
        remove_ghosts(still_there(bpy.data.objects, self._made if kind is not None else self._before))
        if kind is None:
            for number, ghost in enumerate(still_there(bpy.data.objects, self._made), start=1):
                ghost.name = ghost.data.name = self._name(number)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those that were made."""
        return tuple(ghost.name for ghost in still_there(bpy.data.objects, self._made))

    def add(self, written: Mapping[str, Iterable[str]]) -> None:
        """The next one, in the pose that the character has now.

        Args:
            written: bone -> its properties that the sample set.
        """
        row, column = divmod(len(self._made), IN_A_ROW)
        shown = figure(self.context, self.rig, self._most)
        mesh = bpy.data.meshes.new(self._name(len(self._made) + 1))
        mesh.from_pydata((shown.points - self._origin).tolist(), [], shown.triangles.tolist())
        if not shown.is_bones:
            mesh.shade_smooth()
        mesh.materials.append(material())
        ghost = new_ghost(self.context, self.rig.object, mesh, written)
        along = column + 1 + row % 2 / 2  # every other row looks through the gaps of the one before it
        ghost.location = self._origin + along * self._along + row * self._behind
        self._made.append(ghost.session_uid)

    def _name(self, number: int) -> str:
        return f"{self.rig.object.name} ghost {number}"
