# SPDX-License-Identifier: GPL-3.0-or-later
"""Tracks of a movie clip that are named after joints are read as keypoints are."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

WIDTH, HEIGHT = 64, 36


@pytest.fixture
def clip_tracks(extension):
    return importlib.import_module(f"{extension}.addon.clip_tracks")


@pytest.fixture
def refusal(extension):
    return importlib.import_module(f"{extension}.addon.errors").Refusal


@pytest.fixture
def clip(fresh_file, tmp_path):
    """A clip of three small images."""
    import bpy

    image = bpy.data.images.new("frame", WIDTH, HEIGHT)
    image.file_format = "PNG"
    for frame in (1, 2, 3):
        image.filepath_raw = str(tmp_path / f"shot_{frame:04d}.png")
        image.save()
    return bpy.data.movieclips.load(str(tmp_path / "shot_0001.png"))


def track(clip, name: str, places: dict[int, tuple[float, float]]):
    made = clip.tracking.tracks.new(name=name, frame=min(places))
    for frame, place in places.items():
        made.markers.insert_frame(frame, co=place)
    return made


def test_tracks_become_points_in_pixels_from_the_top_left(clip, clip_tracks):
    track(clip, "knee.R", {1: (0.25, 0.75), 2: (0.5, 0.5), 3: (0.5, 0)})
    muted = track(clip, "Left Wrist", {1: (0.1, 0.1), 2: (0.2, 0.2), 3: (0.3, 0.3)})
    muted.markers.find_frame(2).mute = True
    track(clip, "nose.001", {3: (1, 1)}).weight = 0.5
    track(clip, "corner of the table", {1: (0.9, 0.9)})
    clip.frame_start = 101
    found = clip_tracks.read_clip_tracks(clip)
    assert found.detections.names == ("right_knee", "left_wrist", "nose")
    assert found.left_out == ("corner of the table",)
    assert (found.detections.first, len(found.detections), found.size) == (101, 3, (WIDTH, HEIGHT))
    nan = [np.nan, np.nan]
    expected = [
        [[16, 9], [6.4, 32.4], nan],
        [[32, 18], nan, nan],
        [[32, 36], [19.2, 25.2], [64, 0]],
    ]
    np.testing.assert_allclose(found.detections.points[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(found.detections.confidence[:, 0], [[1, 1, 0], [1, 0, 0], [1, 1, 0.5]])


def test_a_track_that_was_moved_by_its_offset_is_where_it_is_drawn(clip, clip_tracks):
    track(clip, "hip.L", {1: (0.25, 0.75)}).offset = (0.25, -0.25)
    np.testing.assert_allclose(
        clip_tracks.read_clip_tracks(clip).detections.points[0, 0, 0], [32, 18], atol=1e-5
    )


def test_the_camera_is_the_likeliest_until_someone_sets_it(clip, clip_tracks):
    for name in ("hip.L", "hip.R", "shoulder.L", "shoulder.R"):
        track(clip, name, {1: (0.25, 0.25), 2: (0.3, 0.3)})
    assert clip_tracks.read_clip_tracks(clip).camera is None
    assert clip_tracks.clip_footage(clip).cameras.intrinsics[0, 0, 0] == pytest.approx(0.809 * 73.4, rel=1e-2)
    camera = clip.tracking.camera
    camera.units, camera.sensor_width, camera.focal_length = "MILLIMETERS", 36, 36
    camera.k1, camera.k2, camera.k3 = -0.1, 0.02, 0.003
    found = clip_tracks.read_clip_tracks(clip).camera
    np.testing.assert_allclose(found.intrinsics, [[64, 0, 32], [0, 64, 18], [0, 0, 1]], atol=1e-4)
    np.testing.assert_allclose(found.lens.coefficients[:5], [-0.1, 0.02, 0, 0, 0.003], atol=1e-6)
    footage = clip_tracks.clip_footage(clip)
    assert footage.names[:4] == ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    assert np.array_equal((footage.confidence > 0).any(axis=(0, 1)).nonzero()[0], range(4))
    rays = (footage.points[0, 0, 0] - [32, 18]) / 64
    np.testing.assert_allclose(64 * found.lens.bent(rays) + [32, 18], [16, 27], atol=1e-3)


@pytest.mark.parametrize(
    ("tracks", "sentence"),
    [
        ({}, "No track of clip .* is named after a joint"),
        ({"Track": {1: (0, 0)}}, "No track of clip .* is named after a joint"),
        ({"knee.R": {1: (0, 0)}, "RKnee": {1: (0, 0)}}, "are both the point 'right_knee'; rename one"),
    ],
)
def test_clips_without_a_body_are_told_in_a_sentence(tracks, sentence, clip, clip_tracks, refusal):
    for name, places in tracks.items():
        track(clip, name, places)
    with pytest.raises(refusal, match=sentence):
        clip_tracks.read_clip_tracks(clip)


def test_tracks_that_say_nothing_are_told_in_a_sentence(clip, clip_tracks, refusal):
    made = track(clip, "knee.R", {1: (0.5, 0.5)})
    made.markers.find_frame(1).mute = True
    with pytest.raises(refusal, match="have no marker on any frame; track them first"):
        clip_tracks.read_clip_tracks(clip)
    made.markers.find_frame(1).mute = False
    made.weight = 0
    with pytest.raises(refusal, match="have a weight of 0"):
        clip_tracks.read_clip_tracks(clip)
    made.weight = 0.1
    with pytest.raises(refusal, match="is sure by 30% or more"):
        clip_tracks.clip_footage(clip)


def test_lenses_that_cannot_be_read_are_told_in_a_sentence(clip, clip_tracks, refusal):
    track(clip, "knee.R", {1: (0.5, 0.5)})
    camera = clip.tracking.camera
    camera.distortion_model = "DIVISION"
    with pytest.raises(refusal, match="distortion model 'Division', which cannot be read; choose Polynomial"):
        clip_tracks.read_clip_tracks(clip)
    camera.distortion_model, camera.pixel_aspect = "POLYNOMIAL", 1.5
    with pytest.raises(refusal, match="pixels that are not square"):
        clip_tracks.read_clip_tracks(clip)


def test_a_clip_whose_images_are_gone_is_told_in_a_sentence(clip, clip_tracks, refusal, tmp_path):
    """Blender then takes the images to be 256 x 256, so that pixels would be wrong."""
    track(clip, "knee.R", {1: (0.5, 0.5)})
    (tmp_path / "shot_0001.png").rename(tmp_path / "moved_0001.png")
    with pytest.raises(refusal, match=r"The images of clip .* cannot be read; choose its file anew"):
        clip_tracks.read_clip_tracks(clip)
