# SPDX-License-Identifier: GPL-3.0-or-later
"""What every body model must be, wherever it was read: checked once, before anything is computed with it."""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array
from contrapposto.body.joints import JOINTS_OF, PARENTS_OF
from contrapposto.body.model import BodyModel

MOST_VERTICES = 200_000
"""A model with more is no body that can be posed in a scene."""
MOST_SHAPES = 1000
SIZES = (0.3, 4.0)
"""Metres from the lowest to the highest vertex of a mean body; else the file has another unit."""
UNEVEN_WEIGHTS = 1e-2
"""Weights of a vertex may sum to 1 as nearly as this."""


def checked(model: BodyModel, name: str) -> BodyModel:
    """The model, if it is sound.

    Args:
        model: of NumPy arrays.
        name: of the file, for the message.

    Raises:
        ValueError: with one sentence, if an array has another shape or kind, holds values that are not
            finite, or names a vertex or joint that there is not.
    """
    _check_shapes(model, name)
    _check_numbers(model, name)
    _check_order(model, name)
    return model


def _check_shapes(model: BodyModel, name: str) -> None:
    if model.v_template.ndim != 2 or model.shapedirs.ndim != 3:
        raise ValueError(f"{name}: v_template must be (V, 3) and shapedirs (V, 3, B)")
    vertices, shapes, joints = len(model.v_template), model.shapedirs.shape[-1], len(model.joint_names)
    if not 3 <= vertices <= MOST_VERTICES or not 1 <= shapes <= MOST_SHAPES:
        raise ValueError(f"{name} has {vertices} vertices and {shapes} shape components; that is no body")
    points = model.points
    wanted: dict[str, tuple[Array, tuple[int, ...]]] = {
        "v_template": (model.v_template, (vertices, 3)),
        "shapedirs": (model.shapedirs, (vertices, 3, shapes)),
        "J_template": (model.J_template, (joints, 3)),
        "J_shapedirs": (model.J_shapedirs, (joints, 3, shapes)),
        "weights": (model.weights, (vertices, joints)),
        "relaxed": (model.relaxed, (joints, 3, 3)),
        "points": (points.weights, points.vertices.shape),
    }
    if model.posedirs is not None:
        wanted["posedirs"] = (model.posedirs, (vertices, 3, 9 * (joints - 1)))
    for what, (array, shape) in wanted.items():
        if array.shape != shape:
            raise ValueError(f"{name}: {what} must be {shape}, not {array.shape}")
    if model.faces.ndim != 2 or model.faces.shape[1] != 3 or not len(model.faces):
        raise ValueError(f"{name}: faces must be triangles (F, 3), not {model.faces.shape}")
    if len(points.names) != len(points.vertices):
        raise ValueError(f"{name} names {len(points.names)} points and has {len(points.vertices)}")


def _check_numbers(model: BodyModel, name: str) -> None:
    for what in ("v_template", "shapedirs", "J_template", "J_shapedirs", "weights", "posedirs", "relaxed"):
        array = getattr(model, what)
        if array is not None and not np.all(np.isfinite(array)):
            raise ValueError(f"{name} is damaged: {what} has values that are not finite")
    for what, numbers in (("a face", model.faces), ("a point", model.points.vertices)):
        if numbers.size and (numbers.min() < 0 or numbers.max() >= len(model.v_template)):
            raise ValueError(f"{name} is damaged: {what} names a vertex that there is not")
    sums = model.weights.sum(axis=1)
    if model.weights.min() < -UNEVEN_WEIGHTS or np.abs(sums - 1).max() > UNEVEN_WEIGHTS:
        raise ValueError(f"{name} is damaged: the skin weights of a vertex do not sum to 1")
    height = float(np.ptp(model.v_template[:, 1]))
    if not SIZES[0] < height < SIZES[1]:
        raise ValueError(f"{name}: the body is {height:.3g} m high along y; is it in another unit or turned?")


def _check_order(model: BodyModel, name: str) -> None:
    expected = JOINTS_OF.get(model.kind)
    if expected != model.joint_names or PARENTS_OF[model.kind] != model.parents:
        raise ValueError(f"{name}: the joints do not hang together as those of a {model.kind} model do")
