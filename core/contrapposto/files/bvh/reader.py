# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files: a skeleton of named joints and one row of channel values a frame.

What programs disagree on is read in the widest sense: any rotation order, position
channels on any joint (a position replaces the joint's OFFSET), several roots, names
with blanks. Nothing is guessed about units or axes here.

Format: Biovision's, as Meredith and Maddock 2001, "Motion Capture File Formats
Explained", describe it.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_CHANNELS = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}
_DEEPEST = 200  # joints in one chain; more is a damaged file


@dataclass(frozen=True, eq=False)
class BvhFile:
    """What a BVH file says, in its own units, angles still in degrees.

    Attributes:
        names: joint names, parents first; made unique by ``.001``, ``.002``, …
        parents: index of each joint's parent, -1 for a root.
        offsets: (J, 3) rest position in the parent's frame.
        ends: (J, 3) End Site of each joint, nan where it has none.
        channels: each joint's channels in order, lower case, such as ``zrotation``.
        values: (T, C) one row a frame, the joints' channels in a row.
        frame_time: seconds a frame.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    ends: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    values: np.ndarray
    frame_time: float

    @property
    def fps(self) -> float:
        """Frames a second, cleaned of the rounding that frame times suffer in files."""
        exact = 1 / self.frame_time
        whole = float(round(exact))
        return whole if abs(exact - whole) < 1e-3 * exact else exact


def read_bvh(path: Path | str) -> BvhFile:
    """Read a BVH file.

    Raises:
        ValueError: with one sentence and the line's number, if the file is
            missing, damaged or holds no frames.
    """
    lines = _Lines(Path(path))
    if lines.next().upper() != "HIERARCHY":
        raise lines.error("a BVH file starts with HIERARCHY")
    tree = _Tree(lines)
    while (line := lines.next()).upper() != "MOTION":
        tree.read_joint(line, "ROOT", -1)
    values, frame_time = _read_frames(lines, sum(map(len, tree.channels)))
    return BvhFile(
        names=tuple(tree.names),
        parents=tuple(tree.parents),
        offsets=np.array(tree.offsets),
        ends=np.array(tree.ends),
        channels=tuple(tree.channels),
        values=values,
        frame_time=frame_time,
    )


class _Lines:
    """The lines of a file with their numbers, for errors that point at the place."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.number = 0
        try:
            self.lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except FileNotFoundError as error:
            raise ValueError(f"There is no file {path}") from error
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from error
        self._pending: deque[str] = deque()

    def error(self, problem: str) -> ValueError:
        """The error to raise about the current line."""
        return ValueError(f"{self.name}, line {self.number}: {problem}")

    def next(self) -> str:
        """The next statement: a line that is not blank, or a brace, wherever it stands."""
        while not self._pending:
            if self.number >= len(self.lines):
                raise self.error("the file ends too early")
            parts = re.split(r"([{}])", self.lines[self.number])
            self._pending.extend(part.strip() for part in parts if part.strip())
            self.number += 1
        return self._pending.popleft()

    def expect(self, statement: str) -> None:
        """Pass over ``statement``, which must come next."""
        if (found := self.next()) != statement:
            raise self.error(f"expected '{statement}', found '{found}'")

    def numbers(self, words: list[str], count: int) -> list[float]:
        """``count`` finite numbers out of ``words``."""
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            raise self.error(f"expected numbers, found '{_shortened(words)}'") from error
        if len(values) != count or not np.all(np.isfinite(values)):
            raise self.error(f"expected {count} finite numbers, found '{_shortened(words)}'")
        return values


class _Tree:
    """The joints read so far."""

    def __init__(self, lines: _Lines) -> None:
        self.lines = lines
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.ends: list[list[float]] = []
        self.channels: list[tuple[str, ...]] = []

    def read_joint(self, line: str, keyword: str, parent: int, depth: int = 0) -> None:
        """Read one joint and everything below it; ``line`` is its first one."""
        word, *name = line.split(maxsplit=1)
        if word.upper() != keyword or not name:
            raise self.lines.error(f"expected {keyword} and a name, found '{line}'")
        if depth > _DEEPEST:
            raise self.lines.error(f"more than {_DEEPEST} joints hang in one chain")
        joint = len(self.names)
        self.names.append(self._unique(name[0]))
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.ends.append([np.nan] * 3)
        self.channels.append(())
        self.lines.expect("{")
        while (line := self.lines.next()) != "}":
            word, *rest = line.split()
            match word.upper():
                case "OFFSET":
                    self.offsets[joint] = self.lines.numbers(rest, 3)
                case "CHANNELS":
                    self.channels[joint] = self._channel_names(rest)
                case "END":
                    self.ends[joint] = self._read_end()
                case _:
                    self.read_joint(line, "JOINT", joint, depth + 1)

    def _read_end(self) -> list[float]:
        self.lines.expect("{")
        word, *rest = self.lines.next().split()
        if word.upper() != "OFFSET":
            raise self.lines.error(f"expected the End Site's OFFSET, found '{word}'")
        offset = self.lines.numbers(rest, 3)
        self.lines.expect("}")
        return offset

    def _channel_names(self, words: list[str]) -> tuple[str, ...]:
        found = tuple(word.lower() for word in words[1:])
        unknown = [word for word in words[1:] if word.lower() not in _CHANNELS]
        if unknown:
            raise self.lines.error(f"there is no channel '{unknown[0]}'")
        if not words or words[0] != str(len(found)) or len(set(found)) != len(found):
            raise self.lines.error(f"'CHANNELS {' '.join(words)}' does not list the channels that it counts")
        return found

    def _unique(self, name: str) -> str:
        candidate, number = name, 0
        while candidate in self.names:
            number += 1
            candidate = f"{name}.{number:03d}"
        return candidate


def _read_frames(lines: _Lines, width: int) -> tuple[np.ndarray, float]:
    """(T, width) channel values and the seconds a frame."""
    if width == 0:
        raise lines.error("no joint has a channel, so nothing moves")
    head, _, count = lines.next().partition(":")
    if head.strip().upper() != "FRAMES" or not count.strip().isdigit() or int(count) < 1:
        raise lines.error("expected 'Frames:' and how many there are")
    head, _, seconds = lines.next().partition(":")
    if head.strip().upper() != "FRAME TIME":
        raise lines.error("expected 'Frame Time:' and seconds")
    (frame_time,) = lines.numbers(seconds.split(), 1)
    if frame_time <= 0:
        raise lines.error(f"a frame cannot last {frame_time} seconds")
    start = lines.number
    try:
        values = np.array(" ".join(lines.lines[start:]).split(), dtype=float)
    except ValueError as error:
        raise _frame_error(lines, start, int(count), width) from error
    if values.size != int(count) * width or not np.all(np.isfinite(values)):
        raise _frame_error(lines, start, int(count), width)
    return values.reshape(-1, width), frame_time


def _frame_error(lines: _Lines, start: int, frames: int, width: int) -> ValueError:
    """What is wrong with the numbers after line ``start``, at the first place where it shows."""
    rows = 0
    for number, line in enumerate(lines.lines[start:], start + 1):
        lines.number = number
        words = line.split()
        try:
            lines.numbers(words, len(words))
        except ValueError as error:
            return error
        if words and len(words) != width:
            return lines.error(f"this frame has {len(words)} values, the joints have {width} channels")
        rows += bool(words)
    return lines.error(f"{frames} frames were announced, {rows} are there")


def _shortened(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 40 else f"{text[:40]}…"
