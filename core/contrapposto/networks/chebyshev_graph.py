# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of DiffPose's released code: Chebyshev graph convolutions, attention, learned graphs.

    cheb(h) = sum_n T_n(L) h W_n + b           T_0 = 1, T_1 = L, T_2 = 2 L^2 - 1
    h  = cheb(x)
    h += attention(norm(h))                    for each block
    h += G ReLU(G norm(h) W_1 + b_1) W_2 + b_2 G: learned, by block
    h += ReLU(cheb(ReLU(cheb(h)) + e W_t))     e: the embedded step
    eps = cheb(h)

with L the normalised Laplacian of the skeleton, each joint its own neighbour. A plain function of
a weights dictionary, as ``residual_mlp``.

Source: the released code of Gong et al. 2023, "DiffPose" (1,025,674 parameters for 17 joints of 5
channels), after Zhao et al. 2022, "GraFormer".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.networks.residual_mlp import silu

HEADS = 4
TERMS = 3
WIDEN = 2
"""Terms of the Chebyshev polynomials; and the hidden width of a block's middle part, in widths."""
EMBED = 4
"""Width of the embedding of the step, in widths."""


def _affine(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.w": (inputs, outputs), f"{name}.b": (outputs,)}


def _cheb(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.w": (TERMS, inputs, outputs), f"{name}.b": (outputs,)}


def shapes(joints: int, channels: int, width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size."""
    table = {
        **_cheb("in", channels, width),
        **_affine("level1", width, EMBED * width),
        **_affine("level2", EMBED * width, EMBED * width),
        **_cheb("out", width, channels),
    }
    for block in range(blocks):
        name = f"block{block}"
        table |= {
            f"{name}.attend.scale": (width,),
            f"{name}.attend.shift": (width,),
            **_affine(f"{name}.q", width, width),
            **_affine(f"{name}.k", width, width),
            **_affine(f"{name}.v", width, width),
            **_affine(f"{name}.o", width, width),
            f"{name}.scale": (width,),
            f"{name}.shift": (width,),
            f"{name}.graph": (joints, joints),
            **_affine(f"{name}.wide", width, WIDEN * width),
            **_affine(f"{name}.narrow", WIDEN * width, width),
            **_cheb(f"{name}.first", width, width),
            **_affine(f"{name}.level", EMBED * width, width),
            **_cheb(f"{name}.second", width, width),
        }
    return table


def laplacian(neighbours: np.ndarray) -> np.ndarray:
    """(J, J) normalised Laplacian of a graph (J, J) of 0 and 1, each joint its own neighbour, too."""
    A = neighbours + np.eye(len(neighbours))
    A = A / A.sum(axis=1, keepdims=True)
    root = A.sum(axis=1) ** -0.5
    return np.eye(len(A)) - root[:, None] * A * root


def _norm(h: Array, weights: Mapping[str, Array], name: str) -> Array:
    xp = namespace(h)
    off = h - xp.mean(h, axis=-1, keepdims=True)
    deviation = xp.sqrt(xp.sum(off * off, axis=-1, keepdims=True) / (h.shape[-1] - 1))
    return weights[f"{name}.scale"] * off / (deviation + 1e-6) + weights[f"{name}.shift"]


def _relu(h: Array) -> Array:
    xp = namespace(h)
    return xp.where(h > 0, h, xp.zeros_like(h))


def forward(weights: Mapping[str, Array], x: Array, label: Array, bones: Array, blocks: int) -> Array:
    """The estimated noise (B, J, channels) in ``x`` (B, J, channels).

    Args:
        weights: arrays with the names and shapes of ``shapes``.
        x: the noisy state.
        label: (B,) or (1,) step, counted from 0.
        bones: (J, J) from ``laplacian``.
        blocks: number of blocks.
    """
    xp = namespace(x)

    def affine(name: str, h: Array) -> Array:
        return h @ weights[f"{name}.w"] + weights[f"{name}.b"]

    def cheb(name: str, h: Array) -> Array:
        near = bones @ h
        terms = (h, near, 2 * (bones @ near) - h)
        w = weights[f"{name}.w"]
        return terms[0] @ w[0] + terms[1] @ w[1] + terms[2] @ w[2] + weights[f"{name}.b"]

    def attend(name: str, h: Array) -> Array:
        B, J, width = h.shape
        heads = (B, J, HEADS, width // HEADS)
        rows = (xp.reshape(affine(f"{name}.{part}", h), heads) for part in "qkv")
        q, k, v = (xp.permute_dims(row, (0, 2, 1, 3)) for row in rows)
        scores = q @ xp.permute_dims(k, (0, 1, 3, 2)) * (width // HEADS) ** -0.5
        share = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        gathered = (share / xp.sum(share, axis=-1, keepdims=True)) @ v
        return affine(f"{name}.o", xp.reshape(xp.permute_dims(gathered, (0, 2, 1, 3)), (B, J, width)))

    half = weights["level1.w"].shape[0] // 2
    angle = label[..., None] * like(10000.0 ** (-np.arange(half) / (half - 1)), label)
    e = affine("level1", xp.concat([xp.sin(angle), xp.cos(angle)], axis=-1))
    e = silu(affine("level2", silu(e)))
    h = cheb("in", x)
    for block in range(blocks):
        name = f"block{block}"
        h = h + attend(name, _norm(h, weights, f"{name}.attend"))
        graph = weights[f"{name}.graph"]
        root = (xp.sum(graph, axis=0) + 1e-5) ** -0.5
        graph = root[:, None] * graph * root
        u = _relu(affine(f"{name}.wide", graph @ _norm(h, weights, name)))
        h = h + affine(f"{name}.narrow", graph @ u)
        u = _relu(cheb(f"{name}.first", h)) + affine(f"{name}.level", e)[:, None]
        h = h + _relu(cheb(f"{name}.second", u))
    return cheb("out", h)
