# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig family as data: what its bones are called and which joint each one plays.

One small JSON file a family in ``profiles/``. Names are written as they occur in
the wild, for the left side and the midline; the right side follows by flipping,
unless the file gives it.

Fields of a file (all but ``name`` and ``joints`` optional):

- ``fingerprint``: bones that must all exist; ``"a|b"`` is met by either.
- ``pattern``: a regular expression that at least one bone must match in full.
- ``forbidden``: bones of which none may exist.
- ``tags``: facts about the armature that must hold, such as ``rig_id``.
- ``joints``: joint name to a bone, or to a group of bones from the body outward
  of which some may be missing.
- ``alternatives``: joint name to other bones that may stand in, best first.
- ``roots``: bones above the pelvis that carry travel.
- ``between``: joint name to bones that sit above it in the chain and stay at rest.
- ``twist``: joint name to bones beside the chain that share its limb's twist.
- ``write``: control bones that set a joint; an empty list makes it read only. Given
  any control, the family is a control rig, and joints without an entry are read only.
- ``handles``: IK controls of the wrists and ankles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from contrapposto.rig.names import flip_name
from contrapposto.rig.rigmap import Handle
from contrapposto.skeleton import JOINT_NAMES

Group = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """One rig family, both sides; the module says what each field means."""

    name: str
    joints: Mapping[str, Group]
    fingerprint: tuple[str, ...] = ()
    pattern: str = ""
    forbidden: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roots: Group = ()
    between: Mapping[str, Group] = field(default_factory=dict)
    twist: Mapping[str, Group] = field(default_factory=dict)
    write: Mapping[str, Group] = field(default_factory=dict)
    handles: Mapping[str, Handle] = field(default_factory=dict)

    @property
    def is_control_rig(self) -> bool:
        """Whether other bones than those that are read set the pose."""
        return any(self.write.values())

    def controls(self, joint: str, read: Group) -> Group:
        """The bones to write for a joint that is read from ``read``."""
        if joint in self.write:
            return self.write[joint]
        return () if self.is_control_rig else read


def parse_profile(text: str) -> Profile:
    """A profile from its JSON.

    Raises:
        ValueError: with one sentence, if the text is no profile or names an unknown joint or field.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"The rig profile is not valid JSON (line {error.lineno})") from error
    if not isinstance(data, dict) or not isinstance(data.get("joints"), dict) or "name" not in data:
        raise ValueError("A rig profile needs a name and joints")
    fields = set(Profile.__dataclass_fields__)
    unknown = sorted(set(data) - fields)
    if unknown:
        raise ValueError(f"Profile '{data['name']}' has unknown fields: {', '.join(unknown)}")
    try:
        return Profile(
            name=str(data["name"]),
            joints=_both_sides(data["joints"], _names, _flip_names),
            fingerprint=_names(data.get("fingerprint", ())),
            pattern=re.compile(data.get("pattern", "")).pattern,
            forbidden=_names(data.get("forbidden", ())),
            tags=frozenset(data.get("tags", ())),
            alternatives=_both_sides(data.get("alternatives", {}), _names, _flip_names),
            roots=_names(data.get("roots", ())),
            between=_both_sides(data.get("between", {}), _names, _flip_names),
            twist=_both_sides(data.get("twist", {}), _names, _flip_names),
            write=_both_sides(data.get("write", {}), _names, _flip_names),
            handles=_handles(data.get("handles", {})),
        )
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise ValueError(f"Profile '{data['name']}' is damaged: {error}") from error


@cache
def load_profiles() -> tuple[Profile, ...]:
    """All rig families that ship with the package, by file name."""
    folder = resources.files("contrapposto.rig") / "profiles"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return tuple(parse_profile(f.read_text(encoding="utf-8")) for f in files)


def profile_named(name: str) -> Profile:
    """The shipped profile of that name.

    Raises:
        ValueError: if there is none.
    """
    for profile in load_profiles():
        if profile.name == name:
            return profile
    raise ValueError(f"There is no rig profile named '{name}'")


def flip_joint(joint: str) -> str:
    """The same joint on the other side; itself on the midline."""
    side, _, part = joint.partition("_")
    return {"left": f"right_{part}", "right": f"left_{part}"}.get(side, joint)


def _names(value: str | list[str] | tuple[str, ...]) -> Group:
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value)


def _flip_names(names: Group) -> Group:
    return tuple(flip_name(n) for n in names)


def _both_sides(table: Mapping[str, Any], read: Callable[[Any], T], flip: Callable[[T], T]) -> dict[str, T]:
    unknown = sorted(set(table) - set(JOINT_NAMES))
    if unknown:
        raise ValueError(f"A rig profile names joints that do not exist: {', '.join(unknown)}")
    given = {joint: read(value) for joint, value in table.items()}
    flipped = {flip_joint(joint): flip(value) for joint, value in given.items() if joint.startswith("left_")}
    both = flipped | given
    return {joint: both[joint] for joint in JOINT_NAMES if joint in both}


def _handles(table: Mapping[str, Any]) -> dict[str, Handle]:
    def read(value: Mapping[str, Any]) -> Handle:
        switch = value.get("switch")
        return Handle(
            joint="",
            bone=value["bone"],
            pole=value.get("pole"),
            swing=value.get("swing"),
            switch=(switch[0], switch[1]) if switch else None,
        )

    def flip(handle: Handle) -> Handle:
        return Handle(
            joint="",
            bone=flip_name(handle.bone),
            pole=handle.pole and flip_name(handle.pole),
            swing=handle.swing and flip_name(handle.swing),
            switch=handle.switch and (flip_name(handle.switch[0]), handle.switch[1]),
        )

    found = _both_sides(table, read, flip)
    return {joint: Handle(joint, h.bone, h.pole, h.swing, h.switch) for joint, h in found.items()}
