# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion of any file comes as the same clips: y up, metres, on the floor, at its own rate."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contrapposto.files.amass import write_amass
from contrapposto.files.bvh import write_bvh
from contrapposto.files.mocap import Clip, read_split, read_subject
from contrapposto.files.motion_files import SOLE, clip_motion, read_clip, read_clips, read_motion
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, STANDARD_OFFSETS, forward_kinematics

TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


def motion_on_floor(seed: int = 0, frames: int = 6, angle: float = 0.3) -> Motion:
    """A wriggle on the spot whose lowest toe stands on the floor."""
    rotations = from_rotvec(np.random.default_rng(seed).normal(0, angle, (frames, 22, 3)))
    rotations[:, [JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]]] = np.eye(3)
    _, positions = forward_kinematics(rotations)
    transl = np.zeros((frames, 3))
    transl[:, 1] = SOLE - positions[:, TOES, 1].min(axis=1)
    return Motion(Pose(rotations, transl), fps=30, name="wriggle")


def clip_of(frames: int, fps: float = 30, bad: tuple[int, ...] = ()) -> Clip:
    rng = np.random.default_rng(0)
    marks = np.zeros(frames, dtype=bool)
    marks[list(bad)] = True
    rotvec = rng.normal(0, 1, (frames, 22, 3)).astype(np.float32)
    transl = rng.normal(0, 1, (frames, 3)).astype(np.float32)
    return Clip("clip", "someone", rotvec, transl, marks, STANDARD_OFFSETS.astype(np.float32), fps)


def save_subject(path, clips=(3, 5), **changes):
    frames = sum(clips)
    arrays = {
        "poses": np.full((frames, 22, 3), 100, np.int16),
        "scale": np.float32(np.pi / 32767),
        "trans": np.arange(3 * frames, dtype=np.float32).reshape(-1, 3),
        "bad": np.arange(frames) == 4,
        "offsets": np.tile(STANDARD_OFFSETS, (len(clips), 1, 1)).astype(np.float32),
        "clip_names": np.array([f"take{i}" for i in range(len(clips))]),
        "clip_start": np.concatenate([[0], np.cumsum(clips)]).astype(np.int32),
        "fps": np.float32(30),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})


def test_a_subjects_clips_keep_their_names_frames_and_marks(tmp_path):
    save_subject(tmp_path / "lab" / "ann.npz")
    first, second = read_subject(tmp_path / "lab" / "ann.npz")
    assert (first.name, second.name) == ("take0", "take1")
    assert first.subject == "lab/ann"
    assert (len(first), len(second)) == (3, 5)
    assert second.bad.tolist() == [False, True, False, False, False]
    assert second.transl[0].tolist() == [9, 10, 11]
    assert np.allclose(first.rotvec, 100 * np.pi / 32767)


def test_a_split_is_all_clips_of_its_subjects(tmp_path):
    for name in ("ann", "bob"):
        save_subject(tmp_path / "poses" / "lab" / f"{name}.npz")
    splits = {"note": "by subject", "train": ["lab/bob", "lab/ann"], "val": ["lab/cyd"]}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    assert [c.subject for c in read_split(tmp_path, "train")] == ["lab/bob"] * 2 + ["lab/ann"] * 2
    with pytest.raises(ValueError, match=r"names 'lab/cyd', but there is no .*cyd\.npz"):
        read_split(tmp_path, "val")
    with pytest.raises(ValueError, match="no split 'exam', only train, val"):
        read_split(tmp_path, "exam")
    with pytest.raises(ValueError, match="is this a motion data folder"):
        read_split(tmp_path / "poses", "train")
    (tmp_path / "splits.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        read_split(tmp_path, "train")


def test_a_split_names_folders_and_files_of_ones_own_takes(tmp_path):
    for path in ("anna/walk.bvh", "anna/turn.bvh", "ben.bvh"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        write_bvh(tmp_path / path, motion_on_floor())
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["anna"], "val": ["ben.bvh"]}))
    train, val = ([(c.subject, c.name) for c in read_split(tmp_path, s)] for s in ("train", "val"))
    assert train == [("anna", "turn"), ("anna", "walk")]
    assert val == [("ben.bvh", "ben")]


