# SPDX-License-Identifier: GPL-3.0-or-later
"""Asset catalogs: a line of ``blender_assets.cats.txt`` in the root of an asset library.

A .blend file is part of the library whose root is the nearest folder above it that has
such a file, else of its own folder. The format is Blender's: ``UUID:path:simple name``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from .errors import Refusal
from .files import write_whole

FILE = "blender_assets.cats.txt"

_HEADER = """# This is an Asset Catalog Definition file for Blender.
#
# Empty lines and lines starting with `#` will be ignored.
# The first non-ignored line should be the version indicator.
# Other lines are of the format "UUID:catalog/path/for/assets:simple catalog name"

VERSION 1

"""


@dataclass(frozen=True)
class Catalog:
    """One catalog.

    Attributes:
        uuid: by which assets name it.
        path: parts parted by slashes.
        file: where it is written down; None while the .blend file is nowhere.
        text: what that file holds now.
        is_new: whether that file lacks it.
    """

    uuid: str
    path: str
    file: Path | None
    text: str
    is_new: bool

    def write(self) -> str:
        """Write it down if need be; one sentence if that is not possible, else nothing."""
        if self.file is None:
            return f"The catalog '{self.path}' shows once the file is saved and poses are sampled again"
        if self.is_new:
            line = f"{self.uuid}:{self.path}:{self.path.replace('/', '-')}\n"
            text = self.text if not self.text or self.text.endswith("\n") else self.text + "\n"
            try:
                write_whole(self.file, ((text or _HEADER) + line).encode())
            except OSError as error:
                return f"The catalog '{self.path}' cannot be written to {self.file}: {error}"
        return ""


def catalog_for(blend: str, path: str) -> Catalog:
    """The catalog of a .blend file by its path; it has the same UUID every time.

    Args:
        blend: the file, empty while it is not saved.
        path: the catalog's path.

    Raises:
        Refusal: if the path holds what no catalog may, or the file of catalogs cannot be read.
    """
    path = "/".join(part.strip() for part in path.split("/") if part.strip())
    if not path or ":" in path or "\n" in path:
        raise Refusal(f"'{path}' is no name of an asset catalog; use letters, and slashes between parts")
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, f"contrapposto:{path}"))
    if not blend:
        return Catalog(own, path, None, "", is_new=True)
    file = _file_for(Path(blend))
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"The asset catalogs in {file} cannot be read ({error})") from error
    for line in text.splitlines():
        there, _, rest = line.partition(":")
        if not line.startswith("#") and rest.partition(":")[0] == path:
            return Catalog(there.strip(), path, file, text, is_new=False)
    return Catalog(own, path, file, text, is_new=True)


def _file_for(blend: Path) -> Path:
    folders = blend.resolve().parents
    return next((folder / FILE for folder in folders if (folder / FILE).exists()), folders[0] / FILE)
