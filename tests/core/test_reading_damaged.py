# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hundred damaged files and more: a sentence or an honest answer, no code run, nothing written."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import calibrations
import detectors
import numpy as np
import pytest
from footage import four_cameras, points_of, swing, write_calibration, write_frames
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_trc import write_trc

from contrapposto import fit_command
from contrapposto.__main__ import main
from contrapposto.files.motion_files import read_motion
from contrapposto.keypoints.array_file import from_array
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.calibration import Calibration, read_calibration
from contrapposto.keypoints.detections import Detections, gathered
from contrapposto.keypoints.filestorage import parse_filestorage
from contrapposto.keypoints.reading import LAYOUTS, read_keypoints
from contrapposto.keypoints.trc import Markers, read_trc
from contrapposto.keypoints.view import one_view
from contrapposto.motion import Motion, Pose
from contrapposto.tasks.fit import Fitted, fit

DAMAGED = 500

ODD = [
    "NaN",
    "Infinity",
    "-1",
    "-0.5",
    "1e400",
    "1e9",
    "null",
    '"x"',
    "[]",
    "{}",
    "true",
    "9" * 400,
    "[" * 3000,
    "",
]


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def damage(file: Path, rng: np.random.Generator, trap: Path) -> None:
    """Damage a file: as a machine does, or as a program that has a mistake."""
    content = file.read_bytes()
    if rng.random() < 0.35:
        for _ in range(rng.integers(1, 3)):
            content = _accident(content, rng, trap)
    elif file.suffix == ".json":
        content = _mistaken(json.loads(content), rng)
    elif file.suffix in (".npy", ".npz"):
        _mistaken_array(file, rng, trap)
        return
    else:
        content = _odd_value(content, rng)
    file.write_bytes(content)


def _mistaken(content: Any, rng: np.random.Generator) -> bytes:
    """JSON of which some entries are exchanged, gone or odd."""
    for _ in range(rng.integers(1, 4)):
        at, odd = (
            content,
            [None, float("nan"), float("inf"), -1.0, -0.5, 1e300, 1e9, "x", True, [], {}, [[1.0]], 0.0],
        )
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = keys[int(rng.integers(len(keys)))]
            if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.85:
                at = at[key]
                continue
            if rng.random() < 0.25:
                del at[key]
            elif isinstance(at, list) and rng.random() < 0.25:
                at.append(at[key])
            else:
                at[key] = odd[int(rng.integers(len(odd)))]
            break
    return json.dumps(content).encode()


def _mistaken_array(file: Path, rng: np.random.Generator, trap: Path) -> None:
    """An array that has another shape, another kind, or values that cannot be."""
    values = np.random.default_rng(0).uniform(10, 1000, (4, 2, 17, 3))
    values[..., 2] = 0.8
    odd = [np.nan, np.inf, -1.0, 1e300, 0.0]
    values[tuple(rng.integers(values.shape))] = odd[int(rng.integers(len(odd)))]
    harmful = np.empty((2, 17, 3), dtype=object)
    harmful[...] = Harmful(trap)
    kinds = [
        values,
        values.clip(0, 1e4).astype(np.float16),
        values[0, 0],
        values[..., :1],
        values.astype(complex),
        harmful,
        values[:0],
    ]
    array = kinds[int(rng.integers(len(kinds)))]
    if file.suffix == ".npy":
        np.save(file, array, allow_pickle=True)
    else:
        np.savez(file, keypoints=array, **({"confidence": harmful} if rng.random() < 0.3 else {}))


def _accident(content: bytes, rng: np.random.Generator, trap: Path) -> bytes:
    """Bytes that are cut off, lost, doubled, exchanged or of something else."""
    a, b = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    match rng.integers(5):
        case 0:
            return content[:b]
        case 1:
            return content[:a] + content[min(b, a + 200) :]
        case 2:
            return content[:a] + content[a : a + 300] + content[a:]
        case 3:
            place = bytearray(content)
            for at in rng.integers(0, max(1, len(place)), 5).tolist():
                place[at : at + 1] = bytes([int(rng.integers(256))])
            return bytes(place)
        case _:
            return content[:a] + pickle.dumps(Harmful(trap)) + content[a:]


