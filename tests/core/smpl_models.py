# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as SMPL, SMPL-H and SMPL-X models come in, made of the default body: no one's model is needed."""

from __future__ import annotations

import pickle
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse

from contrapposto.body.body_file import default_body
from contrapposto.body.joints import JOINTS_OF, PARENTS_OF
from contrapposto.body.smpl_files import POINT_NAMES, POINTS_OF

VERTICES = {"SMPL": 6890, "SMPL-H": 6890, "SMPL-X": 10475}
SHAPES = {"SMPL": 10, "SMPL-H": 16, "SMPL-X": 20}


@cache
def smpl_arrays(kind: str) -> dict[str, np.ndarray]:
    """The arrays of a model file of a kind; float32 but for what is whole."""
    body, random = default_body(), np.random.default_rng(0)
    order = _order(kind)
    v_template, body_shapes, body_weights = (
        _more(array, VERTICES[kind])[order] for array in (body.v_template, body.shapedirs, body.weights)
    )
    faces = np.argsort(order)[body.faces]
    joints, weights, moved = _joints(kind, body_weights)
    shapedirs = np.zeros((len(v_template), 3, SHAPES[kind]), dtype=np.float32)
    shapedirs[..., :10] = body_shapes
    if kind == "SMPL-X":  # ten expressions behind the shapes
        on_face = body_weights[:, 15] > 0.9
        shapedirs[on_face, :, 10:] = 0.002 * random.normal(size=(int(on_face.sum()), 3, 10))
    posedirs = 1e-3 * random.normal(size=(len(v_template), 3, 9 * (len(joints) - 1)))
    posedirs *= np.repeat(weights[:, 1:] > 0.2, 9, axis=1)[:, None]
    kintree = np.array([PARENTS_OF[kind], range(len(joints))], dtype=np.int64)
    kintree[0, 0] = 2**32 - 1
    arrays = {
        "v_template": v_template,
        "shapedirs": shapedirs,
        "posedirs": posedirs.astype(np.float32),
        "J_regressor": _regressor(joints, moved, v_template, shapedirs[..., :10]),
        "weights": weights.astype(np.float32),
        "kintree_table": kintree.astype(np.uint32),
        "f": faces.astype(np.uint32),
    }
    if kind != "SMPL":
        arrays |= {f"hands_components{side}": np.eye(45, dtype=np.float32) for side in "lr"}
        arrays |= {f"hands_mean{side}": np.full(45, 0.1, dtype=np.float32) for side in "lr"}
    if kind == "SMPL-X":
        arrays |= {
            "lmk_faces_idx": np.arange(51),
            "lmk_bary_coords": np.full((51, 3), 1 / 3),
            "dynamic_lmk_faces_idx": np.zeros((79, 17), dtype=np.int64),
            "dynamic_lmk_bary_coords": np.full((79, 17, 3), 1 / 3),
        }
    return arrays


def three_hundred_shapes() -> np.ndarray:
    """SMPL-X's shape components as newer files have them: 300, and 100 expressions behind."""
    stored = smpl_arrays("SMPL-X")["shapedirs"]
    shapedirs = np.zeros((*stored.shape[:2], 400), dtype=np.float32)
    shapedirs[..., :10], shapedirs[..., 300:310] = stored[..., :10], stored[..., 10:]
    return shapedirs


