# SPDX-License-Identifier: GPL-3.0-or-later
"""The built extension, installed as its user does, in a Blender profile that is deleted afterwards.

Import it before anything of Blender: it decides where Blender keeps its preferences.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

PROFILE = tempfile.TemporaryDirectory(prefix="contrapposto-demo-")
os.environ["BLENDER_USER_RESOURCES"] = PROFILE.name  # Blender reads it while it is imported

import bpy  # noqa: E402
import addon_utils  # noqa: E402

EXTENSION = "bl_ext.user_default.contrapposto"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what Blender, Rigify and the graphics driver print to themselves away from the reader."""
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    saved = [os.dup(number) for number in (1, 2)]
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, not a path
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
        try:
            yield
        finally:
            for number, stream, before in zip((1, 2), streams, saved, strict=True):
                stream.flush()
                os.dup2(before, number)
                os.close(before)


def install(archive: Path) -> None:
    """Install and enable the extension as its user does."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(
        filepath=str(archive), repo="user_default", enable_on_install=True, overwrite=True
    )
    if EXTENSION not in bpy.context.preferences.addons:
        message = f"{archive.name} does not install; `make test-packaging` says why."
        raise RuntimeError(message)


def ending(main: Callable[[], int]) -> None:
    """Run a program and end the process with its status; what it raises is shown in full."""
    try:
        status = main()
    except Exception:  # noqa: BLE001 - shown in full, then the process must end at once
        traceback.print_exc()
        status = 1
    PROFILE.cleanup()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Blender 4.2 and 4.5 may crash or hang while Python shuts down
