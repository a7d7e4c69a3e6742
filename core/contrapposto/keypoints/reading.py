# SPDX-License-Identifier: GPL-3.0-or-later
"""Any file or folder of keypoints of one view, whoever wrote it.

Files are told apart by their content, JSON by its keys. A format that is named is taken at its word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from contrapposto.keypoints import alphapose, mediapipe, mmpose, openpose
from contrapposto.keypoints.array_file import from_array, read_npy, read_npz
from contrapposto.keypoints.csv_file import read_csv
from contrapposto.keypoints.detections import Detections, check_size, gathered
from contrapposto.keypoints.frames import numbered_files
from contrapposto.keypoints.json_file import LARGEST_FRAME, read_json


class Layout(Protocol):
    """How a detector writes JSON: one file a frame, or one for a take."""

    def recognises(self, content: Any) -> bool:  # noqa: ANN401 - it comes out of a file
        """Whether content has this layout."""
        ...

    def people(self, content: Any, file: Path) -> dict[int, list[np.ndarray]]:  # noqa: ANN401 - as above
        """Frame -> the (K, 3) points of each person."""
        ...


LAYOUTS: Mapping[str, Layout] = {
    "openpose": openpose,
    "alphapose": alphapose,
    "mmpose": mmpose,
    "mediapipe": mediapipe,
}
"""Of JSON, in the order in which they are tried."""

TABLES = {"npy": read_npy, "npz": read_npz, "csv": read_csv}
"""Of everything else."""

MOVIES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v")

FORMATS = (*LAYOUTS, *TABLES)


def read_keypoints(source: Path | str, form: str | None = None) -> Detections:
    """Everyone whom a detector saw in a view.

    Args:
        source: a file, or a folder of JSON files, one a frame.
        form: one of ``FORMATS``; told by the content if None.

    Raises:
        ValueError: with one sentence naming the file, if it is missing, damaged, of no known layout,
            or holds values that cannot be.
    """
    source = Path(source)
    if form is not None and form not in FORMATS:
        raise ValueError(f"There is no format '{form}', only {', '.join(FORMATS)}")
    if source.is_dir():
        return _folder(source, form)
    if not source.exists():
        raise ValueError(f"There is no {'folder' if not source.suffix else 'file'} {source}")
    if source.suffix.lower() in MOVIES:
        raise ValueError(
            f"{source} is a movie; have OpenPose, RTMPose or another detector find its keypoints first"
        )
    form = form or _form_of(source)
    if form in TABLES:
        return TABLES[form](source)
    content = read_json(source)
    layout = LAYOUTS.get(form) or _layout_of(content)
    if layout is None:
        return from_array(_nested(content, source), source)
    return gathered(layout.people(content, source), source)


def _form_of(file: Path) -> str:
    """The format by the first bytes, ``json`` for all layouts of it."""
    with file.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if start.startswith(b"PK"):
        return "npz"
    return "json" if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") else _by_suffix(file)


def _by_suffix(file: Path) -> str:
    suffix = file.suffix.lower().removeprefix(".")
    return suffix if suffix in TABLES or suffix == "json" else "csv"


def _layout_of(content: Any) -> Layout | None:  # noqa: ANN401 - as above
    return next((layout for layout in LAYOUTS.values() if layout.recognises(content)), None)


def _folder(folder: Path, form: str | None) -> Detections:
    """A file a frame; the first that has a layout tells that of all."""
    if form in TABLES:
        raise ValueError(f"{folder} is a folder; of the format {form} a file is needed")
    files = dict(sorted(numbered_files(folder).items()))
    layout = LAYOUTS.get(form or "") or _layout_in(files.values())
    people: dict[int, list[np.ndarray]] = {}
    held = 0
    for number, file in files.items():
        frames = layout.people(read_json(file, LARGEST_FRAME), file)
        if len(frames) > 1:
            raise ValueError(f"{file} holds several frames; give the file itself, not its folder")
        people[number] = next(iter(frames.values()), [])
        held += sum(one.size for one in people[number])
        check_size((held,), folder)
    return gathered(people, folder)


def _layout_in(files: Iterable[Path]) -> Layout:
    """The layout of the first file that has one; frames with no one may have none."""
    contents = (read_json(file, LARGEST_FRAME) for file in files)
    return next(filter(None, map(_layout_of, contents)), openpose)


def _nested(content: Any, source: Path) -> np.ndarray:  # noqa: ANN401 - as above
    """Nested lists of numbers as an array."""
    unknown = f"{source} has no layout that is known: {', '.join(LAYOUTS)}, or lists of numbers"
    if not isinstance(content, list):
        raise ValueError(unknown)
    try:
        return np.array(content, dtype=float)
    except (ValueError, TypeError) as error:
        raise ValueError(unknown) from error
