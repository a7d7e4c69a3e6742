# SPDX-License-Identifier: GPL-3.0-or-later
"""A denoiser on the skeleton: graph convolutions between neighbours, attention between all joints.

    gcn(h) = h W_own + A h W_near + b          A: the bones, rows summing to 1
    h      = gcn(x) + c W_c + j                c: the context, j: learned, by joint
    h     += gcn(SiLU(gcn(norm(h)) + e W_t))   for each block, e: the embedded step
    h     += attention(norm(h)) W_o
    out    = gcn(norm(h))

A plain function of a weights dictionary: training runs it on torch tensors with
autograd, inference on NumPy or torch, the very same lines.

Source: Gong et al. 2023, "DiffPose", section 4.4 (its arrangement of blocks); the released
code's network is another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.keypoints.sight import LIFTED, NUM_LIFTED
from contrapposto.networks.residual_mlp import silu
from contrapposto.skeleton import NUM_JOINTS, PARENTS

HEADS = 4
EMBEDDING = 64
"""Width of the sinusoidal embedding of the step."""


def _gcn(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.own": (inputs, outputs), f"{name}.near": (inputs, outputs), f"{name}.b": (outputs,)}


def shapes(inputs: int, context: int, width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a network of this size, ``inputs`` numbers a joint."""
    table = {
        **_gcn("in", inputs, width),
        "joint": (NUM_LIFTED, width),
        "context.w": (context, width),
        "level.w": (EMBEDDING, width),
        "level.b": (width,),
        "out.scale": (width,),
        **_gcn("out", width, 3),
    }
    for block in range(blocks):
        name = f"block{block}"
        table |= {
            f"{name}.scale": (width,),
            **_gcn(f"{name}.first", width, width),
            f"{name}.level.w": (width, width),
            **_gcn(f"{name}.second", width, width),
            f"{name}.attend.scale": (width,),
            f"{name}.qkv.w": (width, 3 * width),
            f"{name}.attend.w2": (width, width),
        }
    return table


def neighbours() -> np.ndarray:
    """(23, 23) 1 where a bone joins two joints, else 0; the nose hangs on the head."""
    parents = {joint: parent for joint, parent in enumerate(PARENTS) if parent >= 0}
    parents[NUM_JOINTS] = LIFTED.index("head")
    table = np.zeros((NUM_LIFTED, NUM_LIFTED))
    for joint, parent in parents.items():
        table[joint, parent] = table[parent, joint] = 1
    return table


def bones() -> np.ndarray:
    """(23, 23) mean over a joint's neighbours."""
    table = neighbours()
    return table / table.sum(axis=1, keepdims=True)


_BONES = bones()


def _convolve(weights: Mapping[str, Array], name: str, h: Array) -> Array:
    near = like(_BONES, h) @ (h @ weights[f"{name}.near"])
    return h @ weights[f"{name}.own"] + near + weights[f"{name}.b"]


def _norm(h: Array, scale: Array) -> Array:
    xp = namespace(h)
    return h * (scale / xp.sqrt(xp.mean(h * h, axis=-1, keepdims=True) + 1e-5))


def _attend(h: Array, qkv: Array) -> Array:
    """(B, 23, width) what every joint gathers from the others."""
    xp = namespace(h)
    B, J, width = h.shape
    rows = xp.reshape(h @ qkv, (B, J, 3, HEADS, width // HEADS))
    q, k, v = (xp.permute_dims(rows[:, :, i], (0, 2, 1, 3)) for i in range(3))
    scores = q @ xp.permute_dims(k, (0, 1, 3, 2)) * (width // HEADS) ** -0.5
    weight = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    gathered = (weight / xp.sum(weight, axis=-1, keepdims=True)) @ v
    return xp.reshape(xp.permute_dims(gathered, (0, 2, 1, 3)), (B, J, width))


def embed_step(weights: Mapping[str, Array], step: Array) -> Array:
    """(..., width) embedding of steps (...)."""
    xp = namespace(step)
    half = EMBEDDING // 2
    angle = step[..., None] * like(10000.0 ** (-np.arange(half) / (half - 1)), step)
    e = xp.concat([xp.sin(angle), xp.cos(angle)], axis=-1)
    return silu(e @ weights["level.w"] + weights["level.b"])


def forward(weights: Mapping[str, Array], x: Array, step: Array, context: Array, blocks: int) -> Array:
    """The network's output (B, 23, 3).

    Args:
        weights: arrays with the names and shapes of ``shapes``.
        x: (B, 23, inputs) of each joint.
        step: (B,) or (1,) of the diffusion.
        context: (B, context) of the whole pose.
        blocks: number of blocks.
    """
    e = embed_step(weights, step)
    h = _convolve(weights, "in", x) + (context @ weights["context.w"])[:, None] + weights["joint"]
    for block in range(blocks):
        w = f"block{block}"
        u = _convolve(weights, f"{w}.first", _norm(h, weights[f"{w}.scale"]))
        u = silu(u + (e @ weights[f"{w}.level.w"])[:, None])
        h = h + _convolve(weights, f"{w}.second", u)
        gathered = _attend(_norm(h, weights[f"{w}.attend.scale"]), weights[f"{w}.qkv.w"])
        h = h + gathered @ weights[f"{w}.attend.w2"]
    return _convolve(weights, "out", _norm(h, weights["out.scale"]))
