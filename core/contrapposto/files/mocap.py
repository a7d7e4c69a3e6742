# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips of human motion for training and evaluation, and the shared data format.

A data folder holds ``splits.json`` (split name to a list of ``source/subject``) and
one ``poses/source/subject.npz`` a subject: quantised local axis-angle rotations of
all clips in a row, pelvis positions, bad-frame marks and skeleton offsets. A name
of ``splits.json`` may also be a BVH or AMASS-style file of the folder, or a folder of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from contrapposto.files.npz import load_arrays
from contrapposto.skeleton import NUM_JOINTS

_ARRAYS = ("poses", "scale", "trans", "bad", "offsets", "clip_names", "clip_start", "fps")


@dataclass(frozen=True, eq=False)
class Clip:
    """One take of one person.

    Attributes:
        name: the clip's own name.
        subject: who moves, as ``source/subject``; empty where unknown.
        rotvec: (T, 22, 3) float32 local rotations as axis-angle vectors, radians.
        transl: (T, 3) float32 pelvis position, metres; the floor is y = 0.
        bad: (T,) bool, frames to keep out of training; no window may cross one.
        offsets: (22, 3) float32 joint positions in the parent's frame, metres.
        fps: frames a second.
    """

    name: str
    subject: str
    rotvec: np.ndarray
    transl: np.ndarray
    bad: np.ndarray
    offsets: np.ndarray
    fps: float

    def __post_init__(self) -> None:
        frames = len(self.rotvec)
        shapes = {
            "rotvec": (self.rotvec, (frames, NUM_JOINTS, 3)),
            "transl": (self.transl, (frames, 3)),
            "bad": (self.bad, (frames,)),
            "offsets": (self.offsets, (NUM_JOINTS, 3)),
        }
        for field, (value, shape) in shapes.items():
            if value.shape != shape:
                raise ValueError(f"Clip '{self.name}': {field} must be {shape}, not {value.shape}")
        if not self.fps > 0:
            raise ValueError(f"Clip '{self.name}' has a frame rate of {self.fps}")

    def __len__(self) -> int:
        return len(self.rotvec)


def read_subject(path: Path | str, subject: str = "") -> list[Clip]:
    """All clips of one subject's file, in the file's order.

    Args:
        path: the ``.npz`` file.
        subject: name to give the clips; ``folder/stem`` of the path if empty.

    Raises:
        ValueError: with one sentence, if the file is missing, damaged or of another layout.
    """
    path = Path(path)
    subject = subject or f"{path.parent.name}/{path.stem}"
    data = load_arrays(path, _ARRAYS)
    frames = len(data["poses"])
    starts = data["clip_start"]
    if len(starts) != len(data["clip_names"]) + 1 or starts[0] != 0 or starts[-1] != frames:
        raise ValueError(f"The clips of {path} do not cover its {frames} frames")
    if len(data["trans"]) != frames or len(data["bad"]) != frames:
        raise ValueError(f"The arrays of {path} differ in length")
    rotvec = data["poses"].astype(np.float32) * np.float32(data["scale"])
    return [
        Clip(
            name=str(name),
            subject=subject,
            rotvec=rotvec[start:stop],
            transl=data["trans"][start:stop].astype(np.float32),
            bad=data["bad"][start:stop].astype(bool),
            offsets=offsets.astype(np.float32),
            fps=float(data["fps"]),
        )
        for name, start, stop, offsets in zip(
            data["clip_names"], starts[:-1], starts[1:], data["offsets"], strict=True
        )
    ]


def split_subjects(data: Path | str, split: str) -> list[str]:
    """The ``source/subject`` names of one split of a data folder.

    Raises:
        ValueError: with one sentence, if ``splits.json`` is missing, damaged or has no such split.
    """
    path = Path(data) / "splits.json"
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"There is no {path}; is this a motion data folder?") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON (line {error.lineno})") from error
    names = {key: value for key, value in splits.items() if isinstance(value, list)}
    if split not in names:
        raise ValueError(f"{path} has no split '{split}', only {', '.join(sorted(names))}")
    return [str(name) for name in names[split]]


def read_split(data: Path | str, split: str) -> list[Clip]:
    """All clips of one split (``train``, ``val`` or ``test``) of a data folder.

    Raises:
        ValueError: with one sentence, naming the file that is missing or damaged.
    """
    return [clip for name in split_subjects(data, split) for clip in _read_named(Path(data), name)]


def _read_named(data: Path, name: str) -> list[Clip]:
    """``poses/NAME.npz``, or the motion file or folder of motion files that is called so."""
    from contrapposto.files.motion_files import read_clips  # it reads this format too

    stored, loose = data / "poses" / f"{name}.npz", data / name
    if stored.exists():
        return read_subject(stored, name)
    if loose.exists():
        return [replace(clip, subject=name) for clip in read_clips(loose)]
    raise ValueError(f"{data / 'splits.json'} names '{name}', but there is no {stored} and no {loose}")
