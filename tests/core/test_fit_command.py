# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto fit`` turns keypoints of one camera or several into motion, or says why not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing, write_calibration, write_frames
from motions import joints_of

from contrapposto.__main__ import main
from contrapposto.files.motion_files import read_motion
from contrapposto.skeleton import forward_kinematics

FRAMES = 12


@pytest.fixture
def footage(tmp_path):
    """Two folders and a calibration of a body that swings; the first sees a smaller person, too."""
    cameras, points = four_cameras(2), points_of(swing(FRAMES), "coco_17")
    other = 0.5 * points + [1.5, 0, 0]
    views = np.stack([seen_by(cameras, other), seen_by(cameras, points)], axis=2)
    views[1, :, 0] = np.nan
    folders = [write_frames(tmp_path / f"cam{number}", view) for number, view in enumerate(views)]
    return folders, write_calibration(tmp_path / "calib.qca.txt", cameras)


def run(folders, *arguments, output) -> int:
    given = ["--keypoints", *folders, "--fps", 30, "--output", output, *arguments]
    return main(["fit", *map(str, given)])


def positions(path) -> np.ndarray:
    motion = read_motion(path)
    return forward_kinematics(motion.poses.rotations)[1] + motion.poses.transl[:, None]


def test_two_views_become_a_file_that_holds_the_motion(footage, tmp_path, capsys):
    folders, calibration = footage
    output, record = tmp_path / "a.npz", tmp_path / "a.json"
    assert run(folders, "--calibration", calibration, "--json", record, output=output) == 0
    assert f"coco_17, {FRAMES} frames of 2 cameras" in capsys.readouterr().out
    away = np.linalg.norm(positions(output) - joints_of(swing(FRAMES)), axis=-1)
    assert away.mean() < 0.06
    (told,) = json.loads(record.read_text())
    assert told["reprojection_median_px"] < 6
    assert 0 <= told["worst_frame"] < FRAMES


def test_one_view_needs_no_calibration_and_follows_the_larger_person(footage, tmp_path, capsys):
    folders, _ = footage
    output = tmp_path / "a.bvh"
    assert run(folders[:1], "--size", 1920, 1080, "--focal", 1200, "--ground", output=output) == 0
    assert "1 cameras" in capsys.readouterr().out
    motion = read_motion(output)
    assert (len(motion), motion.fps) == (FRAMES, pytest.approx(30))
    assert 0.6 < np.median(motion.poses.transl[:, 1]) < 1.2  # above the floor, however high the camera was


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["two"], "Several cameras need a calibration"),
        (["one", "calibrated"], "say with --cameras N which one it is"),
        (["one", "calibrated", "--cameras", "7"], "has no camera 7"),
        (["one", "--cameras", "1"], "--cameras names cameras of a calibration"),
        (["one", "--focal", "-3"], "A focal length must be above 0 pixels"),
        (["one", "--size", "0", "nan"], "An image cannot be"),
        (["one", "calibrated", "--cameras", "1", "--focal", "900"], "for a camera without calibration"),
        (["two", "calibrated", "--focal", "900"], "are for one camera"),
        (["one", "--strength", "2"], "Strength is between 0 and 1"),
        (["one", "--set", "halpe_26"], "halpe_26 has 26 points"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence_and_nothing_is_written(
    footage, tmp_path, capsys, arguments, words
):
    folders, calibration = footage
    more = [a for a in arguments if a not in ("one", "two", "calibrated")]
    more += ["--calibration", calibration] if "calibrated" in arguments else []
    output = tmp_path / "a.bvh"
    assert run(folders if "two" in arguments else folders[:1], *more, output=output) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not output.exists()


def test_a_damaged_folder_is_named(tmp_path, capsys):
    folder = tmp_path / "cam"
    folder.mkdir()
    (folder / "a_000_keypoints.json").write_text("{", encoding="utf-8")
    assert run([folder], output=tmp_path / "a.bvh") == 1
    assert "a_000_keypoints.json" in capsys.readouterr().err
