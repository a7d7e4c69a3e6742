# SPDX-License-Identifier: GPL-3.0-or-later
"""Records as a table to read and as JSON to compute with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Record = Mapping[str, str | float | int]


def _cell(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return str(value)


def format_table(records: Sequence[Record]) -> str:
    """The records below one header line; columns in the order of the first record."""
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [columns, *([_cell(record.get(key, "")) for key in columns] for record in records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(width) if _is_word(rows[1][i]) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _is_word(cell: str) -> bool:
    return not cell.replace(".", "").replace("-", "").replace("e", "").isdigit()


def make_room(path: Path) -> None:
    """Make the folder that records are to be written into, before hours go into measuring them.

    Raises:
        OSError: if there can be no such file.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file to write the records to")
    path.parent.mkdir(parents=True, exist_ok=True)


def write_json(records: Sequence[Record], path: Path) -> None:
    """Write the records as a list, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(list(records), indent=1) + "\n", encoding="utf-8")
    part.replace(path)
