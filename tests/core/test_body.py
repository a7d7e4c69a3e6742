# SPDX-License-Identifier: GPL-3.0-or-later
"""A body model follows its joints as SMPL's equations say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bodies import random_body, random_poses

from contrapposto.body.checks import checked
from contrapposto.body.joints import JOINTS_OF, PARENTS_OF, SMPLX_JOINTS
from contrapposto.body.model import BodyModel
from contrapposto.body.skinning import (
    BLOCK_VERTICES,
    offsets,
    points_of,
    pose_joints,
    pose_points,
    pose_vertices,
    rest_joints,
    rest_points,
    rest_vertices,
    transl_of_pelvis,
    whole_pose,
)
from contrapposto.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS

KINDS = ["SMPL", "SMPL-H", "SMPL-X"]


def naive_vertices(model: BodyModel, R: np.ndarray, betas: np.ndarray, transl: np.ndarray) -> np.ndarray:
    """SMPL's equations with 4 x 4 matrices, one vertex after another."""
    joints = model.J_template + model.J_shapedirs @ betas
    local = [np.eye(4) for _ in joints]
    for joint, parent in enumerate(model.parents):
        local[joint][:3, :3] = R[joint]
        local[joint][:3, 3] = joints[joint] - (joints[parent] if joint else 0)
    world = [local[0]]
    for joint, parent in enumerate(model.parents[1:], start=1):
        world.append(world[parent] @ local[joint])
    turns = np.concatenate([(R[joint] - np.eye(3)).reshape(-1) for joint in range(1, len(joints))])
    found = []
    for vertex, rest in enumerate(model.v_template):
        place = rest + model.shapedirs[vertex] @ betas + model.posedirs[vertex] @ turns
        blended = np.zeros(3)
        for joint, weight in enumerate(model.weights[vertex]):
            away = np.append(place - joints[joint], 1)
            blended += weight * (world[joint] @ away)[:3]
        found.append(blended + transl)
    return np.array(found)


@pytest.mark.parametrize("kind", KINDS)
def test_skinning_equals_the_equations_one_vertex_at_a_time(kind):
    model, random = random_body(kind), np.random.default_rng(1)
    R = random_poses(3, model.num_joints)
    betas, transl = random.normal(size=(3, 6)), random.normal(size=(3, 3))
    found = pose_vertices(model, R, betas, transl)
    for frame in range(3):
        assert np.allclose(
            found[frame], naive_vertices(model, R[frame], betas[frame], transl[frame]), atol=1e-12
        )


def test_the_t_pose_of_the_mean_body_is_the_template():
    model = random_body()
    assert np.allclose(pose_vertices(model, np.tile(np.eye(3), (24, 1, 1))), model.v_template)
    world, joints = pose_joints(model, np.tile(np.eye(3), (24, 1, 1)))
    assert np.allclose(joints, model.J_template)
    assert np.allclose(world, np.eye(3))


def test_global_orient_turns_the_body_about_its_pelvis_which_is_not_the_origin():
    model = random_body()
    R = random_poses(1, 24)[0]
    R[1:] = np.eye(3)
    pelvis = model.J_template[0]
    assert np.linalg.norm(pelvis) > 0.2
    turned = (model.v_template - pelvis) @ R[0].T + pelvis
    assert np.allclose(pose_vertices(replace(model, posedirs=None), R), turned)


def test_transl_comes_last_and_moves_vertices_and_joints_alike():
    model, R, transl = random_body(), random_poses(2, 24), np.array([[0.3, -1.0, 2.0], [0, 0, 1.0]])
    assert np.allclose(pose_vertices(model, R, None, transl) - pose_vertices(model, R), transl[:, None])
    assert np.allclose(pose_joints(model, R, None, transl)[1] - pose_joints(model, R)[1], transl[:, None])


def test_the_transl_of_a_pelvis_puts_the_pelvis_there():
    model, R = random_body(), random_poses(2, 24)
    betas, pelvis = np.random.default_rng(3).normal(size=(2, 6)), np.array([[0, 0.9, 1.0], [2.0, 1.0, 0]])
    _, joints = pose_joints(model, R, betas, transl_of_pelvis(model, pelvis, betas))
    assert np.allclose(joints[:, 0], pelvis)


