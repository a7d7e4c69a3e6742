# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto fit`` turns keypoints of one camera or several into motion, or says why not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from calibrations import BENT, write_toml
from footage import four_cameras, points_of, seen_by, swing, write_calibration, write_frames
from motions import joints_of

from contrapposto.__main__ import main
from contrapposto.files.motion_files import read_motion
from contrapposto.keypoints.calibration import read_calibration, read_cameras
from contrapposto.keypoints.footage import read_footage
from contrapposto.keypoints.lens import Lens
from contrapposto.keypoints.sets import SETS, mirrored
from contrapposto.keypoints.view import read_view
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
    assert "of 1 camera\n" in capsys.readouterr().out
    motion = read_motion(output)
    assert (len(motion), motion.fps) == (FRAMES, pytest.approx(30))
    assert 0.6 < np.median(motion.poses.transl[:, 1]) < 1.2  # above the floor, however high the camera was


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["two"], "Several cameras need a calibration"),
        (["one", "calibrated"], "say with --cameras N which one it is"),
        (["one", "calibrated", "--cameras", "7"], "has no camera 7"),
        (["one", "--cameras", "1"], "--cameras, --up and --unit are of a calibration"),
        (["one", "--focal", "-3"], "A focal length must be above 0 pixels"),
        (["one", "--size", "0", "nan"], "An image cannot be"),
        (["one", "--unit", "mm"], "--cameras, --up and --unit are of a calibration"),
        (["one", "calibrated", "--cameras", "1", "--focal", "900"], "for one camera without calibration"),
        (["one", "--person", "me"], "--person is best, largest, longest"),
        (["one", "--format", "npy"], "of the format npy a file is needed"),
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


def bent(views: np.ndarray) -> np.ndarray:
    """Pixels (V, ..., 2) as the cameras with ``calibrations.BENT`` lenses show them."""
    lens = Lens.of(np.array(BENT), "a")
    return 1200 * lens.bent((views - [960, 540]) / 1200) + [960, 540]


@pytest.fixture
def bent_footage(tmp_path):
    """Two folders of what bent lenses showed, and a calibration in millimetres."""
    cameras = four_cameras(2)
    views = bent(seen_by(cameras, points_of(swing(FRAMES), "coco_17")))[:, :, None]
    folders = [write_frames(tmp_path / f"bent{number}", view) for number, view in enumerate(views)]
    return folders, write_toml(tmp_path / "mm.toml", cameras, unit=0.001)


def test_millimetres_are_taken_for_millimetres(bent_footage, tmp_path):
    folders, calibration = bent_footage
    output = tmp_path / "a.npz"
    given = ["--calibration", calibration, "--unit", "mm", "--up", "z", "--format", "openpose"]
    assert run(folders, *given, output=output) == 0
    assert np.linalg.norm(positions(output) - joints_of(swing(FRAMES)), axis=-1).mean() < 0.06


def test_one_view_is_freed_of_its_lens_as_several_are(bent_footage):
    folders, path = bent_footage
    calibration = read_calibration(path, unit="mm")
    both = read_footage(folders, calibration)
    one = read_view(folders[1], camera=calibration.of_numbers([2]))
    np.testing.assert_allclose(one.points[0], both.points[1], atol=1e-9)
    np.testing.assert_allclose(one.cameras.centre[0], calibration.cameras.centre[1])
    alone = read_view(folders[1], camera=read_cameras(path)[1])
    np.testing.assert_allclose(alone.points, one.points, atol=1e-9)
    assert not alone.cameras.centre.any()


def test_a_lens_alone_is_calibration_enough_for_one_view(bent_footage, tmp_path, capsys):
    folders, path = bent_footage
    whole = path.read_text(encoding="utf-8").split("[cam_01]")[0]
    lines = [line for line in whole.splitlines() if not line.startswith(("rotation", "translation"))]
    lens = tmp_path / "lens.toml"
    lens.write_text("\n".join(lines), encoding="utf-8")
    output = tmp_path / "a.npz"
    assert run(folders[:1], "--calibration", lens, output=output) == 0
    height = read_motion(output).poses.transl[:, 1]
    assert 0.6 < np.median(height) < 1.2  # above the floor, as no one knows how high the camera was
    assert run(folders[:1], "--calibration", lens, "--unit", "mm", output=output) == 1
    assert "does not say where the camera is" in capsys.readouterr().err


def test_who_is_meant_can_be_said(footage, tmp_path):
    folders, calibration = footage
    given = ["--calibration", calibration, "--cameras", 1, "--person"]
    assert run(folders[:1], *given, "largest", output=tmp_path / "a.bvh") == 0
    assert run(folders[:1], *given, "0,0,0", output=tmp_path / "b.bvh") == 1  # no one is in the corner


def test_frames_that_show_too_little_are_told(footage, tmp_path, capsys):
    folders, calibration = footage
    for frame in (4, 5, 9):
        (folders[0] / f"take_{frame:012d}_keypoints.json").write_text('{"people": []}')
    given = ["--calibration", calibration, "--cameras", 1]
    assert run(folders[:1], *given, output=tmp_path / "a.bvh") == 0
    told = capsys.readouterr().out
    assert f"3 of {FRAMES} frames show fewer than 6 joints and follow from the others: 4-5, 9" in told


def test_sides_that_were_put_back_are_told_and_are_no_error(footage, tmp_path, capsys):
    _, calibration = footage
    points = seen_by(four_cameras(2), points_of(swing(FRAMES), "coco_17"))
    points[1, 5:8] = points[1, 5:8][:, list(mirrored(SETS["coco_17"]))]
    folders = [write_frames(tmp_path / f"put{n}", view[:, None]) for n, view in enumerate(points)]
    record = tmp_path / "a.json"
    given = ["--calibration", calibration, "--json", record]
    assert run(folders, *given, output=tmp_path / "a.npz") == 0
    assert "In 3 frames left and right of arms or legs were exchanged" in capsys.readouterr().out
    (told,) = json.loads(record.read_text())
    assert told["reprojection_p90_px"] < 20
    assert told["worst_frame_px"] < 10


def test_a_damaged_folder_is_named(tmp_path, capsys):
    folder = tmp_path / "cam"
    folder.mkdir()
    (folder / "a_000_keypoints.json").write_text("{", encoding="utf-8")
    assert run([folder], output=tmp_path / "a.bvh") == 1
    assert "a_000_keypoints.json" in capsys.readouterr().err