def _odd_value(content: bytes, rng: np.random.Generator) -> bytes:
    """One of the values of a text replaced by one that is odd."""
    parts = content.split(b",")
    parts[int(rng.integers(len(parts)))] = ODD[int(rng.integers(len(ODD)))].encode()
    return b",".join(parts)


def check_detections(found: Detections) -> None:
    """What is read of a damaged file is whole: places that can be where it is sure, nothing elsewhere."""
    seen = found.confidence > 0
    assert found.points.shape == (*found.confidence.shape, 2)
    assert np.array_equal(seen, np.isfinite(found.points).all(axis=-1))
    assert seen.any()
    assert found.confidence.min() >= 0
    assert found.confidence.max() <= 1
    assert found.first >= 0


def sentence(error: ValueError, *names: str) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 1000
    assert not names or any(name in str(error) for name in names), str(error)


WRITERS = {**detectors.WRITERS, "openpose": write_frames}


def test_five_hundred_damaged_files_of_keypoints(tmp_path):
    people = np.random.default_rng(0).uniform(10, 1000, (4, 2, 17, 2))
    rng, trap, refused = np.random.default_rng(7), tmp_path / "run", 0
    for number in range(DAMAGED):
        name = list(WRITERS)[number % len(WRITERS)]
        path = WRITERS[name](tmp_path / f"{number}_{name}", people)
        file = path if path.is_file() else sorted(path.iterdir())[int(rng.integers(4))]
        damage(file, rng, trap)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = read_keypoints(path)
            except ValueError as error:
                refused += 1
                sentence(error, path.name)
                continue
            check_detections(found)
            try:
                seen = one_view(found, path, size=(1920, 1080))
                assert np.array_equal(seen.confidence > 0, np.isfinite(seen.points[..., 0]))
            except ValueError as error:
                sentence(error)
    assert not trap.exists()
    assert DAMAGED / 4 < refused < DAMAGED


REAL = 25
"""Every so manieth of them is fitted in earnest; for the others a body that stands still is as good."""


def standing_still(footage, fps, **more) -> Fitted:
    V, T = footage.points.shape[:2]
    pose = Pose(np.tile(np.eye(3), (T, 22, 1, 1)), np.tile([0.0, 0.0, -4.0], (T, 1)))
    nothing = np.zeros((V, T, 2), dtype=bool)
    body = Body.standard(footage.names)
    unseen, deviation = nothing[0, :, 0], np.ones((T, 22))
    return Fitted(
        Motion(pose, fps), body, np.ones(T), nothing[0], True, unseen, deviation, nothing, False, footage
    )


def test_five_hundred_damaged_files_through_the_command(tmp_path, capsys, monkeypatch):
    people = np.random.default_rng(0).uniform(10, 1000, (4, 2, 17, 2))
    rng, trap, refused = np.random.default_rng(9), tmp_path / "run", 0
    (tmp_path / "out").mkdir()
    for number in range(DAMAGED):
        name = list(WRITERS)[number % len(WRITERS)]
        path = WRITERS[name](tmp_path / f"{number}_{name}", people)
        damage(path if path.is_file() else sorted(path.iterdir())[int(rng.integers(4))], rng, trap)
        monkeypatch.setattr(fit_command, "fit", fit if number % REAL == 0 else standing_still)
        output = tmp_path / "out" / f"{number}.npz"
        given = ["--keypoints", path, "--size", 1920, 1080, "--fps", 30, "--output", output]
        code = main(["fit", *map(str, given)])
        told = capsys.readouterr().err
        assert "Traceback" not in told
        if code == 0:
            assert np.isfinite(read_motion(output).poses.rotations).all()
            continue
        refused += 1
        assert code == 1
        assert told.count("\n") == 1
        assert not output.exists()
    assert not trap.exists()
    assert {file.suffix for file in (tmp_path / "out").iterdir()} == {".npz"}
    assert DAMAGED / 4 < refused < DAMAGED


