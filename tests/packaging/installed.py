# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the zip into a clean Blender, enable it, and print what came of it as one line of JSON.

Run by a Python that has bpy, as a program of its own: nothing but the zip brings the extension's code in.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

import bpy
import addon_utils

EXTENSION = "bl_ext.user_default.contrapposto"


def operators() -> list[str]:
    return sorted(name for name in dir(bpy.types) if name.startswith("CONTRAPPOSTO_OT_"))


def main(archive: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_pkg", default_set=True)
    heavy_before = "torch" in sys.modules
    bpy.ops.extensions.package_install_files(
        filepath=archive, repo="user_default", enable_on_install=True, overwrite=True
    )
    report = {
        "enabled": EXTENSION in bpy.context.preferences.addons,
        "operators": operators(),
        "torch_imported": not heavy_before and "torch" in sys.modules,
        "core_modules": sorted(name for name in sys.modules if name.split(".")[0] == "contrapposto"),
        "registered_again": [],
    }
    for _ in range(2):
        addon_utils.disable(EXTENSION)
        assert not operators(), f"left behind after unregister: {operators()}"
        addon_utils.enable(EXTENSION)
        report["registered_again"].append(operators())

    # Core comes out of the bundled wheels.
    import array_api_compat

    import contrapposto

    report["core_file"] = contrapposto.__file__
    report["core_version"] = contrapposto.__version__
    report["array_api_compat_version"] = array_api_compat.__version__
    report["user_site"] = [path.name for path in Path(contrapposto.__file__).parent.parent.iterdir()]
    report["modules_of_core"] = [
        module.name for module in pkgutil.walk_packages(contrapposto.__path__, "contrapposto.")
    ]
    for name in report["modules_of_core"]:
        importlib.import_module(name)
    print("REPORT " + json.dumps(report), flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except BaseException:  # noqa: BLE001 - whatever went wrong is shown, then the process must not linger
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
