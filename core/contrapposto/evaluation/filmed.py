# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips of motion as one virtual camera on a tripod films them, for training and tests of sequences."""

from __future__ import annotations

import numpy as np

from contrapposto.evaluation.virtual import DetectorNoise, cameras_around, detect
from contrapposto.keypoints.body import ON_BODY, Body
from contrapposto.keypoints.sight import Seen
from contrapposto.rotation import transpose
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics


def with_nose(world: np.ndarray, positions: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """``LIFTED`` (..., 23, 3) of world rotations (..., 22, 3, 3) and joint positions (..., 22, 3)."""
    joint, place = ON_BODY["nose"]
    head = JOINT_INDEX[joint]
    nose = positions[..., head, :] + (world[..., head, :, :] @ (scale * np.array(place)))
    return np.concatenate([positions, nose[..., None, :]], axis=-2)


def film(
    rotations: np.ndarray,
    place: np.ndarray,
    body: Body,
    noise: DetectorNoise,
    fps: float,
    rng: np.random.Generator,
) -> tuple[Seen, np.ndarray]:
    """What a camera that looks at the middle of a clip sees of it, as one detector finds it.

    Args:
        rotations: (T, 22, 3, 3) of the clip.
        place: (T, 3) of the pelvis, metres over the floor y = 0.
        body: whose motion it is, with the detector's points.
        noise: the detector's.
        fps: frames a second.
        rng: of camera and detector.

    Returns:
        What was seen of the T frames, and (T, 23, 3) ``LIFTED`` about the pelvis in the camera's axes.
    """
    world, joints = forward_kinematics(rotations, body.offsets)
    camera = cameras_around(place.mean(axis=0, keepdims=True), rng)[np.zeros(len(place), dtype=int)]
    points, sure = detect(camera, body, world, joints + place[:, None], rng, noise=noise, fps=fps)
    return Seen(camera, body.names, points, sure), with_nose(world, joints) @ transpose(camera.rotation)
