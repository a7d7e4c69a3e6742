# SPDX-License-Identifier: GPL-3.0-or-later
"""Markers in space come back in metres, and become a motion without any camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from footage import points_of, swing
from motions import joints_of

from contrapposto.__main__ import main
from contrapposto.files.motion_files import read_motion
from contrapposto.keypoints.calibration import METRES
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.trc import read_trc
from contrapposto.skeleton import forward_kinematics

NAMES = SETS["halpe_26"]


def write_trc(path: Path, points: np.ndarray, names=NAMES, unit: str = "m", rate: str = "30") -> Path:
    frames, count = points.shape[:2]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{count}\t{unit}\t{rate}\t1\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\t",
        "\t\t" + "\t".join(f"{axis}{i}" for i in range(1, count + 1) for axis in "XYZ"),
        "",
    ]
    for frame, row in enumerate(points / METRES.get(unit, 1)):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in row.ravel()]
        lines.append("\t".join([str(frame + 1), f"{frame / 30:.5f}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("unit", METRES)
def test_markers_come_back_in_metres_whatever_the_unit(unit, tmp_path):
    points = points_of(swing(6), "halpe_26")
    points[2, 5] = np.nan
    found = read_trc(write_trc(tmp_path / "a.trc", points, unit=unit))
    assert (found.names, found.fps) == (NAMES, 30)
    np.testing.assert_allclose(found.points, points)


def test_markers_that_are_on_no_body_are_left_out(tmp_path):
    names = ["RKnee", "Wand", "LKnee"]
    points = np.random.default_rng(0).uniform(0, 2, (3, 3, 3))
    found = read_trc(write_trc(tmp_path / "a.trc", points, names))
    assert found.names == ("right_knee", "left_knee")
    np.testing.assert_allclose(found.points, points[:, [0, 2]])


def test_markers_become_a_motion_without_any_camera(tmp_path, capsys):
    points = points_of(swing(24), "halpe_26")
    path = write_trc(tmp_path / "a.trc", points, unit="mm")
    assert main(["triangulate", "--keypoints", str(path), "--output", str(tmp_path / "a.bvh")]) == 0
    out = capsys.readouterr().out
    assert "26 markers on the body, 24 frames" in out
    assert "arms and legs moved (mm)" in out
    motion = read_motion(tmp_path / "a.bvh")
    assert (len(motion), motion.fps) == (24, pytest.approx(30))
    found = forward_kinematics(motion.poses.rotations)[1] + motion.poses.transl[:, None]
    assert np.linalg.norm(found - joints_of(swing(24)), axis=-1).mean() < 0.05


def test_a_trunk_alone_becomes_a_motion_too(tmp_path, capsys):
    trunk = [NAMES.index(f"{side}_{part}") for part in ("hip", "shoulder") for side in ("left", "right")]
    path = write_trc(tmp_path / "a.trc", points_of(swing(6), "halpe_26")[:, trunk], [NAMES[i] for i in trunk])
    assert main(["triangulate", "--keypoints", str(path), "--output", str(tmp_path / "a.npz")]) == 0
    assert "limbs vary" not in capsys.readouterr().out
    assert len(read_motion(tmp_path / "a.npz")) == 6


def test_markers_without_hips_are_told_in_a_sentence(tmp_path, capsys):
    path = write_trc(tmp_path / "a.trc", points_of(swing(3), "halpe_26")[:, [7, 9]], ["LElbow", "LWrist"])
    assert main(["triangulate", "--keypoints", str(path), "--output", str(tmp_path / "a.npz")]) == 1
    assert "Both hips and both shoulders are never seen at once" in capsys.readouterr().err
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: "", "is damaged or no file of markers"),
        (lambda text: text[:100], "is damaged or no file of markers"),
        (lambda text: text.replace("\tm\t", "\tparsec\t"), "is in 'parsec', which is none of m, cm, mm"),
        (lambda text: text.replace("30\t30\t", "0\t30\t"), "rate of .* is no number above 0"),
        (lambda text: text.replace("left_knee", "right_knee"), "are both the point 'right_knee'"),
        (lambda text: text.replace("1.", "b", 1), "Frame 1.* of .* has a cell that is no number"),
        (lambda text: "\n".join([*text.split("\n")[:6], "1\t0.0"]), "No marker is seen in any frame"),
    ],
)
def test_damaged_markers_are_told_in_a_sentence(change, sentence, tmp_path):
    path = write_trc(tmp_path / "a.trc", points_of(swing(3), "halpe_26") + 1)
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=sentence) as error:
        read_trc(path)
    assert str(path) in str(error.value)


def test_markers_without_a_body_are_told_in_a_sentence(tmp_path):
    path = write_trc(tmp_path / "a.trc", np.ones((3, 2, 3)), ["Wand1", "Wand2"])
    with pytest.raises(ValueError, match=r"No marker .* has the name of a point of the body: Wand1, Wand2"):
        read_trc(path)
    with pytest.raises(ValueError, match="There is no file"):
        read_trc(tmp_path / "none.trc")
