# SPDX-License-Identifier: GPL-3.0-or-later
"""The body in an armature by geometry alone: whatever its bones are called.

Among all pairs of limb candidates the two are legs and arms whose lengths suit each
other and the trunk between them, whose left-right axes are parallel, and whose legs
point away from the arms. Everything else follows: the pelvis is where legs and trunk
part, the spine leads to the bone where the arms part, the head rises between the
arms, and the feet tell front from back and so left from right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from contrapposto.rig.armature import Armature
from contrapposto.rig.limbs import LimbPairs, limb_pairs, segments, size_of

Bones = tuple[int, ...]

_TRUNK = 0.49
"""Metres from between the hips to between the shoulders on the standard body; the unit of the others."""
_LEG = np.array([0.411, 0.434]) / _TRUNK
_ARM = np.array([0.282, 0.276]) / _TRUNK
_SHOULDERS = 0.36 / _TRUNK  # from one to the other
_HEAD_HEIGHT = 0.136 / _TRUNK  # of the head joint above the shoulders
_FOOT_LENGTH = 0.15  # of the leg, from the ankle to the toe base
_WORST = 2.5  # cost from which on it is no body
_RIVAL = 0.9  # a second candidate this close to the best makes a joint ambiguous


@dataclass(frozen=True)
class Structure:
    """A body that was found.

    Attributes:
        bones: joint name to its group of bone indices, from the body outward.
        ambiguous: joints for which another bone fits nearly as well.
        knows_sides: whether the feet tell left from right; else it was assumed that the
            body faces -y in a z-up armature, +z in a y-up one.
    """

    bones: Mapping[str, Bones]
    ambiguous: frozenset[str]
    knows_sides: bool


def find_structure(armature: Armature, without: frozenset[int] = frozenset()) -> Structure | None:
    """The body in the armature by geometry alone; None if there is none.

    Args:
        armature: any armature, any names, axes, unit and rest pose.
        without: bones that take no part, with all below them.
    """
    search = _Search.over(armature, without)
    best = search.best()
    return None if best is None else _assemble(armature, search, *best)


def looks_four_legged(armature: Armature) -> bool:
    """Whether the best pair of limb pairs stands on all fours: across the trunk, side by side."""
    search = _Search.over(armature, frozenset())
    costs = search.costs(upright=False)
    if not costs.size or not np.min(costs) < _WORST:
        return False
    hind, fore = np.unravel_index(np.argmin(costs), costs.shape)
    return is_four_legged(armature.heads[search.pairs.bones[[hind, fore]]])


def is_four_legged(points: np.ndarray) -> bool:
    """Whether hind and fore limbs (2, 2, 3, 3: pair, side, bone, xyz) stand across the trunk."""
    starts, ends = points[:, :, 0].mean(axis=1), points[:, :, 2].mean(axis=1)
    trunk = _unit(starts[1] - starts[0])
    hind, fore = _unit(ends - starts)
    return bool(abs(hind @ trunk) < 0.6 and abs(fore @ trunk) < 0.6 and hind @ fore > 0.7)


@dataclass(frozen=True, eq=False)
class _Search:
    """Costs of taking each limb pair (N) for legs with each (N) for arms."""

    armature: Armature
    pairs: LimbPairs
    enter: np.ndarray
    leave: np.ndarray

    @classmethod
    def over(cls, armature: Armature, without: frozenset[int]) -> _Search:
        enter, leave = _intervals(armature)
        pairs = limb_pairs(armature)
        gone = np.zeros(len(armature.names), dtype=bool)
        for bone in without:
            gone |= (enter >= enter[bone]) & (enter < leave[bone])
        free = np.asarray(~gone[pairs.bones].any(axis=(1, 2)))
        return cls(armature, pairs.keep(free), enter, leave)

    def best(self) -> tuple[int, int, np.ndarray] | None:
        """Legs, arms and all costs; None if nothing is good enough."""
        costs = self.costs()
        if not costs.size or not np.min(costs) < _WORST:
            return None
        legs, arms = np.unravel_index(np.argmin(costs), costs.shape)
        return int(legs), int(arms), costs

    def costs(self, *, upright: bool = True) -> np.ndarray:
        """(N, N) how badly each legs (rows) and arms (columns) go together; inf where they cannot."""
        points = self.armature.heads[self.pairs.bones]  # N, side, bone, xyz
        lengths = segments(self.armature, self.pairs).mean(axis=1)
        start = points[:, :, 0].mean(axis=1)
        across = _unit(points[:, 0, 0] - points[:, 1, 0])
        width = np.linalg.norm(points[:, 0, 0] - points[:, 1, 0], axis=-1)
        down = _unit((points[:, :, 2] - points[:, :, 0]).mean(axis=1))
        trunk = start[None] - start[:, None]
        length = np.linalg.norm(trunk, axis=-1)
        known = np.where(length > 0, length, np.nan)  # without a trunk nothing fits
        up = trunk / known[..., None]
        leg = np.log(lengths[:, None] / known[..., None] / _LEG)
        arm = np.log(lengths[None] / known[..., None] / _ARM)
        body = known + lengths.sum(axis=-1)[:, None]
        leg_down = -np.sum(down[:, None] * up, axis=-1)
        cost = 0.5 * np.sum(leg**2 + arm**2, axis=-1)
        cost += 0.3 * np.log(width[None] / known / _SHOULDERS) ** 2
        cost += (leg[..., 1] - leg[..., 0]) ** 2 + (arm[..., 1] - arm[..., 0]) ** 2
        cost += 2 * (1 - np.abs(across @ across.T)) + np.abs(np.sum(across[:, None] * up, axis=-1))
        cost += self._shape()[:, None] + self._shape()[None] - 0.1 * self.pairs.fingers[None]
        cost += 0.5 * ~self._has_head()[None] - np.log(body / size_of(self.armature))
        if upright:
            cost += 1 - leg_down
        possible = self._are_apart() & np.isfinite(cost)
        if upright:
            possible &= leg_down > 0.3
        return np.where(possible, cost, np.inf)

    def _shape(self) -> np.ndarray:
        """(N,) how unlike a limb each is by itself: bent within a segment, or with nothing at its end."""
        return 4 * self.pairs.detour.sum(axis=-1) + 0.15 * self.pairs.leaf

    def _has_head(self) -> np.ndarray:
        return np.array([len(self.armature.children[node]) > 2 for node in self.pairs.node], dtype=bool)

    def _are_apart(self) -> np.ndarray:
        """Whether neither limb lies in the other's branches, and a spine leads from legs to arms."""
        node, branch = self.pairs.node, self.pairs.branch
        arms_in_legs = self._below(branch[:, None, :], node[None, :, None]).any(axis=-1)
        legs_in_arms = self._below(branch[None, :, :], node[:, None, None]).any(axis=-1)
        legs_above_arms = self._below(node[None, :], node[:, None])
        return ~arms_in_legs & ~legs_in_arms & ~legs_above_arms

    def _below(self, top: np.ndarray, bone: np.ndarray) -> np.ndarray:
        """Whether ``bone`` is ``top`` or hangs from it."""
        return (self.enter[bone] >= self.enter[top]) & (self.enter[bone] < self.leave[top])