def test_damaged_subject_files_are_told_in_a_sentence(tmp_path):
    path = tmp_path / "lab" / "ann.npz"
    for changes, problem in (
        ({"trans": None, "bad": None}, "lacks the arrays bad, trans"),
        ({"trans": np.zeros((2, 3))}, "differ in length"),
        ({"clip_start": np.array([0, 3, 9])}, "do not cover its 8 frames"),
        ({"poses": np.zeros((8, 21, 3), np.int16)}, "rotvec must be"),
        ({"fps": np.float32(0)}, "frame rate of 0"),
        ({"poses": np.array([None])}, "'poses' .* cannot be read"),
    ):
        save_subject(path, **changes)
        with pytest.raises(ValueError, match=problem):
            read_subject(path)
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match="is damaged"):
        read_subject(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(ValueError, match="a single array"):
        read_subject(path.with_suffix(".npy"))


def test_bvh_of_our_own_comes_back_as_the_same_motion(tmp_path):
    motion = motion_on_floor()
    write_bvh(tmp_path / "wriggle.bvh", motion)
    back = read_motion(tmp_path / "wriggle.bvh")
    assert back.name == "wriggle"
    assert back.fps == 30
    assert np.degrees(geodesic_angle(back.poses.rotations, motion.poses.rotations)).max() < 0.01
    assert np.abs(back.poses.transl - motion.poses.transl).max() < 1e-4


def test_the_unit_of_a_bvh_file_does_not_matter(tmp_path):
    motion = motion_on_floor()
    write_bvh(tmp_path / "m.bvh", motion)
    inches = Motion(Pose(motion.poses.rotations, motion.poses.transl * 39.37), 30)
    write_bvh(tmp_path / "inch.bvh", inches, STANDARD_OFFSETS * 39.37)
    a, b = read_clip(tmp_path / "m.bvh"), read_clip(tmp_path / "inch.bvh")
    assert np.abs(a.transl - b.transl).max() < 1e-4
    assert np.abs(a.offsets - STANDARD_OFFSETS).max() < 1e-4
    assert np.abs(b.offsets - STANDARD_OFFSETS).max() < 1e-4


def test_a_bvh_file_with_z_up_stands_upright(tmp_path):
    """Y and z exchange their places in every line, with a sign: the world on its back."""
    motion = motion_on_floor()
    write_bvh(tmp_path / "y.bvh", motion)
    lines = []
    for line in (tmp_path / "y.bvh").read_text().splitlines():
        words = line.split()
        if words and words[0] == "OFFSET":
            x, y, z = map(float, words[1:])
            lines.append(f"OFFSET {x} {-z} {y}")
        elif words and words[0] == "CHANNELS":
            turns = "Yrotation Xrotation Zrotation"
            lines.append(
                f"CHANNELS 6 Xposition Zposition Yposition {turns}"
                if words[1] == "6"
                else f"CHANNELS 3 {turns}"
            )
        elif len(words) == 69:
            values = np.array(words, float)
            values[2] *= -1
            values[3::3] *= -1  # a turn about z became one about -y
            lines.append(" ".join(map(str, values)))
        else:
            lines.append(line)
    (tmp_path / "z.bvh").write_text("\n".join(lines))
    back = read_motion(tmp_path / "z.bvh")
    assert np.degrees(geodesic_angle(back.poses.rotations, motion.poses.rotations)).max() < 0.01
    assert np.abs(back.poses.transl - motion.poses.transl).max() < 1e-4


def test_a_bvh_file_that_knows_no_floor_is_put_on_it(tmp_path):
    motion = motion_on_floor()
    floating = Motion(Pose(motion.poses.rotations, motion.poses.transl - [0, 0.9, 0]), 30)
    write_bvh(tmp_path / "floating.bvh", floating)
    back = read_motion(tmp_path / "floating.bvh")
    _, positions = forward_kinematics(back.poses.rotations)
    lowest = (positions[:, TOES, 1] + back.poses.transl[:, 1:2]).min()
    assert lowest == pytest.approx(SOLE, abs=0.005)


def test_collars_that_never_move_are_given_their_share_of_the_arms_swing(tmp_path):
    motion = motion_on_floor()
    collars = [JOINT_INDEX["left_collar"], JOINT_INDEX["right_collar"]]
    shoulders = [JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]]
    motion.poses.rotations[:, collars] = np.eye(3)
    write_bvh(tmp_path / "idle.bvh", motion)
    back = read_motion(tmp_path / "idle.bvh").poses.rotations
    swing = np.degrees(geodesic_angle(motion.poses.rotations[:, shoulders], np.eye(3)))
    share = np.degrees(geodesic_angle(back[:, collars], np.eye(3)))
    assert np.all(share < 0.18 * swing)
    assert share.max() > 0.1 * swing.max()
    product = back[:, collars] @ back[:, shoulders]
    assert np.degrees(geodesic_angle(product, motion.poses.rotations[:, shoulders])).max() < 0.01


