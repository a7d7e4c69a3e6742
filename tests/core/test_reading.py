# SPDX-License-Identifier: GPL-3.0-or-later
"""Every detector's files come back as the same value, or a sentence says which file is wrong."""

from __future__ import annotations

import io
import json
import pickle
import tracemalloc
import zipfile

import detectors
import numpy as np
import pytest

from contrapposto.keypoints.naming import point_named
from contrapposto.keypoints.reading import FORMATS, read_keypoints
from contrapposto.keypoints.sets import SETS


@pytest.fixture
def people():
    """Two people in five frames; the second lacks a point."""
    people = np.random.default_rng(0).uniform(10, 1000, (5, 2, 17, 2))
    people[2, 1, 3] = np.nan
    return people


@pytest.mark.parametrize("name", detectors.WRITERS)
def test_every_detectors_file_is_told_by_its_content_and_comes_back(name, tmp_path, people):
    found = read_keypoints(detectors.WRITERS[name](tmp_path / name, people))
    np.testing.assert_allclose(found.points, people, rtol=1e-6)
    assert np.array_equal(found.confidence > 0, np.isfinite(people[..., 0]))
    assert set(np.round(np.unique(found.confidence), 6)) == {0, 0.8}
    assert not found.is_normalised
    assert found.names in (None, SETS["coco_17"])


@pytest.mark.parametrize("name", detectors.WRITERS)
def test_a_name_that_says_nothing_does_not_hide_what_a_file_is(name, tmp_path, people):
    path = detectors.WRITERS[name](tmp_path / name, people)
    other = path.rename(tmp_path / "cam01.dat")
    np.testing.assert_allclose(read_keypoints(other).points, people, rtol=1e-6)


@pytest.mark.parametrize("name", detectors.WRITERS)
def test_scores_above_one_count_as_one(name, tmp_path, people):
    path = detectors.WRITERS[name](tmp_path / name, people, 1.3)
    assert read_keypoints(path).confidence.max() == 1


@pytest.mark.parametrize("count", [17, 18, 25, 26, 133])
def test_any_number_of_points_is_read(count, tmp_path):
    people = np.random.default_rng(1).uniform(10, 1000, (3, 2, count, 2))
    for name in ("alphapose.json", "mmpose.json", "array.npy"):
        found = read_keypoints(detectors.WRITERS[name](tmp_path / f"{count}_{name}", people))
        np.testing.assert_allclose(found.points, people, rtol=1e-6)


def test_a_format_that_is_named_is_taken_at_its_word(tmp_path, people):
    path = detectors.mmpose(tmp_path / "a.json", people)
    assert len(read_keypoints(path, "mmpose")) == 5
    for form in set(FORMATS) - {"mmpose"}:
        with pytest.raises(ValueError, match=r"a\.json"):
            read_keypoints(path, form)
    with pytest.raises(ValueError, match="There is no format 'fbx', only openpose, alphapose"):
        read_keypoints(path, "fbx")


def test_frames_are_numbered_as_the_files_number_them(tmp_path, people):
    entries = json.loads(detectors.alphapose(tmp_path / "a.json", people).read_text())
    for entry in entries:
        entry["image_id"] = f"take_{100 + int(entry['image_id'][0]):06d}.png"
    (tmp_path / "a.json").write_text(json.dumps(entries[2:]))
    found = read_keypoints(tmp_path / "a.json")
    assert (found.first, len(found)) == (101, 4)
    np.testing.assert_allclose(found.points, people[1:])


def test_nothing_is_missing_twice(tmp_path, people):
    """NaN, null, an empty cell, a zero and a confidence of zero are all a missing point."""
    people[0, 0, :4] = np.nan
    rows = np.array(detectors.rows_of(people, 0.8))
    rows[0, 0, 0] = [np.nan, 3, 0.9]
    rows[0, 0, 1] = [5, 3, np.nan]
    rows[0, 0, 2] = [5, 3, 0]
    np.save(tmp_path / "a.npy", rows)
    lists = rows.tolist()
    lists[0][0][0][0] = lists[0][0][1][2] = None
    (tmp_path / "a.json").write_text(json.dumps(lists).replace("NaN", "null"))
    text = detectors.table(tmp_path / "a.csv", people).read_text().splitlines()
    text[1] = text[1].replace("0.0", "")
    (tmp_path / "a.csv").write_text("\n".join(text))
    for name in ("a.npy", "a.json", "a.csv"):
        found = read_keypoints(tmp_path / name)
        np.testing.assert_allclose(found.points, people, rtol=1e-9)
        assert not found.confidence[0, 0, :4].any()


