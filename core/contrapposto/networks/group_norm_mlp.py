# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser's and GFPose's network: a residual MLP with group norm that estimates the noise in a pose.

    layer(h) = Drop(SiLU(GN(h W + temb W_t + cond W_c)))
    h        = layer(x)
    h       += layer(layer(h))      for each block
    eps      = h W_out

DPoser's has no condition. A plain function of a weights dictionary, as ``residual_mlp``.

Source: Lu et al., "DPoser-X", arXiv 2508.00599, and its released code: 7,227,967 parameters at
width 1024, 2 blocks and 63 dimensions; Ci et al. 2023, "GFPose", and its released code:
12,504,627 at the same size with 51 dimensions and as many of the condition.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.networks.residual_mlp import Drop, silu

EMBEDDING = 512
GROUPS = 32


def _layers(blocks: int) -> list[str]:
    return ["in", *(f"block{block}.{half}" for block in range(blocks) for half in ("a", "b"))]


def shapes(state: int, width: int, blocks: int, condition: int = 0) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size; width a multiple of ``GROUPS``.

    With a ``condition`` of so many dimensions it has the path for it.
    """
    table: dict[str, tuple[int, ...]] = {
        "level.w": (EMBEDDING, EMBEDDING),
        "level.b": (EMBEDDING,),
        "out.w": (width, state),
        "out.b": (state,),
    }
    for layer in _layers(blocks):
        table |= {
            f"{layer}.w": (state if layer == "in" else width, width),
            f"{layer}.b": (width,),
            f"{layer}.level.w": (EMBEDDING, width),
            f"{layer}.level.b": (width,),
            f"{layer}.scale": (width,),
            f"{layer}.shift": (width,),
        }
    if condition:
        table |= {"condition.w": (condition, width), "condition.b": (width,)}
        for layer in _layers(blocks):
            table |= {f"{layer}.condition.w": (width, width), f"{layer}.condition.b": (width,)}
    return table


def embed_level(weights: Mapping[str, Array], label: Array) -> Array:
    """(..., 512) embedding of the noise level; ``label`` (...) is ``999 t``."""
    xp = namespace(label)
    half = EMBEDDING // 2
    angle = label[..., None] * like(10000.0 ** (-np.arange(half) / (half - 1)), label)
    e = xp.concat([xp.sin(angle), xp.cos(angle)], axis=-1)
    return silu(e @ weights["level.w"] + weights["level.b"])


def _group_norm(h: Array, scale: Array, shift: Array) -> Array:
    xp = namespace(h)
    groups = xp.reshape(h, (*h.shape[:-1], GROUPS, h.shape[-1] // GROUPS))
    groups = groups - xp.mean(groups, axis=-1, keepdims=True)
    groups = groups / xp.sqrt(xp.mean(groups * groups, axis=-1, keepdims=True) + 1e-5)
    return xp.reshape(groups, tuple(h.shape)) * scale + shift


def forward(
    weights: Mapping[str, Array],
    x: Array,
    label: Array,
    blocks: int,
    *,
    condition: Array | None = None,
    drop: Drop | None = None,
) -> Array:
    """The estimated noise (..., state) in ``x`` (..., state).

    Args:
        weights: arrays with the names and shapes of ``shapes``.
        x: the noisy state.
        label: ``999 t``, (...) or () for one level shared by all.
        blocks: number of residual blocks.
        condition: (..., C) what is known, for a network that has a path for it.
        drop: in training, a function applied to each hidden layer.
    """
    e = embed_level(weights, label)
    told = None if condition is None else silu(condition @ weights["condition.w"] + weights["condition.b"])

    def layer(name: str, h: Array) -> Array:
        h = h @ weights[f"{name}.w"] + weights[f"{name}.b"]
        h = h + (e @ weights[f"{name}.level.w"] + weights[f"{name}.level.b"])
        if told is not None:
            h = h + (told @ weights[f"{name}.condition.w"] + weights[f"{name}.condition.b"])
        h = silu(_group_norm(h, weights[f"{name}.scale"], weights[f"{name}.shift"]))
        return h if drop is None else drop(h)

    h = layer("in", x)
    for block in range(blocks):
        h = h + layer(f"block{block}.b", layer(f"block{block}.a", h))
    return h @ weights["out.w"] + weights["out.b"]
