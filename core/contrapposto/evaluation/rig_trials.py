# SPDX-License-Identifier: GPL-3.0-or-later
"""The same rig under other circumstances: other units and axes, other names, no names at all."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from contrapposto.evaluation.armatures import (
    EXTRAS,
    RESTS,
    Truth,
    basis_of,
    make_armature,
    shuffled,
)
from contrapposto.evaluation.rig_families import Family
from contrapposto.rig.armature import Armature
from contrapposto.rig.profile import flip_joint
from contrapposto.rig.rigmap import REQUIRED_JOINTS

Rig = tuple[Armature, Truth]

AXES = (("z", "-y"), ("y", "z"), ("x", "y"), ("-z", "x"), ("z", "y"))
"""Up and forward."""

CONDITIONS = {
    "named": "its own names",
    "renamed": "names that importers changed: a namespace, .001, capitals",
    "half_named": "every second name replaced by random letters",
    "nameless": "all names replaced by random letters",
    "misnamed": "all names dealt out anew among the bones",
}
"""What happens to the names of a rig, each time in another unit, other axes, rolls and order of bones."""


def generated(family: Family, condition: str, count: int, seed: int) -> Iterator[Rig]:
    """Armatures of a family, each with another body, rest pose and clutter.

    Args:
        family: whose bones.
        condition: one of ``CONDITIONS``.
        count: how many.
        seed: same seed, same armatures.
    """
    optional = [j for j in family.profile.joints if j not in REQUIRED_JOINTS]
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        clutter = tuple(kind for kind in EXTRAS if kind in family.extra or rng.random() < 0.5)
        dropped = str(rng.choice(optional))
        drop = (dropped, flip_joint(dropped)) if rng.random() < 0.4 else ()
        rig = make_armature(
            family.profile,
            rest=RESTS[index % len(RESTS)],
            seed=int(rng.integers(1, 2**31)),
            extra=clutter,
            drop=drop,
            rename=family.rename,
        )
        yield under(rig, condition, rng)


def variations(rig: Rig, condition: str, count: int, seed: int) -> Iterator[Rig]:
    """A real rig, the first time as it is but for its names."""
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        yield under(rig, condition, rng, as_it_stands=index == 0)


def under(rig: Rig, condition: str, rng: np.random.Generator, *, as_it_stands: bool = False) -> Rig:
    """The rig under a condition; unless it is to stay as it stands, also in another unit and other axes."""
    armature, truth = rig
    if not as_it_stands:
        armature = shuffled(_turned(armature, rng), int(rng.integers(2**31)))
    names = _NAMES[condition](armature.names, rng)
    return _renamed(armature, truth, dict(zip(armature.names, names, strict=True)))


def _turned(armature: Armature, rng: np.random.Generator) -> Armature:
    """Another unit, other axes, and each bone rolled about itself."""
    scale = float(np.exp(rng.uniform(np.log(0.01), np.log(100))))
    basis = basis_of(AXES[rng.integers(len(AXES))]) @ basis_of(AXES[0]).T
    rest = np.array(armature.rest, dtype=float)
    roll = rng.uniform(-np.pi, np.pi, len(rest))
    turn = np.tile(np.eye(3), (len(rest), 1, 1))
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(roll)
    turn[:, 0, 2], turn[:, 2, 0] = np.sin(roll), -np.sin(roll)
    rest[:, :3, :3] = basis @ rest[:, :3, :3] @ turn
    rest[:, :3, 3] = scale * rest[:, :3, 3] @ basis.T
    return replace(armature, rest=rest, lengths=scale * np.asarray(armature.lengths))


def _renamed(armature: Armature, truth: Truth, names: dict[str, str]) -> Rig:
    joints = {joint: tuple(names[bone] for bone in group) for joint, group in truth.items()}
    return replace(armature, names=tuple(names[n] for n in armature.names), embedded={}), joints


Names = tuple[str, ...]


def _as_importers_do(names: Names, rng: np.random.Generator) -> Names:
    way = int(rng.integers(5))
    if way == 0:
        return tuple(f"Char:{name}" for name in names)
    if way == 1:
        return tuple(f"Armature|{name}" for name in names)
    if way == 2:
        return tuple(f"{name}.001" for name in names)
    if way == 3:
        upper = tuple(name.upper() for name in names)
        return upper if len(set(upper)) == len(names) else names
    numbered = rng.random(len(names)) < 0.3
    return tuple(
        f"{name}.001" if number and f"{name}.001" not in names else name
        for name, number in zip(names, numbered, strict=True)
    )


def _letters(names: Names, rng: np.random.Generator, share: float) -> Names:
    gone = rng.random(len(names)) < share
    words = ["".join(rng.choice(list(string.ascii_lowercase), 9)) for _ in names]
    return tuple(word if lost else name for name, word, lost in zip(names, words, gone, strict=True))


_NAMES: dict[str, Callable[[Names, np.random.Generator], Names]] = {
    "named": lambda names, _: names,
    "renamed": _as_importers_do,
    "half_named": lambda names, rng: _letters(names, rng, 0.5),
    "nameless": lambda names, rng: _letters(names, rng, 1.0),
    "misnamed": lambda names, rng: tuple(str(name) for name in rng.permutation(np.array(names))),
}
