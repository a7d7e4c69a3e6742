# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of points, cameras, triangulation, and which of the people is the person."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing, write_calibration
from motions import joints_of

from contrapposto.keypoints.body import Body, usable
from contrapposto.keypoints.calibration import read_calibration
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.correct import corrected
from contrapposto.keypoints.people import follow
from contrapposto.keypoints.points import recognise, to_joints
from contrapposto.keypoints.sets import SETS, mirrored
from contrapposto.keypoints.tracking import NOBODY
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import (
    JOINT_INDEX,
    MIRROR,
    forward_kinematics,
    mirror,
    mirror_points,
)

EXACT = [
    JOINT_INDEX[f"{side}_{part}"]
    for side in ("left", "right")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
]


PUBLISHED = {
    "coco_17": {1: "left_eye", 5: "left_shoulder", 10: "right_wrist", 11: "left_hip", 16: "right_ankle"},
    "wholebody_133": {
        16: "right_ankle",
        17: "left_big_toe",
        19: "left_heel",
        22: "right_heel",
        112: "right_hand_0",
    },
    "halpe_136": {16: "right_ankle", 21: "right_big_toe", 26: "face_0", 94: "left_hand_0"},
    "halpe_26": {16: "right_ankle", 17: "head_top", 19: "mid_hip", 21: "right_big_toe", 24: "left_heel"},
    "body_25": {1: "mid_shoulder", 2: "right_shoulder", 8: "mid_hip", 14: "left_ankle", 19: "left_big_toe"},
    "body_25b": {17: "upper_neck", 18: "head_top", 20: "left_small_toe", 22: "right_big_toe"},
    "openpose_18": {7: "left_wrist", 8: "right_hip", 13: "left_ankle", 14: "right_eye", 17: "left_ear"},
    "mediapipe_33": {2: "left_eye", 8: "right_ear", 15: "left_wrist", 23: "left_hip", 32: "right_toes"},
    "h36m_17": {0: "mid_hip", 1: "right_hip", 6: "left_ankle", 10: "head_top", 11: "left_shoulder"},
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_the_order_that_its_authors_publish(name):
    assert len(SETS[name]) == int(name.rpartition("_")[2].rstrip("b")) == len(set(SETS[name]))
    assert {index: SETS[name][index] for index in PUBLISHED[name]} == PUBLISHED[name]


@pytest.mark.parametrize("name", SETS)
def test_every_set_tells_the_joints_that_it_has_and_leaves_the_others_unknown(name):
    motion = swing(5)
    points, joints = points_of(motion, name), joints_of(motion)
    found, sure = to_joints(points, np.full(points.shape[:2], 0.7), SETS[name])
    assert np.abs(found - joints)[:, EXACT].max() < 1e-12
    known = sure > 0
    assert np.array_equal(known, np.isfinite(found).all(axis=-1))
    assert set(sure[known]) == {0.7}
    assert (
        np.linalg.norm(found - joints, axis=-1)[known].max() < 0.12
    )  # hips for the pelvis, ears for the head
    assert not known[:, JOINT_INDEX["spine1"]].any()


@pytest.mark.parametrize("name", SETS)
def test_a_joint_is_unknown_when_one_of_its_points_is_missing(name):
    points = points_of(swing(3), name)
    sure = np.ones(points.shape[:2])
    sure[1, SETS[name].index("left_knee")] = 0
    found, known = to_joints(points, sure, SETS[name])
    assert np.isnan(found[1, JOINT_INDEX["left_knee"]]).all()
    assert known[1, JOINT_INDEX["left_knee"]] == 0
    assert np.isfinite(found[2, JOINT_INDEX["left_knee"]]).all()


@pytest.mark.parametrize("name", SETS)
def test_the_mirrored_points_of_a_body_are_the_points_of_the_mirrored_body(name):
    motion = swing(4)
    used = tuple(SETS[name][i] for i in usable(SETS[name]))
    body, joints = Body.standard(used), joints_of(motion)
    points = body.points(forward_kinematics(motion.poses.rotations)[0], joints)
    world, _ = forward_kinematics(mirror(motion.poses.rotations))
    other = body.points(world, mirror_points(joints))
    np.testing.assert_allclose(other, points[:, list(mirrored(used))] * [-1, 1, 1], atol=1e-12)
    found, _ = to_joints(points, np.ones(points.shape[:2]), used)
    mirrored_found, _ = to_joints(other, np.ones(points.shape[:2]), used)
    np.testing.assert_allclose(mirrored_found, found[:, list(MIRROR)] * [-1, 1, 1], atol=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_recognised_by_its_limbs(name):
    seen = seen_by(four_cameras(), points_of(swing(5), name))
    assert recognise(seen, np.ones(seen.shape[:-1])) == name


def test_a_set_that_is_alone_in_its_count_needs_no_limbs():
    seen = seen_by(four_cameras(), points_of(swing(5), "halpe_26"))
    legless = np.array([not name.endswith(("knee", "ankle")) for name in SETS["halpe_26"]])
    assert recognise(seen, np.broadcast_to(legless, seen.shape[:-1]).astype(float)) == "halpe_26"


@pytest.mark.parametrize("name", ["coco_17", "h36m_17"])
def test_sets_of_one_count_are_not_told_apart_by_half_a_body(name):
    seen = seen_by(four_cameras(), points_of(swing(5), name))
    for hidden in ("left_knee", "right_wrist"):
        sure = np.ones(seen.shape[:-1])
        sure[..., SETS[name].index(hidden)] = 0
        with pytest.raises(ValueError, match="coco_17 or h36m_17; name it with --set"):
            recognise(seen, sure)


def test_a_body_is_measured_by_its_points():
    motion = swing(30)
    names = tuple(SETS["body_25b"])
    for scale in (0.6, 1.3):
        points = points_of(motion, "body_25b") * scale
        points[::3, names.index("left_knee")] = np.nan
        body = Body.measured(points, names)
        np.testing.assert_allclose(body.offsets, Body.standard(names, scale).offsets, rtol=0.06, atol=0.01)
    with pytest.raises(ValueError, match="another unit"):
        Body.measured(points_of(motion, "body_25b") * 1000, names)
    with pytest.raises(ValueError, match="is seen whole in any frame"):
        Body.measured(np.full((3, 25, 3), np.nan), names)


def test_a_calibration_file_comes_back_as_the_cameras_that_it_was_written_of(tmp_path):
    cameras = four_cameras()
    back = read_calibration(write_calibration(tmp_path / "c.qca.txt", cameras)).cameras
    for name, value in vars(cameras).items():
        np.testing.assert_allclose(getattr(back, name), value, atol=1e-9, err_msg=name)


def test_a_camera_that_was_worked_out_by_hand_sees_a_point_where_it_should(tmp_path):
    """Four metres in front of the origin (z up), a metre high, it looks along +y: right is +x, up is +z.

    The point is 0.5 m to its right, 5 m ahead and 0.8 m above, so it is at
    1000 * 0.5 / 5 = 100 pixels right of and 1100 * 0.8 / 5 = 176 above the middle.
    """
    path = tmp_path / "hand.qca.txt"
    path.write_text(
        '<calibration><cameras><camera model="Miqus Video" viewrotation="0" video_resolution="1080p">'
        '<fov_video left="0" top="0" right="1919" bottom="1079"/>'
        '<transform x="0" y="-4000" z="1000" r11="1" r12="0" r13="0" '
        'r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0"/>'
        '<intrinsic focalLengthU="64000" focalLengthV="70400" centerPointU="61440" centerPointV="34560" '
        'skew="0"/></camera></cameras></calibration>',
        encoding="utf-8",
    )
    cameras = read_calibration(path).cameras
    y_up = np.array([[0.5, 1.8, -1.0]])  # 0.5, 1, 1.8 with z up
    np.testing.assert_allclose(cameras[0].project(y_up), [[960 + 100, 540 - 176]], atol=1e-9)
    np.testing.assert_array_equal(cameras.size, [[1920, 1080]])


def test_what_is_behind_a_camera_has_no_place_in_its_image():
    camera = four_cameras()[0]
    ahead = camera.centre + camera.rotation[2]
    behind = camera.centre - camera.rotation[2]
    pixels = camera.project(np.stack([ahead, behind]))
    np.testing.assert_allclose(pixels[0], camera.size / 2, atol=1e-9)
    assert np.isnan(pixels[1]).all()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text[:200], "is damaged or no Qualisys calibration"),
        (lambda text: "<calibration/>", "names no camera"),
        (lambda text: text.replace('r12="', 'q12="', 1), "Camera 1 .* lacks a number among its transform"),
        (lambda text: text.replace('x="', 'x="nan', 1), "Camera 1 .* lacks a number"),
        (
            lambda text: text.replace('focalLengthU="7', 'focalLengthU="-7', 1),
            "focal length that is not above 0",
        ),
        (lambda text: text.replace('r11="', 'r11="1', 1), "its numbers are no rotation"),
        (lambda text: text.replace('right="1919"', 'right="-1"', 1), "image of camera 1 .* has no size"),
        (
            lambda text: text.replace("<camera>", '<camera video_resolution="720p">', 1),
            "Camera 1 .* films at 720p, which is scaled",
        ),
        (
            lambda text: text.replace("<camera>", '<camera viewrotation="90">', 1),
            "view of camera 1 .* is turned by 90",
        ),
        (lambda text: text.replace("<camera>", '<camera model="Oqus 300">'), "names no camera that films"),
        (lambda text: f"<!DOCTYPE a>{text}", "is no Qualisys calibration"),
        (lambda text: text.replace("<camera>", "<camera>\0", 1), "is no Qualisys calibration"),
        (lambda text: text + " " * (1 << 20), "is too large for a calibration"),
    ],
)
def test_a_damaged_calibration_is_told_in_a_sentence(damage, sentence, tmp_path):
    path = write_calibration(tmp_path / "c.qca.txt", four_cameras())
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=sentence) as error:
        read_calibration(path)
    assert str(path) in str(error.value)


