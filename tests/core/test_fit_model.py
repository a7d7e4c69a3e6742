# SPDX-License-Identifier: GPL-3.0-or-later
"""A body model that follows a fitted body."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing

from contrapposto.body.body_file import default_body
from contrapposto.body.skinning import pose_vertices, transl_of_pelvis, whole_pose
from contrapposto.keypoints.body import part_lengths, usable
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.sets import SETS, mirrored
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.fit import fit
from contrapposto.tasks.fit_model import body_of, fit_model, shape_of

SET = "body_25"
MODEL = default_body().on(np.zeros(1))


@pytest.fixture(scope="module")
def footage():
    cameras, motion = four_cameras(3), swing(24)
    used = usable(SETS[SET])
    names = tuple(SETS[SET][index] for index in used)
    points = seen_by(cameras, points_of(motion, SET)[:, used])
    return Footage((Path("swing"),), cameras, SET, names, points, np.ones(points.shape[:-1]))


@pytest.fixture(scope="module")
def fitted(footage):
    return fit(footage, 30.0)


def spots(body, poses) -> np.ndarray:
    world, joints = forward_kinematics(poses.rotations, body.offsets)
    return body.points(world, joints + poses.transl[:, None])


def test_the_models_points_are_where_the_fitted_bodys_are(footage, fitted):
    found = fit_model(MODEL, fitted)
    off = np.linalg.norm(
        spots(found.body, found.motion.poses) - spots(fitted.body, fitted.motion.poses), axis=-1
    )
    limbs = [footage.names.index(f"{s}_{p}") for s in ("left", "right") for p in ("elbow", "wrist", "knee")]
    assert np.median(off[:, limbs]) < 0.02
    assert np.median(off) < 0.03
    assert found.error.shape == (24,)
    assert np.nanmedian(found.error) < 15


@pytest.mark.parametrize("seed", range(3))
def test_a_shapes_own_lengths_give_a_body_as_large(seed):
    betas = np.random.default_rng(seed).normal(size=MODEL.num_betas)
    body = body_of(MODEL, SETS["coco_17"], betas)
    again = body_of(MODEL, SETS["coco_17"], shape_of(MODEL, body))
    assert np.abs(part_lengths(again) / part_lengths(body) - 1).max() < 0.04


def test_sides_that_a_detector_exchanged_are_no_error_of_the_body(footage, fitted):
    points = footage.points.copy()
    points[1, 15:20] = points[1, 15:20][:, list(mirrored(footage.names))]
    again = fit(replace(footage, points=points), 30.0)
    assert again.exchanged[1, 15:20].all()
    expected = fit_model(MODEL, fitted).error
    assert fit_model(MODEL, again).error == pytest.approx(expected, abs=0.5)
    assert again.error == pytest.approx(fitted.error, abs=0.5)


def test_lengths_that_no_one_has_give_a_shape_within_what_people_are():
    body = body_of(MODEL, SETS["coco_17"], np.zeros(MODEL.num_betas))
    giant = type(body)(body.names, 3 * body.offsets, 3 * body.places)
    assert np.abs(shape_of(MODEL, giant)).max() <= 3


def test_feet_on_the_ground_leave_the_body_about_where_it_was(fitted):
    free, grounded = (fit_model(MODEL, fitted, ground=ground) for ground in (False, True))
    moved = spots(free.body, free.motion.poses) - spots(grounded.body, grounded.motion.poses)
    assert np.linalg.norm(moved, axis=-1).max() < 0.2
    assert free.error.shape == grounded.error.shape


def test_the_floor_is_where_the_soles_of_standing_feet_are(fitted):
    found = fit_model(MODEL, fitted)
    poses = found.motion.poses
    rotations = whole_pose(MODEL, np.asarray(poses.rotations))
    vertices = pose_vertices(
        MODEL, rotations, found.betas, transl_of_pelvis(MODEL, np.asarray(poses.transl), found.betas)
    )
    lowest = vertices[..., 1].min(axis=1)
    assert abs(np.percentile(lowest, 10) - found.floor) < 0.04
