# SPDX-License-Identifier: GPL-3.0-or-later
"""SMPL, SMPL-H and SMPL-X files that users have, read without trusting them.

A model's licence is between its user and its authors; none is part of this project. ``.npz`` files are
read without pickle, ``.pkl`` files by ``restricted_pickle``, of both only what is needed.

Formats: as the models' authors distribute them (smpl.is.tue.mpg.de, mano.is.tue.mpg.de,
smpl-x.is.tue.mpg.de).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np

from contrapposto.body.checks import MOST_SHAPES, MOST_VERTICES, checked
from contrapposto.body.joints import JOINTS_OF
from contrapposto.body.model import BodyModel, SurfacePoints
from contrapposto.body.restricted_pickle import RestrictedUnpickler, as_array
from contrapposto.files.npz import MOST_BYTES, load_arrays, printable
from contrapposto.rotation import from_rotvec

NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_OF_HANDS = ("hands_meanl", "hands_meanr", "hands_componentsl", "hands_componentsr")
_OF_FACE = ("lmk_faces_idx", "lmk_bary_coords", "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords")
KNOWN = (*NEEDED, *_OF_HANDS, *_OF_FACE)
"""What is read of a file; anything else in it is not looked at."""

_DIMENSIONS = {
    "v_template": 2, "shapedirs": 3, "posedirs": 3, "J_regressor": 2, "weights": 2, "kintree_table": 2,
    "f": 2,
}  # fmt: skip
_WHOLE_NUMBERS = {"kintree_table", "f", "lmk_faces_idx", "dynamic_lmk_faces_idx"}

SHAPES_BEFORE_EXPRESSIONS = {400: 300, 20: 10}
"""SMPL-X keeps expressions behind the shapes; how many components come before, by how many there are."""

_LEFT_FIRST = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FEET = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel"))
POINT_NAMES = (*_LEFT_FIRST, *_FEET)
_SMPL_POINTS = (332, 2800, 6260, 583, 4071, 3216, 3226, 3387, 6617, 6624, 6787)
_SMPLX_POINTS = (9120, 9448, 9929, 6, 616, 5770, 5780, 8846, 8463, 8474, 8635)
POINTS_OF = {"SMPL": _SMPL_POINTS, "SMPL-H": _SMPL_POINTS, "SMPL-X": _SMPLX_POINTS}
"""The vertices at the nose, the eyes, the ears and the feet of each kind of surface."""


def read_smpl(path: Path | str, num_betas: int = 10, num_expressions: int = 10) -> BodyModel:
    """The body of a SMPL, SMPL-H or SMPL-X file, in float32; which of them, its joints tell.

    Args:
        path: a ``.pkl`` or ``.npz`` file.
        num_betas: of the file's shape components, or fewer if it has fewer.
        num_expressions: the same of a SMPL-X file's expressions.

    Raises:
        ValueError: with one sentence, if the file is missing, damaged, malicious or no such model.
    """
    arrays = read_smpl_arrays(path)
    name, kind = Path(path).name, kind_of(arrays)
    betas, expressions = _components(arrays, kind)
    kept = [*range(min(num_betas, betas)), *range(betas, betas + min(num_expressions, expressions))]
    shapedirs = arrays["shapedirs"][..., kept]
    regressor = arrays["J_regressor"].astype(np.float64)
    points = np.array(POINTS_OF[kind])[:, None]
    model = BodyModel(
        kind=kind,
        joint_names=JOINTS_OF[kind],
        parents=_parents(arrays["kintree_table"]),
        faces=arrays["f"].astype(np.int64),
        v_template=arrays["v_template"].astype(np.float32),
        shapedirs=shapedirs.astype(np.float32),
        J_template=(regressor @ arrays["v_template"]).astype(np.float32),
        J_shapedirs=np.einsum("jv,vcb->jcb", regressor, shapedirs, optimize=True).astype(np.float32),
        weights=arrays["weights"].astype(np.float32),
        posedirs=arrays["posedirs"].astype(np.float32),
        relaxed=_relaxed(arrays, kind, name),
        points=SurfacePoints(POINT_NAMES, points, np.ones(points.shape, dtype=np.float32)),
        num_expressions=min(num_expressions, expressions),
    )
    return checked(model, name)


def read_smpl_arrays(path: Path | str) -> dict[str, np.ndarray]:
    """The arrays of such a file under their own names, of plain numbers and of shapes that fit together.

    Raises:
        ValueError: as ``read_smpl``.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in {".pkl", ".npz"}:
        raise ValueError(f"{path.name}: a body model is a .pkl or a .npz file, not '{suffix}'")
    if not path.is_file():
        raise ValueError(f"There is no file {path}")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} is larger than any body model ({path.stat().st_size / 1e9:.1f} GB)")
    found = load_arrays(path, NEEDED, (*_OF_HANDS, *_OF_FACE)) if suffix == ".npz" else _from_pickle(path)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise ValueError(f"{path.name} is no SMPL, SMPL-H or SMPL-X model: it lacks {', '.join(missing)}")
    arrays = {name: _numbers(value, name, path.name) for name, value in found.items()}
    _check_shapes(arrays, path.name)
    return arrays


