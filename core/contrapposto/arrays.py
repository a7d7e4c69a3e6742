# SPDX-License-Identifier: GPL-3.0-or-later
"""Which array library a value belongs to, and moving values between them.

Everything numeric in core is written against the Python array API standard and
runs on NumPy, which Blender carries, and on torch. Nothing imports torch to find out: a torch
array arrives from a caller who has it, or from ``torch_zero``, by which a command asks for it.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array, to_device
from numpy.typing import ArrayLike

Array = Any
"""A NumPy array or a torch tensor; the shape stands in the docstring."""

__all__ = ["Array", "like", "namespace", "need_torch", "to_numpy", "torch_zero"]


def namespace(*values: Array) -> ModuleType:
    """The array API namespace that all ``values`` share."""
    return array_namespace(*values)


def to_numpy(value: Array) -> np.ndarray:
    """The value as a NumPy array, copied off its device if need be."""
    if is_torch_array(value):
        return to_device(value.detach(), "cpu").numpy()
    return np.asarray(value)


def like(value: ArrayLike | Array, reference: Array) -> Array:
    """``value`` as an array of the reference's library, dtype and device; a tensor keeps its gradient."""
    if is_torch_array(value) and is_torch_array(reference):
        return value.to(reference)
    xp = array_namespace(reference)
    return xp.asarray(value, dtype=reference.dtype, device=device(reference))


def need_torch(what: str) -> None:
    """Raise a ValueError that says what torch is needed for, if it is not installed."""
    if importlib.util.find_spec("torch") is None:
        raise ValueError(f"{what} needs torch; install it with: pip install torch")


def torch_zero(what: str) -> Array:
    """A torch scalar for ``like`` and the priors' ``on``; raises as ``need_torch``."""
    need_torch(what)
    import torch

    return torch.zeros(())
