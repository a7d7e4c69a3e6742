# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays out of an ``.npz`` file: nothing in it is executed, damage is told in a sentence."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

MOST_BYTES = 1_000_000_000
"""What an untrusted file may unpack to."""

MOST_LETTERS = 100

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


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
    try:
        stored = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {path}") from error
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged or no .npz file") from error
    if not isinstance(stored, np.lib.npyio.NpzFile):
        raise ValueError(f"{path} holds a single array, not a set of named arrays (.npz)")
    arrays: dict[str, np.ndarray] = {}
    with stored:
        names = stored.files if optional is None else sorted({*required, *optional} & set(stored.files))
        if optional is not None and _unpacked(stored, names) > MOST_BYTES:
            raise ValueError(f"{path} unpacks to more than {MOST_BYTES / 1e9:g} GB")
        for name in names:
            try:
                arrays[name] = stored[name]
            except (*_DAMAGE, MemoryError) as error:
                if name in required:
                    raise ValueError(
                        f"The array '{name}' in {path} cannot be read: {printable(error)}"
                    ) from error
    missing = sorted(set(required) - set(arrays))
    if missing:
        raise ValueError(f"{path} lacks the array{'s' * (len(missing) > 1)} {', '.join(missing)}")
    return arrays


def printable(error: Exception) -> str:
    """What an error says, on one line and not long, whatever names a damaged file gives to things."""
    words = "".join(letter if letter.isprintable() else "?" for letter in str(error))
    return words if len(words) <= MOST_LETTERS else f"{words[:MOST_LETTERS]}..."


def _unpacked(stored: np.lib.npyio.NpzFile, names: Collection[str]) -> int:
    """Bytes of some arrays, by the file's own table."""
    entries = stored.zip.infolist() if stored.zip else []
    return sum(entry.file_size for entry in entries if entry.filename.removesuffix(".npy") in names)