def test_damaged_calibrations_and_markers(tmp_path):
    rng, trap = np.random.default_rng(8), tmp_path / "run"
    writers = {
        **{name: write for name, write in calibrations.WRITERS.items() if "." in name},
        "calib.qca.txt": write_calibration,
        "take.trc": lambda path, _: write_trc(path, points_of(swing(3), "halpe_26")),
    }
    for number in range(200):
        name = list(writers)[number % len(writers)]
        path = writers[name](tmp_path / f"{number}_{name}", four_cameras())
        damage(path, rng, trap)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = read_trc(path) if name.endswith("trc") else read_calibration(path)
            except ValueError as error:
                sentence(error, path.name)
                continue
        if isinstance(found, Markers):
            assert np.isfinite(found.points).any()
            assert found.fps > 0
        else:
            check_cameras(found)
    assert not trap.exists()


def check_cameras(found: Calibration) -> None:
    for value in vars(found.cameras).values():
        assert np.isfinite(value).all()
    assert (found.cameras.size >= 1).all()


def test_damaged_files_leave_no_output(tmp_path, capsys):
    people = np.random.default_rng(0).uniform(10, 1000, (4, 1, 17, 2))
    calibration = write_calibration(tmp_path / "calib.qca.txt", four_cameras())
    (tmp_path / "out").mkdir()
    whole = [write_frames(tmp_path / f"cam{number}", people) for number in range(3)]
    for name, write in detectors.WRITERS.items():
        path = write(tmp_path / name, people)
        file = path if path.is_file() else next(iter(sorted(path.iterdir())))
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        given = [
            "--keypoints",
            *whole,
            path,
            "--calibration",
            calibration,
            "--output",
            tmp_path / "out" / "a.bvh",
        ]
        assert main(["triangulate", *map(str, given), "--fps", "30"]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert path.name in error
    assert not list((tmp_path / "out").iterdir())


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["0.jpg", "3", "nan"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["people", "pose_keypoints_2d", "image_id", "keypoints", "keypoint_scores", "instance_info",
             "instances", "frame_id", "frames", "landmarks", "x", "y", "visibility", "bodies", "joints",
             "0.jpg"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from(sorted(LAYOUTS)))
def test_any_json_is_people_or_a_sentence(content, layout):
    assert LAYOUTS[layout].recognises(content) in (True, False)
    try:
        check_detections(gathered(LAYOUTS[layout].people(content, Path("a.json")), Path("a.json")))
    except ValueError as error:
        sentence(error, "a.json")


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int32, np.bool_, np.complex64, np.dtype("U3")]),
        arrays.array_shapes(min_dims=0, max_dims=5, max_side=4),
    )
)
def test_any_array_is_people_or_a_sentence(array):
    try:
        check_detections(from_array(array, "a.npy"))
    except ValueError as error:
        sentence(error, "a.npy")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:- \n[]{},'\"#.1e!%\t", max_size=60))
def test_any_text_is_a_map_or_a_sentence(text):
    try:
        assert isinstance(parse_filestorage(text), dict)
    except ValueError as error:
        sentence(error)


@pytest.mark.parametrize("size", [(0, 0), (-5, 3), (np.nan, 1), (np.inf, 1), (1e12, 1e12)])
def test_absurd_images_are_told_in_a_sentence(size, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([[[0.5, 0.4, 0.9]] * 33] * 3))
    with pytest.raises(ValueError, match="An image cannot be"):
        one_view(read_keypoints(tmp_path / "a.json"), tmp_path, size=size)


def test_one_joint_is_enough_to_be_read_and_not_more_is_claimed(tmp_path):
    people = np.full((3, 1, 17, 2), np.nan)
    people[:, :, 9] = [300, 400]
    found = one_view(read_keypoints(detectors.npy(tmp_path / "a.npy", people)), tmp_path, name="coco_17")
    assert (found.confidence > 0).sum() == 3
    np.testing.assert_allclose(found.points[0, :, 9], [[300, 400]] * 3)
