# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights on disk: one ``.npz`` of float16 arrays and a JSON header, never a pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "contrapposto-weights"
VERSION = 1


class WeightsError(ValueError):
    """Weights that are missing, damaged or of another version; the text says which."""


def under(name: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays of a part, by names that begin with the part's."""
    return {f"{name}.{key}": value for key, value in arrays.items()}


def split_off(name: str, arrays: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays that are not a part's, and those that are, by their names within it."""
    own = {key: value for key, value in arrays.items() if not key.startswith(f"{name}.")}
    inner = {key.removeprefix(f"{name}."): value for key, value in arrays.items() if key not in own}
    return own, inner


def save(path: Path, kind: str, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write the file whole or not at all; arrays are stored as float16.

    Args:
        path: the ``.npz`` file.
        kind: what the weights are, such as "pose".
        config: JSON-able settings that the arrays need to be used.
        arrays: finite arrays by name.

    Raises:
        ValueError: if a value is not finite or does not fit float16.
    """
    stored: dict[str, Any] = {name: np.asarray(value, dtype=np.float16) for name, value in arrays.items()}
    for name, value in stored.items():
        if not np.all(np.isfinite(value)):
            raise ValueError(f"'{name}' has values that float16 cannot hold")
    header = json.dumps({"format": FORMAT, "version": VERSION, "kind": kind, "config": dict(config)})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            np.savez(file, header=np.array(header), **stored)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a weights file as (config, float32 arrays by name).

    Raises:
        WeightsError: one sentence that names the file and what to do.
    """
    if not path.is_file():
        raise WeightsError(f"The weights file '{path.name}' is missing; reinstall Contrapposto")
    damaged = f"The weights file '{path.name}' is damaged; reinstall Contrapposto"
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            arrays = {name: file[name].astype(np.float32) for name in file.files if name != "header"}
        found, version, config = header["kind"], header["version"], dict(header["config"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise WeightsError(damaged) from error
    if header.get("format") != FORMAT or not all(np.all(np.isfinite(a)) for a in arrays.values()):
        raise WeightsError(damaged)
    if version != VERSION or found != kind:
        raise WeightsError(
            f"'{path.name}' holds {found} weights of version {version}; "
            f"this release reads {kind} weights of version {VERSION}"
        )
    return config, arrays
