# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies in the project's own file: an ``.npz`` of half a megabyte, and the default body in it.

A vertex keeps its six largest weights; shape components are float16, which is 0.05 mm at most.
``data/default.md`` says where the default body comes from and how it was made.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from contrapposto.body.checks import checked
from contrapposto.body.joints import JOINTS_OF, PARENTS_OF
from contrapposto.body.model import BodyModel, SurfacePoints
from contrapposto.files.npz import load_arrays
from contrapposto.files.whole import write_whole

FORMAT = "contrapposto-body"
VERSION = 1
INFLUENCES = 6
DEFAULT_BODY = Path(__file__).parent / "data" / "default.npz"

_ARRAYS = (
    "format", "version", "kind", "v_template", "shapedirs", "J_template", "J_shapedirs",
    "weight_joints", "weight_values", "faces", "point_names", "point_vertices", "point_weights",
)  # fmt: skip


@cache
def default_body() -> BodyModel:
    """The body that comes with the project: CC0, 24 joints in SMPL's order, float32; read once."""
    return read_body(DEFAULT_BODY)


def read_body(path: Path) -> BodyModel:
    """A body that ``write_body`` wrote, its numbers in float32.

    Raises:
        ValueError: with one sentence, if the file is missing, damaged, or of another kind or version.
    """
    arrays = load_arrays(path, _ARRAYS)
    if str(arrays["format"]) != FORMAT:
        raise ValueError(f"{path} is no body of this project")
    if arrays["version"].shape != () or arrays["version"] != VERSION:
        raise ValueError(f"{path} is a body of version {arrays['version']}; this release reads {VERSION}")
    kind = str(arrays["kind"])
    if kind not in JOINTS_OF:
        raise ValueError(f"{path} has joints of an unknown kind, '{kind}'")
    names = tuple(str(name) for name in arrays["point_names"].reshape(-1))
    joints = len(JOINTS_OF[kind])
    model = BodyModel(
        kind=kind,
        joint_names=JOINTS_OF[kind],
        parents=PARENTS_OF[kind],
        faces=arrays["faces"].astype(np.int64),
        v_template=arrays["v_template"].astype(np.float32),
        shapedirs=arrays["shapedirs"].astype(np.float32),
        J_template=arrays["J_template"].astype(np.float32),
        J_shapedirs=arrays["J_shapedirs"].astype(np.float32),
        weights=_dense(arrays["weight_joints"], arrays["weight_values"], joints, path),
        posedirs=None,
        relaxed=np.tile(np.eye(3, dtype=np.float32), (joints, 1, 1)),
        points=SurfacePoints(
            names, arrays["point_vertices"].astype(np.int64), arrays["point_weights"].astype(np.float32)
        ),
    )
    return checked(model, str(path))


def write_body(path: Path, model: BodyModel, **said: str) -> None:
    """Write a body whole or not at all; the same body gives the same bytes.

    Args:
        path: an existing file is replaced.
        model: of NumPy arrays; pose correctives and expressions are not kept.
        **said: words to keep beside the arrays, such as ``licence``.

    Raises:
        OSError: if the folder cannot be written to.
    """
    joints = np.argsort(-model.weights, axis=1, kind="stable")[:, :INFLUENCES]
    values = np.take_along_axis(model.weights, joints, axis=1)
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "kind": np.array(model.kind),
        "v_template": _rounded(model.v_template).astype(np.float32),
        "shapedirs": _rounded(model.shapedirs[..., : model.num_betas]).astype(np.float16),
        "J_template": _rounded(model.J_template).astype(np.float32),
        "J_shapedirs": _rounded(model.J_shapedirs[..., : model.num_betas]).astype(np.float32),
        "weight_joints": joints.astype(np.uint8),
        "weight_values": (values / values.sum(axis=1, keepdims=True)).astype(np.float16),
        "faces": model.faces.astype(np.uint16 if model.num_vertices < 2**16 else np.uint32),
        "point_names": np.array(model.points.names, dtype=np.str_),
        "point_vertices": model.points.vertices.astype(np.uint32),
        "point_weights": _rounded(model.points.weights).astype(np.float32),
        **{name: np.array(words) for name, words in said.items()},
    }
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(path, content.getvalue())


def _rounded(values: np.ndarray) -> np.ndarray:
    """Values to a millionth, and no zero with a sign: what is less than that is a processor's own noise."""
    return np.round(values.astype(float), 6) + 0.0


def _dense(joints: np.ndarray, values: np.ndarray, count: int, path: Path) -> np.ndarray:
    """(V, J) weights from the largest ones of each vertex (V, 6) and their joints."""
    if joints.ndim != 2 or joints.shape != values.shape:
        raise ValueError(f"{path} is damaged: skin weights and their joints do not fit together")
    if joints.size and (joints.min() < 0 or joints.max() >= count):
        raise ValueError(f"{path} is damaged: a skin weight names a joint that there is not")
    dense = np.zeros((len(joints), count))
    np.add.at(dense, (np.arange(len(joints))[:, None], joints.astype(np.int64)), values.astype(float))
    total = dense.sum(axis=1, keepdims=True)
    return (dense / np.where(total > 0, total, 1)).astype(np.float32)
