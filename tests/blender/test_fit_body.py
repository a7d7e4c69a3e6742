# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit Body from outside: keypoints of cameras that nobody had, and what is in the scene afterwards.

The clips are short and the rounds few, so that a Blender is done in seconds; how well bodies are fitted is
measured elsewhere.
"""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from contrapposto.body.body_file import default_body
from contrapposto.body.skinning import pose_vertices, transl_of_pelvis, whole_pose
from contrapposto.keypoints.sets import SETS, mirrored
from contrapposto.skeleton import JOINT_INDEX

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))
from footage import four_cameras, points_of, seen_by, swing, write_calibration, write_frames
from motions import joints_of

SET = "coco_17"
KINDS = ("objects", "meshes", "armatures", "cameras", "actions", "movieclips", "shape_keys")


@pytest.fixture
def addon(extension):
    return lambda module: importlib.import_module(f"{extension}.addon.{module}")


@pytest.fixture
def refusal(addon):
    return addon("errors").Refusal


class Filmed:
    """A swinging body before some of four cameras, as keypoint files and a calibration."""

    def __init__(self, folder: Path, frames: int = 12, views: int = 2):
        self.motion = swing(frames)
        self.cameras = four_cameras(4)[:views]
        pixels = seen_by(self.cameras, points_of(self.motion, SET))
        self.files = [folder / f"view{view + 1}.npy" for view in range(views)]
        for file, seen in zip(self.files, pixels, strict=True):
            np.save(file, np.concatenate([seen, np.full((*seen.shape[:-1], 1), 0.9)], axis=-1))
        self.pixels = pixels
        self.calibration = write_calibration(folder / "Calib.qca.txt", self.cameras)

    def views(self, *numbers: int) -> list[dict]:
        return [view(self.files[number - 1], camera=number) for number in numbers]


@pytest.fixture
def filmed(tmp_path):
    return Filmed(tmp_path)


def write_smpl(path: Path) -> Path:
    """A SMPL file with the free body's shape and correctives of no one."""
    body = default_body()
    vertices = np.asarray(body.v_template, dtype=float)
    np.savez(
        path,
        v_template=vertices,
        shapedirs=np.asarray(body.shapedirs, dtype=float),
        posedirs=0.01 * np.random.default_rng(1).normal(size=(len(vertices), 3, 9 * 23)),
        J_regressor=np.asarray(body.J_template, dtype=float) @ np.linalg.pinv(vertices),
        weights=np.asarray(body.weights, dtype=float),
        kintree_table=np.array([np.maximum(body.parents, 0), np.arange(24)]),
        f=body.faces,
    )
    return path


def view(keypoints, movie="", camera=0) -> dict:
    return {"name": "", "keypoints": str(keypoints), "movie": str(movie), "camera": camera}


def blocks() -> dict:
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in KINDS}


def scene_state() -> tuple:
    scene = bpy.context.scene
    render = scene.render
    return (
        blocks(), scene.camera, render.resolution_x, render.resolution_y, bpy.context.object,
        [(marker.name, marker.frame) for marker in scene.timeline_markers],
    )  # fmt: skip


def body_joint(name: str, frame: int) -> np.ndarray:
    """Where a bone's head is, in core's world."""
    bpy.context.scene.frame_set(frame)
    armature = bpy.data.objects["Fitted Body"]
    x, y, z = armature.matrix_world @ armature.pose.bones[name].head
    return np.array([x, z, -y])


def pixel(camera, place: np.ndarray, size) -> np.ndarray:
    """Where a camera of Blender's shows a place of core's world."""
    x, y, z = place
    share = world_to_camera_view(bpy.context.scene, camera, Vector((x, -z, y)))
    return np.array([share[0] * size[0], (1 - share[1]) * size[1]])


def curve_values(path: str) -> np.ndarray:
    """(n, 2) the keys of the armature's first curve with a path."""
    action = bpy.data.objects["Fitted Body"].animation_data.action
    bags = (
        [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]
        if hasattr(action, "layers")
        else [action]
    )
    curve = next(curve for bag in bags for curve in bag.fcurves if curve.data_path == path)
    return np.array([key.co[:] for key in curve.keyframe_points])


