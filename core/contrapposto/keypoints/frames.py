# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frame a file or an image is: the last number in its name, where all are named alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

_LAST_NUMBER = re.compile(r"\d+(?![\ddD])(?!.*\d(?![\ddD]))")
"""Less the 2 of ``keypoints_2d``."""

_MOST_DIGITS = 15


def numbered_files(folder: Path) -> dict[int, Path]:
    """The JSON files of a folder by frame number: those that are named alike, as most of them are.

    ``2d`` is no number; a file that is named otherwise than most is no frame.

    Raises:
        ValueError: with one sentence, if no name has a number, two have the same, or there are the frames of
            two cameras.
    """
    files = {file.stem: file for file in sorted(folder.glob("*.json"))}
    numbers = _alike(files, folder)
    if not numbers:
        raise ValueError(f"There are no JSON files with a frame number in {folder}")
    return {number: files[name] for name, number in _each_once(numbers, folder).items()}


def numbered_images(names: Iterable[str], source: Path) -> dict[str, int]:
    """Image names as frame numbers; images without any number are frames from 0 on, by their names.

    Raises:
        ValueError: with one sentence, if two have the same number, or they are the images of two cameras.
    """
    paths = {name: PurePosixPath(name.replace("\\", "/")) for name in names}
    stems = {name: str(path.parent / path.stem) for name, path in paths.items()}
    numbers = _alike(set(stems.values()), source)
    if not numbers:
        return {name: number for number, name in enumerate(sorted(stems))}
    return _each_once({name: numbers[stem] for name, stem in stems.items() if stem in numbers}, source)


def _alike(names: Iterable[str], source: Path) -> dict[str, int]:
    """The numbers of those names that are like most others but for a number."""
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


def _each_once(numbers: dict[str, int], source: Path) -> dict[str, int]:
    """The frame numbers of names, if no two have the same."""
    names: dict[int, str] = {}
    for name, number in numbers.items():
        if number in names:
            raise ValueError(
                f"'{names[number]}' and '{name}' in {source} are both frame {number}; rename or remove one"
            )
        names[number] = name
    return numbers
