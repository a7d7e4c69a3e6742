# SPDX-License-Identifier: GPL-3.0-or-later
"""A body that swings and walks on the spot, and a motion prior whose network is all zeros."""

from __future__ import annotations

import numpy as np

from contrapposto.motion import Motion, Pose
from contrapposto.networks import window_transformer
from contrapposto.priors.motion import INPUTS, OUTPUTS, MotionPrior
from contrapposto.rotation import from_rotvec, to_rot6d
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics

FRAMES = 32


def filters_alone(seed: int | None = None) -> MotionPrior:
    """A prior that only filters: its network says nothing, or nonsense of a seed."""
    shapes = window_transformer.shapes(INPUTS, OUTPUTS, 16, 1, FRAMES)
    rng = np.random.default_rng(seed)
    weights = {
        name: (0 if seed is None else 0.1) * rng.standard_normal(shape, dtype=np.float32)
        for name, shape in shapes.items()
    }
    upright = np.tile(np.eye(3, dtype=np.float32), (NUM_JOINTS, 1, 1))
    return MotionPrior(
        weights,
        mean=to_rot6d(upright),
        std=np.full(NUM_JOINTS, 0.2, dtype=np.float32),
        position_mean=forward_kinematics(upright)[1].astype(np.float32),
        position_std=np.full(NUM_JOINTS, 0.1, dtype=np.float32),
        width=16,
        blocks=1,
        frames=FRAMES,
    )


def swinging(frames: int = 150, fps: float = 30.0, hertz: float = 0.8) -> Motion:
    """Arms, knees and head swing at their own pace while the body drifts and turns."""
    seconds = np.arange(frames) / fps
    rotvec = np.zeros((frames, NUM_JOINTS, 3))
    for number, name in enumerate(("left_shoulder", "right_shoulder", "left_elbow", "spine2", "head")):
        rotvec[:, JOINT_INDEX[name], number % 3] = 0.6 * np.sin(2 * np.pi * hertz * seconds + number)
    for number, side in enumerate(("left", "right")):
        bend = 0.4 + 0.4 * np.cos(2 * np.pi * hertz * seconds + np.pi * number)
        rotvec[:, JOINT_INDEX[f"{side}_knee"], 0] = bend
        rotvec[:, JOINT_INDEX[f"{side}_hip"], 0] = -bend / 2
    rotvec[:, 0, 1] = 0.5 * seconds
    place = np.stack([0.3 * seconds, 0.92 + 0 * seconds, 0.1 * np.sin(seconds)], axis=-1)
    return Motion(Pose(from_rotvec(rotvec), place), fps, "swing")


def joints_of(motion: Motion) -> np.ndarray:
    """(T, 22, 3) where the joints of the standard body are."""
    return forward_kinematics(motion.poses.rotations)[1] + motion.poses.transl[:, None]


def apart_mm(a: Motion, b: Motion) -> np.ndarray:
    """(T, 22) how far the joints of two clips are apart."""
    return 1000 * np.linalg.norm(joints_of(a) - joints_of(b), axis=-1)


def jittered(motion: Motion, degrees: float, seed: int = 0) -> Motion:
    """White noise on every joint but the pelvis."""
    turn = np.radians(degrees) * np.random.default_rng(seed).standard_normal((len(motion), NUM_JOINTS, 3))
    turn[:, 0] = 0
    return Motion(Pose(motion.poses.rotations @ from_rotvec(turn), motion.poses.transl), motion.fps)
