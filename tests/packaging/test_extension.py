# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip that an animator installs: what is in it, and that it installs into a clean Blender."""

from __future__ import annotations

import hashlib
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = runpy.run_path(str(ROOT / "tools" / "build_extension.py"))
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
ARCHIVE = ROOT / "dist" / f"contrapposto-{MANIFEST['version']}.zip"
BLENDERS = ["4.2", "4.5", "5.0", "5.2"]
TAGS_OF_THE_PLATFORM = ["3D View", "Animation", "Import-Export", "Pipeline", "Rigging", "Tracking"]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def names() -> list[str]:
    assert ARCHIVE.exists(), "no zip: run `make zip`"
    with zipfile.ZipFile(ARCHIVE) as archive:
        return archive.namelist()


def bpy_python(blender: str) -> Path:
    python = ROOT / ".venv" / f"bpy-{blender}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment with Blender {blender}: run `make test-blender`")
    return python


@pytest.fixture(scope="module", params=BLENDERS)
def report(request, tmp_path_factory) -> dict:
    """What `installed.py` saw in one version of Blender."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["BLENDER_USER_RESOURCES"] = str(tmp_path_factory.mktemp("profile"))
    command = [bpy_python(request.param), Path(__file__).with_name("installed.py"), ARCHIVE]
    run = subprocess.run(
        command, env=environment, cwd=ROOT.parent, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    line = next(line for line in run.stdout.splitlines() if line.startswith("REPORT "))
    return json.loads(line.removeprefix("REPORT ")) | {"profile": environment["BLENDER_USER_RESOURCES"]}


def test_the_zip_is_small_enough_to_download_in_passing(names):
    assert ARCHIVE.stat().st_size < 25 * MEGABYTE


def test_the_zip_holds_the_add_on_and_nothing_of_the_workshop(names):
    allowed = re.compile(
        r"(addon|operators|panels|scripts|wheels)/|"
        r"(__init__\.py|blender_manifest\.toml|LICENSE|README\.md|CHANGELOG\.md|docs/licences\.md|docs/apache-2\.0\.txt)$"
    )
    assert [name for name in names if not allowed.match(name)] == []
    assert {
        "__init__.py",
        "blender_manifest.toml",
        "LICENSE",
        "docs/licences.md",
        "docs/apache-2.0.txt",
    } <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".blend1"))]


def test_a_change_of_any_file_in_the_zip_has_make_build_it_anew(names):
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}
    }
    rules = subprocess.run(
        ["make", "--print-data-base", "--dry-run", "zip"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    rule = next(line for line in rules.stdout.splitlines() if line.startswith(f"dist/{ARCHIVE.name}:"))
    packed = {name for name in names if not name.startswith("wheels/") and not name.endswith("/")}
    assert packed <= set(rule.split())


def test_the_zip_holds_exactly_the_wheels_that_the_manifest_lists_and_never_numpy(names):
    wheels = sorted(name for name in names if name.endswith(".whl"))
    assert wheels == sorted(wheel.removeprefix("./") for wheel in MANIFEST["wheels"])
    assert not [wheel for wheel in wheels if re.search(r"numpy|torch|scipy|smplx", wheel)]


def test_the_wheel_of_core_holds_its_data_and_leaves_training_and_measuring_in_the_checkout(names, tmp_path):
    wheel = next(name for name in names if "/contrapposto-" in name)
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extract(wheel, tmp_path)
    with zipfile.ZipFile(tmp_path / wheel) as core:
        held = {name for name in core.namelist() if name.startswith("contrapposto/")}
    package = ROOT / "core" / "contrapposto"
    files = [
        *package.rglob("*.py"),
        *package.glob("rig/profiles/*.json"),
        *package.glob("priors/weights/*"),
        *package.glob("body/data/*"),
    ]
    left_out = BUILD["workshop"](package)
    files = [path for path in files if not any(path.is_relative_to(part) for part in left_out)]
    written = {path.relative_to(ROOT / "core").as_posix() for path in files if path.is_file()}
    assert held - {"contrapposto/py.typed"} == written


def test_nothing_in_the_wheel_of_core_needs_what_stays_in_the_checkout():
    package = ROOT / "core" / "contrapposto"
    left_out = BUILD["workshop"](package)

    def stays(path: Path) -> bool:
        return any(path.is_relative_to(part) for part in left_out)

    for path in (path for path in package.rglob("*.py") if not stays(path)):
        for module, names in re.findall(
            r"^\s*from contrapposto([\w.]*) import ([\w, ]+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            place = package.joinpath(*module.strip(".").split("."))
            needed = [place.with_suffix(".py"), *(place / f"{name.strip()}.py" for name in names.split(","))]
            assert not [one for one in needed if one.exists() and stays(one)], path


def test_blender_finds_nothing_to_object_to_in_the_zip(names, tmp_path):
    tools = (bpy_python("4.5").parent.parent / "lib").glob(
        "python3*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    )
    tags = tmp_path / "tags.json"
    tags.write_text(json.dumps({"add-on": TAGS_OF_THE_PLATFORM, "theme": []}), encoding="utf-8")
    command = [sys.executable, next(tools), "validate", "--valid-tags", tags, ARCHIVE]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_studios_repository_holds_the_zip_and_the_index_that_blender_reads(names, tmp_path):
    command = [bpy_python("4.5"), ROOT / "tools" / "build_extension.py", "--repository", tmp_path]
    subprocess.run(command, capture_output=True, check=True)
    (entry,) = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))["data"]
    packed = tmp_path / entry["archive_url"]
    assert entry["id"] == MANIFEST["id"]
    assert entry["version"] == MANIFEST["version"]
    assert entry["archive_hash"] == f"sha256:{hashlib.sha256(packed.read_bytes()).hexdigest()}"
    assert packed.read_bytes() == ARCHIVE.read_bytes()


def test_the_version_is_the_same_wherever_it_is_written():
    text = (ROOT / "core" / "contrapposto" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.+)"', text)
    assert version is not None
    assert version[1] == MANIFEST["version"]
    assert f"./wheels/contrapposto-{version[1]}-py3-none-any.whl" in MANIFEST["wheels"]


def test_the_bundled_array_api_compat_is_the_one_that_the_tests_run_on():
    version = next(re.search(r"array_api_compat-([\d.]+)-", wheel) for wheel in MANIFEST["wheels"])
    assert version is not None
    for blender in BLENDERS:
        pins = (ROOT / "requirements" / f"bpy-{blender}.txt").read_text(encoding="utf-8")
        assert f"array-api-compat=={version[1]}\n" in pins


def test_it_installs_and_enables_in_a_clean_blender(report):
    assert report["enabled"]
    assert "CONTRAPPOSTO_OT_complete_pose" in report["operators"]


def test_enabling_imports_neither_torch_nor_weights(report):
    assert not report["torch_imported"]
    assert not [name for name in report["core_modules"] if name.startswith("contrapposto.priors")]


def test_register_and_unregister_go_twice_in_a_row(report):
    assert report["registered_again"] == [report["operators"], report["operators"]]


def test_every_module_of_core_that_is_installed_can_be_imported(report):
    assert {"contrapposto.tasks.complete", "contrapposto.rig.mapping"} <= set(report["modules_of_core"])


def test_core_comes_out_of_the_zip_in_the_manifests_version(report):
    assert report["core_file"].startswith(report["profile"])
    assert report["core_version"] == MANIFEST["version"]
    assert "array_api_compat" in report["user_site"]
    assert "numpy" not in report["user_site"]
