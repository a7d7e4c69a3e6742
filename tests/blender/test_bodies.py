# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies in the scene: what Blender shows is what core's skinning says."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from contrapposto.body.body_file import default_body
from contrapposto.body.skinning import pose_joints, pose_vertices, transl_of_pelvis, whole_pose
from contrapposto.motion import Motion, Pose
from contrapposto.rig.rigmap import RigMap
from contrapposto.skeleton import NUM_JOINTS

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))
from bodies import random_body, random_poses

MILLIMETRE = 1e-3


@pytest.fixture
def scene(extension):
    return importlib.import_module(f"{extension}.addon.body_scene")


@pytest.fixture
def action(extension):
    return importlib.import_module(f"{extension}.addon.body_action")


def shown(body) -> np.ndarray:
    """(V, 3) the mesh as Blender evaluates it, in core's world."""
    bpy.context.view_layer.update()
    evaluated = body.mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    found = np.empty(3 * len(evaluated.data.vertices), dtype=np.float32)
    evaluated.data.vertices.foreach_get("co", found)
    world = np.array(evaluated.matrix_world)
    places = found.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
    return np.stack([places[:, 0], places[:, 2], -places[:, 1]], axis=-1)


def expected(model, rotations, betas, pelvis) -> np.ndarray:
    R, betas, pelvis = (np.asarray(value, dtype=float) for value in (rotations, betas, pelvis))
    double = model.on(np.zeros(1))
    return pose_vertices(double, R, betas, transl_of_pelvis(double, pelvis, betas))


def random_motion(count=5, fps=30.0, seed=3) -> Motion:
    random = np.random.default_rng(seed)
    return Motion(Pose(random_poses(count, 22, seed=seed), random.normal(size=(count, 3))), fps, "walk")


def bodies():
    return {
        "the default body": default_body(),
        "SMPL with correctives": random_body("SMPL"),
        "SMPL-X with correctives": random_body("SMPL-X", shapes=4),
    }


@pytest.mark.parametrize("which", bodies())
def test_the_mesh_is_what_cores_skinning_says_in_any_pose_and_shape(which, scene):
    model, random = bodies()[which], np.random.default_rng(0)
    body = scene.add_body(bpy.context, model)
    poses, worst = random_poses(20, model.num_joints), 0.0
    for rotations in poses:
        betas, pelvis = random.normal(size=model.num_shapes) * 1.5, random.normal(size=3)
        scene.set_shape(bpy.context, body, betas)
        scene.pose_body(body, rotations, pelvis)
        worst = max(worst, np.abs(shown(body) - expected(model, rotations, betas, pelvis)).max())
    assert worst < MILLIMETRE


def test_a_body_stands_on_its_origin_and_is_built_in_its_shape(scene):
    betas = np.array([2.0, -1.0, 0.5])
    body = scene.add_body(bpy.context, default_body(), betas)
    places = shown(body)
    assert abs(places[:, 1].min()) < MILLIMETRE
    pelvis = np.array(body.armature.data.bones["pelvis"].head_local)[[0, 2, 1]] * [1, 1, -1]
    rest = expected(default_body(), np.tile(np.eye(3), (24, 1, 1)), betas, pelvis)
    assert np.abs(places - rest).max() < MILLIMETRE


def test_bones_have_the_joints_names_and_lie_on_them(scene):
    model = default_body()
    body = scene.add_body(bpy.context, model)
    poses, pelvis = random_poses(1, 24)[0], np.array([0.2, 1.0, -0.3])
    scene.pose_body(body, poses, pelvis)
    bpy.context.view_layer.update()
    double = model.on(np.zeros(1))
    _, joints = pose_joints(double, poses, None, transl_of_pelvis(double, pelvis))
    for name, joint in zip(model.joint_names, joints, strict=True):
        head = np.array(body.armature.pose.bones[name].head)[[0, 2, 1]] * [1, 1, -1]
        assert np.abs(head - joint).max() < MILLIMETRE, name


def test_the_action_plays_the_motion_at_its_own_rate(scene, action):
    body, motion = scene.add_body(bpy.context, default_body()), random_motion(fps=12.0)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 24, 1.0
    made = action.write_motion(bpy.context, body, motion, first_frame=10)
    assert body.armature.animation_data.action == made
    for index in range(len(motion)):
        bpy.context.scene.frame_set(10 + 2 * index)
        pose = motion.poses[index]
        rotations = whole_pose(default_body().on(np.zeros(1)), pose.rotations)
        wanted = expected(default_body(), rotations, np.zeros(1), pose.transl)
        assert np.abs(shown(body) - wanted).max() < MILLIMETRE


def test_pose_correctives_are_keyed_with_the_motion(scene, action):
    model = random_body("SMPL-H")
    body, motion = scene.add_body(bpy.context, model), random_motion(fps=24.0)
    action.write_motion(bpy.context, body, motion)
    for index in (4, 0, 2):
        bpy.context.scene.frame_set(1 + index)
        pose = motion.poses[index]
        wanted = expected(model, whole_pose(model, pose.rotations), np.zeros(1), pose.transl)
        assert np.abs(shown(body) - wanted).max() < MILLIMETRE


