# SPDX-License-Identifier: GPL-3.0-or-later
"""A BVH file as an armature and its matrices, as if a Blender rig had been read.

Armature space is the file's own space: its units, its axes.
"""

from __future__ import annotations

import numpy as np

from contrapposto.files.bvh.reader import BvhFile
from contrapposto.rig.alignment import shortest_arc
from contrapposto.rig.armature import Armature
from contrapposto.rotation import from_rotvec

_LEAF_LENGTH = 0.3  # of the parent bone's, for a joint with neither child nor End Site


def bvh_armature(bvh: BvhFile) -> Armature:
    """The file's skeleton at rest, each bone pointing to the mean of its children.

    Raises:
        ValueError: if every joint sits at the same place.
    """
    heads = _rest_heads(bvh)
    if np.ptp(heads, axis=0).max() <= 0:
        raise ValueError("All joints of the BVH skeleton sit at the same place")
    tails = _rest_tails(bvh, heads)
    along = tails - heads
    rest = np.tile(np.eye(4), (len(bvh.names), 1, 1))
    rest[:, :3, :3] = shortest_arc(np.array([0.0, 1.0, 0.0]), along)
    rest[:, :3, 3] = heads
    return Armature(bvh.names, bvh.parents, rest, np.linalg.norm(along, axis=-1))


def bvh_matrices(bvh: BvhFile) -> np.ndarray:
    """(T, B, 4, 4) armature-space matrices of ``bvh_armature``'s bones, frame by frame."""
    frames = len(bvh.values)
    rest = bvh_armature(bvh).rest[:, :3, :3]
    matrices = np.tile(np.eye(4), (frames, len(bvh.names), 1, 1))
    turns = np.empty((frames, len(bvh.names), 3, 3))
    column = 0
    for joint, (parent, channels) in enumerate(zip(bvh.parents, bvh.channels, strict=True)):
        values = bvh.values[:, column : column + len(channels)]
        column += len(channels)
        step, turn = _local(bvh.offsets[joint], channels, values)
        if parent >= 0:
            step = matrices[:, parent, :3, 3] + (turns[:, parent] @ step[..., None])[..., 0]
            turn = turns[:, parent] @ turn
        turns[:, joint] = turn
        matrices[:, joint, :3, 3] = step
    matrices[:, :, :3, :3] = turns @ rest
    return matrices


def _local(
    offset: np.ndarray, channels: tuple[str, ...], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3) position and (T, 3, 3) rotation of a joint in its parent's frame."""
    position = np.tile(offset, (len(values), 1))
    rotation = np.tile(np.eye(3), (len(values), 1, 1))
    for channel, value in zip(channels, values.T, strict=True):
        axis = "xyz".index(channel[0])
        if channel.endswith("position"):
            position[:, axis] = value
        else:
            rotation = rotation @ from_rotvec(np.eye(3)[axis] * np.radians(value)[:, None])
    return position, rotation


def _rest_heads(bvh: BvhFile) -> np.ndarray:
    heads = bvh.offsets.copy()
    for joint, parent in enumerate(bvh.parents):
        if parent >= 0:
            heads[joint] += heads[parent]
    return heads


def _rest_tails(bvh: BvhFile, heads: np.ndarray) -> np.ndarray:
    """The End Site, else the mean of the children, else on along the parent."""
    tails = heads + bvh.ends
    size = np.ptp(heads, axis=0).max()
    for joint, parent in enumerate(bvh.parents):
        children = [c for c, p in enumerate(bvh.parents) if p == joint]
        if children:
            tails[joint] = heads[children].mean(axis=0)
        elif np.isnan(tails[joint, 0]):
            along = heads[joint] - heads[parent] if parent >= 0 else np.zeros(3)
            tails[joint] = heads[joint] + _LEAF_LENGTH * along
        if np.linalg.norm(tails[joint] - heads[joint]) < 1e-6 * size:
            tails[joint] = heads[joint] + [0.0, 0.01 * size, 0.0]
    return tails