def _intervals(armature: Armature) -> tuple[np.ndarray, np.ndarray]:
    """(B,) order of entering and leaving each bone on a walk through the tree."""
    enter = np.zeros(len(armature.names), dtype=int)
    leave = np.zeros(len(armature.names), dtype=int)
    clock = 0
    todo = [(bone, False) for bone, parent in enumerate(armature.parents) if parent < 0][::-1]
    while todo:
        bone, done = todo.pop()
        if done:
            leave[bone] = clock
            continue
        enter[bone] = clock
        clock += 1
        todo.append((bone, True))
        todo.extend((child, False) for child in reversed(armature.children[bone]))
    return enter, leave


def _assemble(armature: Armature, search: _Search, legs: int, arms: int, costs: np.ndarray) -> Structure:
    heads = armature.heads
    leg, arm = search.pairs.bones[legs], search.pairs.bones[arms]
    up = _unit(heads[arm[:, 0]].mean(axis=0) - heads[leg[:, 0]].mean(axis=0))
    toes = _toes(armature, leg, up)
    forward, knows_sides = _forward(armature, leg, toes, up)
    left = np.cross(up, forward)
    bones = _trunk(armature, search, legs, arms, up)
    leg_order = _left_first(heads[leg[:, 0]], left)
    arm_order = _left_first(heads[arm[:, 0]], left)
    chest = search.pairs.node[arms]
    for side, i, k in zip(("left", "right"), leg_order, arm_order, strict=True):
        for part, bone in zip(("hip", "knee", "ankle"), leg[i], strict=True):
            bones[f"{side}_{part}"] = (int(bone),)
        for part, bone in zip(("shoulder", "elbow", "wrist"), arm[k], strict=True):
            bones[f"{side}_{part}"] = (int(bone),)
        collar = path_between(armature, int(chest), int(arm[k, 0]))
        if collar:
            bones[f"{side}_collar"] = collar
        if toes is not None:
            bones[f"{side}_foot"] = (toes[i],)
    return Structure(bones, _ambiguous(search, legs, arms, costs, bones), knows_sides)