def test_a_new_motion_leaves_the_old_action_in_the_file(scene, action):
    body = scene.add_body(bpy.context, default_body())
    first = action.write_motion(bpy.context, body, random_motion(seed=1))
    second = action.write_motion(bpy.context, body, random_motion(seed=2))
    assert first != second
    assert {first.name, second.name} <= set(bpy.data.actions.keys())


def test_between_two_keys_a_rotation_takes_the_short_way(scene, action):
    body, motion = scene.add_body(bpy.context, default_body()), random_motion(count=60, seed=7)
    action.write_motion(bpy.context, body, motion)
    bone = body.armature.pose.bones["left_elbow"]
    before = None
    for frame in range(1, 48):
        bpy.context.scene.frame_set(frame)
        now = np.array(bone.rotation_quaternion)
        assert before is None or now @ before > -0.05
        before = now


def test_complete_pose_knows_the_armature_at_once(extension, scene):
    body = scene.add_body(bpy.context, default_body())
    rig = importlib.import_module(f"{extension}.addon.rig").read_rig(body.armature)
    assert isinstance(rig.rigmap, RigMap)
    assert len(rig.rigmap.joints) == NUM_JOINTS
    assert not rig.rigmap.missing_required


def test_the_button_adds_a_body_at_the_cursor_and_one_undo_takes_it_away(extension):
    bpy.context.scene.cursor.location = (1, 2, 0.5)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.contrapposto.add_body() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="after")
    body = bpy.context.object
    assert body.type == "ARMATURE"
    assert tuple(body.location) == (1, 2, 0.5)
    assert [child.type for child in body.children] == ["MESH"]
    bpy.ops.ed.undo()
    assert not bpy.data.objects
    assert not bpy.data.meshes


def test_a_file_that_is_no_model_is_refused_in_a_sentence_and_nothing_is_added(extension, tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(RuntimeError, match="could run code: refused"):
        bpy.ops.contrapposto.add_body(filepath=str(tmp_path / "model.pkl"))
    with pytest.raises(RuntimeError, match="There is no file"):
        bpy.ops.contrapposto.add_body(filepath=str(tmp_path / "none.npz"))
    assert not bpy.data.objects


def test_where_the_active_collection_is_hidden_the_body_is_seen_all_the_same(extension, scene):
    for hide in ("exclude", "hide_viewport"):
        collection = bpy.data.collections.new(hide)
        bpy.context.scene.collection.children.link(collection)
        layer = bpy.context.view_layer.layer_collection.children[hide]
        bpy.context.view_layer.active_layer_collection = layer
        setattr(layer, hide, True)
        body = scene.add_body(bpy.context, default_body())
        assert body.mesh.visible_get()
        assert bpy.context.object == body.armature


def test_outside_of_object_mode_nothing_is_made_or_changed(extension, scene):
    refusal = importlib.import_module(f"{extension}.addon.errors").Refusal
    body = scene.add_body(bpy.context, default_body())
    bpy.ops.object.mode_set(mode="POSE")
    assert not bpy.ops.contrapposto.add_body.poll()
    for call in (
        lambda: scene.add_body(bpy.context, default_body()),
        lambda: scene.set_shape(bpy.context, body, np.ones(3)),
    ):
        with pytest.raises(refusal, match="Switch to Object Mode first"):
            call()
    assert len(bpy.data.objects) == 2
    assert body.mesh.data.shape_keys.key_blocks["Shape 1"].value == 0


def test_too_many_shape_coefficients_are_refused(extension, scene):
    refusal = importlib.import_module(f"{extension}.addon.errors").Refusal
    with pytest.raises(refusal, match="11 shape coefficients"):
        scene.add_body(bpy.context, default_body(), np.zeros(11))
    assert not bpy.data.objects


@pytest.mark.parametrize("value", [10.5, np.nan, -np.inf])
def test_a_shape_beyond_what_shape_keys_hold_is_refused_and_nothing_is_made(value, extension, scene):
    refusal = importlib.import_module(f"{extension}.addon.errors").Refusal
    with pytest.raises(refusal, match="'Shape 2' would be"):
        scene.add_body(bpy.context, default_body(), np.array([1.0, value]))
    assert not bpy.data.objects


def test_the_user_guides_script_runs(extension):
    guide = (Path(__file__).resolve().parents[2] / "docs" / "user-guide.md").read_text(encoding="utf-8")
    script = guide.partition("```python\nimport bpy\n")[2].partition("```")[0]
    exec(compile(f"import bpy\n{script}", "user-guide.md", "exec"), {})  # noqa: S102 - our own page
    assert bpy.context.object.animation_data.action.name == "slide"
