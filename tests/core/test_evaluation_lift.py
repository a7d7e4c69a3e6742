# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting protocol: what is seen, the metrics, and baselines that do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing, write_calibration, write_frames
from motions import swinging
from people import gaussian_prior

from contrapposto.evaluation.lift_baselines import fitted, mean_pose, nearest_pose
from contrapposto.evaluation.lift_cases import CASES, CLIP_FRAMES, FEW, clips_to_lift, look, look_at_clip
from contrapposto.evaluation.lifting import LIMB_JOINTS, acceleration_error_mm, footage_in, score, views_of
from contrapposto.evaluation.metrics import aligned, joint_errors_mm
from contrapposto.files.mocap import Clip
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.sets import SETS
from contrapposto.rotation import from_rotvec, split_heading, to_rotvec
from contrapposto.skeleton import JOINT_INDEX, STANDARD_OFFSETS


@pytest.fixture
def poses():
    rotations = swinging(60).poses.rotations[::6].copy()
    rotations[:, 0] = split_heading(rotations[:, 0])[1]
    return rotations


def test_alignment_undoes_any_similarity_but_no_mirror():
    rng = np.random.default_rng(0)
    true = rng.standard_normal((5, 22, 3))
    turned = 1.7 * true @ from_rotvec(rng.standard_normal((5, 3))) + rng.standard_normal((5, 1, 3))
    np.testing.assert_allclose(aligned(turned, true), true, atol=1e-12)
    assert joint_errors_mm(aligned(turned * [-1, 1, 1], true), true).mean() > 100
    flat = aligned(np.zeros((1, 22, 3)), true[:1])
    np.testing.assert_allclose(flat, np.broadcast_to(true[:1].mean(axis=1, keepdims=True), flat.shape))


def test_the_truth_has_no_error_and_the_best_of_several_is_no_worse_than_the_first(poses):
    _, true, hidden = look(poses, CASES["left_arm_missing"], "coco_17", np.random.default_rng(0))
    perfect = score(true[None], true, hidden)
    assert max(perfect.values()) < 1e-6
    noisy = true + 0.05 * np.random.default_rng(1).standard_normal((4, *true.shape))
    record = score(noisy, true, hidden)
    assert record["pa_mpjpe_mm"] < record["mpjpe_mm"]
    assert record["mpjpe_min_mm"] < record["mpjpe_mm"]
    assert record["mpjpe_of_mean_mm"] < record["mpjpe_mean_mm"]
    assert "hidden_mpjpe_mm" not in score(true[None], true, np.zeros_like(hidden))


def test_hypotheses_drawn_as_the_truth_was_hold_nine_of_ten_true_joints(poses):
    rng = np.random.default_rng(0)
    middle, deviation = rng.standard_normal((40, 22, 3)), np.array([0.02, 0.05, 0.1])
    true = middle + deviation * rng.standard_normal(middle.shape)
    found = middle + deviation * rng.standard_normal((300, *middle.shape))
    hidden = np.zeros((40, 22), dtype=bool)
    hidden[:, 5] = True
    record = score(found, true, hidden)
    assert 0.87 < record["inside_90"] < 0.93
    assert record["hidden_spread_mm"] == pytest.approx(1000 * np.linalg.norm(deviation), rel=0.1)
    sure = middle + 0.3 * deviation * rng.standard_normal((300, *middle.shape))
    assert score(sure, true, hidden)["inside_90"] < 0.5


def test_acceleration_counts_shaking_and_no_offset():
    true = np.cumsum(np.random.default_rng(0).standard_normal((20, 22, 3)), axis=0)
    assert acceleration_error_mm(true + 0.3, true) == pytest.approx(0, abs=1e-9)
    shaken = true.copy()
    shaken[::2] += 0.01
    assert acceleration_error_mm(shaken, true) > 10


def test_one_to_three_joints_are_missing_of_each_pose(poses):
    seen, _, hidden = look(poses, CASES["few_missing"], "coco_17", np.random.default_rng(0))
    assert set(hidden.sum(axis=1)) <= {1, 2, 3}
    for pose, gone in zip(seen.confidence, hidden, strict=True):
        unseen = {name for name, sure in zip(seen.names, pose, strict=True) if sure == 0}
        assert unseen == {joint for joint in FEW if gone[JOINT_INDEX[joint]]}


def test_a_clip_is_seen_by_one_camera():
    poses, frames = swinging(120).poses, 120
    clip = Clip(
        "swing",
        "",
        to_rotvec(poses.rotations),
        poses.transl,
        np.arange(frames) < 20,
        STANDARD_OFFSETS,
        30.0,
    )
    ((rotations, place),) = clips_to_lift([clip], 4)
    assert len(rotations) == len(place) == CLIP_FRAMES
    sighting = look_at_clip(rotations, place, CASES["clean"], "coco_17", np.random.default_rng(0))
    assert (sighting.seen.cameras.centre == sighting.seen.cameras.centre[0]).all()
    assert np.abs(np.diff(sighting.true, axis=0)).max() < 0.2


