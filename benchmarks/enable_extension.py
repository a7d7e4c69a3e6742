# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the enabled extension's share of a start: run by a Python with bpy, with the zip and a count."""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import tempfile
import time

EXTENSION = "bl_ext.user_default.contrapposto"


def main(archive: str, repeats: int) -> None:
    """Time what each start of Blender pays: importing and registering the enabled extension.

    The first time is the switch in the preferences: Blender unpacks the bundled
    wheels and compiles the sources, once.
    """
    import bpy  # only now, when its user folder is set
    import addon_utils

    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_pkg", default_set=True)
    bpy.ops.extensions.package_install_files(
        filepath=archive, repo="user_default", enable_on_install=False, overwrite=True
    )
    began = time.perf_counter()
    addon_utils.enable(EXTENSION)
    first = time.perf_counter() - began

    def start() -> float:
        sys.modules[EXTENSION].unregister()
        for name in list(sys.modules):
            if name.startswith((EXTENSION, "contrapposto", "array_api_compat")):
                del sys.modules[name]
        began = time.perf_counter()
        importlib.import_module(EXTENSION).register()
        return time.perf_counter() - began

    seconds = statistics.median(start() for _ in range(repeats))
    result = {"seconds": seconds, "first_seconds": first, "blender": bpy.app.version_string}
    print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as profile:
        os.environ["BLENDER_USER_RESOURCES"] = profile
        try:
            main(sys.argv[1], int(sys.argv[2]))
        except BaseException:  # noqa: BLE001 - shown, then left: this process must not linger in Blender's exit
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(1)
    os._exit(0)
