# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the extension: `dist/contrapposto-VERSION.zip`, the file that an animator installs.

Core becomes a wheel, the one pure-Python package that it needs is fetched beside it, and Blender's own
extension tool packs and validates the whole. Run it with the Python of an environment that has `bpy`; no
Blender is started. The same sources give the same bytes.

    build_extension.py                        dist/contrapposto-VERSION.zip
    build_extension.py --repository FOLDER    that zip and an index.json, for a web server or a shared folder
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
WHEELS = ROOT / "wheels"
ARRAY_API_COMPAT = "array-api-compat==1.16.0"

# Parts of core that train and measure, the published method among them, and those that only a command
# or no button uses yet: they stay in the checkout.
WORKSHOP = (
    "__main__.py",
    "*_command.py",
    "footage_options.py",
    "body/smplx_engine.py",
    "evaluation",
    "files/table.py",
    "networks/chebyshev_graph.py",
    "networks/group_norm_mlp.py",
    "priors/diffpose_released.py",
    "priors/dposer.py",
    "priors/gfpose.py",
    "priors/weights/diffpose_sequence.npz",
    "priors/weights/gfpose.npz",
    "tasks/dposer",
    "tasks/gfpose.py",
    "training",
)

# The oldest moment that a zip can hold: a file's age is no part of what it says.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
SOURCE_DATE_EPOCH = "315532800"

logger = logging.getLogger("build_extension")


def blender_extension_tool() -> Path:
    """Return Blender's `blender_ext.py`, which builds and validates extensions in plain Python.

    Raises:
        FileNotFoundError: the running Python has no bpy.
    """
    spec = find_spec("bpy")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for tool in Path(folder).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"):
            return tool
    message = f"{sys.executable} has no bpy; use the Python of .venv/bpy-4.5 (make zip does)."
    raise FileNotFoundError(message)


def workshop(package: Path) -> list[Path]:
    """The files and folders of core's package that stay in the checkout.

    Raises:
        FileNotFoundError: a part of ``WORKSHOP`` is nowhere.
    """
    found = {part: sorted(package.glob(part)) for part in WORKSHOP}
    for part, paths in found.items():
        if not paths:
            message = f"There is no {part} in {package} to leave out of the extension"
            raise FileNotFoundError(message)
    return [path for paths in found.values() for path in paths]


def build_wheels() -> None:
    """Fill `wheels/` with exactly the wheels that the manifest lists, core's without `WORKSHOP`."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    # A build folder left by an earlier run would put deleted modules into the wheel.
    shutil.rmtree(ROOT / "core" / "build", ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    environment = os.environ | {"SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    with tempfile.TemporaryDirectory() as copy:
        # Built from a copy, so that the checkout gets no build folder and the wheel nothing but sources.
        core = Path(copy) / "core"
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        shutil.copytree(ROOT / "core", core, ignore=ignore)
        for path in workshop(core / "contrapposto"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        subprocess.run(
            [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", WHEELS, core],
            check=True,
            env=environment,
        )
    download = [*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*download, "--dest", WHEELS, ARRAY_API_COMPAT], check=True)


def normalise(archive: Path) -> None:
    """Rewrite a zip with sorted entries and one date, so that the same sources give the same bytes."""
    rewritten = archive.with_suffix(".part")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(rewritten, "w") as target:
        for entry in sorted(source.infolist(), key=lambda entry: entry.filename):
            clean = zipfile.ZipInfo(entry.filename, ZIP_EPOCH)
            clean.compress_type = entry.compress_type
            clean.external_attr = 0o644 << 16
            target.writestr(clean, source.read(entry), compresslevel=9)
    rewritten.replace(archive)


def archive_path() -> Path:
    """Where the zip of this version lies, or will lie."""
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    return DIST / f"{manifest['id']}-{manifest['version']}.zip"


def build() -> Path:
    """Build and validate the zip; return where it lies.

    Raises:
        subprocess.CalledProcessError: pip or Blender's tool refused; its own output has been shown.
    """
    archive = archive_path()
    tool = [sys.executable, blender_extension_tool()]
    build_wheels()
    DIST.mkdir(exist_ok=True)
    archive.unlink(missing_ok=True)
    subprocess.run([*tool, "build", "--source-dir", ROOT, "--output-filepath", archive], check=True)
    normalise(archive)
    subprocess.run([*tool, "validate", archive], check=True)
    return archive


def make_repository(folder: Path) -> Path:
    """Put the zip into a folder with the index that Blender reads a repository from; return the index.

    Raises:
        FileNotFoundError: there is no zip of this version.
        subprocess.CalledProcessError: Blender's tool refused; its own output has been shown.
    """
    archive = archive_path()
    if not archive.is_file():
        message = f"{archive} is not there; run make zip first."
        raise FileNotFoundError(message)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(archive, folder)
    command = [sys.executable, blender_extension_tool(), "server-generate", "--repo-dir", folder.resolve()]
    subprocess.run(command, check=True)
    return folder / "index.json"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Build the extension, or a repository of it.")
    parser.add_argument("--repository", type=Path, metavar="FOLDER", help="write a static repository there")
    wanted = parser.parse_args().repository
    if wanted:
        logger.info("%s: add it in Preferences, Get Extensions, Repositories", make_repository(wanted))
    else:
        made = build()
        logger.info("%s: %.1f MB", made.relative_to(ROOT), made.stat().st_size / 1e6)
