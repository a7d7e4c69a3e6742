# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays out of ``.npz`` and ``.npy`` files: nothing in them is executed, damage is told in a sentence."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

MOST_BYTES = 1_000_000_000
"""What an untrusted file may unpack to."""

MOST_LETTERS = 100

DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, OSError, EOFError, ValueError,
    TypeError, SyntaxError, KeyError, OverflowError, MemoryError, RecursionError, RuntimeError,
)  # fmt: skip
"""What NumPy and zip raise over damaged bytes."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file holds.

    Attributes:
        arrays: that can be read, by name.
        unreadable: why others cannot be, by name.
    """

    arrays: dict[str, np.ndarray]
    unreadable: dict[str, str]


def load_arrays(
    path: Path, required: Collection[str], optional: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of the file that can be read without pickle.

    Args:
        path: the file.
        required: names that must be there.
        optional: names that may be there; nothing else is then looked at, and what is read is
            limited to ``MOST_BYTES``. None: all that the file holds.

    Raises:
        ValueError: with one sentence, if the file is missing, damaged, needs
            pickle for a required array, lacks one, or unpacks to too much.
    """
    if optional is None:
        stored = stored_arrays(path)
    else:
        stored = stored_arrays(path, {*required, *optional}, MOST_BYTES)
    for name in required:
        if name in stored.unreadable:
            raise ValueError(f"The array '{name}' in {path} cannot be read: {stored.unreadable[name]}")
    missing = sorted(set(required) - set(stored.arrays))
    if missing:
        raise ValueError(f"{path} lacks the array{'s' * (len(missing) > 1)} {', '.join(missing)}")
    return stored.arrays


def stored_arrays(path: Path, names: Collection[str] | None = None, most_bytes: float = math.inf) -> Stored:
    """What an ``.npz`` file holds.

    Args:
        path: the file.
        names: of the arrays to look at; all if None.
        most_bytes: that they may unpack to.

    Raises:
        ValueError: with one sentence, if the file is missing, no ``.npz`` file, or unpacks to too much.
    """
    found = Stored({}, {})
    try:
        with path.open("rb") as file:
            is_array = file.read(6) == np.lib.format.MAGIC_PREFIX
        if is_array:
            raise ValueError(f"{path} holds a single array, not a set of named arrays (.npz)")
        with zipfile.ZipFile(path) as stored:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in stored.infolist()}
            wanted = {name: entry for name, entry in entries.items() if names is None or name in names}
            if sum(entry.file_size for entry in wanted.values()) > most_bytes:
                raise ValueError(f"{path} unpacks to more than {most_bytes / 1e9:g} GB")
            for name, entry in wanted.items():
                try:
                    with stored.open(entry) as stream:
                        found.arrays[name] = read_array(stream, entry.file_size)
                except DAMAGE as error:
                    found.unreadable[name] = printable(error)
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {path}") from error
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise ValueError(f"{path} is damaged or no .npz file") from error
    return found


def read_array(stream: IO[bytes], room: int) -> np.ndarray:
    """The array of an npy stream, if what its head promises fits into the bytes that there are.

    Args:
        stream: that can be sought in.
        room: bytes that there are.

    Raises:
        one of ``DAMAGE``, for what is no array, cut off, or holds objects.
    """
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"its version is {version}")
    shape, _, dtype = read[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds objects, which only pickle could read")
    if any(count < 0 for count in shape) or math.prod(shape) * dtype.itemsize > room:
        raise ValueError("it is cut off")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def printable(error: Exception) -> str:
    """What an error says, on one line and not long, whatever names a damaged file gives to things."""
    words = "".join(letter if letter.isprintable() else "?" for letter in str(error))
    return words if len(words) <= MOST_LETTERS else f"{words[:MOST_LETTERS]}..."