def test_points_at_the_origin_are_missing_where_no_confidence_says_so(tmp_path, people):
    np.save(tmp_path / "a.npy", np.nan_to_num(people))
    found = read_keypoints(tmp_path / "a.npy")
    np.testing.assert_allclose(found.points, people)
    assert set(np.unique(found.confidence)) == {0, 1}


@pytest.mark.parametrize("columns", [3, 4, 5])
def test_shares_of_the_image_become_pixels_by_its_size(columns, tmp_path):
    rows = np.random.default_rng(0).uniform(0.1, 0.9, (6, 33, columns))
    rows[..., 2] -= 0.5  # depth
    np.save(tmp_path / "a.npy", rows)
    found = read_keypoints(tmp_path / "a.npy")
    assert found.is_normalised
    np.testing.assert_allclose(found.in_pixels((1920, 1080)).points[:, 0], rows[..., :2] * [1920, 1080])
    np.testing.assert_allclose(found.confidence[:, 0], rows[..., 3:].min(axis=-1, initial=1.0))
    with pytest.raises(ValueError, match="so the image's size is needed"):
        found.in_pixels(None)
    for size in ((0, 1080), (np.nan, 1080), (1920, -3)):
        with pytest.raises(ValueError, match="An image cannot be"):
            found.in_pixels(size)


def test_landmarks_are_read_in_all_the_ways_that_scripts_write_them(tmp_path):
    person = [{"x": 0.1 + i / 50, "y": 0.5, "z": -1, "visibility": 0.9} for i in range(33)]
    for content in (
        [person, None, person],
        [{"pose_landmarks": person}, {"pose_landmarks": None}, {"pose_landmarks": person}],
        {"frames": [{"landmarks": [person]}, {"landmarks": []}, {"landmarks": [person]}]},
        [[[entry["x"], entry["y"], -1, 0.9] for entry in person]] * 3,
    ):
        (tmp_path / "a.json").write_text(json.dumps(content))
        found = read_keypoints(tmp_path / "a.json")
        assert found.is_normalised
        np.testing.assert_allclose(found.points[2, 0, :, 0], [0.1 + i / 50 for i in range(33)])


def test_a_table_may_call_points_by_number(tmp_path):
    heads = [f"{axis}{i}" for i in range(17) for axis in "xyv"]
    values = np.random.default_rng(0).uniform(10, 100, (4, 51))
    values[:, 2::3] = 0.7
    for header in (heads, [f"landmark_{name[1:]}_{name[0]}" for name in heads], None):
        lines = [",".join(header)] if header else []
        lines += [",".join(map(repr, row.tolist())) for row in values]
        (tmp_path / "a.csv").write_text("\n".join(lines))
        found = read_keypoints(tmp_path / "a.csv")
        np.testing.assert_allclose(found.points[:, 0], values.reshape(4, 17, 3)[..., :2])
        assert found.names is None
        assert set(np.unique(found.confidence)) == {0.7}


def test_arrays_may_say_the_names_of_their_points(tmp_path, people):
    names = [
        f"{name[0].upper()}{part.title()}" for name in ("left", "right") for part in ("hip", "knee", "ankle")
    ]
    np.savez(tmp_path / "a.npz", points=people[:, :, :6], names=names)
    found = read_keypoints(tmp_path / "a.npz")
    assert found.names == ("left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle")


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("RKnee", "right_knee"),
        ("right_knee", "right_knee"),
        ("knee.R", "right_knee"),
        ("Knee Right", "right_knee"),
        ("rknee", "right_knee"),
        ("LBigToe", "left_big_toe"),
        ("left_foot_index", "left_toes"),
        ("Nose", "nose"),
        ("neck", "mid_shoulder"),
        ("Head", "head_top"),
        ("Hip", "mid_hip"),
        ("LHip", "left_hip"),
        ("elbow_left", "left_elbow"),
        ("LEFT_EYE_INNER", "left_eye_inner"),
        ("ear", None),
        ("left_right_knee", None),
        ("ball", None),
        ("", None),
    ],
)
def test_points_are_known_by_what_others_call_them(name, point):
    assert point_named(name) == point


@pytest.mark.parametrize("name", sorted({point for names in SETS.values() for point in names}))
def test_points_are_known_by_their_own_names(name):
    assert point_named(name) == (None if name.startswith(("face", "left_hand", "right_hand")) else name)


def coco_entries(*images) -> str:
    return json.dumps(
        [{"image_id": image, "keypoints": [1 + n, 2, 0.9] * 17} for n, image in enumerate(images)]
    )


