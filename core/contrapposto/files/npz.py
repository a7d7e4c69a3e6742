# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays out of an ``.npz`` file: nothing in it is executed, damage is told in a sentence."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np


def load_arrays(path: Path, required: Collection[str]) -> dict[str, np.ndarray]:
    """All arrays of the file that can be read without pickle.

    Args:
        path: the file.
        required: names that must be there.

    Raises:
        ValueError: with one sentence, if the file is missing, damaged, needs
            pickle for a required array, or lacks one.
    """
    try:
        stored = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise ValueError(f"There is no file {path}") from error
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no .npz file") from error
    if not isinstance(stored, np.lib.npyio.NpzFile):
        raise ValueError(f"{path} holds a single array, not a set of named arrays (.npz)")
    arrays: dict[str, np.ndarray] = {}
    with stored:
        for name in stored.files:
            try:
                arrays[name] = stored[name]
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
                if name in required:
                    raise ValueError(f"The array '{name}' in {path} cannot be read: {error}") from error
    missing = sorted(set(required) - set(arrays))
    if missing:
        raise ValueError(f"{path} lacks the array{'s' * (len(missing) > 1)} {', '.join(missing)}")
    return arrays
