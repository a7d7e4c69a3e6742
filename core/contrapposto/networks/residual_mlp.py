# SPDX-License-Identifier: GPL-3.0-or-later
"""A residual MLP that sees a noisy state, the noise level and what is known.

A plain function of a weights dictionary: training runs it on torch tensors with
autograd, inference on NumPy or torch, the very same lines.

    h   = x W_x + c W_c + b
    h  += SiLU(norm(h) W_1 + e W_t + b_1) W_2 + b_2      for each block
    out = norm(h) W_out + b_out

with ``c`` the context and ``e`` the embedded noise level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from contrapposto.arrays import Array, like, namespace

Drop = Callable[[Array], Array]
"""What training does to a hidden layer, such as dropout."""

EMBEDDING = 64
"""Width of the sinusoidal embedding of the noise level."""


def shapes(state: int, context: int, width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size."""
    table: dict[str, tuple[int, ...]] = {
        "state.w": (state, width),
        "context.w": (context, width),
        "context.b": (width,),
        "level1.w": (EMBEDDING, width),
        "level1.b": (width,),
        "level2.w": (width, width),
        "level2.b": (width,),
        "out.scale": (width,),
        "out.w": (width, state),
        "out.b": (state,),
    }
    for block in range(blocks):
        table |= {
            f"block{block}.scale": (width,),
            f"block{block}.w1": (width, width),
            f"block{block}.b1": (width,),
            f"block{block}.level.w": (width, width),
            f"block{block}.w2": (width, width),
            f"block{block}.b2": (width,),
        }
    return table


def silu(x: Array) -> Array:
    """``x * sigmoid(x)``, through tanh so that it cannot overflow."""
    xp = namespace(x)
    return 0.5 * x * (1 + xp.tanh(0.5 * x))


def _norm(h: Array, scale: Array) -> Array:
    xp = namespace(h)
    h = h - xp.mean(h, axis=-1, keepdims=True)
    return h * (scale / xp.sqrt(xp.mean(h * h, axis=-1, keepdims=True) + 1e-5))


def embed_level(weights: Mapping[str, Array], label: Array) -> Array:
    """(..., width) embedding of the noise level; ``label`` is (...)."""
    xp = namespace(label)
    half = EMBEDDING // 2
    frequencies = like(10000.0 ** (-np.arange(half) / (half - 1)), label)
    angle = label[..., None] * frequencies
    e = xp.concat([xp.sin(angle), xp.cos(angle)], axis=-1)
    e = silu(e @ weights["level1.w"] + weights["level1.b"])
    return silu(e @ weights["level2.w"] + weights["level2.b"])


def embed_context(weights: Mapping[str, Array], context: Array) -> Array:
    """(..., width) share of the first layer that a whole sampling run reuses."""
    return context @ weights["context.w"] + weights["context.b"]


def forward(
    weights: Mapping[str, Array],
    x: Array,
    label: Array,
    context: Array,
    blocks: int,
    *,
    drop: Drop | None = None,
) -> Array:
    """The network's output.

    Args:
        weights: arrays with the names and shapes of ``shapes``.
        x: (..., state) scaled noisy state.
        label: (...) noise level, or () for one level shared by all.
        context: (..., width) from ``embed_context``.
        blocks: number of residual blocks.
        drop: in training, a function applied to each block's hidden layer.

    Returns:
        (..., state).
    """
    e = embed_level(weights, label)
    h = x @ weights["state.w"] + context
    for block in range(blocks):
        name = f"block{block}"
        u = _norm(h, weights[f"{name}.scale"]) @ weights[f"{name}.w1"]
        u = silu(u + (e @ weights[f"{name}.level.w"] + weights[f"{name}.b1"]))
        if drop is not None:
            u = drop(u)
        h = h + (u @ weights[f"{name}.w2"] + weights[f"{name}.b2"])
    return _norm(h, weights["out.scale"]) @ weights["out.w"] + weights["out.b"]
