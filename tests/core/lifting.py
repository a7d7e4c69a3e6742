# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses in front of cameras, and small lifting networks of random weights."""

from __future__ import annotations

import numpy as np

from contrapposto.evaluation.virtual import CLEAN, DetectorNoise, cameras_around, detect
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.sight import NUM_LIFTED, Seen
from contrapposto.networks import pose_graph
from contrapposto.priors import sequence_lifter
from contrapposto.priors.diffpose import INPUTS, DiffPose
from contrapposto.priors.lifter import Lifter, network_shapes
from contrapposto.priors.sequence_lifter import SequenceLifter
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics

WIDTH, FRAMES = 32, 12


def seen(count: int = 6, seed: int = 0, noise: DetectorNoise = CLEAN) -> Seen:
    """Random poses, each before a camera of its own, as COCO's points."""
    rng = np.random.default_rng(seed)
    world, joints = forward_kinematics(from_rotvec(0.3 * rng.standard_normal((count, NUM_JOINTS, 3))))
    place = np.tile([0.0, 0.9, 0.0], (count, 1))
    cameras = cameras_around(place, rng)
    body = Body.standard(SETS["coco_17"])
    points, sure = detect(cameras, body, world, joints + place[:, None], rng, noise=noise)
    return Seen(cameras, body.names, points, sure)


def _random(shapes: dict[str, tuple[int, ...]], size: float, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: size * rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}


def lifter(size: float = 0.1, *, plain: bool = False) -> Lifter:
    """A lifter that says something random of that size."""
    weights = _random(network_shapes(WIDTH, 2, plain=plain), size, 0)
    mean = np.random.default_rng(1).standard_normal((NUM_LIFTED, 3), dtype=np.float32) / 4
    mean[0] = 0
    scale = np.full(NUM_LIFTED, 0.25, dtype=np.float32)
    scale[0] = 0.02
    return Lifter(weights, mean, scale, WIDTH, 2, plain)


def over_time(size: float = 0.1) -> SequenceLifter:
    """A lifter over time that corrects the one above at random."""
    weights = _random(sequence_lifter.shapes(WIDTH, 1, FRAMES), size, 2)
    return SequenceLifter(weights, lifter(), WIDTH, 1, FRAMES)


def diffpose(size: float = 0.1, objective: str = "diffusion", start: str = "gmm") -> DiffPose:
    """A DiffPose that refines at random."""
    weights = _random(pose_graph.shapes(INPUTS, WIDTH, 16, 2), size, 3)
    here = lifter()
    return DiffPose(weights, here.mean, here.scale, 16, 2, objective, start)