def mm_frames(*numbers) -> str:
    instance = {"keypoints": [[1.0, 2.0]] * 17, "keypoint_scores": [0.5] * 17}
    return json.dumps({"instance_info": [{"frame_id": n, "instances": [instance]} for n in numbers]})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", coco_entries("cam1/1.jpg", "cam1/2.jpg", "cam2/1.jpg"), "more than one camera"),
        ("a.json", coco_entries("1.jpg", "01.jpg"), r"'1.jpg' and '01.jpg' in .* are both frame 1"),
        ("a.json", coco_entries("1.jpg", "1.png"), r"'1.jpg' and '1.png' in .* are both frame 1"),
        ("a.json", coco_entries(0.2, 0.4), "an 'image_id' that is no whole number, 0.2"),
        ("a.json", mm_frames(3, 4, 3), "two frames whose 'frame_id' is 3"),
        ("a.json", mm_frames(0.2, 0.4), "'frame_id' is no whole number"),
        ("a.csv", "frame,left_knee_x,left_knee_y\n0.2,1,2\n0.4,3,4", "a frame '0.2' that is no whole number"),
        ("a.csv", "frame,left_knee_x,left_knee_y\n1,1,2\n1,3,4", "tells a point of a frame twice"),
        ("a.csv", "frame,left_knee_x,left_knee_y\n1,1,2\n1.0,3,4", "tells a point of a frame twice"),
        ("a.csv", "frame,landmark,x,y\n1,nose,1,2\n1,nose,3,4", "tells a point of a frame twice"),
    ],
)
def test_no_frame_takes_the_place_of_another(name, content, sentence, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read_keypoints(tmp_path / name)


def test_no_file_of_a_folder_takes_the_place_of_another(tmp_path):
    for name in ("take_1", "take_01", "take_2"):
        (tmp_path / f"{name}.json").write_text('{"people": []}')
    with pytest.raises(ValueError, match=r"'take_01' and 'take_1' in .* are both frame 1; rename"):
        read_keypoints(tmp_path)


def test_images_without_a_number_are_frames_in_the_order_of_their_names(tmp_path):
    (tmp_path / "a.json").write_text(coco_entries("walk.jpg", "jump.jpg", "run.jpg"))
    found = read_keypoints(tmp_path / "a.json")
    assert (found.first, len(found)) == (0, 3)
    np.testing.assert_allclose(found.points[:, 0, 0, 0], [2, 3, 1])


@pytest.mark.parametrize("name", ["scores", "confidence", "keypoints", "names"])
def test_an_array_that_is_needed_and_cannot_be_read_is_not_passed_over(name, tmp_path, people):
    """Points whose confidence is lost would all count as fully sure."""
    names = list(SETS["coco_17"])
    np.savez(tmp_path / "a.npz", **{"keypoints": people, "names": names, name: np.array([None])})
    with pytest.raises(ValueError, match=rf"The array '{name}' in .*a\.npz cannot be read"):
        read_keypoints(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", keypoints=people, names=names, comment=np.array([None]))
    assert len(read_keypoints(tmp_path / "a.npz")) == 5


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", f"[{'{},' * (1 << 24)}{{}}]"), ("a.csv", "left_knee_x,left_knee_y\n" + "1,2\n" * (1 << 22))],
)
def test_what_would_fill_the_memory_is_refused_before_it_does(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match="holds more than fits into memory"):
        read_keypoints(tmp_path / name)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * len(content)  # the text itself, and no more than its bytes beside it


def test_a_folder_is_not_held_in_memory_as_a_whole(tmp_path):
    person = json.dumps(
        {"people": [{"pose_keypoints_2d": [1.5, 2.5, 0.5] * 17, "face": list(range(20_000))}]}
    )
    for frame in range(40):
        (tmp_path / f"{frame}.json").write_text(person)
    tracemalloc.start()
    assert len(read_keypoints(tmp_path)) == 40
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 5 * 20_000 * 32


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_no_code_in_a_file_is_run(tmp_path):
    trap = np.empty((2, 17, 3), dtype=object)
    trap[...] = Harmful(tmp_path / "run")
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "a.npz", keypoints=trap)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Harmful(tmp_path / "run")))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Harmful(tmp_path / "run")))
    for name in ("a.npy", "a.npz", "b.npy", "b.npz"):
        with pytest.raises(ValueError, match=name):
            read_keypoints(tmp_path / name)
    assert not (tmp_path / "run").exists()


def test_a_head_that_promises_more_than_the_file_holds_fills_no_memory(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 17, 10**6)}
    )
    (tmp_path / "a.npy").write_bytes(stream.getvalue())
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as stored:
        stored.writestr("keypoints.npy", stream.getvalue())
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ValueError, match=name):
            read_keypoints(tmp_path / name)


