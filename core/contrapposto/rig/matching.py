# SPDX-License-Identifier: GPL-3.0-or-later
"""How well an armature's bone names fit each rig family.

A joint counts if its bone is there and hangs, by the nearest mapped ancestor, from
the right joint. Families share many names for different joints, so what is missing
and what lies unexplained in between counts against, and a family whose fingerprint
is complete goes first.

Source: the ancestor test follows the VRM add-on's human bone mapper, the
fingerprints retarget_bvh's known rigs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property
from typing import TypeVar

from contrapposto.rig.armature import Armature
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rig.names import (
    CanonicalName,
    canonical,
    is_helper,
    squash,
    strip_duplicate,
    strip_namespace,
    strip_prefix,
)
from contrapposto.rig.profile import Profile, flip_joint, load_profiles
from contrapposto.rig.rigmap import REQUIRED_JOINTS
from contrapposto.rig.structure import Structure
from contrapposto.skeleton import JOINT_NAMES

Bones = tuple[int, ...]
K = TypeVar("K")

_FINGERPRINT = 6.0
_PATTERN = 0.5  # a pattern tells families apart that share all names but a prefix
_UNEXPLAINED = 0.4
_CONTRADICTED = 2.0  # for each limb joint that the body's structure gives to another bone
_RIVAL = 8.0  # a family this much behind may still be the one that the body's structure tells
_FEWEST = 5  # joints that a family must explain to be worth a thought
_SPINE = ("spine1", "spine2", "spine3")
_TOLERATED = {  # old Bipeds hang the thighs from the spine, some rigs the arms from the neck
    "hip": ("spine1",),
    "collar": ("neck", *_SPINE),
    "shoulder": ("neck", *_SPINE),
    "neck": _SPINE,
    "head": _SPINE,
}


class Likeness(IntEnum):
    """How a bone's name agrees with the one looked for."""

    NONE = 0
    ALIKE = 1
    """The same words and side in other spelling, or an alternative of the family."""
    SAME = 2
    """The same name, but for prefixes."""


@dataclass(frozen=True, eq=False)
class NameIndex:
    """An armature's bones by name, with and without prefix, and by what the name says."""

    armature: Armature

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Bone names; without their ``.001`` if (nearly) all carry the same one."""
        names = self.armature.names
        numbers = Counter(n[-4:] for n in names if strip_duplicate(n) != n)
        number, count = numbers.most_common(1)[0] if numbers else ("", 0)
        if count <= 0.8 * len(names):
            return names
        return tuple(n.removesuffix(number) for n in names)

    @cached_property
    def raw(self) -> dict[str, int]:
        """Bone by its name, with its namespace and without."""
        whole = _first((n, i) for i, n in enumerate(self._names))
        return _first((strip_namespace(n), i) for i, n in enumerate(self._names)) | whole

    @cached_property
    def stripped(self) -> dict[str, int]:
        """Bone by its name without prefix; helpers take no part."""
        return _first((strip_prefix(n), i) for i, n in enumerate(self._names) if not is_helper(n))

    @cached_property
    def said(self) -> dict[CanonicalName, int]:
        """Bone by what its name says; helpers take no part."""
        return _first((canonical(n), i) for i, n in enumerate(self._names) if not is_helper(n))

    @cached_property
    def squashed(self) -> dict[str, int]:
        """Bone by the letters and digits of its name; helpers take no part."""
        return _first((squash(n), i) for i, n in enumerate(self._names) if not is_helper(n))

    @cached_property
    def folded(self) -> dict[str, int]:
        """Bone by its name in small letters."""
        return _first((name.casefold(), bone) for name, bone in self.raw.items())

    @cached_property
    def numbered(self) -> dict[str, int]:
        """Bone by its name without an importer's number, where that name is no other bone's."""
        stems = [(strip_duplicate(n), i) for i, n in enumerate(self._names) if strip_duplicate(n) != n]
        count = Counter(stem for stem, _ in stems)
        return {stem: i for stem, i in stems if count[stem] == 1 and stem not in self.raw}

    @cached_property
    def _shouts(self) -> bool:
        """Whether no bone's name has a small letter."""
        return not any(letter.islower() for name in self._names for letter in name)

    def exact(self, name: str) -> int | None:
        """The bone of that name, or of that name under another prefix."""
        bone = self.raw.get(name)
        return self.stripped.get(strip_prefix(name)) if bone is None else bone

    def control(self, name: str) -> int | None:
        """The bone of that name, also under another prefix or with an importer's number."""
        bone = self.exact(name)
        if bone is None:
            bone = self.numbered.get(name)
        return self.folded.get(name.casefold()) if bone is None else bone

    def find(self, name: str) -> tuple[int | None, Likeness]:
        """The bone that carries the name, and how exactly."""
        bone = self.exact(name)
        if bone is not None:
            return bone, Likeness.SAME
        bone = self.numbered.get(name)
        if bone is None:
            bone = self.folded.get(name.casefold())
        if bone is None:
            bone = self.said.get(canonical(name))
        if bone is None:
            bone = self.squashed.get(squash(name))
        return bone, Likeness.NONE if bone is None else Likeness.ALIKE

    def has(self, options: str) -> bool:
        """Whether one of the bones in ``"a|b"`` is there; a prefix that is asked for must be there too."""
        names = options.upper() if self._shouts else options
        return any(
            name in self.raw
            or name in self.numbered
            or (strip_prefix(name) == name and name in self.stripped)
            for name in names.split("|")
        )

    def matches(self, pattern: str) -> bool:
        """Whether a bone's whole name matches the regular expression."""
        case = re.IGNORECASE if self._shouts else re.NOFLAG
        return any(re.fullmatch(pattern, name, case) for name in self.raw)


