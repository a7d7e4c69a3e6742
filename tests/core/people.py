# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people who swing arms and legs, as a motion data folder; a prior that knows its own Gaussian."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contrapposto.networks import residual_mlp
from contrapposto.priors.pose import CONTEXT, STATE, PosePrior
from contrapposto.rotation import to_rot6d
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, STANDARD_OFFSETS

SWINGING = ("left_hip", "left_knee", "right_hip", "right_knee", "left_shoulder", "left_elbow", "spine2")
SPREAD = 0.05
"""Standard deviation of each 6D number of the prior below, and so of each rotation vector's."""


def write_people(
    folder: Path, train: Sequence[str] = ("people/one",), val: Sequence[str] = ("people/two",)
) -> Path:
    """A folder with ``splits.json``: people to train on, 600 frames each, and held out in val, 120 each."""
    rng = np.random.default_rng(6)
    for name, frames in (*((name, 600) for name in train), *((name, 120) for name in val)):
        rotvec = np.zeros((frames, NUM_JOINTS, 3))
        joints = [JOINT_INDEX[joint] for joint in SWINGING]
        rotvec[:, joints] = 0.3 * rng.standard_normal((frames, len(joints), 3))
        for joint, bend in (("left_knee", [1, 0, 0]), ("right_knee", [1, 0, 0]), ("left_elbow", [0, -1, 0])):
            rotvec[:, JOINT_INDEX[joint]] = np.abs(rotvec[:, JOINT_INDEX[joint], :1]) * bend
        scale = np.pi / 32767
        path = folder / "poses" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            poses=np.round(rotvec / scale).astype(np.int16),
            scale=scale,
            trans=np.tile(np.float32([0, 0.95, 0]), (frames, 1)),
            bad=np.zeros(frames, dtype=bool),
            offsets=STANDARD_OFFSETS[None].astype(np.float32),
            clip_names=np.array(["swing"]),
            clip_start=np.array([0, frames]),
            fps=30,
        )
    splits = {"train": list(train), "val": list(val)}
    (folder / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    return folder


def gaussian_prior() -> PosePrior:
    """A prior whose network is all zeros: it is exact for 6D numbers that are independent Gaussians."""
    shapes = residual_mlp.shapes(STATE, CONTEXT, 8, 1)
    weights = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
    mean = np.tile(to_rot6d(np.eye(3, dtype=np.float32)), (NUM_JOINTS, 1))
    return PosePrior(weights, mean, np.full((NUM_JOINTS, 1), SPREAD, dtype=np.float32), 8, 1)
