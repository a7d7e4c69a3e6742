# SPDX-License-Identifier: GPL-3.0-or-later
"""``blender --command contrapposto complete_pose …``: the scripts of the extension, as one command."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

NAME = "contrapposto"
SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
JOBS = {
    "complete_pose": "fill in the bones that are not keyed, frame by frame",
    "denoise_mocap": "clean captured actions, of a file or of a whole folder",
    "fit_body": "put a body into a scene that follows keypoints of footage",
    "sample_poses": "make poses of a character: keys, pose assets or ghosts",
}

_registered: list[object] = []
"""Blender's handle of the command, while it is registered."""


def run(arguments: list[str]) -> int:
    """Do a job; its exit code, 2 if there is no such job."""
    job, *options = arguments or ["--help"]
    if job in {"-h", "--help"}:
        listed = "\n".join(f"  {name:14} {text}" for name, text in JOBS.items())
        _say(f"blender --command {NAME} JOB OPTIONS; JOB --help lists the options\n{listed}", sys.stdout)
        return 0
    if job not in JOBS:
        _say(f"{NAME}: there is no job '{job}'; there are {', '.join(JOBS)}", sys.stderr)
        return 2
    try:
        with _scripts():
            return int(importlib.import_module(job).main(options))
    except SystemExit as end:  # wrong options, or --help
        return int(end.code or 0)


@contextmanager
def _scripts() -> Iterator[None]:
    """The scripts find each other; afterwards nothing of theirs is left in Python."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        yield
    finally:
        sys.path[:] = [path for path in sys.path if path != str(SCRIPTS)]  # they put it there, too
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and Path(file).parent == SCRIPTS:
                del sys.modules[name]


def _say(text: str, stream: object) -> None:
    stream.write(f"{text}\n")
    stream.flush()


def register() -> None:
    """Register the command."""
    _registered.append(bpy.utils.register_cli_command(NAME, run))


def unregister() -> None:
    """Unregister it."""
    while _registered:
        bpy.utils.unregister_cli_command(_registered.pop())