def test_two_views_give_a_body_that_stands_where_the_person_was_and_a_camera_for_each(extension, filmed):
    bpy.context.scene.render.fps = 30
    done = bpy.ops.contrapposto.fit_body(
        views=filmed.views(1, 2), cameras="CALIBRATION", calibration=str(filmed.calibration), first_frame=10
    )
    assert done == {"FINISHED"}
    truth = joints_of(filmed.motion)
    for name in ("left_wrist", "right_knee", "left_ankle", "right_elbow"):
        for index in (0, 6, 11):
            off = body_joint(name, 10 + index) - truth[index, JOINT_INDEX[name]]
            assert np.linalg.norm(off) < 0.06, (name, index)
    assert [bpy.data.objects[f"Fit Camera {n}"].type for n in (1, 2)] == ["CAMERA", "CAMERA"]
    assert bpy.context.scene.camera.name == "Fit Camera 1"
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == (1920, 1080)
    place = np.array([0.3, 1.1, -0.2])
    for number, expected in enumerate(filmed.cameras.project(np.tile(place, (2, 1, 1)))[:, 0], start=1):
        shown = pixel(bpy.data.objects[f"Fit Camera {number}"], place, (1920, 1080))
        assert np.abs(shown - expected).max() < 0.1


def test_mesh_armature_shape_keys_and_action_are_one_rig_that_other_buttons_know(extension, addon, filmed):
    bpy.ops.contrapposto.fit_body(views=filmed.views(1))
    armature = bpy.context.object
    assert armature.name == "Fitted Body"
    assert armature.select_get()
    (mesh,) = armature.children
    assert "Shape 1" in mesh.data.shape_keys.key_blocks
    assert not addon("rig").read_rig(armature).rigmap.missing_required
    assert armature.animation_data.action is not None


@pytest.mark.parametrize("model", ["the free body", "a SMPL file with correctives"])
def test_the_mesh_is_what_cores_skinning_says_of_what_was_fitted(model, addon, filmed, tmp_path):
    settings, job = addon("fit_settings"), addon("fit_body")
    chosen = settings.FitSettings(
        views=tuple(settings.View(str(file), camera=n) for n, file in enumerate(filmed.files, start=1)),
        cameras=settings.CameraSource.CALIBRATION,
        calibration=str(filmed.calibration),
        model="" if model == "the free body" else str(write_smpl(tmp_path / "smpl.npz")),
        correctives=True,
        fps=24.0,
    )
    report = job.fit_body(bpy.context, chosen)
    solution = job._Job(bpy.context, chosen).solve(lambda _: None)
    found, double = solution.found, solution.model.on(np.zeros(1))
    mesh = bpy.data.objects[report.armature].children[0]
    for index in (0, 5, 11):
        bpy.context.scene.frame_set(1 + index)
        evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
        shown = np.empty(3 * len(evaluated.data.vertices), dtype=np.float32)
        evaluated.data.vertices.foreach_get("co", shown)
        x, y, z = shown.reshape(-1, 3).T
        pose = found.motion.poses[index]
        expected = pose_vertices(
            double,
            whole_pose(double, np.asarray(pose.rotations)),
            found.betas,
            transl_of_pelvis(double, np.asarray(pose.transl), found.betas),
        )
        assert np.abs(np.stack([x, z, -y], axis=-1) - expected).max() < 1e-3


def test_one_image_gives_a_pose_seen_by_a_camera_above_a_floor(extension, tmp_path):
    filmed = Filmed(tmp_path, frames=1, views=1)
    assert bpy.ops.contrapposto.fit_body(views=filmed.views(1)) == {"FINISHED"}
    camera = bpy.data.objects["Fit Camera"]
    size = (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y)
    for name in ("left_wrist", "right_wrist", "left_knee", "right_ankle"):
        seen = filmed.pixels[0, 0, SETS[SET].index(name)]
        assert np.linalg.norm(pixel(camera, body_joint(name, 1), size) - seen) < 0.03 * max(size), name
    mesh = bpy.data.objects["Fitted Body"].children[0].evaluated_get(bpy.context.evaluated_depsgraph_get())
    places = np.empty(3 * len(mesh.data.vertices), dtype=np.float32)
    mesh.data.vertices.foreach_get("co", places)
    assert abs(places.reshape(-1, 3)[:, 2].min()) < 0.05
    assert 0.5 < camera.location.z < 3


