# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto sample`` writes files that come back, or says in a sentence why not."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.__main__ import main
from contrapposto.files.amass import write_amass
from contrapposto.files.motion_files import read_motion
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics


def run(*arguments) -> int:
    return main(["sample", *map(str, arguments)])


def test_an_amass_file_of_our_own_comes_back_as_the_same_motion(tmp_path):
    rng = np.random.default_rng(0)
    poses = Pose(from_rotvec(rng.normal(0, 0.8, (4, 22, 3))), rng.normal(0, 1, (4, 3)))
    write_amass(tmp_path / "a.npz", Motion(poses, 24.0), energy=np.arange(4))
    back = read_motion(tmp_path / "a.npz")
    assert back.fps == 24
    assert np.degrees(geodesic_angle(back.poses.rotations, poses.rotations)).max() < 1e-3
    np.testing.assert_allclose(back.poses.transl, poses.transl, atol=1e-6)


def test_both_kinds_of_file_hold_the_same_poses(tmp_path):
    motions = []
    for name in ("a.bvh", "a.npz"):
        assert run("--output", tmp_path / name, "--count", 3, "--fps", 12) == 0
        motions.append(read_motion(tmp_path / name))
    a, b = motions
    assert len(a) == len(b) == 3
    assert a.fps == pytest.approx(12)
    _, here = forward_kinematics(a.poses.rotations)
    _, there = forward_kinematics(b.poses.rotations)
    assert np.abs(here - there).max() < 0.01
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["naturalness_percent"].shape == (3,)
    assert {path.name for path in tmp_path.iterdir()} == {"a.bvh", "a.npz"}


def test_the_same_command_writes_the_same_file(tmp_path):
    for name in ("a.bvh", "b.bvh", "c.bvh"):
        assert run("--output", tmp_path / name, "--count", 2, "--seed", 8 if name == "c.bvh" else 7) == 0
    a, b, c = ((tmp_path / f"{name}.bvh").read_bytes() for name in "abc")
    assert a == b != c


def test_joints_can_be_kept_and_placed(tmp_path):
    assert run("--output", tmp_path / "pose.npz", "--count", 2) == 0
    around = ("--pose", tmp_path / "pose.npz", "--frame", 1)
    assert run("--output", tmp_path / "near.npz", "--count", 2, "--keep", "pelvis,left_elbow", *around) == 0
    pose, near = (read_motion(tmp_path / f"{name}.npz").poses for name in ("pose", "near"))
    kept = JOINT_INDEX["left_elbow"]
    assert np.degrees(geodesic_angle(near.rotations[:, kept], pose.rotations[1, kept])).max() < 0.01
    assert run("--output", tmp_path / "hand.npz", "--count", 2, "--target", "left_wrist=0.4,1.4,0.2") == 0
    hand = read_motion(tmp_path / "hand.npz").poses
    place = forward_kinematics(hand.rotations)[1][:, JOINT_INDEX["left_wrist"]] + hand.transl
    np.testing.assert_allclose(place, np.tile([0.4, 1.4, 0.2], (2, 1)), atol=1e-3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--output", "poses.fbx"), "--output must end in .bvh or .npz, not in '.fbx'"),
        (("--output", "nowhere/poses.bvh"), "The folder of nowhere/poses.bvh does not exist"),
        (("--output", "poses.bvh", "--distance", "0.5"), "give it with --pose"),
        (("--output", "poses.bvh", "--count", "0"), "At least one pose has to be sampled, not 0"),
        (("--output", "poses.bvh", "--pose", "none.bvh"), "none.bvh"),
        (("--output", "poses.bvh", "--fps", "0"), "--fps must be above 0, not 0"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence_and_nothing_is_written(
    options, sentence, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(*options) == 1
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_wrong_joints_are_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        run("--output", tmp_path / "a.bvh", "--keep", "tail")
    assert end.value.code == 2
    assert "there is no joint 'tail'" in capsys.readouterr().err
