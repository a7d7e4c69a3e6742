# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frame a file or an image is: the last number in its name, where all are named alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_LAST_NUMBER = re.compile(r"\d+(?![\ddD])(?!.*\d(?![\ddD]))")
"""Less the 2 of ``keypoints_2d``."""

_MOST_DIGITS = 15


def numbered_files(folder: Path) -> dict[int, Path]:
    """The JSON files of a folder by frame number: those that are named alike, as most of them are.

    ``2d`` is no number; a file that is named otherwise than most is no frame.

    Raises:
        ValueError: with one sentence, if no name has a number, or there are the frames of two cameras.
    """
    files = {file.stem: file for file in sorted(folder.glob("*.json"))}
    numbers = _alike(files, folder)
    if not numbers:
        raise ValueError(f"There are no JSON files with a frame number in {folder}")
    return {number: files[name] for name, number in numbers.items()}


def numbered_images(names: Iterable[str], source: Path) -> dict[str, int]:
    """Image names as frame numbers; a name without any, as of a single picture, is frame 0.

    Raises:
        ValueError: with one sentence, if they are the images of two cameras.
    """
    stems = {name: Path(name).stem for name in names}
    numbers = _alike(set(stems.values()), source)
    if not numbers:
        return dict.fromkeys(list(stems)[:1], 0)
    return {name: numbers[stem] for name, stem in stems.items() if stem in numbers}


def _alike(names: Iterable[str], source: Path) -> dict[str, int]:
    alike: dict[tuple[str, str], dict[str, int]] = {}
    for name in names:
        number = _LAST_NUMBER.search(name)
        if number and len(number.group()) <= _MOST_DIGITS:
            around = name[: number.start()], name[number.end() :]
            alike.setdefault(around, {})[name] = int(number.group())
    counts = sorted((len(found) for found in alike.values()), reverse=True)
    if len(counts) > 1 and 2 * counts[1] >= counts[0]:
        raise ValueError(f"{source} holds the frames of more than one camera; give each its own")
    return max(alike.values(), key=len) if alike else {}