def test_cameras_that_do_not_film_are_left_out(tmp_path):
    cameras = four_cameras()
    path = write_calibration(tmp_path / "c.qca.txt", cameras)
    models = ("Miqus Video", "Miqus M3", "Miqus Video UnderWater", "none")
    text = path.read_text(encoding="utf-8")
    for model in models:
        text = text.replace("<camera>", f'<camera model="{model}" video_resolution="1080p">', 1)
    path.write_text(text, encoding="utf-8")
    np.testing.assert_allclose(read_calibration(path).cameras.centre, cameras.centre[[0, 2, 3]], atol=1e-9)


def test_a_calibration_that_is_not_there_is_told_in_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="There is no file"):
        read_calibration(tmp_path / "none.qca.txt")
    with pytest.raises(ValueError, match="is a folder"):
        read_calibration(tmp_path)


@pytest.mark.parametrize("views", [2, 3, 6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_triangulating_what_was_projected_returns_the_points(views, dtype):
    cameras, points = four_cameras(views), points_of(swing(7), "coco_17")
    seen = seen_by(cameras, points).astype(dtype)
    found = triangulate(cameras, seen, np.ones(seen.shape[:-1], dtype=dtype))
    assert found.points.dtype == dtype
    assert np.abs(found.points - points).max() < (2e-3 if dtype == np.float32 else 1e-9)
    assert found.error.max() < (0.3 if dtype == np.float32 else 1e-8)


def test_one_detector_that_is_wrong_does_not_move_the_point():
    cameras, points = four_cameras(4), points_of(swing(6), "coco_17")
    seen = seen_by(cameras, points)
    seen[1] += 300
    found = triangulate(cameras, seen, np.ones(seen.shape[:-1]))
    assert np.abs(found.points - points).max() < 0.005
    assert np.array_equal((found.weight > 0).all(axis=(1, 2)), [True, False, True, True])


def test_what_fewer_than_two_views_see_is_unknown():
    cameras, points = four_cameras(3), points_of(swing(4), "coco_17")
    seen = seen_by(cameras, points)
    confidence = np.ones(seen.shape[:-1])
    confidence[1:, :, 3], confidence[:, 2, 5] = 0, 0
    seen[1:, :, 3] = np.nan
    found = triangulate(cameras, seen, confidence)
    unknown = np.isnan(found.points).any(axis=-1)
    expected = np.zeros_like(unknown)
    expected[:, 3], expected[2, 5] = True, True
    assert np.array_equal(unknown, expected)
    assert not found.weight[:, unknown].any()
    twice = Camera(*(np.stack([value[0]] * 2) for value in vars(cameras).values()))
    assert np.isnan(triangulate(twice, seen[[0, 0]], np.ones(confidence[:2].shape)).points).all()


def test_a_view_without_a_camera_is_refused():
    with pytest.raises(ValueError, match="two views or more"):
        triangulate(four_cameras(3), np.zeros((2, 5, 2)), np.ones((2, 5)))


def test_cameras_that_were_knocked_are_turned_back_and_others_stay():
    cameras, points = four_cameras(), points_of(swing(30), "coco_17")
    seen = seen_by(cameras, points)
    sure = np.ones(seen.shape[:-1])
    knocked = np.radians([[0.0, 0.7, 0.0], [0, 0, 0], [0, 0, 0], [-0.4, 0.0, 0.2]])
    wrong = dataclasses.replace(cameras, rotation=from_rotvec(knocked) @ cameras.rotation)

    def off(given):
        """Pixels of disagreement, and metres by which points are elsewhere within the body."""
        found = triangulate(given, seen, sure)
        away = found.points - points
        return np.median(found.error), np.linalg.norm(away - away.mean(axis=(0, 1)), axis=-1).mean()

    (pixels, metres), (pixels_left, metres_left) = off(wrong), off(corrected(wrong, seen, sure))
    assert pixels_left < 0.1 * pixels
    assert metres_left < 0.5 * metres
    same = corrected(cameras, seen, sure)
    assert np.degrees(geodesic_angle(same.rotation, cameras.rotation)).max() < 1e-6


def two_people(frames: int = 12) -> np.ndarray:
    """(V, T, 2, K, 2) one person whom all four cameras see, and one whom two see."""
    cameras, motion = four_cameras(), swing(frames)
    one = points_of(motion, "coco_17")
    seen = np.stack([seen_by(cameras, one), seen_by(cameras, one + [1.2, 0, 0.4])], axis=2)
    seen[2:, :, 1] = np.nan
    return seen


def test_the_person_is_followed_whatever_the_order_of_the_people():
    seen = two_people()
    order = np.random.default_rng(0).integers(2, size=seen.shape[:2])
    shuffled = np.where(order[..., None, None, None] == 0, seen, seen[:, :, ::-1])
    chosen = follow(four_cameras(), shuffled, np.isfinite(shuffled[..., 0]) * 0.8)
    assert np.array_equal(chosen, order)


def test_a_frame_in_which_nobody_is_seen_has_nobody():
    seen = two_people()
    seen[:, 4] = np.nan
    chosen = follow(four_cameras(), seen, np.isfinite(seen[..., 0]) * 0.8)
    assert (chosen[:, 4] == NOBODY).all()
    assert (np.delete(chosen, 4, axis=1) == 0).all()


def test_people_who_agree_in_no_two_views_are_refused():
    seen = np.random.default_rng(0).uniform(0, 1000, (4, 3, 1, 17, 2))
    with pytest.raises(ValueError, match="No two cameras agree"):
        follow(four_cameras(), seen, np.ones(seen.shape[:-1]))
