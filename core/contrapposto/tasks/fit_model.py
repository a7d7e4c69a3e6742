# SPDX-License-Identifier: GPL-3.0-or-later
"""A body model that moves as a fitted body does: its shape, and the poses that put its surface there.

Fitting turns a skeleton with spots where detectors mark a body. A model has its own skeleton and the same
spots on its skin. Its shape takes the fitted body's lengths, and it is posed so that its spots are where the
fitted body's are, which is smooth over time already; the fitted rotations are where it begins and stays near.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contrapposto.body.model import BodyModel
from contrapposto.body.skinning import offsets, rest_joints, rest_points, rest_vertices
from contrapposto.keypoints.body import ON_BODY, Body, part_lengths
from contrapposto.motion import Motion, Pose
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.fit import Fitted, error_of_frames
from contrapposto.tasks.fit_ground import on_ground
from contrapposto.tasks.fit_points import fit_points, in_space
from contrapposto.tasks.fit_refine import ankles_standing

LENGTH = 0.03
"""Deviation of the logarithm of a limb's length, against 1 of a shape coefficient."""
WIDTH = 0.1
"""The same of the trunk's and the widths, of which detectors and models mean other points."""
MOST = 3.0
"""Deviations beyond which a shape is no one's."""
ROUNDS = 10
STEP = 1e-3

LOOSENESS = 0.15
"""Radians that a mobile joint's rotation may differ between the fitted body and the model."""


@dataclass(frozen=True, eq=False)
class ModelFit:
    """A body model that follows what cameras saw.

    Attributes:
        betas: (b,) its shape, the expressions left out.
        motion: of its first 22 joints.
        body: its proportions, and where the detector's points are on it.
        error: (T,) median reprojection error of each frame, pixels; NaN where nothing is seen.
        floor: height of the soles where feet stand, metres.
        grounded: whether the feet were set on a plane; not if that was not asked, or no foot stands.
    """

    betas: np.ndarray
    motion: Motion
    body: Body
    error: np.ndarray
    floor: float
    grounded: bool


def fit_model(model: BodyModel, fitted: Fitted, *, ground: bool = False) -> ModelFit:
    """Shape and pose a body model as a fitted body.

    Args:
        model: on NumPy.
        fitted: what was fitted; the error is measured against its footage.
        ground: whether feet stand on a plane, without sliding or sinking.
    """
    model = model.on(np.zeros(1))
    betas = shape_of(model, fitted.body)
    body = body_of(model, fitted.body.names, betas)
    poses = fitted.motion.poses
    world, joints = forward_kinematics(poses.rotations, fitted.body.offsets)
    spots = fitted.body.points(world, joints + poses.transl[:, None])
    start = Pose(poses.rotations, poses.transl + _hips(fitted.body, poses) - _hips(body, poses))
    found = fit_points(
        body, in_space(spots, np.ones(spots.shape[:2])), start, poses.rotations, looseness=LOOSENESS
    )
    stood = on_ground(body, found, fitted.contacts, fitted.motion.fps) if ground else found
    grounded, found = stood is not found, stood
    ankle = rest_joints(model, betas)[JOINT_INDEX["left_ankle"], 1] - rest_vertices(model, betas)[:, 1].min()
    floor = ankles_standing(found.rotations, found.transl, body.offsets) - float(ankle)
    motion = replace(fitted.motion, poses=found)
    return ModelFit(betas, motion, body, error_of_frames(fitted.footage, body, found), floor, grounded)


def body_of(model: BodyModel, names: tuple[str, ...], betas: np.ndarray) -> Body:
    """A shape of a model as proportions with the named points on its skin."""
    joints, surface = rest_joints(model, betas), rest_points(model, betas)
    spots = {name: surface[index] for index, name in enumerate(model.points.names)}
    places = [
        spots[name] - joints[JOINT_INDEX[joint]] if name in spots else np.array(place)
        for name, (joint, place) in ((name, ON_BODY[name]) for name in names)
    ]
    return Body(names, np.asarray(offsets(model, betas))[:NUM_JOINTS], np.stack(places))


def shape_of(model: BodyModel, body: Body) -> np.ndarray:
    """(b,) the likeliest shape of a model with the lengths of a body; no expression of a face."""
    wanted = np.log(part_lengths(body))
    deviation = np.array([WIDTH] * 3 + [LENGTH] * (len(wanted) - 3))

    def off(betas: np.ndarray) -> np.ndarray:
        lengths = np.log(part_lengths(body_of(model, body.names, betas)))
        return np.concatenate([(wanted - lengths) / deviation, -betas])

    betas = np.zeros(model.num_betas)
    for _ in range(ROUNDS):
        now = off(betas)
        slope = np.stack([(off(betas + step) - now) / STEP for step in STEP * np.eye(len(betas))], axis=1)
        betas = np.clip(betas - np.linalg.lstsq(slope, now, rcond=None)[0], -MOST, MOST)
    return betas


def _hips(body: Body, poses: Pose) -> np.ndarray:
    """(T, 3) the middle of the hips from the pelvis."""
    _, joints = forward_kinematics(poses.rotations, body.offsets)
    return joints[:, [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(axis=1)
