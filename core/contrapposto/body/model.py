# SPDX-License-Identifier: GPL-3.0-or-later
"""A body model: a surface in the T-pose, how it varies between people, and what it moves with.

Built once, by a reader that has checked it, and trusted from there on. Axes are those of
``skeleton``: y up, z forward, x to the body's left, metres. The pelvis is not the origin.

Source: Loper et al. 2015, "SMPL: A Skinned Multi-Person Linear Model".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """Points on a body's surface, each a weighted mean of some vertices.

    Attributes:
        names: of the N points, in the words of ``keypoints.sets``: where detectors mark
            "left_hip" on the body, which is not where the joint turns.
        vertices: (N, k) vertex numbers; a NumPy array.
        weights: (N, k), each row sums to 1.
    """

    names: tuple[str, ...]
    vertices: np.ndarray
    weights: Array


@dataclass(frozen=True, eq=False)
class BodyModel:
    """V vertices on J joints, with B shape components.

    Attributes:
        kind: "SMPL", "SMPL-H" or "SMPL-X", after the joints; "SMPL" for the default body.
        joint_names: J names, the first 22 those of ``skeleton``.
        parents: J joint numbers, each below its own; -1 for the pelvis.
        faces: (F, 3) vertex numbers of the triangles, a NumPy array.
        v_template: (V, 3) the mean body in the T-pose.
        shapedirs: (V, 3, B) what each component adds, for a coefficient of 1.
        J_template: (J, 3) its joints.
        J_shapedirs: (J, 3, B) what each component adds to them.
        weights: (V, J) how much each vertex moves with each joint; rows sum to 1.
        posedirs: (V, 3, 9 (J - 1)) what the joints' turns add, None for a model without.
        relaxed: (J, 3, 3) rotations of joints that no one asks about; a model of hands has
            relaxed ones, all others are the identity.
        points: on the surface.
        num_expressions: so many of the last components are of the face.
    """

    kind: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    faces: np.ndarray
    v_template: Array
    shapedirs: Array
    J_template: Array
    J_shapedirs: Array
    weights: Array
    posedirs: Array | None
    relaxed: Array
    points: SurfacePoints
    num_expressions: int = 0

    @property
    def num_joints(self) -> int:
        """J."""
        return len(self.joint_names)

    @property
    def num_vertices(self) -> int:
        """V."""
        return int(self.v_template.shape[0])

    @property
    def num_shapes(self) -> int:
        """B, those of the face included."""
        return int(self.shapedirs.shape[-1])

    @property
    def num_betas(self) -> int:
        """How many components are of the body; they come first."""
        return self.num_shapes - self.num_expressions

    def on(self, reference: Array) -> BodyModel:
        """This model with its numbers in the library, dtype and device of ``reference``."""
        return replace(
            self,
            v_template=like(self.v_template, reference),
            shapedirs=like(self.shapedirs, reference),
            J_template=like(self.J_template, reference),
            J_shapedirs=like(self.J_shapedirs, reference),
            weights=like(self.weights, reference),
            posedirs=None if self.posedirs is None else like(self.posedirs, reference),
            relaxed=like(self.relaxed, reference),
            points=replace(self.points, weights=like(self.points.weights, reference)),
        )

    def only_points(self) -> BodyModel:
        """This model with those vertices alone that its points need, and no faces: posed much sooner."""
        needed, places = np.unique(self.points.vertices, return_inverse=True)
        kept = [int(vertex) for vertex in needed]
        return replace(
            self,
            faces=self.faces[:0],
            v_template=self.v_template[kept],
            shapedirs=self.shapedirs[kept],
            weights=self.weights[kept],
            posedirs=None if self.posedirs is None else self.posedirs[kept],
            points=replace(self.points, vertices=places.reshape(self.points.vertices.shape)),
        )