def kind_of(arrays: Mapping[str, np.ndarray]) -> str:
    """The kind of a model, a key of ``JOINTS_OF``, by its number of joints.

    Raises:
        ValueError: if it is another.
    """
    joints = arrays["weights"].shape[1]
    for kind, names in JOINTS_OF.items():
        if len(names) == joints:
            return kind
    known = ", ".join(f"{kind} {len(names)}" for kind, names in JOINTS_OF.items())
    raise ValueError(f"The model has {joints} joints; those that are known have {known}")


def _from_pickle(path: Path) -> dict[str, object]:
    """What is known of a ``.pkl``; nothing in it is run."""
    try:
        with path.open("rb") as file:
            stored: object = RestrictedUnpickler(file, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        reason = printable(error)
        if not reason.startswith("refused"):
            raise ValueError(f"{path.name} is damaged or no pickle of a body model") from error
        raise ValueError(
            f"{path.name} was not opened, for it holds what no body model does and could run code: {reason}"
        ) from error
    except (
        ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError,
        RuntimeError, SystemError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise ValueError(f"{path.name} is damaged or no pickle of a body model") from error
    if not isinstance(stored, dict):
        raise ValueError(f"{path.name} is no SMPL, SMPL-H or SMPL-X model: it holds no named arrays")
    named = cast("dict[object, object]", stored)
    return {name: named[name] for name in KNOWN if name in named}


def _numbers(value: object, name: str, file: str) -> np.ndarray:
    """An array of finite float32 or float64, or of int64 where whole numbers are meant."""
    try:
        array = as_array(value)
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        raise ValueError(f"{file}: '{name}' cannot be read, it {error}") from error
    except RecursionError as error:
        raise ValueError(f"{file}: '{name}' cannot be read, it holds itself") from error
    whole = name in _WHOLE_NUMBERS
    if array.dtype.kind not in ("iu" if whole else "fiu"):
        raise ValueError(f"{file}: '{name}' must be {'whole ' * whole}numbers, not {array.dtype}")
    if array.size > MOST_BYTES / 4:
        raise ValueError(f"{file}: '{name}' is larger than in any body model")
    if array.dtype != np.float32:  # which stays as it is, for half of the memory
        array = array.astype(np.int64 if whole else np.float64)
    if not whole and not np.all(np.isfinite(array)):
        raise ValueError(f"{file} is damaged: '{name}' has values that are not finite")
    return array


def _check_shapes(arrays: Mapping[str, np.ndarray], file: str) -> None:
    for name, dimensions in _DIMENSIONS.items():
        if arrays[name].ndim != dimensions:
            raise ValueError(f"{file}: '{name}' must have {dimensions} dimensions, not {arrays[name].ndim}")
    vertices, joints = arrays["weights"].shape
    try:
        kind = kind_of(arrays)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    if max(POINTS_OF[kind]) >= vertices or vertices > MOST_VERTICES:
        raise ValueError(f"{file} has {vertices} vertices, which is no {kind} model")
    shapes = arrays["shapedirs"].shape[-1]
    if not 1 <= shapes <= MOST_SHAPES:
        raise ValueError(f"{file} has {shapes} shape components")
    wanted = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, shapes),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "kintree_table": (2, joints),
    }
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{file}: '{name}' must be {shape}, not {arrays[name].shape}")


def _components(arrays: Mapping[str, np.ndarray], kind: str) -> tuple[int, int]:
    """How many shape components the file has, and how many expressions behind them."""
    total = int(arrays["shapedirs"].shape[-1])
    shapes = SHAPES_BEFORE_EXPRESSIONS.get(total, total) if kind == "SMPL-X" else total
    return shapes, total - shapes


def _parents(kintree: np.ndarray) -> tuple[int, ...]:
    """The parent of each joint; the pelvis' is stored as the largest number that fits."""
    return (-1, *(int(parent) for parent in kintree[0, 1:]))


def _relaxed(arrays: Mapping[str, np.ndarray], kind: str, file: str) -> np.ndarray:
    """(J, 3, 3) the file's mean hands; all other joints are as in the T-pose."""
    turns = np.zeros((len(JOINTS_OF[kind]), 3))
    if kind != "SMPL" and "hands_meanl" in arrays and "hands_meanr" in arrays:
        hands = np.concatenate([arrays["hands_meanl"].reshape(-1), arrays["hands_meanr"].reshape(-1)])
        if hands.size != 90:
            raise ValueError(f"{file}: the mean hands must be 45 numbers each")
        turns[-30:] = hands.reshape(30, 3)
    return from_rotvec(turns).astype(np.float32)
