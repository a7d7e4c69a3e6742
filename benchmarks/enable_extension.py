# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the enabled extension's share of a start: run by a Python with bpy, with the zip and a count."""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

EXTENSION = "bl_ext.user_default.contrapposto"


def install(archive: str) -> float:
    """Install the zip and switch it on for the first time; how many seconds the switch took.

    Once only, Blender unpacks the bundled wheels and Python compiles the sources.
    """
    import bpy
    import addon_utils

    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(
        filepath=archive, repo="user_default", enable_on_install=False, overwrite=True
    )
    began = time.perf_counter()
    addon_utils.enable(EXTENSION)
    return time.perf_counter() - began


def start() -> float:
    """What each further start of Blender pays: importing and registering what is installed, in seconds."""
    import bpy  # noqa: F401 - makes installed extensions importable

    began = time.perf_counter()
    importlib.import_module(EXTENSION).register()
    return time.perf_counter() - began


def main(archive: str, repeats: int) -> None:
    """Time the first switch, then starts, each in a process of its own."""
    sys.dont_write_bytecode = False
    first = install(archive)
    # Blender itself does not listen to Python's variables, and keeps what it has compiled.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds = [
        float(
            subprocess.run(
                [sys.executable, __file__], env=environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout
        )
        for _ in range(repeats)
    ]
    import bpy

    result = {
        "seconds": statistics.median(seconds),
        "first_seconds": first,
        "blender": bpy.app.version_string,
    }
    print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    try:
        if len(sys.argv) == 1:
            print(start(), flush=True)
        else:
            with tempfile.TemporaryDirectory() as profile:
                os.environ["BLENDER_USER_RESOURCES"] = profile
                main(sys.argv[1], int(sys.argv[2]))
    except BaseException:  # noqa: BLE001 - shown, then left: this process must not linger in Blender's exit
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
