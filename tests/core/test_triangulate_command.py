# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto triangulate`` turns keypoints into motion, or says in a sentence why not."""

from __future__ import annotations

import json

import calibrations
import detectors
import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing, write_calibration, write_frames
from motions import joints_of

from contrapposto.__main__ import main
from contrapposto.files.motion_files import read_motion
from contrapposto.keypoints.footage import read_footage
from contrapposto.keypoints.lens import Lens
from contrapposto.skeleton import forward_kinematics


@pytest.fixture
def footage(tmp_path):
    """Four folders and a calibration of a body that swings; another person is beside it in two."""
    cameras, points = four_cameras(), points_of(swing(24), "coco_17")
    views = np.stack([seen_by(cameras, points), seen_by(cameras, points + [1.5, 0, 0])], axis=2)
    views[2:, :, 1] = np.nan
    shot = tmp_path / "shot"
    folders = [write_frames(shot / f"cam{number}", view) for number, view in enumerate(views)]
    return folders, write_calibration(shot / "calib.qca.txt", cameras)


def run(footage, *arguments, output) -> int:
    folders, calibration = footage
    given = ["--keypoints", *folders, "--calibration", calibration, "--output", output, *arguments]
    return main(["triangulate", *map(str, given), *(() if "--fps" in arguments else ("--fps", "30"))])


def test_both_kinds_of_file_hold_the_motion_that_was_seen(footage, tmp_path, capsys):
    true = joints_of(swing(24))
    for name in ("a.bvh", "a.npz"):
        assert run(footage, "--json", tmp_path / "a.json", output=tmp_path / name) == 0
        assert "coco_17, 24 frames of 4 cameras" in capsys.readouterr().out
        motion = read_motion(tmp_path / name)
        assert (len(motion), motion.fps) == (24, pytest.approx(30))
        found = forward_kinematics(motion.poses.rotations)[1] + motion.poses.transl[:, None]
        assert np.linalg.norm(found - true, axis=-1).mean() < 0.05
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["offsets"].shape == (22, 3)
    triangulated, motion = json.loads((tmp_path / "a.json").read_text())
    assert triangulated["reprojection_median_px"] < 1e-3
    assert triangulated["seen_percent"] == 100
    assert motion["limbs_moved_mm"] < 30


@pytest.mark.parametrize("calibration", calibrations.WRITERS)
def test_any_calibration_and_any_detector_give_the_motion(calibration, tmp_path, capsys):
    """Through lenses that bend, by a detector that names shares of the image."""
    cameras, points = four_cameras(), points_of(swing(12), "coco_17")
    path = calibrations.WRITERS[calibration](tmp_path / calibration, cameras)
    lens, size = Lens.of(np.array(calibrations.BENT), "a"), np.array([1920, 1080])
    seen = 1200 * lens.bent((seen_by(cameras, points) - size / 2) / 1200) + size / 2
    files = [detectors.npy(tmp_path / f"cam{i}.npy", view[:, None] / size) for i, view in enumerate(seen)]
    assert run((files, path), "--json", tmp_path / "a.json", output=tmp_path / "a.npz") == 0
    out = capsys.readouterr().out
    assert "coco_17, 12 frames of 4 cameras, z of the calibration is up" in out
    assert "tripod" not in out
    triangulated, _ = json.loads((tmp_path / "a.json").read_text())
    assert triangulated["reprojection_median_px"] < 0.01


def test_a_camera_can_be_left_out(footage, tmp_path, capsys):
    folders, calibration = footage
    given = [folders[0], folders[1], folders[3]]
    assert run((given, calibration), "--cameras", 1, 2, 4, output=tmp_path / "a.npz") == 0
    assert "24 frames of 3 cameras" in capsys.readouterr().out
    motion = read_motion(tmp_path / "a.npz")
    found = forward_kinematics(motion.poses.rotations)[1] + motion.poses.transl[:, None]
    assert np.linalg.norm(found - joints_of(swing(24)), axis=-1).mean() < 0.05


def test_a_camera_that_shows_someone_else_is_left_out_by_itself(footage, tmp_path, capsys):
    folders, _ = footage
    other = seen_by(four_cameras(), points_of(swing(24), "coco_17") + [-1, 0.8, 2])[2]
    folders[2] = write_frames(tmp_path / "other", other[:, None])
    assert run(footage, output=tmp_path / "a.npz") == 0
    assert f"{folders[2]}: never shows the person and is left out" in capsys.readouterr().out
    motion = read_motion(tmp_path / "a.npz")
    found = forward_kinematics(motion.poses.rotations)[1] + motion.poses.transl[:, None]
    assert np.linalg.norm(found - joints_of(swing(24)), axis=-1).mean() < 0.05