def path_between(armature: Armature, top: int, bone: int) -> Bones:
    """The bones strictly between ``top`` and its descendant ``bone``, from the top down."""
    chain = armature.ancestors(bone)
    return tuple(reversed(chain[: chain.index(top)])) if top in chain else ()


def split_spine(bones: Bones) -> dict[str, Bones]:
    """A spine of any number of bones as SMPL's three joints; the bone that carries the arms is spine3."""
    count = len(bones)
    if count == 1:
        return {"spine1": bones}
    if count == 2:
        return {"spine1": bones[:1], "spine3": bones[1:]}
    share, rest = divmod(count, 3)
    first, last = share + (rest == 2), share + (rest > 0)
    return {"spine1": bones[:first], "spine2": bones[first : count - last], "spine3": bones[count - last :]}


def _trunk(armature: Armature, search: _Search, legs: int, arms: int, up: np.ndarray) -> dict[str, Bones]:
    bones: dict[str, Bones] = {}
    leg_node, arm_node = int(search.pairs.node[legs]), int(search.pairs.node[arms])
    above_legs = (leg_node, *armature.ancestors(leg_node))
    spine: list[int] = []
    bone = arm_node
    while bone >= 0 and bone not in above_legs:
        spine.append(bone)
        bone = armature.parents[bone]
    if bone >= 0:
        bones["pelvis"] = (bone,)
    bones.update(split_spine(tuple(reversed(spine))))
    rising = _rising_chain(armature, arm_node, set(search.pairs.branch[arms].tolist()), up)
    if rising:
        shoulders = armature.heads[search.pairs.bones[arms][:, 0]].mean(axis=0)
        hips = armature.heads[search.pairs.bones[legs][:, 0]].mean(axis=0)
        trunk = np.linalg.norm(shoulders - hips)
        heights = (armature.heads[list(rising)] - shoulders) @ up / trunk
        misfit = np.abs(heights - _HEAD_HEIGHT)
        misfit -= [0.05 * (len(armature.children[bone]) > 1) for bone in rising]  # a face, hair
        head = int(np.argmin(np.round(misfit, 2)))  # of bones in the same place, the first
        bones["head"] = (rising[head],)
        if head:
            bones["neck"] = rising[:head]
    return bones


