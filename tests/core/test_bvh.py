# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files of any dialect are read right, damaged ones refused with a line number, ours come back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from contrapposto.files.bvh import bvh_armature, bvh_matrices, read_bvh, write_bvh
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_NAMES, STANDARD_OFFSETS, forward_kinematics

FILES = (
    "cmu_3dsmax_131_01",
    "cmu_jumping_jacks",
    "cmu_motionbuilder_01_01",
    "fair_dab",
    "reactidle_002_acted",
)

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Left Upper Arm
  {
    OFFSET 0 2 0
    CHANNELS 3 Yrotation Zrotation Xrotation
    End Site
    {
      OFFSET 0 1 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 0 0 0
4 5 6 90 0 0 10 20 30
"""


def written(tmp_path, text: str):
    path = tmp_path / "clip.bvh"
    path.write_text(text, encoding="utf-8")
    return path


def random_motion(seed: int, frames: int = 4, angle: float = 1.5) -> Motion:
    rng = np.random.default_rng(seed)
    return Motion(
        Pose(from_rotvec(rng.normal(0, angle, (frames, 22, 3))), rng.normal(0, 2, (frames, 3))), fps=30
    )


def test_a_small_file_is_read_to_the_letter(tmp_path):
    bvh = read_bvh(written(tmp_path, SMALL))
    assert bvh.names == ("Hips", "Left Upper Arm")
    assert bvh.parents == (-1, 0)
    assert bvh.offsets.tolist() == [[1, 2, 3], [0, 2, 0]]
    assert np.isnan(bvh.ends[0]).all()
    assert bvh.ends[1].tolist() == [0, 1, 0]
    assert bvh.channels[1] == ("yrotation", "zrotation", "xrotation")
    assert bvh.values.shape == (2, 9)
    assert bvh.fps == 30


def test_positions_replace_offsets_and_rotations_carry_the_children(tmp_path):
    bvh = read_bvh(written(tmp_path, SMALL))
    matrices = bvh_matrices(bvh)
    assert np.allclose(matrices[1, 0, :3, 3], [4, 5, 6])
    assert np.allclose(matrices[1, 1, :3, 3], [2, 5, 6])  # up the y axis, turned a quarter about z
    rest = bvh_armature(bvh).rest
    expected = Rotation.from_euler("z", 90, degrees=True) * Rotation.from_euler(
        "YZX", [10, 20, 30], degrees=True
    )
    assert np.allclose(matrices[1, 1, :3, :3] @ rest[1, :3, :3].T, expected.as_matrix())


@pytest.mark.parametrize("order", ["".join(p) for p in itertools.permutations("XYZ")])
def test_every_rotation_order_is_scipys(tmp_path, order):
    channels = " ".join(f"{axis}rotation" for axis in order)
    text = SMALL.replace("Zrotation Xrotation Yrotation", channels).replace(
        "4 5 6 90 0 0 10 20 30", "4 5 6 25 -70 110 0 0 0"
    )
    bvh = read_bvh(written(tmp_path, text))
    turn = bvh_matrices(bvh)[1, 0, :3, :3] @ bvh_armature(bvh).rest[0, :3, :3].T
    assert np.allclose(turn, Rotation.from_euler(order, [25, -70, 110], degrees=True).as_matrix())


def test_braces_line_ends_case_and_blanks_do_not_matter(tmp_path):
    bent = SMALL.replace("Hips\n{", "Hips {").replace("\n    }\n  }\n}", "}}\n}")
    bent = bent.replace("Frames: 2", "FRAMES:\t2").replace("ROOT", "Root").replace("Zrotation", "ZROTATION")
    path = tmp_path / "clip.bvh"
    path.write_bytes(b"\xef\xbb\xbf" + bent.replace("\n", "\r\n\r\n").encode())
    plain, other = read_bvh(written(tmp_path / "..", SMALL)), read_bvh(path)
    assert other.names == plain.names
    assert np.array_equal(other.values, plain.values)
    assert np.array_equal(other.offsets, plain.offsets)


def test_a_tab_may_stand_before_a_name(tmp_path):
    text = SMALL.replace("ROOT ", "ROOT\t").replace("JOINT ", "JOINT\t\t")
    assert read_bvh(written(tmp_path, text)).names == ("Hips", "Left Upper Arm")


def test_names_that_occur_twice_are_told_apart(tmp_path):
    twin = SMALL.replace("Left Upper Arm", "Hips")
    assert read_bvh(written(tmp_path, twin)).names == ("Hips", "Hips.001")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("HIERARCHY", "HIERARCHIE", 1, "starts with HIERARCHY"),
        ("ROOT Hips", "ROOT", 2, "expected ROOT and a name"),
        ("OFFSET 1 2 3", "OFFSET 1 2", 4, "expected 3 finite numbers, found '1 2'"),
        ("OFFSET 1 2 3", "OFFSET 1 2 nan", 4, "expected 3 finite numbers"),
        ("OFFSET 0 2 0", "OFFSET 0 zwei 0", 8, "expected numbers, found '0 zwei 0'"),
        ("CHANNELS 3", "CHANNELS 2", 9, "does not list the channels that it counts"),
        ("3 Yrotation", "3 Wrotation", 9, "no channel 'Wrotation'"),
        ("JOINT Left", "BONE Left", 6, "expected JOINT and a name"),
        ("Frames: 2", "Frames: many", 17, "expected 'Frames:'"),
        ("Frames: 2", "Frames: 3", 20, "3 frames were announced, 2 are there"),
        ("Frames: 2", "Frames: 1", 20, "1 frames were announced, 2 are there"),
        ("Time: 0.0333333", "Time: 0", 18, "a frame cannot last"),
        ("10 20 30", "10 20", 20, "this frame has 8 values, the joints have 9 channels"),
        ("10 20 30", "10 20 3O", 20, "expected numbers"),
        ("10 20 30", "10 20 inf", 20, "finite numbers"),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, old, new, line, problem):
    path = written(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(ValueError, match=rf"clip\.bvh, line {line}: .*{problem}"):
        read_bvh(path)


def test_a_file_cut_anywhere_is_refused_in_a_sentence(tmp_path):
    for length in range(0, SMALL.index("0 0 0 0 0 0 0 0 0"), 7):
        with pytest.raises(ValueError, match=r"clip\.bvh, line"):
            read_bvh(written(tmp_path, SMALL[:length]))


def test_a_missing_file_and_an_endless_chain_are_refused(tmp_path):
    with pytest.raises(ValueError, match="There is no file"):
        read_bvh(tmp_path / "nowhere.bvh")
    deep = "HIERARCHY\nROOT a\n{\n" + "JOINT b\n{\n" * 5000
    with pytest.raises(ValueError, match="more than 200 joints hang in one chain"):
        read_bvh(written(tmp_path, deep))


@given(seed=st.integers(0, 1000), angle=st.sampled_from([0.0, 0.1, 1.5, 3.0]))
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, seed, angle):
    motion = random_motion(seed, angle=angle)
    path = tmp_path_factory.mktemp("bvh") / "clip.bvh"
    write_bvh(path, motion)
    bvh = read_bvh(path)
    armature, matrices = bvh_armature(bvh), bvh_matrices(bvh)
    order = [armature.index[name] for name in JOINT_NAMES]
    world, positions = forward_kinematics(motion.poses.rotations)
    turned = matrices[:, order, :3, :3] @ armature.rest[order, :3, :3].swapaxes(-1, -2)
    assert np.degrees(geodesic_angle(turned, world)).max() < 1e-4
    assert np.abs(matrices[:, order][..., :3, 3] - positions - motion.poses.transl[:, None]).max() < 1e-5
    assert bvh.fps == motion.fps


def test_locked_angles_are_written_right(tmp_path):
    """With the middle angle at a right angle the outer two are no longer told apart."""
    motion = random_motion(0, frames=3)
    for sign, frame in ((1, 0), (-1, 1)):
        motion.poses.rotations[frame] = Rotation.from_euler(
            "ZXY", [40, 90 * sign, 25], degrees=True
        ).as_matrix()
    path = tmp_path / "clip.bvh"
    write_bvh(path, motion)
    bvh = read_bvh(path)
    hips = bvh_matrices(bvh)[:, 0, :3, :3] @ bvh_armature(bvh).rest[0, :3, :3].T
    assert np.degrees(geodesic_angle(hips, motion.poses.rotations[:, 0])).max() < 1e-4


def test_own_proportions_are_written(tmp_path):
    path = tmp_path / "clip.bvh"
    write_bvh(path, random_motion(0), 2 * STANDARD_OFFSETS)
    bvh = read_bvh(path)
    order = [bvh.names.index(name) for name in JOINT_NAMES]
    assert np.allclose(bvh.offsets[order], 2 * STANDARD_OFFSETS)


def test_a_motion_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "clip.bvh"
    path.write_text("old")
    motion = random_motion(0)
    motion.poses.transl[1, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        write_bvh(path, motion)
    with pytest.raises(ValueError, match="no frames"):
        write_bvh(path, Motion(motion.poses[:0], 30))
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["clip.bvh"]


@pytest.mark.parametrize("name", FILES)
def test_other_programs_files_are_read_whole(shared, name):
    bvh = read_bvh(shared / "data" / "bvh" / f"{name}.bvh")
    armature, matrices = bvh_armature(bvh), bvh_matrices(bvh)
    assert len(bvh.values) in {125, 300}
    assert bvh.fps in {24, 30, 120}
    R = matrices[..., :3, :3]
    assert np.abs(R.swapaxes(-1, -2) @ R - np.eye(3)).max() < 1e-9
    rigid = [i for i, channels in enumerate(bvh.channels) if len(channels) == 3]
    heads = matrices[..., 3].swapaxes(0, 1)[..., :3]
    lengths = np.linalg.norm(heads[rigid] - heads[[bvh.parents[i] for i in rigid]], axis=-1)
    assert np.allclose(lengths.T, np.linalg.norm(bvh.offsets[rigid], axis=-1), atol=1e-6)
    assert np.all(np.asarray(armature.lengths) > 0)
