# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of OpenPose JSON files comes back as arrays, or a sentence says which file is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from footage import write_frames

from contrapposto.keypoints.reading import read_keypoints


@pytest.fixture
def people():
    return np.random.default_rng(0).uniform(1, 1000, (5, 2, 17, 2))


def test_what_was_written_comes_back(tmp_path, people):
    people[2, 1, 3] = np.nan
    found = read_keypoints(write_frames(tmp_path / "a", people))
    np.testing.assert_allclose(found.points, people)
    assert found.confidence[2, 1, 3] == 0
    assert set(np.delete(found.confidence.ravel(), (2 * 2 + 1) * 17 + 3)) == {0.8}
    assert found.first == 0


def test_frames_are_told_by_their_numbers_and_a_missing_file_is_a_frame_with_no_one(tmp_path, people):
    folder = write_frames(tmp_path / "a", people)
    (folder / "take_000000000000_keypoints.json").unlink()
    (folder / "take_000000000002_keypoints.json").unlink()
    (folder / "info_7.json").write_text("[]")
    found = read_keypoints(folder)
    assert (found.first, len(found)) == (1, 4)
    assert not found.confidence[1].any()
    np.testing.assert_allclose(found.points[[0, 2, 3]], people[[1, 3, 4]])


def test_the_2_of_2d_numbers_no_frame(tmp_path, people):
    folder = write_frames(tmp_path / "a", people)
    for frame in range(5):
        name = folder / f"take_{frame:012d}_keypoints.json"
        name.rename(folder / f"{frame + 12:06d}_keypoints_2d.json")
    found = read_keypoints(folder)
    assert (found.first, len(found)) == (12, 5)


def test_frames_without_people_are_no_error(tmp_path, people):
    folder = write_frames(tmp_path / "a", people)
    for frame in (0, 4):
        (folder / f"take_{frame:012d}_keypoints.json").write_text('{"people": []}')
    found = read_keypoints(folder)
    assert np.array_equal(found.confidence.any(axis=(1, 2)), [False, True, True, True, False])


def person(**changed) -> str:
    return json.dumps({"people": [{"pose_keypoints_2d": [1.0, 2.0, 0.5] * 17, **changed}]})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (person()[:60], "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "no list of 'people'"),
        ('{"people": 3}', "no list of 'people'"),
        ('{"people": [7]}', "a person without 'pose_keypoints_2d'"),
        (person(pose_keypoints_2d=None), "a person without 'pose_keypoints_2d'"),
        (person(pose_keypoints_2d=[]), "a person of 0 numbers"),
        (person(pose_keypoints_2d=[1.0] * 50), "a person of 50 numbers, not three a point"),
        (person(pose_keypoints_2d=[1.0] * 54), "differ in points a person: 17 and 18"),
        (person(pose_keypoints_2d=["a"] * 51), "a point that is no number"),
        (person(pose_keypoints_2d=[True] * 51), "a point that is no number"),
        (person(pose_keypoints_2d=[1.0, 2.0, float("inf")] * 17), "not a finite number"),
        (person(pose_keypoints_2d=[1.0, 2.0, -0.1] * 17), "negative confidence"),
        (person(pose_keypoints_2d=[10**400, 2, 1] * 17), "not a finite number"),
    ],
)
def test_a_malformed_frame_is_told_in_a_sentence(content, sentence, tmp_path, people):
    folder = write_frames(tmp_path / "a", people)
    (folder / "take_000000000003_keypoints.json").write_text(content)
    with pytest.raises(ValueError, match=sentence) as error:
        read_keypoints(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_folders_without_frames_are_told_in_a_sentence(tmp_path, people):
    with pytest.raises(ValueError, match="There is no folder"):
        read_keypoints(tmp_path / "none")
    with pytest.raises(ValueError, match="no JSON files with a frame number"):
        read_keypoints(tmp_path)
    folder = write_frames(tmp_path / "a", people)
    for frame in range(5):
        (folder / f"take_{frame:012d}_keypoints.json").write_text('{"people": []}')
    with pytest.raises(ValueError, match="No one is seen"):
        read_keypoints(folder)


def test_the_frames_of_two_cameras_in_one_folder_are_refused(tmp_path, people):
    folder = write_frames(tmp_path / "a", people)
    for frame in range(4):
        (folder / f"other_{frame}.json").write_text(person())
    with pytest.raises(ValueError, match="more than one camera"):
        read_keypoints(folder)


def test_numbers_that_are_no_frames_do_not_fill_the_memory(tmp_path):
    for name in ("1", "20261130115959"):
        (tmp_path / f"{name}.json").write_text(person())
    with pytest.raises(ValueError, match="Most of the frames from 1 to"):
        read_keypoints(tmp_path)
