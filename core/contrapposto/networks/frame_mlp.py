# SPDX-License-Identifier: GPL-3.0-or-later
"""A residual MLP that answers for each frame by itself.

A plain function of a weights dictionary: training runs it on torch tensors with
autograd, inference on NumPy or torch, the very same lines.

    h   = x W_x + b
    h  += SiLU(norm(h) W_1 + b_1) W_2 + b_2      for each block
    out = norm(h) W_out + b_out

Source: Martinez et al. 2017, "A simple yet effective baseline for 3D human pose
estimation", with norms before each block instead of batch norms within.
"""

from __future__ import annotations

from collections.abc import Mapping

from contrapposto.arrays import Array, namespace
from contrapposto.networks.residual_mlp import Drop, silu


def shapes(inputs: int, outputs: int, width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size."""
    table: dict[str, tuple[int, ...]] = {
        "in.w": (inputs, width),
        "in.b": (width,),
        "out.scale": (width,),
        "out.w": (width, outputs),
        "out.b": (outputs,),
    }
    for block in range(blocks):
        table |= {
            f"block{block}.scale": (width,),
            f"block{block}.w1": (width, width),
            f"block{block}.b1": (width,),
            f"block{block}.w2": (width, width),
            f"block{block}.b2": (width,),
        }
    return table


def _norm(h: Array, scale: Array) -> Array:
    xp = namespace(h)
    return h * (scale / xp.sqrt(xp.mean(h * h, axis=-1, keepdims=True) + 1e-5))


def features(weights: Mapping[str, Array], x: Array, blocks: int, *, drop: Drop | None = None) -> Array:
    """(..., width) what the network makes of its input (..., inputs), before its answer.

    Args:
        weights: arrays with the names and shapes of ``shapes``.
        x: the input.
        blocks: number of residual blocks.
        drop: in training, a function applied to each block's hidden layer.
    """
    h = x @ weights["in.w"] + weights["in.b"]
    for block in range(blocks):
        name = f"block{block}"
        u = silu(_norm(h, weights[f"{name}.scale"]) @ weights[f"{name}.w1"] + weights[f"{name}.b1"])
        if drop is not None:
            u = drop(u)
        h = h + (u @ weights[f"{name}.w2"] + weights[f"{name}.b2"])
    return _norm(h, weights["out.scale"])


def answer(weights: Mapping[str, Array], found: Array) -> Array:
    """(..., outputs) the network's output of its ``features`` (..., width)."""
    return found @ weights["out.w"] + weights["out.b"]
