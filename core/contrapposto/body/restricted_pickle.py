# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the pickles that SMPL models come in, without running anything that is in them.

A pickle may name any function and have it called. Here only NumPy's arrays and plain containers are
real; SciPy's sparse matrices and chumpy's arrays become passive stand-ins that keep their numbers; every
other name is refused. Neither SciPy nor chumpy is imported.
"""

from __future__ import annotations

import collections
import pickle
from typing import Any, NoReturn, cast

import numpy as np

try:
    from numpy._core import multiarray  # NumPy 2
except ImportError:
    from numpy.core import multiarray


class PassiveObject:
    """Stands for an object of a class that is not loaded: its state is kept and nothing is done with it."""

    origin = ""
    """Module and name of the class that it stands for."""

    def __init__(self, *arguments: object) -> None:
        del arguments
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        self.state = cast("dict[str, Any]", state) if isinstance(state, dict) else {}


class _Reconstructor:
    """Python 2's way to make an object before it gets its state; only passive ones are made.

    No function, for a pickle could change a function's defaults.
    """

    __slots__ = ()

    def __call__(self, kind: object, base: object, state: object) -> PassiveObject:
        if not (isinstance(kind, type) and issubclass(kind, PassiveObject) and base is object):
            raise pickle.UnpicklingError(f"refused to make {kind}")
        del state
        return kind()

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("refused to change how objects are made")


class _Encoder:
    """Python 3's way to put Python 2's bytes into a pickle; no codec but Latin-1 is looked for."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding not in {"latin1", "latin-1"}:
            raise pickle.UnpicklingError(f"refused the encoding {encoding}")
        return text.encode("latin1")

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("refused to change how bytes are made")


_RECONSTRUCT = getattr(multiarray, "_reconstruct")  # noqa: B009 - the name that every pickled array gives
_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_ALLOWED: dict[tuple[str, str], Any] = {
    **{(module, "_reconstruct"): _RECONSTRUCT for module in _ARRAY_MODULES},
    **{(module, "scalar"): multiarray.scalar for module in _ARRAY_MODULES},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _Encoder(),
    ("copy_reg", "_reconstructor"): _Reconstructor(),
    ("copyreg", "_reconstructor"): _Reconstructor(),
    **{(module, "object"): object for module in ("builtins", "__builtin__")},
    **{(module, "set"): set for module in ("builtins", "__builtin__")},
    ("collections", "OrderedDict"): collections.OrderedDict,
}
_SPARSE = ("csc_matrix", "csc_array")


class RestrictedUnpickler(pickle.Unpickler):
    """Loads what a body model is made of; raises UnpicklingError at any other name."""

    def find_class(self, module: str, name: str, /) -> Any:  # noqa: ANN401 - whatever is allowed
        """The real object, a passive one, or a refusal; names are compared as a whole."""
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        is_sparse = module.startswith("scipy.sparse") and name in _SPARSE
        is_chumpy = module == "chumpy" or module.startswith("chumpy.")
        if (is_sparse or is_chumpy) and "." not in name:
            return type(name, (PassiveObject,), {"origin": f"{module}.{name}"})
        raise pickle.UnpicklingError(f"refused {module}.{name}")


def as_array(value: object) -> np.ndarray:
    """The numbers of an array, of a sparse matrix or of a chumpy array.

    Raises:
        ValueError: if it is something else, or of another kind than is known.
    """
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, PassiveObject):
        raise ValueError(f"is a {type(value).__name__} and no array")
    state = value.state
    if value.origin.startswith("scipy"):
        return _dense(state)
    if "x" in state:
        return as_array(state["x"])
    if {"a", "idxs", "preferred_shape"} <= set(state):
        flat = as_array(state["a"]).reshape(-1)
        return flat[as_array(state["idxs"])].reshape(state["preferred_shape"])
    raise ValueError(f"is a {value.origin} that cannot be read")


def _dense(state: dict[str, Any]) -> np.ndarray:
    """A sparse matrix stored column after column, with its zeros."""
    missing = {"data", "indices", "indptr", "_shape"} - set(state)
    if missing:
        raise ValueError("is a sparse matrix that cannot be read")
    rows, columns = (int(count) for count in state["_shape"])
    data, indices, starts = (as_array(state[name]).reshape(-1) for name in ("data", "indices", "indptr"))
    counts = np.diff(starts.astype(np.int64))
    sound = len(counts) == columns and np.all(counts >= 0) and counts.sum() == len(data) == len(indices)
    if not sound or not 0 < rows * columns < 10**8:
        raise ValueError("is a damaged sparse matrix")
    if len(indices) and not 0 <= indices.min() <= indices.max() < rows:
        raise ValueError("is a damaged sparse matrix")
    dense = np.zeros((rows, columns))
    np.add.at(dense, (indices, np.repeat(np.arange(columns), counts)), data)
    return dense