def mm(**changed) -> str:
    instance = {"keypoints": [[1.0, 2.0]] * 17, "keypoint_scores": [0.5] * 17, **changed}
    return json.dumps({"instance_info": [{"frame_id": 0, "instances": [instance]}]})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", mm()[:80], "is not valid JSON"),
        ("a.json", mm(keypoints=[[1.0, 2.0]] * 16), "an instance of 16 points with 17 scores"),
        ("a.json", mm(keypoints=[[1.0, 2.0, 3.0]] * 17), "not two numbers, x and y"),
        ("a.json", mm(keypoints=[]), "an instance without 'keypoints'"),
        ("a.json", mm(keypoints=[["a", 2.0]] * 17), "a point that is no number"),
        ("a.json", mm(keypoint_scores=[-0.5] * 17), "negative confidence"),
        ("a.json", mm(keypoints=[[1e9, 2.0]] * 17), "a million pixels away"),
        ("a.json", mm(keypoint_scores=[float("nan")] * 17), "No one is seen"),
        ("a.json", '{"instance_info": []}', "No one is seen"),
        (
            "a.json",
            '{"instance_info": [{"frame_id": 1e12, "instances": []}]}',
            "'frame_id' is no whole number",
        ),
        ("a.json", '[{"image_id": "1.jpg", "keypoints": [1, 2]}]', "2 numbers, not three a point"),
        (
            "a.json",
            '[{"image_id": "1.jpg", "keypoints": [1, 2, 3]}, 7]',
            "without 'image_id' and 'keypoints'",
        ),
        ("a.json", '{"1.jpg": {"bodies": [3]}}', "a body without 'joints'"),
        ("a.json", '{"1.jpg": {"people": [3]}}', "a person without 'pose_keypoints_2d'"),
        ("a.json", '{"a": 3}', "has no layout that is known"),
        ("a.json", "[[1, 2], [3]]", "has no layout that is known"),
        ("a.json", "[1, 2]", "frames x points x 2 to 5"),
        ("a.json", '[[{"x": 1, "y": 2}], 7]', "a frame, the 2., without landmarks"),
        ("a.json", '[[{"x": 1, "y": "b"}]]', "a point that is no number"),
        ("a.csv", "", "has no two rows"),
        ("a.csv", "# Notes\n\nsaid, done", "no table of keypoints .*: its first row is one cell"),
        ("a.csv", "frame,left_knee_x,left_knee_y\n0,1,2\n1,2", "Row 3 of .* has 2 cells, not 3"),
        ("a.csv", "frame,left_knee_x,left_knee_y\n0,1,2\n1,2,b", "a cell 'b' that is no number"),
        ("a.csv", "frame,left_knee_x,left_knee_y\nq,1,2\n1,2,3", "a frame 'q' that is no whole number"),
        (
            "a.csv",
            "frame,RKnee_x,RKnee_y,right_knee_x,right_knee_y\n0,1,2,3,4",
            "are both the point 'right_knee'",
        ),
        ("a.csv", "time,speed\n1,2", "has no columns like 'left_knee_x'"),
        ("a.csv", "x,y\n1,2", "none called 'frame' and 'landmark'"),
        ("a.csv", "1,2,3\n1,2,3", "has no header, and 3 columns are no set"),
        ("a.csv", "scorer,a\nx,y\n1,2", "no rows 'bodyparts' and 'coords'"),
        ("a.csv", "frame,left_knee_x,left_knee_y\n0,1,2\n900000000,2,3", "more than fits into memory"),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence(name, content, sentence, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=sentence) as error:
        read_keypoints(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_array_is_told_in_a_sentence(tmp_path, people):
    whole = detectors.npy(tmp_path / "a.npy", people).read_bytes()
    for damaged in (whole[:-8], whole[:50], whole[:7]):
        (tmp_path / "a.npy").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.npy is damaged"):
            read_keypoints(tmp_path / "a.npy")
    for shape in ((5, 17), (5, 17, 1), (5, 17, 6), (5, 2, 17, 2, 2), (0, 17, 3)):
        np.save(tmp_path / "a.npy", np.ones(shape))
        with pytest.raises(ValueError, match=r"a\.npy"):
            read_keypoints(tmp_path / "a.npy")
    whole = detectors.npz(tmp_path / "a.npz", people).read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[:200])
    with pytest.raises(ValueError, match=r"a\.npz is damaged"):
        read_keypoints(tmp_path / "a.npz")
    for arrays, sentence in (
        ({"a": np.ones(3)}, "has no array called keypoints"),
        ({"keypoints": people, "confidence": np.ones((5, 2, 16))}, "not one a point"),
        ({"keypoints": people, "names": ["a"]}, "has 17 points a person, but 1 names"),
        ({"keypoints": people, "names": [1]}, "holds no words"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(ValueError, match=sentence):
            read_keypoints(tmp_path / "a.npz")


def test_what_is_not_there_is_told_in_a_sentence(tmp_path):
    for name in ("a.json", "a.npy", "a.npz", "a.csv", "a"):
        with pytest.raises(ValueError, match="There is no f"):
            read_keypoints(tmp_path / name)