def test_the_error_is_a_curve_and_its_worst_frames_are_marked_anew_with_each_fit(extension, tmp_path):
    filmed = Filmed(tmp_path, frames=24, views=1)
    seen = np.load(filmed.files[0])
    seen[15, :, :2] += np.random.default_rng(0).normal(size=(17, 2)) * 40  # a detector that errs once
    np.save(filmed.files[0], seen)
    scene = bpy.context.scene
    scene.render.fps = 30
    scene.timeline_markers.new("mine", frame=3)
    bpy.ops.contrapposto.fit_body(views=filmed.views(1))
    values = curve_values('["reprojection_error_px"]')
    assert values[:, 0].tolist() == list(range(1, 25))
    assert values[:, 1].argmax() == 15
    scene.frame_set(16)
    assert bpy.data.objects["Fitted Body"]["reprojection_error_px"] == pytest.approx(values[15, 1], abs=1e-3)
    marks = [marker.frame for marker in scene.timeline_markers if marker.name.startswith("Fit off ")]
    assert 16 in marks
    bpy.ops.contrapposto.fit_body(views=filmed.views(1))
    again = [marker.frame for marker in scene.timeline_markers if marker.name.startswith("Fit off ")]
    assert again == marks
    assert scene.timeline_markers["mine"].frame == 3


def test_sides_that_the_detector_exchanged_get_no_marker(extension, tmp_path):
    filmed = Filmed(tmp_path, frames=24, views=1)
    seen = np.load(filmed.files[0])
    seen[15:20] = seen[15:20][:, list(mirrored(SETS[SET]))]
    np.save(filmed.files[0], seen)
    bpy.context.scene.render.fps = 30
    bpy.ops.contrapposto.fit_body(views=filmed.views(1))
    error = curve_values('["reprojection_error_px"]')[:, 1]
    assert error[15:20].max() < 2 * np.median(error)
    marked = [one.frame for one in bpy.context.scene.timeline_markers if one.name.startswith("Fit off ")]
    assert not set(marked) & set(range(16, 21))


def test_sides_put_back_and_frames_that_show_too_little_are_told(addon, tmp_path):
    filmed, settings = Filmed(tmp_path, frames=24, views=1), addon("fit_settings")
    seen = np.load(filmed.files[0])
    seen[15:20] = seen[15:20][:, list(mirrored(SETS[SET]))]
    seen[[4, 5, 9], :, 2] = 0
    np.save(filmed.files[0], seen)
    chosen = settings.FitSettings(views=(settings.View(str(filmed.files[0])),), first_frame=101)
    told = addon("fit_body").fit_body(bpy.context, chosen).warning
    assert "In 5 frames left and right of arms or legs were exchanged" in told
    assert "3 of 24 frames show fewer than 6 joints and follow from the others: 105-106, 110" in told
    assert "\n" not in told


def test_keys_lie_where_their_time_is_and_the_report_says_so(addon, filmed):
    settings = addon("fit_settings")
    bpy.context.scene.render.fps = 24
    views = (settings.View(str(filmed.files[0])),)
    report = addon("fit_body").fit_body(bpy.context, settings.FitSettings(views=views, fps=60))
    times = curve_values('pose.bones["pelvis"].location')[:, 0]
    assert times == pytest.approx(1 + 0.4 * np.arange(12), abs=1e-4)
    assert "keys lie 0.4 frames apart" in report.sentence


def test_the_scenes_camera_is_believed_and_left_as_it_is(extension, filmed):
    scene, cameras = bpy.context.scene, filmed.cameras
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    camera = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(camera)
    camera.data.sensor_width, camera.data.lens = 36, 1200 * 36 / 1920
    rotation, (x, y, z) = cameras.rotation[0], cameras.centre[0]
    to_blender = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    world = np.eye(4)
    world[:3, :3] = to_blender @ rotation.T @ np.diag([1, -1, -1])
    world[:3, 3] = x, -z, y
    camera.matrix_world = world.T
    scene.camera = camera
    bpy.context.view_layer.update()
    assert bpy.ops.contrapposto.fit_body(views=filmed.views(1), cameras="SCENE") == {"FINISHED"}
    assert scene.camera == camera
    assert [one.name for one in bpy.data.cameras] == ["Mine"]
    for name in ("left_wrist", "right_ankle"):
        seen = filmed.pixels[0, 6, SETS[SET].index(name)]
        assert np.linalg.norm(pixel(camera, body_joint(name, 7), (1920, 1080)) - seen) < 50, name