def write_npz(path: Path, kind: str, **changes: Any) -> Path:
    """A model file without pickle; a change to None leaves an array out."""
    arrays = smpl_arrays(kind) | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def write_pickle(path: Path, kind: str, **changes: Any) -> Path:
    """A model file as a pickle, its regressor sparse, beside words that no one needs."""
    arrays: dict[str, Any] = dict(smpl_arrays(kind))
    arrays["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    arrays |= {"J_regressor_prior": None, "bs_type": "lrotmin", "bs_style": "lbs"}
    path.write_bytes(pickle.dumps(arrays | changes, protocol=2))
    return path


def write_chumpy_pickle(path: Path, kind: str) -> Path:
    """The same as the first models came: with chumpy's arrays, which no Python of today can load."""
    ch, reordering = ModuleType("chumpy.ch"), ModuleType("chumpy.reordering")
    Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    Select = type("Select", (), {"__module__": "chumpy.reordering"})
    ch.Ch, reordering.Select = Ch, Select
    modules = {"chumpy": ModuleType("chumpy"), "chumpy.ch": ch, "chumpy.reordering": reordering}
    arrays = smpl_arrays(kind)
    template, shapes = Ch(), Select()
    template.__dict__.update(x=arrays["v_template"])
    inner, directions = Ch(), arrays["shapedirs"]
    inner.__dict__.update(x=np.concatenate([directions, directions], axis=-1))
    places = np.arange(inner.x.size).reshape(inner.x.shape)[..., : directions.shape[-1]]
    shapes.__dict__.update(a=inner, idxs=places.reshape(-1), preferred_shape=directions.shape)
    sys.modules.update(modules)
    try:
        return write_pickle(path, kind, v_template=template, shapedirs=shapes)
    finally:
        for name in modules:
            del sys.modules[name]


def _more(array: np.ndarray, count: int) -> np.ndarray:
    """So many vertices: those that the default body lacks are means of two."""
    missing = count - len(array)
    return np.concatenate([array, (array[:missing] + array[1 : missing + 1]) / 2])


def _order(kind: str) -> np.ndarray:
    """An order of vertices in which nose, eyes, ears and feet have the numbers that the kind gives them."""
    points, order = default_body().points, np.arange(VERTICES[kind])
    for name, number in zip(POINT_NAMES, POINTS_OF[kind], strict=True):
        row = points.names.index(name)
        wanted = points.vertices[row][np.argmax(points.weights[row])]
        at = int(np.flatnonzero(order == wanted)[0])
        order[[number, at]] = order[[at, number]]
    return order


def _joints(kind: str, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints of a kind, the weights on them and how they move with the shape: fingers stand in a row."""
    body, names = default_body(), JOINTS_OF[kind]
    if kind == "SMPL":
        return body.J_template, weights, body.J_shapedirs
    joints, moved = np.zeros((len(names), 3)), np.zeros((len(names), 3, 10))
    spread = np.zeros((len(weights), len(names)))
    spread[:, :22] = weights[:, :22]
    for hand, side, out in ((22, "left", 1), (23, "right", -1)):
        fingers = [i for i, name in enumerate(names) if name.startswith(f"{side}_") and name[-1].isdigit()]
        for place, index in enumerate(fingers):
            step = [0.03 * (place % 3) * out, 0, 0.01 * (place // 3)]
            joints[index] = body.J_template[hand] + step
            moved[index] = body.J_shapedirs[hand]
            spread[:, index] = weights[:, hand] / len(fingers)
    for name in ("jaw", "left_eye", "right_eye"):
        if name in names:
            joints[names.index(name)] = body.J_template[15] + [0.0, 0.02, 0.05]
            moved[names.index(name)] = body.J_shapedirs[15]
    joints[:22], moved[:22] = body.J_template[:22], body.J_shapedirs[:22]
    return joints, spread, moved


def _regressor(
    joints: np.ndarray, moved: np.ndarray, v_template: np.ndarray, shapedirs: np.ndarray
) -> np.ndarray:
    """(J, V) the smallest shares of the 60 nearest vertices that give a joint in every shape."""
    found = np.zeros((len(joints), len(v_template)), dtype=np.float32)
    for joint, (place, change) in enumerate(zip(joints, moved, strict=True)):
        near = np.argsort(np.linalg.norm(v_template - place, axis=-1))[:60]
        rows = np.concatenate(
            [v_template[near].T, shapedirs[near].reshape(len(near), -1).T, np.ones((1, len(near)))]
        )
        wanted = np.concatenate([place, change.reshape(-1), [1]])
        found[joint, near] = np.linalg.lstsq(rows, wanted, rcond=1e-6)[0]
    return found
