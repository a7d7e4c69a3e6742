# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies for tests: small random ones of every kind, and poses for them."""

from __future__ import annotations

import numpy as np

from contrapposto.body.joints import JOINTS_OF, PARENTS_OF
from contrapposto.body.model import BodyModel, SurfacePoints
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import STANDARD_OFFSETS


def random_body(kind: str = "SMPL", *, seed: int = 0, vertices: int = 40, shapes: int = 6) -> BodyModel:
    """A cloud of vertices on the joints of a kind, in double precision, with pose correctives."""
    random = np.random.default_rng(seed)
    names, parents = JOINTS_OF[kind], PARENTS_OF[kind]
    joints = np.zeros((len(names), 3))
    joints[0] = [0.01, -0.24, 0.03]
    for joint, parent in enumerate(parents):
        if joint == 0:
            continue
        step = STANDARD_OFFSETS[joint] if joint < len(STANDARD_OFFSETS) else random.normal(size=3) * 0.03
        joints[joint] = joints[parent] + step
    weights = random.dirichlet(np.full(len(names), 0.1), size=vertices)
    return BodyModel(
        kind=kind,
        joint_names=names,
        parents=parents,
        faces=np.arange(vertices - vertices % 3).reshape(-1, 3),
        v_template=weights @ joints + random.normal(size=(vertices, 3)) * 0.05,
        shapedirs=random.normal(size=(vertices, 3, shapes)) * 0.02,
        J_template=joints,
        J_shapedirs=random.normal(size=(len(names), 3, shapes)) * 0.01,
        weights=weights,
        posedirs=random.normal(size=(vertices, 3, 9 * (len(names) - 1))) * 0.002,
        relaxed=from_rotvec(np.where(np.arange(len(names))[:, None] < 22, 0, [0.1, 0.2, 0.3])),
        points=SurfacePoints(
            ("nose", "left_heel"), np.array([[3, 8, 8], [1, 0, 5]]), np.array([[0.5, 0.25, 0.25], [1, 0, 0]])
        ),
    )


def random_poses(count: int, joints: int, *, seed: int = 0, angle: float = 0.5) -> np.ndarray:
    """(count, joints, 3, 3) turns in any direction, some radians wide."""
    return from_rotvec(np.random.default_rng(seed).normal(size=(count, joints, 3)) * angle)
