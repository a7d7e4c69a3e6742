# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone names: which side they say, what they say without prefix, spelling and case.

Pure functions on single names. Prefixes are stripped a bone at a time, since one
armature may carry several of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_NAMESPACE = re.compile(r"^.*[:|]")
_FAMILY = re.compile(
    r"^((?i:mixamorig\d*_?|Character\d*_|CC_Base_|J_(Bip|Adj|Opt|Sec)_|Bip0*\d+[ _]?|ValveBiped\.)"
    r"|RL_(?=[A-Z])|(DEF|ORG|MCH|VIS|WGT)-|[fm]_avg_|HLP_|JD_|JU_|Bone_|C[fF]_[SJ]_|C_|G_|Joint_)(?=.)"
)
_HELPER = re.compile(r"^(MCH|VIS|WGT)-|^J_(Adj|Opt|Sec)_")
_DUPLICATE = re.compile(r"\.\d{3}$")

_BOUND = r"[._\-: |()\[\]{}<>]"
_WORD_SIDE = re.compile(r"left|right", re.IGNORECASE)
_LONE_SIDE = re.compile(rf"(?:(?<=^)|(?<={_BOUND}))[LlRr](?=$|{_BOUND})")
_GLUED_SIDE = re.compile(r"^(?:[lr](?=[A-Z])|[LR](?=[A-Z]{1,2}[a-z]))")
_VERTEBRA = re.compile(r"^[CTLctl]\d{1,2}$")
_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
_EMPTY_WORDS = frozenset({"jnt", "bone"})

_OTHER = str.maketrans("lrLR左右", "rlRL右左")
_OTHER_WORD = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class CanonicalName:
    """What a bone name says: its words in lower case, and its side taken out.

    Attributes:
        words: lower-case words and unpadded numbers, in order.
        side: ``"l"``, ``"r"`` or ``""`` for the midline.
    """

    words: tuple[str, ...]
    side: str


def strip_namespace(name: str) -> str:
    """The name without what stands before its last colon or bar (``mixamorig:``, ``Armature|``)."""
    return _NAMESPACE.sub("", name) or name


@lru_cache(maxsize=16384)
def strip_prefix(name: str) -> str:
    """The name without namespace and family prefix (``CC_Base_``, ``Bip001 ``, ``DEF-``)."""
    name = strip_namespace(name)
    for _ in range(2):  # ValveBiped.Bip01_L_Thigh carries two
        name = _FAMILY.sub("", name)
    return name


@lru_cache(maxsize=16384)
def squash(name: str) -> str:
    """The name's letters and digits alone, in lower case and without prefix: ``leftupleg``."""
    return "".join(c for c in strip_prefix(name).casefold() if c.isalnum())


def strip_duplicate(name: str) -> str:
    """The name without the number that Blender adds to a name already taken (``.001``)."""
    return _DUPLICATE.sub("", name)


def is_helper(name: str) -> bool:
    """Whether the prefix says that the bone is mechanism, widget or sway, never a joint."""
    return _HELPER.match(name) is not None


@lru_cache(maxsize=16384)
def canonical(name: str) -> CanonicalName:
    """What the name says, whatever its prefix, spelling, case and number padding.

    ``L5`` and ``T8`` are vertebrae, not sides.
    """
    name = strip_prefix(unicodedata.normalize("NFKC", name))
    if _VERTEBRA.match(name):
        return CanonicalName((name[0].lower(), str(int(name[1:]))), "")
    side = ""
    for mark, letter in (("左", "l"), ("右", "r")):
        if mark in name:
            side, name = letter, name.replace(mark, " ")
    for pattern in (_WORD_SIDE, _LONE_SIDE, _GLUED_SIDE):
        found = None if side else pattern.search(name)
        if found:
            side = found.group().lower()[0]
            name = f"{name[: found.start()]} {name[found.end() :]}"
    words = (str(int(w)) if w.isdecimal() else w.lower() for w in _TOKEN.findall(name.replace("_", " ")))
    return CanonicalName(tuple(w for w in words if w not in _EMPTY_WORDS), side)


def flip_name(name: str) -> str:
    """The name of the same bone on the other side; the name itself on the midline."""
    if "左" in name or "右" in name:
        return name.translate(_OTHER)
    prefix = name[: len(name) - len(strip_prefix(name))]
    rest = name[len(prefix) :]
    if _WORD_SIDE.search(rest):
        return prefix + _WORD_SIDE.sub(_flip_word, rest, count=1)
    for pattern in (_LONE_SIDE, _GLUED_SIDE):
        if pattern.search(rest):
            return prefix + pattern.sub(lambda m: m.group().translate(_OTHER), rest, count=1)
    return name


def _flip_word(match: re.Match[str]) -> str:
    word = match.group()
    other = _OTHER_WORD[word.lower()]
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other