def test_amass_arrays_are_turned_from_z_up_to_y_up(tmp_path):
    stand = Rotation.from_euler("x", 90, degrees=True)  # y up to z up
    poses = np.zeros((4, 156))
    poses[:, :3] = (Rotation.from_euler("z", 30, degrees=True) * stand).as_rotvec()
    poses[:, 3 * JOINT_INDEX["left_knee"]] = 0.5
    trans = np.array([[1, 2, 0.9]] * 4)
    for key in ("mocap_framerate", "mocap_frame_rate"):
        np.savez(tmp_path / "a.npz", poses=poses, trans=trans, gender="neutral", **{key: 120.0})
        clip = read_clip(tmp_path / "a.npz")
        assert clip.fps == 120
        assert np.allclose(clip.transl, [1, 0.9, -2])
        assert np.allclose(clip.rotvec[:, 0], [0, np.pi / 6, 0], atol=1e-6)
        assert np.allclose(clip.rotvec[:, JOINT_INDEX["left_knee"]], [0.5, 0, 0])


def test_a_small_persons_npz_is_read_as_their_bvh(tmp_path):
    motion, offsets = motion_on_floor(), 0.7 * STANDARD_OFFSETS
    small = Motion(Pose(motion.poses.rotations, 0.7 * motion.poses.transl), 30)
    write_bvh(tmp_path / "a.bvh", small, offsets)
    write_amass(tmp_path / "a.npz", small, offsets=offsets)
    for name in ("a.bvh", "a.npz"):
        clip = read_clip(tmp_path / name)
        np.testing.assert_allclose(clip.offsets, STANDARD_OFFSETS, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(clip.transl, motion.poses.transl, atol=1e-4, err_msg=name)


def test_a_folder_is_all_its_motion_files_in_order(tmp_path):
    save_subject(tmp_path / "b" / "ann.npz")
    write_bvh(tmp_path / "a.bvh", motion_on_floor())
    np.savez(tmp_path / "c.npz", poses=np.zeros((2, 66)), trans=np.zeros((2, 3)), mocap_framerate=60)
    (tmp_path / "notes.txt").write_text("")
    assert [clip.name for clip in read_clips(tmp_path)] == ["a", "take0", "take1", "c"]
    with pytest.raises(ValueError, match="holds 2 clips"):
        read_clip(tmp_path / "b" / "ann.npz")


def test_files_that_are_no_motion_are_told_in_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no motion files"):
        read_clips(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"not in '\.fbx'"):
        read_clips(tmp_path / "dance.fbx")
    still = {"poses": np.zeros((2, 66)), "trans": np.zeros((2, 3)), "mocap_framerate": 60}
    for arrays, problem in (
        ({"poses": np.zeros((2, 66))}, "neither the shared format's arrays nor AMASS's"),
        ({"poses": np.zeros((2, 63)), "trans": np.zeros((2, 3)), "mocap_framerate": 60}, "66 or more"),
        ({"poses": np.full((2, 66), np.nan), "trans": np.zeros((2, 3)), "mocap_framerate": 60}, "not finite"),
        ({"poses": np.zeros((2, 66)), "trans": np.zeros((2, 3)), "mocap_framerate": 0}, "frame rate of 0"),
        ({**still, "offsets": np.zeros((24, 3))}, "offsets must be"),
        ({**still, "offsets": np.full((22, 3), np.nan)}, "offsets must be"),
        ({**still, "offsets": np.zeros((22, 3))}, "without legs"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(ValueError, match=problem):
            read_clips(tmp_path / "a.npz")
    write_bvh(tmp_path / "tail.bvh", motion_on_floor())
    text = (tmp_path / "tail.bvh").read_text()
    for i, name in enumerate(JOINT_NAMES):
        text = text.replace(f" {name}\n", f" tail{i}\n")
    text = text.replace("OFFSET -", "OFFSET ")  # all on one side
    (tmp_path / "tail.bvh").write_text(text)
    with pytest.raises(ValueError, match=r"tail\.bvh: "):
        read_clips(tmp_path / "tail.bvh")


def test_a_clip_becomes_a_motion():
    motion = clip_motion(clip_of(2))
    assert motion.poses.rotations.dtype == np.float64
    assert len(motion) == 2


def reference(shared, subject: str, name: str) -> Clip:
    clips = read_subject(shared / "data" / "mocap" / "poses" / f"{subject}.npz")
    return next(clip for clip in clips if clip.name == name)


SAME_TAKES = {  # file: subject, clip, and which of the file's frames the clip has
    "cmu_motionbuilder_01_01": ("cmu/cmu001", "01_01", slice(1, None, 4)),  # the first is a T-pose
    "cmu_3dsmax_131_01": ("cmu/cmu131", "131_01", slice(0, None, 4)),
    "fair_dab": ("fair1/fair1", "dab", slice(0, None)),
}


@pytest.mark.parametrize("file", SAME_TAKES)
def test_bvh_reads_as_the_training_data_made_from_the_same_take(shared, file):
    """But for what that data invents or shares otherwise: wrists, neck, the upper spine."""
    clip = read_clip(shared / "data" / "bvh" / f"{file}.bvh")
    subject, name, frames = SAME_TAKES[file]
    data = reference(shared, subject, name)
    count = len(clip.rotvec[frames])
    ours = from_rotvec(clip.rotvec[frames].astype(float))
    theirs = from_rotvec(data.rotvec[:count].astype(float))
    world, positions = forward_kinematics(ours)
    world_data, positions_data = forward_kinematics(theirs)
    angle = np.degrees(geodesic_angle(world, world_data)).mean(axis=0)
    for joint in ("pelvis", "hip", "knee", "ankle", "foot", "collar", "shoulder"):
        for i in (i for n, i in JOINT_INDEX.items() if n.endswith(joint)):
            assert angle[i] < 0.2, JOINT_NAMES[i]
    assert np.linalg.norm(positions - positions_data, axis=-1).mean() < 0.005


@pytest.mark.parametrize("file", [*SAME_TAKES, "cmu_jumping_jacks", "reactidle_002_acted"])
def test_other_programs_files_stand_on_the_floor_with_knees_that_bend_forward(shared, file):
    clip = read_clip(shared / "data" / "bvh" / f"{file}.bvh")
    R = from_rotvec(clip.rotvec.astype(float))
    _, positions = forward_kinematics(R, clip.offsets.astype(float))
    positions += clip.transl[:, None]
    lowest = positions[:, TOES, 1].min(axis=1)
    assert -0.15 < np.percentile(lowest, 5) < 0.2
    assert 0.4 < clip.transl[:, 1].min() < clip.transl[:, 1].max() < 1.6
    assert np.median(positions[:, JOINT_INDEX["head"], 1]) > 1.2
    for knee in ("left_knee", "right_knee"):
        assert clip.rotvec[:, JOINT_INDEX[knee], 0].min() > np.radians(-10)