def test_a_vertex_on_a_joint_that_moves_with_it_alone_stays_on_it():
    model = random_body("SMPL-X")
    one = np.eye(model.num_joints)
    vertices = replace(
        model,
        v_template=model.J_template,
        shapedirs=model.J_shapedirs,
        weights=one,
        posedirs=None,
        points=model.points,
    )
    R, betas = random_poses(4, model.num_joints), np.random.default_rng(2).normal(size=6)
    assert np.allclose(pose_vertices(vertices, R, betas), pose_joints(model, R, betas)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_joints_beyond_the_body_are_relaxed_when_nothing_is_said_of_them(kind):
    model, R = random_body(kind), random_poses(2, NUM_JOINTS)
    whole = whole_pose(model, R)
    assert whole.shape == (2, model.num_joints, 3, 3)
    assert np.array_equal(whole[:, :NUM_JOINTS], R)
    assert np.array_equal(whole[1, NUM_JOINTS:], model.relaxed[NUM_JOINTS:])
    assert np.array_equal(pose_vertices(model, R), pose_vertices(model, whole))


def test_a_pose_of_another_number_of_joints_is_refused():
    with pytest.raises(ValueError, match="22 joints of the body or all 24, not 23"):
        pose_joints(random_body(), random_poses(1, 23))


def test_shape_coefficients_that_are_left_out_are_zero_and_too_many_are_refused():
    model, R, few = random_body(), random_poses(2, 24), np.array([1.0, -2.0])
    all_of_them = np.array([1.0, -2.0, 0, 0, 0, 0])
    assert np.allclose(pose_vertices(model, R, few), pose_vertices(model, R, all_of_them))
    assert np.allclose(pose_joints(model, R, few)[1], pose_joints(model, R, all_of_them)[1])
    assert np.array_equal(rest_vertices(model, np.zeros(0)), model.v_template)
    with pytest.raises(ValueError, match="7 shape coefficients were given, the model has 6"):
        rest_vertices(model, np.zeros(7))


def test_one_shape_for_all_frames_is_the_same_as_naming_it_for_each():
    model, betas = random_body(), np.random.default_rng(4).normal(size=6)
    R = random_poses(6, 24).reshape(2, 3, 24, 3, 3)
    shared = pose_vertices(model, R, betas)
    assert shared.shape == (2, 3, 40, 3)
    assert np.allclose(shared, pose_vertices(model, R, np.tile(betas, (2, 3, 1))))


def test_many_bodies_are_each_what_they_are_alone():
    model = random_body(vertices=BLOCK_VERTICES // 40)
    count = 85  # bodies, forty at a time
    random = np.random.default_rng(5)
    R, betas, transl = random_poses(count, 22), random.normal(size=(count, 6)), random.normal(size=(count, 3))
    together = pose_vertices(model, R, betas, transl)
    for frame in (0, 39, 40, count - 1):
        alone = pose_vertices(model, R[frame], betas[frame], transl[frame])
        assert np.allclose(together[frame], alone, atol=1e-12)
    assert pose_vertices(model, R[:0], betas[0]).shape == (0, model.num_vertices, 3)


def test_points_on_the_surface_are_posed_from_their_vertices_alone():
    model, R, betas = random_body(), random_poses(3, 22), np.random.default_rng(6).normal(size=(3, 6))
    assert model.only_points().num_vertices == 5
    expected = points_of(model, pose_vertices(model, R, betas))
    assert expected.shape == (3, 2, 3)
    assert np.allclose(pose_points(model, R, betas), expected)
    assert np.allclose(rest_points(model)[1], model.v_template[1])


def test_offsets_build_the_rest_joints_up_again():
    model, betas = random_body("SMPL-H"), np.random.default_rng(7).normal(size=6)
    built = np.zeros((model.num_joints, 3))
    for joint, parent in enumerate(model.parents[1:], start=1):
        built[joint] = built[parent] + offsets(model, betas)[joint]
    assert np.allclose(built, rest_joints(model, betas) - rest_joints(model, betas)[0])


def test_single_precision_stays_single_and_is_as_good_as_a_hundredth_of_a_millimetre():
    double = random_body()
    single, R = double.on(np.zeros(1, dtype=np.float32)), random_poses(3, 24)
    found = pose_vertices(single, R.astype(np.float32))
    assert found.dtype == np.float32
    assert np.abs(found - pose_vertices(double, R)).max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_22_joints_of_every_kind_are_those_of_the_skeleton(kind):
    assert JOINTS_OF[kind][:NUM_JOINTS] == JOINT_NAMES
    assert PARENTS_OF[kind][:NUM_JOINTS] == PARENTS
    assert len(JOINTS_OF[kind]) == len(set(JOINTS_OF[kind])) == len(PARENTS_OF[kind])


def test_fingers_hang_on_the_wrist_of_their_side():
    parents = PARENTS_OF["SMPL-X"]
    for name in ("left_thumb1", "right_index1"):
        side = name.partition("_")[0]
        assert SMPLX_JOINTS[parents[SMPLX_JOINTS.index(name)]] == f"{side}_wrist"
    assert SMPLX_JOINTS[parents[SMPLX_JOINTS.index("right_ring3")]] == "right_ring2"
    assert SMPLX_JOINTS[parents[SMPLX_JOINTS.index("jaw")]] == "head"


def test_a_sound_model_is_passed_on():
    model = random_body()
    assert checked(model, "body.npz") is model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: replace(m, shapedirs=m.shapedirs[:-1]), "shapedirs must be"),
        (lambda m: replace(m, posedirs=m.posedirs[..., :-9]), "posedirs must be"),
        (lambda m: replace(m, v_template=m.v_template * np.nan), "v_template has values that are not finite"),
        (lambda m: replace(m, weights=m.weights * 1.1), "do not sum to 1"),
        (lambda m: replace(m, faces=m.faces + 20), "names a vertex that there is not"),
        (lambda m: replace(m, v_template=m.v_template * 100), "in another unit"),
        (lambda m: replace(m, parents=(-1, *m.parents[:0:-1])), "do not hang together"),
        (lambda m: replace(m, faces=np.zeros((0, 3), dtype=int)), "triangles"),
    ],
)
def test_an_unsound_model_is_refused_in_a_sentence_that_names_the_file(change, words):
    with pytest.raises(ValueError, match=words) as refusal:
        checked(change(random_body()), "body.npz")
    assert str(refusal.value).startswith("body.npz")
