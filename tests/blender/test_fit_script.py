# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that fits bodies, run as its own process on keypoints of cameras that nobody had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
import rigs

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))
from footage import four_cameras, points_of, seen_by, swing, write_calibration

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "fit_body.py"


@pytest.fixture
def filmed(tmp_path) -> tuple[list[Path], Path]:
    """The keypoints of two cameras, and their calibration."""
    cameras = four_cameras(4)[:2]
    pixels = seen_by(cameras, points_of(swing(10), "coco_17"))
    files = [tmp_path / "one.npy", tmp_path / "two.npy"]
    for file, seen in zip(files, pixels, strict=True):
        np.save(file, np.concatenate([seen, np.full((*seen.shape[:-1], 1), 0.9)], axis=-1))
    return files, write_calibration(tmp_path / "Calib.qca.txt", cameras)


def run(*arguments):
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "core"))
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300, env=environment,
    )  # fmt: skip


def test_two_views_become_a_scene_at_the_footages_frame_rate_and_a_report(filmed, tmp_path):
    files, calibration = filmed
    output, report = tmp_path / "out.blend", tmp_path / "out.json"
    done = run(
        "--keypoints", *files, "--calibration", calibration, "--fps", 29.97, "--output", output,
        "--report", report,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "'Fitted Body' follows 10 frames of 2 cameras" in done.stdout
    (record,) = json.loads(report.read_text())
    assert (record["frames"], record["views"], len(record["error_px"])) == (10, 2, 10)
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert sorted(bpy.data.objects.keys()) == [
        "Fit Camera 1", "Fit Camera 2", "Fitted Body", "Fitted Body Mesh",
    ]  # fmt: skip
    render = bpy.context.scene.render
    assert render.fps / render.fps_base == pytest.approx(29.97, abs=1e-3)
    assert bpy.data.objects["Fitted Body"].animation_data.action.frame_range[:] == pytest.approx((1, 10))


def test_in_an_opened_file_the_scenes_camera_is_taken_and_the_file_is_not_overwritten(filmed, tmp_path):
    camera = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    bpy.context.scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, -5, 1.5), (1.5, 0, 0)
    bpy.context.scene.camera = camera
    rigs.build()
    assert bpy.context.mode == "POSE", "the file is saved in Pose Mode"
    path, output = tmp_path / "in.blend", tmp_path / "out.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    content = path.read_bytes()
    refused = run(path, "--keypoints", filmed[0][0], "--scene-camera", "--output", path)
    assert refused.returncode == 2
    assert "is the file that is read" in refused.stderr
    done = run(path, "--keypoints", filmed[0][0], "--scene-camera", "--output", output)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == content
    bpy.ops.wm.open_mainfile(filepath=str(output))
    assert sorted(bpy.data.cameras.keys()) == ["Mine"]


def test_what_was_asked_for_and_not_found_is_told(filmed, tmp_path):
    jumps = np.load(filmed[0][0])
    jumps[..., 1] -= 60.0 * np.arange(len(jumps))[:, None]
    np.save(filmed[0][0], jumps)
    done = run("--keypoints", filmed[0][0], "--ground", "--fps", 30, "--output", tmp_path / "out.blend")
    assert done.returncode == 0, done.stderr
    assert "No foot was seen to stand, so nothing was set on the ground" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--keypoints", "none.json"], 1, "There is no file"),
        (["--keypoints", "one.npy", "two.npy"], 2, "give a calibration, or one view alone"),
        (["--keypoints", "one.npy", "--calibration", "Calib.qca.txt"], 1, "say with --cameras which"),
        (["--keypoints", "one.npy", "--cameras", "1", "2"], 2, "--cameras needs one for each"),
        (["--keypoints", "one.npy", "--movies", "none.mp4"], 1, "There is no movie or picture"),
        (["--keypoints", "one.npy", "--movies", "broken.mp4"], 1, "broken.mp4 is no movie or picture"),
        (["--keypoints", "one.npy", "--person", "me"], 1, "--person is best, largest, longest"),
        (["--keypoints", "one.npy", "--set", "halpe_26"], 1, "halpe_26 has 26 points"),
        (["--keypoints", "one.npy", "--set", "mine"], 2, "There is no set of points 'mine'"),
        (["--keypoints", "one.npy", "--strength", "2"], 2, "Strength must be 0 to 1"),
        (["--keypoints", "one.npy", "--clip", "x"], 2, "not allowed with argument"),
        (["--clip", "x"], 1, "There is no movie clip 'x'"),
        ([], 2, "is required"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence_and_nothing_is_written(
    arguments, code, words, filmed, tmp_path
):
    (tmp_path / "broken.mp4").write_bytes(b"no movie")
    before = sorted(tmp_path.iterdir())
    places = [
        tmp_path / word if word.endswith((".json", ".npy", ".txt", ".mp4")) else word for word in arguments
    ]
    done = run(*places, "--output", tmp_path / "out.blend")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