@pytest.mark.parametrize("what", ["mirrored", "sheared", "pixels that are not square"])
def test_a_camera_of_the_scene_that_is_no_pinhole_is_refused(what, extension, filmed):
    scene = bpy.context.scene
    parent = bpy.data.objects.new("Parent", None)
    camera = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    for thing in (parent, camera):
        scene.collection.objects.link(thing)
    scene.camera, camera.parent = camera, parent
    if what == "mirrored":
        camera.scale = (-1, 1, 1)
    elif what == "sheared":
        parent.scale, camera.rotation_euler = (1, 2, 1), (0, 0, 0.7)
    else:
        scene.render.pixel_aspect_x = 2
    bpy.context.view_layer.update()
    before = scene_state()
    with pytest.raises(RuntimeError, match=what.split()[0]):
        bpy.ops.contrapposto.fit_body(views=filmed.views(1), cameras="SCENE")
    assert scene_state() == before


PICTURE_SCALE = 0.1
"""Of pictures beside the images that keypoints were found in."""


def picture(folder: Path, frames: int, size=(192, 108), first: int = 0) -> Path:
    """The first of some numbered pictures."""
    image = bpy.data.images.new("frame", *size)
    image.file_format = "PNG"
    for frame in range(first, first + frames):
        image.filepath_raw = str(folder / f"shot_{frame:04d}.png")
        image.save()
    bpy.data.images.remove(image)
    return folder / f"shot_{first:04d}.png"


def test_what_was_filmed_shows_behind_the_body_from_the_first_frame_on(extension, filmed, tmp_path):
    movie = picture(tmp_path, 12)
    views = [view(filmed.files[0], movie, 1), view(filmed.files[1], "", 2)]
    bpy.ops.contrapposto.fit_body(
        views=views, cameras="CALIBRATION", calibration=str(filmed.calibration), first_frame=21
    )
    first, second = (bpy.data.objects[f"Fit Camera {n}"].data for n in (1, 2))
    assert first.show_background_images
    assert first.background_images[0].clip.frame_start == 21
    assert not second.background_images


@pytest.mark.parametrize(("number", "shown"), [(1, 21), (3, 23)])
def test_pictures_and_files_are_matched_by_the_numbers_in_their_names(
    number, shown, extension, filmed, tmp_path
):
    keypoints = np.load(filmed.files[0])
    folder = write_frames(tmp_path / "files", keypoints[:, None, :, :2] * PICTURE_SCALE, first=1)
    movie = picture(tmp_path, 12, first=number)
    bpy.ops.contrapposto.fit_body(views=[view(folder, movie)], first_frame=21)
    clip = bpy.data.objects["Fit Camera"].data.background_images[0].clip
    assert clip.frame_start == shown


def test_the_tracks_of_a_clip_are_keypoints_and_the_clip_is_behind_the_body(extension, filmed, tmp_path):
    clip = bpy.data.movieclips.load(str(picture(tmp_path, 12)))
    clip.frame_start = 5
    for column, name in enumerate(SETS[SET]):
        track = clip.tracking.tracks.new(name=name, frame=1)
        for frame in range(12):
            x, y = filmed.pixels[0, frame, column] / [1920, 1080]
            track.markers.insert_frame(frame + 1, co=(x, 1 - y))
    assert bpy.ops.contrapposto.fit_body(source="CLIP", clip=clip.name) == {"FINISHED"}
    times = curve_values('pose.bones["pelvis"].location')[:, 0]
    assert (times[0], times[-1]) == (5, 16)
    assert bpy.data.objects["Fit Camera"].data.background_images[0].clip == clip
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == (192, 108)


@pytest.mark.parametrize("cameras", ["ESTIMATED", "SCENE"])
def test_the_lens_of_a_clip_counts_whoever_says_where_the_camera_is(cameras, addon, filmed, tmp_path):
    scene, settings, footage = bpy.context.scene, addon("fit_settings"), addon("fit_footage")
    scene.camera = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    scene.collection.objects.link(scene.camera)
    bpy.context.view_layer.update()
    clip = bpy.data.movieclips.load(str(picture(tmp_path, 12)))
    for column, name in enumerate(SETS[SET]):
        track = clip.tracking.tracks.new(name=name, frame=1)
        for frame in range(12):
            x, y = filmed.pixels[0, frame, column] / [1920, 1080]
            track.markers.insert_frame(frame + 1, co=(x, 1 - y))
    chosen = settings.FitSettings(clip=clip.name, cameras=settings.CameraSource(cameras))
    before = footage.footage_of(footage.sources(bpy.context, chosen)).points
    clip.tracking.camera.k1 = 1.0
    after = footage.footage_of(footage.sources(bpy.context, chosen)).points
    assert np.nanmax(np.abs(after - before)) > 0.3


