# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean Blender for every test, with the extension of this checkout and Rigify enabled.

The extension is a link to the checkout inside Blender's own extension folder: the package has the name, the
preferences and the user folder that it has once installed, and what is tested is what is edited.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import contrapposto.skeleton  # noqa: F401 - core's, before pytest takes a clone called contrapposto for it

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(Path(__file__).parent))  # for rigs.py
EXTENSION = "bl_ext.user_default.contrapposto"

# Blender reads this while it is imported, so it is set before any test module imports bpy. A Blender that
# runs already, because the tests were started inside of it, has a folder of its own.
USER_RESOURCES = Path(tempfile.mkdtemp(prefix="contrapposto-blender-"))
if "bpy" not in sys.modules:
    os.environ["BLENDER_USER_RESOURCES"] = str(USER_RESOURCES)

exit_status = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def extension() -> Iterator[str]:
    """The name of the enabled extension's package, for `importlib.import_module(f"{extension}.addon...")`."""
    import bpy
    import addon_utils

    bpy.ops.wm.read_factory_settings(use_empty=True)
    folder = Path(bpy.utils.user_resource("EXTENSIONS", path="user_default", create=True))
    (folder / "contrapposto").symlink_to(ROOT, target_is_directory=True)
    addon_utils.enable("bl_pkg", default_set=True)
    assert addon_utils.enable("rigify", default_set=True), "Rigify does not register"
    assert addon_utils.enable(EXTENSION, default_set=True), "the extension does not register"
    yield EXTENSION
    addon_utils.disable(EXTENSION, default_set=True)


@pytest.fixture(autouse=True)
def fresh_file(extension: str) -> None:
    """Each test begins in an empty file; preferences and enabled add-ons stay."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


@pytest.fixture(scope="session")
def rigify_file(extension: str) -> Path:
    """A file that holds Rigify's human, generated once a session."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()
    path = USER_RESOURCES / "rigify_human.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def rigify_human(rigify_file: Path, fresh_file: None):
    """Rigify's generated human (706 bones), active, in pose mode."""
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(rigify_file), use_scripts=True)
    rig = next(o for o in bpy.data.objects if o.type == "ARMATURE" and o.name != "metarig")
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    return rig


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[exit_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once: Blender 4.2 crashes and 4.5 hangs while Python shuts down."""
    shutil.rmtree(USER_RESOURCES, ignore_errors=True)
    if exit_status in config.stash and "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[exit_status])