def test_what_is_told_as_missing_is_not_seen_and_the_rest_is_where_the_joints_are(poses):
    seen, true, hidden = look(poses, CASES["left_arm_missing"], "coco_17", np.random.default_rng(0))
    joints, known = seen.joints()
    assert not known[hidden].any()
    assert known[:, JOINT_INDEX["right_wrist"]].all()
    for joint in ("right_wrist", "left_knee"):
        at, beside = JOINT_INDEX[joint], JOINT_INDEX["right_ankle"]
        way = true[:, at] - true[:, beside]
        turn = np.sign(way[:, 1]) == np.sign(joints[:, at, 1] - joints[:, beside, 1])
        assert turn.mean() > 0.8  # lower in the camera's frame is lower in the image


def test_the_mean_pose_faces_each_camera(poses):
    seen, _, _ = look(poses, CASES["clean"], "coco_17", np.random.default_rng(0))
    found = mean_pose(poses)(seen)[0]
    assert found.shape == (len(poses), 22, 3)
    left = found[:, JOINT_INDEX["left_hip"]] - found[:, JOINT_INDEX["right_hip"]]
    assert (left[:, 0] > 0.15).all()  # who faces you has their left on your right
    toes = found[:, JOINT_INDEX["left_foot"]] - found[:, JOINT_INDEX["left_ankle"]]
    assert (toes[:, 2] < 0).all()


def test_a_pose_that_was_trained_on_is_its_own_nearest_one(poses):
    many = np.tile(poses, (6, 1, 1, 1))
    seen, true, _ = look(many, CASES["clean"], "coco_17", np.random.default_rng(5))
    found = nearest_pose(poses, "coco_17", np.random.default_rng(5))(seen)
    np.testing.assert_allclose(found[0], true, atol=1e-9)
    hidden, _, _ = look(many, CASES["right_leg_missing"], "coco_17", np.random.default_rng(5))
    again = nearest_pose(poses, "coco_17", np.random.default_rng(5))(hidden)
    assert np.median(joint_errors_mm(again[0], true)) < 1e-6


def test_a_fit_to_clean_points_is_near_the_truth(poses):
    seen, true, hidden = look(poses, CASES["clean"], "coco_17", np.random.default_rng(0))
    fit, mean = (
        score(lift(seen), true, hidden) for lift in (fitted(gaussian_prior(), poses), mean_pose(poses))
    )
    assert fit["mpjpe_mm"] < 0.5 * mean["mpjpe_mm"]
    assert np.isfinite(list(fit.values())).all()


def test_the_tenth_camera_comes_after_the_second(tmp_path):
    cameras, points = four_cameras(3), points_of(swing(4), "coco_17")
    write_calibration(tmp_path / "Calib.qca.txt", cameras)
    for number, seen in zip((1, 2, 10), seen_by(cameras, points), strict=True):
        write_frames(tmp_path / "pose" / f"cam{number}_json", seen[:, None])
    assert [folder.name for folder in footage_in(tmp_path).folders] == [
        "cam1_json",
        "cam2_json",
        "cam10_json",
    ]


def test_views_of_footage_are_lifted_by_themselves(poses):
    motion, cameras = swing(24), four_cameras()
    points = points_of(motion, "coco_17")
    seen = seen_by(cameras, points)
    footage = Footage((), cameras, "coco_17", SETS["coco_17"], seen, np.ones(seen.shape[:-1]))
    views = list(views_of(footage))
    assert [name for name, _, _ in views] == [f"camera_{number}" for number in (1, 2, 3, 4)]
    for view, (_, one, limbs) in enumerate(views):
        assert limbs.shape == (4, 12, 3)
        np.testing.assert_array_equal(one.points, seen[view, ::6])
        there = cameras[view].seen(points[::6])[:, [SETS["coco_17"].index(joint) for joint in LIMB_JOINTS]]
        away = there - cameras[view].seen(np.zeros((1, 3)))
        np.testing.assert_allclose(limbs, away, atol=1e-6)


def test_one_point_or_none_gives_a_finite_answer(poses):
    seen, _, _ = look(poses[:2], CASES["clean"], "coco_17", np.random.default_rng(0))
    seen.confidence[0, 1:] = 0
    seen.confidence[1] = 0
    for lift in (
        mean_pose(poses),
        nearest_pose(poses, "coco_17", np.random.default_rng(1)),
        fitted(gaussian_prior(), poses),
    ):
        assert np.isfinite(lift(seen)).all()
