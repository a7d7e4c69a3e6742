# SPDX-License-Identifier: GPL-3.0-or-later
"""A transformer over the frames of a window, of any length up to the one it was made for.

A plain function of a weights dictionary: training runs it on torch tensors with
autograd, inference on NumPy or torch, the very same lines.

    h   = x W_x + b
    h  += attention(norm(h)) W_o                              for each block
    h  += SiLU(norm(h) W_1 + b_1) W_2 + b_2
    out = norm(h) W_out + b_out

Frames know of each other only by how far they are apart: each head adds a learned
table of biases by that distance to its scores. The tables begin as a ladder of
smoothing kernels, from a frame or two to the whole window, so that an untrained
head is already a low-pass filter, and nothing depends on where in a window a frame
lies.

Source: Vaswani et al. 2017, "Attention is all you need"; Press et al. 2022, "Train
short, test long" (biases by distance), here learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.networks.residual_mlp import silu

Drop = Callable[[Array], Array]
"""What training does to a hidden layer, such as dropout."""

HEADS = 8

WIDEN = 2
"""Hidden width of a block's second half, in widths."""


def shapes(inputs: int, outputs: int, width: int, blocks: int, frames: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network for windows of up to ``frames`` frames."""
    table: dict[str, tuple[int, ...]] = {
        "in.w": (inputs, width),
        "in.b": (width,),
        "out.scale": (width,),
        "out.w": (width, outputs),
        "out.b": (outputs,),
    }
    for block in range(blocks):
        table |= {
            f"block{block}.attend.scale": (width,),
            f"block{block}.qkv.w": (width, 3 * width),
            f"block{block}.distance": (HEADS, 2 * frames - 1),
            f"block{block}.attend.w2": (width, width),
            f"block{block}.scale": (width,),
            f"block{block}.w1": (width, WIDEN * width),
            f"block{block}.b1": (WIDEN * width,),
            f"block{block}.w2": (WIDEN * width, width),
            f"block{block}.b2": (width,),
        }
    return table


def kernels(frames: int) -> np.ndarray:
    """(HEADS, 2 frames - 1) biases by distance that smooth over more and more frames."""
    distance = np.abs(np.arange(1 - frames, frames))
    reach = np.geomspace(0.7, frames, HEADS)
    return -distance / reach[:, None]


def _norm(h: Array, scale: Array) -> Array:
    xp = namespace(h)
    return h * (scale / xp.sqrt(xp.mean(h * h, axis=-1, keepdims=True) + 1e-5))


def _attend(h: Array, qkv: Array, distance: Array) -> Array:
    """(B, T, width) what every frame gathers from the others."""
    xp = namespace(h)
    B, T, width = h.shape
    size = width // HEADS
    middle = (distance.shape[-1] + 1) // 2 - 1
    # row i, column j: the bias of frame j seen from frame i
    apart = np.arange(T)[None, :] - np.arange(T)[:, None] + middle
    bias = xp.reshape(distance[:, apart.ravel().tolist()], (HEADS, T, T))
    rows = xp.reshape(h @ qkv, (B, T, 3, HEADS, size))
    q, k, v = (xp.permute_dims(rows[:, :, i], (0, 2, 1, 3)) for i in range(3))
    scores = q @ xp.permute_dims(k, (0, 1, 3, 2)) * size**-0.5 + bias
    weight = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    weight = weight / xp.sum(weight, axis=-1, keepdims=True)
    gathered = weight @ v
    return xp.reshape(xp.permute_dims(gathered, (0, 2, 1, 3)), (B, T, width))


def forward(weights: Mapping[str, Array], x: Array, blocks: int, *, drop: Drop | None = None) -> Array:
    """The network's output.

    Args:
        weights: arrays with the names and shapes of ``shapes``.
        x: (B, T, inputs) windows of T frames.
        blocks: number of blocks.
        drop: in training, a function applied to each block's hidden layer.

    Returns:
        (B, T, outputs).
    """
    return answer(weights, features(weights, x, blocks, drop=drop))


def answer(weights: Mapping[str, Array], found: Array) -> Array:
    """(B, T, outputs) the network's output of its ``features`` (B, T, width)."""
    return found @ weights["out.w"] + weights["out.b"]


def features(weights: Mapping[str, Array], x: Array, blocks: int, *, drop: Drop | None = None) -> Array:
    """(B, T, width) what the network makes of windows before its answer, arguments as of ``forward``."""
    h = x @ weights["in.w"] + weights["in.b"]
    for block in range(blocks):
        w = {
            name.split(".", 1)[1]: value
            for name, value in weights.items()
            if name.startswith(f"block{block}.")
        }
        gathered = _attend(_norm(h, w["attend.scale"]), w["qkv.w"], w["distance"])
        h = h + gathered @ w["attend.w2"]
        u = silu(_norm(h, w["scale"]) @ w["w1"] + w["b1"])
        if drop is not None:
            u = drop(u)
        h = h + (u @ w["w2"] + w["b2"])
    return _norm(h, weights["out.scale"])
