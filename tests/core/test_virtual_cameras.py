# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual cameras see a body, and the model of a detector is wrong in the ways that it says."""

from __future__ import annotations

import dataclasses

import numpy as np
from motions import joints_of, swinging

from contrapposto.evaluation.virtual import CLEAN, DetectorNoise, cameras_around, detect, hidden
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sets import SETS, mirrored
from contrapposto.skeleton import forward_kinematics

BODY = Body.standard(SETS["coco_17"])


def seen(noise: DetectorNoise, seed: int = 0, frames: int = 200, camera: int = 0):
    motion = swinging(frames)
    world, joints = forward_kinematics(motion.poses.rotations)
    joints = joints + [0.0, 0.92, 0.0]
    cameras = cameras_around(joints[:4, 0], np.random.default_rng(3))
    return detect(cameras[camera], BODY, world, joints, np.random.default_rng(seed), noise=noise, fps=30.0)


def test_people_fill_the_images_of_cameras_around_them():
    place = np.random.default_rng(0).uniform(-2, 2, (300, 3)) * [1, 0, 1] + [0, 0.9, 0]
    cameras = cameras_around(place, np.random.default_rng(1))
    pixels = cameras.project(place[:, None])[:, 0]
    inside = ((pixels > 0) & (pixels < cameras.size)).all(axis=-1)
    assert inside.mean() > 0.98
    R = cameras.rotation
    np.testing.assert_allclose(R @ np.swapaxes(R, -1, -2), np.tile(np.eye(3), (300, 1, 1)), atol=1e-12)
    assert (np.linalg.det(R) > 0).all()
    upright = cameras.project(place[:, None] + [[0, 0, 0], [0, 0.2, 0]])
    assert (upright[:, 1, 1] < upright[:, 0, 1]).all()  # up in the world is up in the image


def test_the_same_seed_gives_the_same_bits():
    again, other = seen(DetectorNoise()), seen(DetectorNoise(), seed=1)
    for a, b, c in zip(seen(DetectorNoise()), again, other, strict=True):
        assert np.array_equal(a, b, equal_nan=True)
        assert not np.array_equal(a, c, equal_nan=True)


def test_without_noise_every_point_is_where_the_camera_projects_it():
    motion = swinging(20)
    world, joints = forward_kinematics(motion.poses.rotations)[0], joints_of(motion)
    camera = cameras_around(joints[:1, 0], np.random.default_rng(0))[0]
    points, sure = detect(camera, BODY, world, joints, np.random.default_rng(0), noise=CLEAN, fps=30.0)
    np.testing.assert_array_equal(points, camera.project(BODY.points(world, joints)))
    assert (sure == 1).all()


def test_jitter_grows_with_its_parameter_and_confidence_falls():
    clean, _ = seen(CLEAN)
    errors, confidences = [], []
    for jitter in (0.1, 0.3, 0.9):
        points, sure = seen(DetectorNoise(jitter=jitter, swaps=0))
        errors.append(np.nanmedian(np.linalg.norm(points - clean, axis=-1)))
        confidences.append(np.median(sure[sure > 0]))
    np.testing.assert_allclose(errors, errors[0] * np.array([1, 3, 9]), rtol=0.05)
    assert confidences[0] > confidences[1] > confidences[2]


def test_fast_points_have_more_jitter():
    still, blurred = (DetectorNoise(blur=blur, swaps=0, missing=0, hidden_missing=0) for blur in (0, 5))
    clean, _ = seen(CLEAN)
    ratio = np.linalg.norm(seen(blurred)[0] - clean, axis=-1) / np.linalg.norm(
        seen(still)[0] - clean, axis=-1
    )
    speed = np.linalg.norm(np.gradient(clean, axis=0), axis=-1)
    assert np.nanmin(ratio) >= 1 - 1e-9
    finite = np.isfinite(ratio)
    assert np.corrcoef(ratio[finite], speed[finite])[0, 1] > 0.8


def test_sides_are_exchanged_so_often_and_by_limbs():
    clean, _ = seen(CLEAN, frames=3000)
    noise = dataclasses.replace(CLEAN, swaps=0.1)
    points, _ = seen(noise, frames=3000)
    swapped = np.any(points != clean, axis=-1)
    knees, ankles = (swapped[:, SETS["coco_17"].index(f"left_{part}")] for part in ("knee", "ankle"))
    assert np.array_equal(knees, ankles)
    assert 0.05 < knees.mean() < 0.15
    frames = np.flatnonzero(knees)
    legs = [i for i, name in enumerate(SETS["coco_17"]) if "knee" in name or "ankle" in name]
    other = clean[:, list(mirrored(SETS["coco_17"]))]
    np.testing.assert_array_equal(points[np.ix_(frames, legs)], other[np.ix_(frames, legs)])


def test_points_are_missing_where_they_leave_the_image_and_more_often_where_hidden():
    motion = swinging(150)
    world, joints = forward_kinematics(motion.poses.rotations)[0], joints_of(motion)
    camera = cameras_around(joints[75:76, 0], np.random.default_rng(5))[0]
    away = joints + camera.rotation[0] * 0.45 * camera.size[0] / camera.intrinsics[0, 0] * 5
    truncating = dataclasses.replace(CLEAN, truncates=True)
    points, sure = detect(camera, BODY, world, away, np.random.default_rng(0), noise=truncating)
    whole = camera.project(BODY.points(world, away))
    outside = ((whole < 0) | (whole >= camera.size)).any(axis=-1)
    assert 0.05 < outside.mean() < 0.95
    assert np.array_equal(sure == 0, outside)
    assert np.array_equal(np.isnan(points[..., 0]), outside)
    noise = dataclasses.replace(CLEAN, missing=0.02, hidden_missing=0.5)
    _, sure = detect(camera, BODY, world, joints, np.random.default_rng(0), noise=noise)
    covered = hidden(camera.centre, joints, BODY.points(world, joints))
    assert 0.02 < covered.mean() < 0.5
    assert 0.4 < (sure[covered] == 0).mean() < 0.6
    assert (sure[~covered] == 0).mean() < 0.04


def test_a_face_is_hidden_from_behind_and_seen_from_in_front():
    joints = joints_of(swinging(2))[:1]
    world = forward_kinematics(swinging(2).poses.rotations)[0][:1]
    forward, points = world[0, 0, :, 2], BODY.points(world, joints)
    for sign, covered in ((3, False), (-3, True)):
        found = hidden(joints[0, 15] + sign * forward, joints, points)
        assert found[0, BODY.names.index("nose")] == covered
