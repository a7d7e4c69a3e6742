# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifting a body out of one image: rotations from positions, sureness, and answers to poor input."""

from __future__ import annotations

import numpy as np
import pytest
from motions import swinging

from contrapposto.evaluation.lift_cases import CASES, Sighting, look, look_at_clip
from contrapposto.evaluation.metrics import joint_errors_mm
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sight import LIFTED
from contrapposto.priors.lifting import of_clips
from contrapposto.rotation import geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics
from contrapposto.tasks.lift_pose import LiftedPose, lift_pose, turned


@pytest.fixture(scope="module")
def poses() -> np.ndarray:
    return swinging(60).poses.rotations[::6]


def points_of(rotations: np.ndarray) -> np.ndarray:
    return Body.standard(LIFTED).points(*forward_kinematics(rotations))


def test_rotations_bring_the_joints_where_they_were_found(poses: np.ndarray) -> None:
    found = turned(points_of(poses), np.zeros((len(poses), len(LIFTED))))
    assert joint_errors_mm(points_of(found), points_of(poses)).mean() < 15
    bent = [
        JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "elbow", "hip")
    ]
    assert np.degrees(geodesic_angle(found, poses)[:, bent]).mean() < 20


def test_a_joint_that_nobody_is_sure_of_is_left_to_the_prior(poses: np.ndarray) -> None:
    positions = points_of(poses)
    wrist = JOINT_INDEX["left_wrist"]
    positions[:, wrist] += [0.0, 0.2, 0.1]
    sure, unsure = np.zeros((len(poses), len(LIFTED))), np.zeros((len(poses), len(LIFTED)))
    unsure[:, wrist] = 1.0
    near, far = (
        joint_errors_mm(points_of(turned(positions, deviation)), positions)[:, wrist].mean()
        for deviation in (sure, unsure)
    )
    assert near < 0.6 * far


def test_a_body_is_lifted_from_what_a_camera_saw(poses: np.ndarray) -> None:
    sighting = look(poses, CASES["clean"], "coco_17", np.random.default_rng(0))
    agrees(lift_pose(sighting.seen), sighting)


def test_a_body_is_lifted_from_a_clip() -> None:
    motion = swinging(60).poses
    place = motion.transl
    sighting = look_at_clip(motion.rotations, place, CASES["noisy"], "coco_17", np.random.default_rng(0))
    agrees(lift_pose(sighting.seen, of_clips()), sighting)


def agrees(found: LiftedPose, sighting: Sighting) -> None:
    in_world = sighting.true @ sighting.seen.cameras.rotation
    assert joint_errors_mm(found.positions[:, : len(JOINT_INDEX)], in_world).mean() < 90
    assert joint_errors_mm(points_of(found.rotations), found.positions).mean() < 40


def test_what_is_not_seen_is_told_to_be_unsure(poses: np.ndarray) -> None:
    case = CASES["left_arm_missing"]
    found = lift_pose(look(poses, case, "coco_17", np.random.default_rng(0)).seen)
    wrist, other = JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]
    assert (found.deviation[:, wrist] > 2 * found.deviation[:, other]).mean() > 0.8