@dataclass(frozen=True, eq=False)
class Match:
    """An armature read as one rig family.

    Attributes:
        profile: the family.
        joints: joint name to its bones, those that fail the ancestor test left out.
        likeness: joint name to how its name agrees.
        certain: whether the family's fingerprint is complete.
        score: higher is better; about 2 a required joint, 1 an optional one.
    """

    profile: Profile
    joints: Mapping[str, Bones]
    likeness: Mapping[str, Likeness]
    certain: bool
    score: float


def best_match(
    armature: Armature, index: NameIndex, structure: Callable[[], Structure | None]
) -> Match | None:
    """The family that explains the armature's names best; None if none explains much.

    Args:
        armature: the armature.
        index: its names.
        structure: gives the body found by geometry; asked only where no fingerprint decides.
    """
    matches = [m for p in load_profiles() if (m := match(armature, index, p))]
    best = max(matches, key=lambda m: m.score, default=None)
    if best is None or best.certain:
        return best
    rivals = [m for m in matches if m.score > best.score - _RIVAL]
    body = structure()
    if body is None:
        return best
    net = {m: m.score - _CONTRADICTED * _disagreement(m, body) for m in rivals}
    best = max(rivals, key=net.__getitem__)
    return best if net[best] > 0 else None  # names that explain less than they leave open tell nothing


def _disagreement(match: Match, body: Structure) -> int:
    """How many limb joints the structure gives to other bones, whatever the side."""
    return sum(
        not {body.bones[j] for j in (joint, flip_joint(joint)) if j in body.bones} & {bones}
        for joint, bones in match.joints.items()
        if joint in body.bones and flip_joint(joint) != joint
    )


def match(armature: Armature, index: NameIndex, profile: Profile) -> Match | None:
    """The armature read as the family; None if it is forbidden or explains next to nothing."""
    if any(index.has(name) for name in profile.forbidden) or not profile.tags <= armature.tags:
        return None
    certain = _has_fingerprint(index, profile)
    if profile.is_control_rig and not certain:
        return None
    joints, likeness = _assign(armature, index, profile)
    if len(joints) < _FEWEST:
        return None
    score = _FINGERPRINT * certain + _PATTERN * bool(certain and profile.pattern)
    if not profile.is_control_rig:
        wrong = _wrong_ancestors(armature, joints)
        if 2 * len(wrong) > len(joints):  # the names are there, but not where they belong
            return None
        for joint in wrong:
            del joints[joint], likeness[joint]
        score -= _UNEXPLAINED * _unexplained(armature, index, profile, joints)
    for joint in profile.joints:
        weight = 2.0 if joint in REQUIRED_JOINTS else 1.0
        if joint in joints:
            score += weight * (1.0 if likeness[joint] is Likeness.SAME else 0.9)
        else:
            score -= weight if joint in REQUIRED_JOINTS else 0.5
    return Match(profile, joints, likeness, certain, score) if len(joints) >= _FEWEST else None