def _rising_chain(armature: Armature, top: int, not_into: set[int], up: np.ndarray) -> Bones:
    """The bones that lead on from ``top``, each time the child that rises most over what it leans aside."""
    chain: list[int] = []
    bone = top
    while True:
        children = [c for c in armature.children[bone] if c not in not_into]
        if not children:
            return tuple(chain)
        offset = np.stack([armature.tails[children], armature.heads[children]]).mean(axis=0)
        offset = offset - armature.heads[top]
        rise = offset @ up
        aside = np.linalg.norm(offset - rise[:, None] * up, axis=-1)
        if chain and np.max(rise - aside) <= 0:
            return tuple(chain)
        bone = children[int(np.argmax(rise - aside))]
        chain.append(bone)


def _toes(armature: Armature, leg: np.ndarray, up: np.ndarray) -> tuple[int, int] | None:
    """The bone at the ball of each foot: level with the ankle's way forward, a foot's length from it."""
    heads = armature.heads
    leg_length = np.linalg.norm(np.diff(heads[leg], axis=1), axis=-1).sum(axis=-1).mean()
    options: list[list[tuple[float, int]]] = []
    for ankle in leg[:, 2]:
        below = [*armature.children[ankle]]
        below += [grandchild for child in below for grandchild in armature.children[child]]
        found: list[tuple[float, int]] = []
        for bone in below:
            way = heads[bone] - heads[ankle]
            level = np.linalg.norm(way - (way @ up) * up)
            if 0.05 * leg_length < level < 0.35 * leg_length:
                found.append((abs(float(level / leg_length - _FOOT_LENGTH)), bone))
        options.append(sorted(found))
    if not all(options):
        return None
    first, second = (o[0][1] for o in options)
    return first, second


def _forward(
    armature: Armature, leg: np.ndarray, toes: tuple[int, int] | None, up: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Where the feet point, else where the knees bend; else what is usual, and False."""
    heads, tails = armature.heads, armature.tails
    hip, knee, ankle = heads[leg].mean(axis=0)
    length = np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)
    ends = heads[list(toes)] if toes else tails[leg[:, 2]]
    for way, least in ((ends.mean(axis=0) - ankle, 0.04), (knee - (hip + ankle) / 2, 0.01)):
        level = way - (way @ up) * up
        if np.linalg.norm(level) > least * length:
            return _unit(level), True
    usual = np.array([0.0, -1.0, 0.0]) if abs(up[2]) > abs(up[1]) else np.array([0.0, 0.0, 1.0])
    return _unit(usual - (usual @ up) * up), False


def _left_first(starts: np.ndarray, left: np.ndarray) -> tuple[int, int]:
    return (0, 1) if (starts[0] - starts[1]) @ left > 0 else (1, 0)


def _ambiguous(
    search: _Search, legs: int, arms: int, costs: np.ndarray, bones: Mapping[str, Bones]
) -> frozenset[str]:
    """Joints whose bone is another one in a rival nearly as good."""
    near = costs[legs, arms] - np.log(_RIVAL)
    rivals = [*search.pairs.bones[costs[:, arms] < near], *search.pairs.bones[costs[legs] < near]]
    doubtful: set[str] = set()
    for rival in rivals:
        for part in range(3):
            own = {0: ("hip", "shoulder"), 1: ("knee", "elbow"), 2: ("ankle", "wrist")}[part]
            for joint in (f"{side}_{name}" for side in ("left", "right") for name in own):
                limb = set(search.pairs.bones[legs if own[0] in joint else arms][:, part].tolist())
                same_limb = bool(set(rival.ravel().tolist()) & set(_limb(bones, joint)))
                if same_limb and not limb & set(rival[:, part].tolist()):
                    doubtful.add(joint)
    return frozenset(doubtful)


def _limb(bones: Mapping[str, Bones], joint: str) -> Bones:
    side, _, part = joint.partition("_")
    leg = ("hip", "knee", "ankle")
    names = leg if part in leg else ("shoulder", "elbow", "wrist")
    return tuple(bones[f"{side}_{name}"][0] for name in names)


def _unit(v: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / np.where(length > 0, length, 1.0)
