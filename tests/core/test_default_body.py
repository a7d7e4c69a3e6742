# SPDX-License-Identifier: GPL-3.0-or-later
"""The body that comes along, and its file."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from bodies import random_body, random_poses

from contrapposto.body.body_file import DEFAULT_BODY, INFLUENCES, default_body, read_body, write_body
from contrapposto.body.skinning import offsets, pose_vertices, rest_joints, rest_points, rest_vertices
from contrapposto.skeleton import JOINT_INDEX, MIRROR, STANDARD_OFFSETS

LIMBS = [f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "elbow", "wrist")]


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def test_the_body_is_an_adult_in_the_t_pose_that_looks_along_z():
    body = default_body()
    width, height, depth = np.ptp(body.v_template, axis=0)
    assert 1.6 < height < 1.85
    assert 0.9 < width / height < 1.1
    assert depth < 0.4
    nose, head = rest_points(body)[body.points.names.index("nose")], body.J_template[JOINT_INDEX["head"]]
    assert nose[2] > head[2] + 0.05


def test_its_limbs_point_where_those_of_the_standard_body_do_so_that_a_pose_means_the_same_on_both():
    found = offsets(default_body())
    for joint in LIMBS:
        index = JOINT_INDEX[joint]
        assert angle_deg(found[index], STANDARD_OFFSETS[index]) < 2


def test_left_is_the_mirror_image_of_right():
    body = default_body()
    joints = body.J_template[: len(MIRROR)]
    assert np.abs(joints - joints[list(MIRROR)] * [-1, 1, 1]).max() < 2e-3
    points = dict(zip(body.points.names, rest_points(body), strict=True))
    for name, point in points.items():
        if name.startswith("left_"):
            assert point[0] > 0
            assert np.abs(point - points[name.replace("left", "right")] * [-1, 1, 1]).max() < 5e-3


def test_the_pelvis_is_not_the_origin_and_stays_where_it_is_in_every_shape():
    body, betas = default_body(), np.random.default_rng(0).normal(size=(5, 10)).astype(np.float32)
    pelvis = rest_joints(body, betas)[:, 0]
    assert np.allclose(pelvis, [0, -0.24, 0.03], atol=1e-4)


def test_its_surface_is_closed_and_every_triangle_looks_outward():
    body = default_body()
    corners = body.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    sides = Counter(map(tuple, corners.tolist()))
    assert all(sides[b, a] == 1 for a, b in sides)
    a, b, c = (body.v_template[body.faces[:, corner]].astype(float) for corner in range(3))
    volume = np.sum(a * np.cross(b, c)) / 6
    assert 0.04 < volume < 0.09  # cubic metres: tens of kilograms


def test_detectors_points_are_near_their_joints():
    body = default_body()
    for name, point in zip(body.points.names, rest_points(body), strict=True):
        if name in JOINT_INDEX:
            assert np.linalg.norm(point - body.J_template[JOINT_INDEX[name]]) < 0.12, name
    assert {"nose", "left_heel", "right_big_toe", "head_top"} <= set(body.points.names)


def test_the_first_component_is_how_tall_a_body_is_and_arms_and_legs_grow_with_it():
    body = default_body()
    low, high = (rest_vertices(body, np.float32([beta])) for beta in (-1, 1))
    tall = abs(np.ptp(high[:, 1]) - np.ptp(low[:, 1])) / 2
    assert 0.05 < tall < 0.12  # metres a standard deviation, as people differ
    arms = [offsets(body, np.float32([beta]))[JOINT_INDEX["left_elbow"], 0] for beta in (-1, 1)]
    assert np.sign(arms[1] - arms[0]) == np.sign(np.ptp(high[:, 1]) - np.ptp(low[:, 1]))


def test_a_bent_arm_carries_its_hand_and_leaves_the_rest_where_it_was():
    body, R = default_body(), np.tile(np.eye(3, dtype=np.float32), (22, 1, 1))
    R[JOINT_INDEX["left_elbow"]] = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]  # the forearm forward
    moved = pose_vertices(body, R) - body.v_template
    hand = body.v_template[:, 0] > body.J_template[JOINT_INDEX["left_wrist"], 0] + 0.05
    assert moved[hand, 2].min() > 0.1
    assert np.abs(moved[body.v_template[:, 0] < 0.2]).max() < 0.01


def test_it_is_half_a_megabyte_and_says_whose_it_is():
    assert DEFAULT_BODY.stat().st_size < 600_000
    with np.load(DEFAULT_BODY, allow_pickle=False) as file:
        assert str(file["licence"]) == "CC0 1.0"
        assert "MakeHuman" in str(file["attribution"])
    card = DEFAULT_BODY.with_suffix(".md").read_text(encoding="utf-8")
    body = default_body()
    assert f"{body.num_vertices:,} vertices, {len(body.faces):,} triangles" in card


def test_a_body_that_is_written_comes_back_and_the_same_body_gives_the_same_bytes(tmp_path):
    model = replace(random_body(), posedirs=None)
    write_body(tmp_path / "a.npz", model, licence="mine")
    write_body(tmp_path / "b.npz", model, licence="mine")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = read_body(tmp_path / "a.npz")
    assert back.joint_names == model.joint_names
    assert np.array_equal(back.faces, model.faces)
    assert back.points.names == model.points.names
    assert np.abs(back.shapedirs - model.shapedirs).max() < 1e-4
    assert (back.weights > 0).sum(axis=1).max() <= INFLUENCES
    assert np.allclose(back.weights.sum(axis=1), 1, atol=1e-6)


def test_the_six_largest_weights_are_kept(tmp_path):
    model = random_body()
    write_body(tmp_path / "body.npz", model)
    back = read_body(tmp_path / "body.npz").weights
    largest = np.sort(model.weights, axis=1)[:, -INFLUENCES:]
    expected = largest / largest.sum(axis=1, keepdims=True)
    assert np.allclose(np.sort(back, axis=1)[:, -INFLUENCES:], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": np.array("weights")}, "no body of this project"),
        ({"version": np.array(9)}, "version 9"),
        ({"kind": np.array("STAR")}, "unknown kind"),
        ({"weight_joints": np.full((6890, 6), 24, dtype=np.uint8)}, "names a joint that there is not"),
        ({"weight_values": np.zeros((6890, 6), dtype=np.float16)}, "do not sum to 1"),
        ({"faces": np.full((4, 3), 7000)}, "names a vertex that there is not"),
        ({"J_template": np.zeros((22, 3))}, "J_template must be"),
        ({"v_template": np.full((6890, 3), np.nan)}, "not finite"),
        ({"shapedirs": None}, "lacks the array shapedirs"),
    ],
)
def test_a_damaged_body_is_refused_in_a_sentence(change, words, tmp_path):
    with np.load(DEFAULT_BODY, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files} | change
    np.savez(tmp_path / "body.npz", **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(ValueError, match=words):
        read_body(tmp_path / "body.npz")


def test_a_truncated_body_is_refused_in_a_sentence(tmp_path):
    content = DEFAULT_BODY.read_bytes()
    (tmp_path / "body.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="damaged"):
        read_body(tmp_path / "body.npz")


def test_no_pose_makes_the_body_anything_but_finite():
    poses = random_poses(20, 22, angle=1.5).astype(np.float32)
    assert np.isfinite(pose_vertices(default_body(), poses, np.full(10, 3, dtype=np.float32))).all()
