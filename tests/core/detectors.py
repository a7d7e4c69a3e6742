# SPDX-License-Identifier: GPL-3.0-or-later
"""The same people as each detector's files have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from contrapposto.keypoints.sets import SETS

COCO = SETS["coco_17"]


def rows_of(people: np.ndarray, confidence: float) -> list[list[np.ndarray]]:
    """Frames of people, each (K, 3), of points (T, P, K, 2); zero where missing."""
    sure = np.where(np.isfinite(people[..., :1]), confidence, 0)
    return list(np.concatenate([np.nan_to_num(people), sure], axis=-1))


def alphapose(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    entries = [
        {"image_id": f"{frame}.jpg", "category_id": 1, "keypoints": person.ravel().tolist(), "score": 2.9}
        for frame, seen in enumerate(rows_of(people, confidence))
        for person in seen
    ]
    return _write(path, entries)


def alphapose_open(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    frames = {
        f"shot_{frame:04d}.png": {
            "version": "AlphaPose v0.3",
            "people": [{"pose_keypoints_2d": person.ravel().tolist()} for person in seen],
        }
        for frame, seen in enumerate(rows_of(people, confidence))
    }
    return _write(path, frames)


def alphapose_cmu(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    frames = {
        f"{frame}.jpg": {"bodies": [{"joints": person.ravel().tolist()} for person in seen]}
        for frame, seen in enumerate(rows_of(people, confidence))
    }
    return _write(path, frames)


def mmpose(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    frames = [
        {"frame_id": frame, "instances": [_instance(person) for person in seen]}
        for frame, seen in enumerate(rows_of(people, confidence))
    ]
    return _write(path, {"meta_info": {"dataset_name": "coco"}, "instance_info": frames})


def mmpose_list(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    frames = json.loads(mmpose(path, people, confidence).read_text())["instance_info"]
    return _write(path, frames)


def mmpose_pictures(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    path.mkdir(parents=True)
    for frame, seen in enumerate(rows_of(people, confidence)):
        _write(path / f"{frame:06d}.json", [_instance(person) for person in seen])
    return path


def _instance(person: np.ndarray) -> dict[str, object]:
    return {
        "keypoints": person[:, :2].tolist(),
        "keypoint_scores": person[:, 2].tolist(),
        "bbox": [[0, 0, 1, 1]],
    }


def landmarks(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    frames = [
        {"landmarks": [[_landmark(point) for point in person] for person in seen]}
        for seen in rows_of(people, confidence)
    ]
    return _write(path, {"frames": frames})


def _landmark(point: np.ndarray) -> dict[str, float]:
    x, y, sure = map(float, point)
    return {"x": x, "y": y, "z": -0.1, "visibility": sure}


def lists(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    return _write(path, np.array(rows_of(people, confidence)).tolist())


def npy(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    np.save(path, np.array(rows_of(people, confidence), dtype=np.float32))
    return path


def npz(path: Path, people: np.ndarray, confidence: float = 0.8) -> Path:
    np.savez(
        path,
        keypoints=people,
        keypoint_scores=np.where(np.isfinite(people[..., 0]), confidence, 0),
        junk=np.ones(3),
    )
    return path


def table(path: Path, people: np.ndarray, confidence: float = 0.8, names: tuple[str, ...] = COCO) -> Path:
    """A row for each person of each frame."""
    heads = [f"{name}_{axis}" for name in names for axis in ("x", "y", "confidence")]
    lines = [",".join(["frame", "person", *heads])]
    for frame, seen in enumerate(rows_of(people, confidence)):
        for number, person in enumerate(seen):
            lines.append(
                ",".join([str(frame), str(number), *(repr(float(value)) for value in person.ravel())])
            )
    path.write_text("\n".join(lines) + "\n")
    return path


def long_table(
    path: Path, people: np.ndarray, confidence: float = 0.8, names: tuple[str, ...] = COCO
) -> Path:
    """A row for each point."""
    lines = ["frame;person;landmark;x;y;z;visibility"]
    for frame, seen in enumerate(rows_of(people, confidence)):
        for number, person in enumerate(seen):
            for name, (x, y, sure) in zip(names, person, strict=True):
                lines.append(f"{frame};{number};{name};{float(x)!r};{float(y)!r};-1.5;{float(sure)!r}")
    path.write_text("\n".join(lines) + "\n")
    return path


def deeplabcut(
    path: Path, people: np.ndarray, confidence: float = 0.8, names: tuple[str, ...] = COCO
) -> Path:
    columns = [
        (f"ind{p}", name, axis)
        for p in range(people.shape[1])
        for name in names
        for axis in ("x", "y", "likelihood")
    ]
    lines = [
        ",".join([head, *values])
        for head, values in (
            ("scorer", ["net"] * len(columns)),
            ("individuals", [column[0] for column in columns]),
            ("bodyparts", [column[1] for column in columns]),
            ("coords", [column[2] for column in columns]),
        )
    ]
    for frame, seen in enumerate(rows_of(people, confidence)):
        lines.append(",".join([str(frame), *(repr(float(value)) for value in np.array(seen).ravel())]))
    path.write_text("\n".join(lines) + "\n")
    return path


def _write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


WRITERS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "alphapose.json": alphapose,
    "open.json": alphapose_open,
    "cmu.json": alphapose_cmu,
    "mmpose.json": mmpose,
    "mmpose_list.json": mmpose_list,
    "pictures": mmpose_pictures,
    "landmarks.json": landmarks,
    "lists.json": lists,
    "array.npy": npy,
    "arrays.npz": npz,
    "table.csv": table,
    "long.csv": long_table,
    "deeplabcut.csv": deeplabcut,
}
"""File name -> what writes it; of 17 points those that name them."""