def _has_fingerprint(index: NameIndex, profile: Profile) -> bool:
    if not (profile.fingerprint or profile.pattern or profile.tags):
        return False
    if profile.pattern and not index.matches(profile.pattern):
        return False
    return all(index.has(options) for options in profile.fingerprint)


def _assign(
    armature: Armature, index: NameIndex, profile: Profile
) -> tuple[dict[str, Bones], dict[str, Likeness]]:
    joints: dict[str, Bones] = {}
    likeness: dict[str, Likeness] = {}
    layer = _there(index, profile.joints)
    used = _there(index, profile.twist) | _there(index, profile.between)
    for joint, group in profile.joints.items():
        found = [(b, like) for b, like in map(index.find, group) if b is not None and b not in used]
        if layer:  # there, the same name under another prefix is another layer's bone
            found = [(b, like if b in layer else min(like, Likeness.ALIKE)) for b, like in found]
        if not found:
            others = (index.find(name) for name in profile.alternatives.get(joint, ()))
            found = [(b, Likeness.ALIKE) for b, _ in others if b is not None and b not in used][:1]
        if found:
            bones = tuple(b for b, _ in found)
            if not profile.is_control_rig:  # whose joints hang from mechanism, in any order
                bones = _in_a_row(armature, bones)
            joints[joint] = bones
            likeness[joint] = min(like for b, like in found if b in bones)
            if index.find(group[0])[0] != bones[0]:  # where the joint begins is a guess
                likeness[joint] = Likeness.ALIKE
            used.update(bones)
    return joints, likeness


def _there(index: NameIndex, table: Mapping[str, Sequence[str]]) -> set[int]:
    """The bones of a profile's table that carry their very names."""
    return {index.raw[name] for names in table.values() for name in names if name in index.raw}


def _in_a_row(armature: Armature, bones: Bones) -> Bones:
    """The bones that hang from one another, beginning with the first."""
    row = bones[:1]
    for bone in bones[1:]:
        if row[-1] in armature.ancestors(bone):
            row = (*row, bone)
    return row


def _wrong_ancestors(armature: Armature, joints: Mapping[str, Bones]) -> list[str]:
    owner = {bone: joint for joint, bones in joints.items() for bone in bones}
    wrong: list[str] = []
    for joint, bones in joints.items():
        above = next((owner[a] for a in armature.ancestors(bones[0]) if a in owner), None)
        expected = mapped_ancestor(joint, joints)[0]
        tolerated = _TOLERATED.get(joint.rpartition("_")[2], ())
        if above != expected and above not in tolerated:
            wrong.append(joint)
    return wrong


def _unexplained(armature: Armature, index: NameIndex, profile: Profile, joints: Mapping[str, Bones]) -> int:
    """How many bones lie between mapped joints that the family knows nothing of."""
    known = {index.exact(name) for names in profile.between.values() for name in names}
    owner = {bone for bones in joints.values() for bone in bones}
    strange: set[int] = set()
    for bones in joints.values():
        above = armature.ancestors(bones[0])
        count = next((i for i, a in enumerate(above) if a in owner), 0)
        strange.update(above[:count])
    return len(strange - known)


def _first(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    found: dict[K, int] = {}
    for key, bone in pairs:
        found.setdefault(key, bone)
    return found


@cache
def vocabulary() -> Mapping[str, frozenset[CanonicalName]]:
    """Joint name to everything that any family calls it."""
    return {
        joint: frozenset(
            canonical(name)
            for p in load_profiles()
            for name in (*p.joints.get(joint, ()), *p.alternatives.get(joint, ()))
        )
        for joint in JOINT_NAMES
    }
