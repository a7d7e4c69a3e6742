# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of body model files that the preferences name, and what lies in it."""

from __future__ import annotations

from pathlib import Path

import bpy

SUFFIXES = (".npz", ".pkl")
"""Of the files that SMPL-family models come in."""


def model_folder(context: bpy.types.Context) -> Path | None:
    """The folder that the add-on's preferences name; None if they name none."""
    addon = context.preferences.addons.get(__package__.rpartition(".")[0])
    named = addon.preferences.body_models if addon and addon.preferences else ""
    return Path(bpy.path.abspath(named)) if named else None


def models_in(folder: Path | None) -> tuple[Path, ...]:
    """The files in the folder, and in folders right in it, that may be models; none of them is opened."""
    if folder is None:
        return ()
    found = _listed(folder)
    found += [file for sub in found if sub.is_dir() for file in _listed(sub)]
    return tuple(sorted(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file()))


def _listed(folder: Path) -> list[Path]:
    """What is in a folder; nothing of one that may not be read, whose neighbours may."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def choosing_begins_at(context: bpy.types.Context) -> str:
    """The path that a file chooser opens at: in the folder, if there is one."""
    folder = model_folder(context)
    return "" if folder is None or not folder.is_dir() else f"{folder}/"