def test_options_that_are_not_shown_do_nothing(extension, filmed, tmp_path):
    at = filmed.pixels[0, 0].mean(axis=0)
    click = {"person": "CLICK", "click": tuple(at), "click_camera": 2}
    assert bpy.ops.contrapposto.fit_body(views=filmed.views(1), **click) == {"FINISHED"}
    clip = bpy.data.movieclips.load(str(picture(tmp_path, 12)))
    for column, name in enumerate(SETS[SET]):
        track = clip.tracking.tracks.new(name=name, frame=1)
        for frame in range(12):
            x, y = filmed.pixels[0, frame, column] / [1920, 1080]
            track.markers.insert_frame(frame + 1, co=(x, 1 - y))
    nowhere = {"person": "CLICK", "click": (-500, -500), "click_camera": 2, "point_set": "BODY_25".lower()}
    assert bpy.ops.contrapposto.fit_body(source="CLIP", clip=clip.name, **nowhere) == {"FINISHED"}


def test_one_undo_takes_everything_back(extension, filmed):
    bpy.ops.ed.undo_push(message="before")
    before = blocks()
    bpy.ops.contrapposto.fit_body(views=filmed.views(1))
    bpy.ops.ed.undo_push(message="after")
    assert blocks() != before
    bpy.ops.ed.undo()
    assert blocks() == before
    assert not bpy.context.scene.timeline_markers
    assert bpy.context.scene.camera is None


def test_given_up_at_any_step_it_leaves_nothing(addon, filmed):
    settings, before = addon("fit_settings"), scene_state()
    views = (settings.View(str(filmed.files[0])),)
    for steps_taken in (0, 1, 50):
        steps = addon("fit_body").fitting_in_window(bpy.context, settings.FitSettings(views=views))
        for _ in itertools.islice(steps, steps_taken):
            pass
        steps.close()
        assert scene_state() == before


def test_in_a_window_it_comes_to_the_same(addon, filmed):
    settings, steps = addon("fit_settings"), addon("steps")
    views = (settings.View(str(filmed.files[0])),)
    told = addon("fit_body").fit_body(bpy.context, settings.FitSettings(views=views))
    again = steps.result_of(
        addon("fit_body").fitting_in_window(bpy.context, settings.FitSettings(views=views))
    )
    assert again.error_px == told.error_px