def test_footage_has_no_pixels_where_a_point_or_the_person_is_missing(footage):
    folders, calibration = footage
    unsure = json.loads((file := sorted(folders[0].glob("*.json"))[5]).read_text())
    unsure["people"][0]["pose_keypoints_2d"][3 * 9 + 2] = 0.2
    file.write_text(json.dumps(unsure))
    for file in sorted(folders[3].glob("*.json"))[:3]:
        file.write_text('{"people": []}')
    found = read_footage(folders, calibration)
    assert found.confidence[0, 5, 9] == 0
    assert not found.confidence[3, :3].any()
    assert np.array_equal(np.isnan(found.points[..., 0]), found.confidence == 0)


@pytest.mark.parametrize(
    ("arguments", "output", "sentence"),
    [
        ((), "a.fbx", "--output must end in .bvh or .npz, not in '.fbx'"),
        ((), "nowhere/a.bvh", "nowhere/a.bvh does not exist"),
        (("--fps", "0"), "a.bvh", "The frame rate must be between 1 and 1000, not 0"),
        (("--keypoints", "cam0"), "a.bvh", "Two cameras or more are needed"),
        (("--keypoints", "a.trc"), "a.bvh", "There is no file a.trc"),
        (("--cameras", 1, 2), "a.bvh", "--cameras names 2 cameras, but 4 folders or files are given"),
        (("--cameras", 1, 2, 3, 5), "a.bvh", "has no camera 5, only 1 to 4"),
        (("--cameras", 1, 2, 3, 3), "a.bvh", "--cameras names a camera twice"),
        (("--set", "body_25"), "a.bvh", "body_25 has 25 points a person, not 17"),
        (("--calibration", "none.qca.txt"), "a.bvh", "There is no file none.qca.txt"),
        (("--keypoints", "cam0", "cam1", "cam2", "cam3"), "a.bvh", "There is no folder cam0"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence_and_nothing_is_written(
    footage, arguments, output, sentence, tmp_path, monkeypatch, capsys
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert run(footage, *arguments, output=output) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "empty").iterdir())


def test_damaged_footage_is_told_in_a_sentence_and_nothing_is_written(footage, tmp_path, capsys):
    folders, calibration = footage
    assert run((folders[:3], calibration), output=tmp_path / "a.bvh") == 1
    assert "has 4 cameras, but 3 folders or files are given" in capsys.readouterr().err
    late = [folder.rename(folder.with_name(f"{folder.name}_late")) for folder in folders[:1]]
    for file in sorted(late[0].glob("*.json"), reverse=True):
        number = int(file.name.split("_")[1]) + 1000
        file.rename(file.with_name(f"take_{number:012d}_keypoints.json"))
    assert run(([*late, *folders[1:]], calibration), output=tmp_path / "a.bvh") == 1
    assert "no frame number in common" in capsys.readouterr().err
    cut = next(iter(sorted(folders[2].glob("*.json"))))
    cut.write_text(cut.read_text()[:100])
    assert run(footage, output=tmp_path / "a.bvh") == 1
    assert not list(tmp_path.glob("*.bvh"))


def test_real_footage_is_as_near_to_the_keypoints_as_the_results_say(shared, tmp_path, capsys):
    scene = shared / "data" / "footage" / "pose2sim-single"
    if not scene.is_dir():
        pytest.skip(f"no footage at {scene}")
    folders = sorted((scene / "pose").glob("cam*_json"))
    output = tmp_path / "motion.bvh"
    real, options = (folders, scene / "Calib.qca.txt"), ("--fps", "60", "--json", tmp_path / "a.json")
    assert run((folders[::-1], real[1]), *options, output=output) == 1
    assert "does not show the person where the other cameras do" in capsys.readouterr().err
    assert not output.exists()
    assert run(real, *options, output=output) == 0
    out = capsys.readouterr().out
    assert "body_25b, 100 frames of 4 cameras, z of the calibration is up" in out
    assert "off in the images (px)" in out
    assert "a detector alone by 9.6 or so: perhaps a tripod was knocked since the calibration" in out
    triangulated, motion = json.loads((tmp_path / "a.json").read_text())
    assert triangulated["reprojection_median_px"] < 11.5
    assert triangulated["seen_percent"] > 99
    assert motion["reprojection_median_px"] < 12.6
    assert motion["limbs_moved_mm"] < 15
    assert run(real, *options, "--correct-cameras", output=output) == 0
    out = capsys.readouterr().out
    assert "turned by 0." in out
    assert "tripod" not in out
    triangulated, motion = json.loads((tmp_path / "a.json").read_text())
    assert triangulated["reprojection_median_px"] < 7
    assert motion["reprojection_median_px"] < 8.6
    assert motion["limbs_moved_mm"] < 14
    read = read_motion(output)
    assert len(read) == 100
    height = forward_kinematics(read.poses.rotations)[1][:, 15, 1] + read.poses.transl[:, 1]
    assert 1.0 < height.min() < height.max() < 1.8
