# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of YAML that OpenCV writes: maps by indentation, lists, numbers, words, matrices.

A reader of YAML would be of no use: Blender carries none, and what OpenCV writes (``%YAML:1.0``,
tags of its own) is refused by those that are strict. There are no anchors, no references, no objects.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

MATRICES = ("!!opencv-matrix", "!!opencv-nd-matrix")
DEEPEST = 16
MOST_LINES = 100_000

_KEY = re.compile(
    r"""(?P<quote>["']?)(?P<key>[^\s:"'\[\]{},#][^:"'\[\]{},#]*?)(?P=quote)\s*:(?:\s+|$)(?P<rest>.*)"""
)
_PIECE = re.compile(r"""\[|\]|,|"[^"]*"|'[^']*'|[^\[\],\s]+""")


@dataclass(frozen=True)
class _Line:
    """A line that says something: how far it is indented, and what it says."""

    indent: int
    text: str


def parse_filestorage(content: str) -> dict[str, Any]:
    """The map that a file holds; matrices are arrays, numbers float, words str.

    Raises:
        ValueError: saying what cannot be read.
    """
    lines = _lines(content)
    found, rest = _block(lines, 0, -1, 0)
    if rest < len(lines) or not isinstance(found, dict):
        raise ValueError("it is no map of names and values")
    return found


def _lines(content: str) -> list[_Line]:
    raw = content.splitlines()
    if len(raw) > MOST_LINES:
        raise ValueError("it has too many lines")
    lines: list[_Line] = []
    indent, said, is_open = 0, list[str](), 0
    for text in raw:
        more = re.sub(r"(^|\s)#.*$", "", text.expandtabs(4)).rstrip()
        if not more.strip() or more.startswith(("%", "---", "...")):
            continue
        indent = indent if is_open > 0 else len(more) - len(more.lstrip())
        said.append(more.strip())
        is_open += more.count("[") - more.count("]")
        if is_open <= 0:
            lines.append(_Line(indent, " ".join(said)))
            said, is_open = [], 0
    return [*lines, _Line(indent, " ".join(said))] if said else lines


def _block(lines: list[_Line], at: int, above: int, depth: int) -> tuple[Any, int]:
    """The map or list that begins at a line and is indented further than what is above; and where it ends."""
    if depth > DEEPEST:
        raise ValueError("it is too deep")
    if at >= len(lines) or lines[at].indent < above:
        return None, at
    if lines[at].text.startswith("- ") and lines[at].indent >= above:
        return _items(lines, at)
    if lines[at].indent <= above:
        return None, at
    indent, found = lines[at].indent, dict[str, Any]()
    while at < len(lines) and lines[at].indent == indent:
        entry = _KEY.fullmatch(lines[at].text)
        if not entry:
            raise ValueError(f"'{lines[at].text[:30]}' is no name with a value")
        key, rest = entry["key"].strip(), entry["rest"].strip()
        at += 1
        if rest in ("", *MATRICES):
            found[key], at = _block(lines, at, indent, depth + 1)
        else:
            found[key] = _value(rest)
        if rest in MATRICES or _is_matrix(found[key]):
            found[key] = _matrix(key, found[key])
    return found, at


def _items(lines: list[_Line], at: int) -> tuple[list[Any], int]:
    indent, found = lines[at].indent, list[Any]()
    while at < len(lines) and lines[at].indent == indent and lines[at].text.startswith("- "):
        found.append(_value(lines[at].text[2:].strip()))
        at += 1
    return found, at


def _value(text: str) -> Any:  # noqa: ANN401 - a number, a word or a list
    if not text.startswith("["):
        return _scalar(text)
    whole: list[Any] = []
    open_lists = [whole]
    for piece in _PIECE.findall(text):
        if piece == "[":
            inner: list[Any] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif piece == "]":
            open_lists.pop()
        elif piece != ",":
            open_lists[-1].append(_scalar(piece))
        if not open_lists or len(open_lists) > DEEPEST:
            raise ValueError(f"'{text[:30]}' is no list")
    if len(open_lists) != 1 or len(whole) != 1:
        raise ValueError(f"'{text[:30]}' is a list that does not end")
    return whole[0]


def _scalar(text: str) -> float | str:
    if text[:1] in "\"'" and text[-1:] == text[:1]:
        return text[1:-1]
    try:
        return float(text.replace(".Nan", "nan").replace(".Inf", "inf"))
    except ValueError:
        return text


def _is_matrix(value: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(value, dict) and (
        {"rows", "cols", "data"} <= set(value) or {"sizes", "data"} <= set(value)
    )


def _matrix(key: str, value: Any) -> np.ndarray:  # noqa: ANN401 - as above
    """The array of a matrix."""
    if not _is_matrix(value):
        raise ValueError(f"the matrix '{key}' lacks rows, cols or data")
    sizes, data = value.get("sizes", [value.get("rows"), value.get("cols")]), value["data"]
    if not isinstance(data, list) or not all(isinstance(entry, float) for entry in data):
        raise ValueError(f"the matrix '{key}' holds what is no number")
    if not isinstance(sizes, list) or not all(isinstance(size, float) and size >= 1 for size in sizes):
        raise ValueError(f"the matrix '{key}' has no size")
    if math.prod(sizes) != len(data):
        raise ValueError(
            f"the matrix '{key}' has {len(data)} numbers, not {' x '.join(f'{s:g}' for s in sizes)}"
        )
    return np.array(data, dtype=float).reshape([int(size) for size in sizes])