def damaged(tmp_path: Path) -> dict[str, Path]:
    """Files that are no keypoints."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "cut.json").write_text('{"people": [{"pose_keypoints_2d": [1, 2')
    (folder / "no_one.json").write_text(json.dumps({"version": 1.3, "people": []}))
    np.save(folder / "nan.npy", np.full((10, 17, 3), np.nan))
    np.save(folder / "few.npy", np.ones((10, 16, 3)))
    (folder / "noise.npz").write_bytes(bytes(range(256)))
    return {path.name: path for path in folder.iterdir()} | {"none.json": folder / "none.json"}


@pytest.mark.parametrize("name", ["cut.json", "no_one.json", "nan.npy", "few.npy", "noise.npz", "none.json"])
def test_a_damaged_file_is_refused_in_one_sentence_and_the_scene_stays(name, addon, refusal, tmp_path):
    settings, before = addon("fit_settings"), scene_state()
    views = (settings.View(str(damaged(tmp_path)[name])),)
    with pytest.raises(refusal) as caught:
        addon("fit_body").fit_body(bpy.context, settings.FitSettings(views=views))
    assert str(caught.value).strip()
    assert "\n" not in str(caught.value)
    assert scene_state() == before


def test_what_is_missing_or_contradicts_itself_is_said_before_anything_is_read(extension, filmed, tmp_path):
    before = scene_state()
    fit, two = bpy.ops.contrapposto.fit_body, filmed.views(1, 2)
    for words, options in {
        "Choose a file or folder of keypoints first": {},
        "View 1 has no keypoints": {"views": [view("")]},
        "give a calibration": {"views": two},
        "Choose the calibration's file": {"views": two, "cameras": "CALIBRATION"},
        "Two views have the number of the same camera": {
            "views": filmed.views(1, 1), "cameras": "CALIBRATION", "calibration": str(filmed.calibration)
        },
        "has no camera": {"views": filmed.views(1), "cameras": "SCENE"},
        "Choose a movie clip first": {"source": "CLIP"},
        "There is no movie clip 'x'": {"source": "CLIP", "clip": "x"},
        "There is no movie or picture": {"views": [view(filmed.files[0], tmp_path / "none.mp4")]},
        "There is no file": {"views": filmed.views(1), "model": str(tmp_path / "none.npz")},
        "give each view the number of its Camera": {
            "views": [view(filmed.files[0])], "cameras": "CALIBRATION", "calibration": str(filmed.calibration)
        },
        "No one is at 5, 5": {"views": filmed.views(1), "person": "CLICK", "click": (5, 5)},
    }.items():  # fmt: skip
        with pytest.raises(RuntimeError, match=words):
            fit(**options)
        assert scene_state() == before, words


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("the solver gave up")])
def test_computing_that_fails_is_told_in_one_sentence(error, addon, refusal, filmed, monkeypatch):
    def failing(*_, **__):
        raise error

    job, settings, before = addon("fit_body"), addon("fit_settings"), scene_state()
    monkeypatch.setattr(job, "fit", failing)
    with pytest.raises(refusal, match="The body could not be fitted: the"):
        job.fit_body(bpy.context, settings.FitSettings(views=(settings.View(str(filmed.files[0])),)))
    assert scene_state() == before


def test_a_movie_that_is_none_is_told_of_several_views_before_they_are_fitted(
    extension, addon, filmed, tmp_path, monkeypatch
):
    monkeypatch.setattr(addon("fit_body"), "fit", lambda *_, **__: pytest.fail("it was fitted"))
    (tmp_path / "broken.mp4").write_bytes(b"no movie")
    before = scene_state()
    views = [view(filmed.files[0], "", 1), view(filmed.files[1], tmp_path / "broken.mp4", 2)]
    with pytest.raises(RuntimeError, match=r"broken\.mp4 is no movie or picture"):
        bpy.ops.contrapposto.fit_body(views=views, cameras="CALIBRATION", calibration=str(filmed.calibration))
    assert scene_state() == before


def test_outside_of_object_mode_it_cannot_be_pressed(extension, filmed):
    bpy.ops.contrapposto.add_body()
    bpy.ops.object.mode_set(mode="POSE")
    assert not bpy.ops.contrapposto.fit_body.poll()


def test_views_are_added_to_the_list_in_the_sidebar_and_removed(extension):
    options = bpy.context.scene.contrapposto_fit
    for _ in range(2):
        bpy.ops.contrapposto.add_view()
    options.views[0].keypoints = "first"
    bpy.ops.contrapposto.remove_view(number=1)
    assert [one.keypoints for one in options.views] == ["first"]


def test_real_footage_of_four_cameras_is_fitted_as_well_as_without_blender(addon, shared):
    folder, settings = shared / "data" / "footage" / "pose2sim-single", addon("fit_settings")
    if not folder.is_dir():
        pytest.skip(f"no footage at {folder}")
    views = tuple(
        settings.View(str(folder / "pose" / f"cam0{n}_json"), str(folder / "videos" / f"cam0{n}.mp4"))
        for n in (1, 2, 3, 4)
    )
    bpy.context.scene.render.fps = 60
    report = addon("fit_body").fit_body(
        bpy.context,
        settings.FitSettings(
            views=views,
            cameras=settings.CameraSource.CALIBRATION,
            calibration=str(folder / "Calib.qca.txt"),
            point_set="body_25b",
        ),
    )
    assert (report.frames, report.views, len(report.cameras)) == (100, 4, 4)
    assert np.median(report.error_px) < 16
    assert default_body().num_vertices == len(bpy.data.objects[report.armature].children[0].data.vertices)


def test_files_may_be_told_from_where_the_blend_is(extension, tmp_path, recwarn):
    filmed = Filmed(tmp_path, frames=4, views=1)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    options = bpy.context.scene.contrapposto_fit
    one = options.views.add()
    one.keypoints, one.camera = f"//{filmed.files[0].name}", 1
    options.calibration = f"//{filmed.calibration.name}"
    assert not recwarn.list, [str(warning.message) for warning in recwarn]
    done = bpy.ops.contrapposto.fit_body(
        views=[{"name": "", "keypoints": one.keypoints, "movie": "", "camera": 1}],
        cameras="CALIBRATION",
        calibration=options.calibration,
    )
    assert done == {"FINISHED"}
    assert "Fitted Body" in bpy.data.objects
