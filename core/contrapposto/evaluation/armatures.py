# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic armatures: any rig family on one standard body, with the true mapping beside it.

The rest pose, bone rolls, unit, axes and clutter vary by argument, all by seed; with the
same arguments the same armature comes out.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from contrapposto.rig.armature import Armature
from contrapposto.rig.names import flip_name
from contrapposto.rig.profile import Profile, profile_named
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, STANDARD_OFFSETS, forward_kinematics

Truth = dict[str, tuple[str, ...]]

EXTRAS = ("fingers", "twist", "leaf", "face", "hair", "skirt", "weapon", "ik")
"""All kinds of bones that are no joints."""

RESTS = ("T", "A", "down", "random")

_CHAINS = (
    ("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
    ("left_hip", "left_knee", "left_ankle", "left_foot"),
    ("right_hip", "right_knee", "right_ankle", "right_foot"),
    ("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    ("right_collar", "right_shoulder", "right_elbow", "right_wrist"),
)
_TIPS = {
    "head": (0, 0.19, 0.02),
    "foot": (0, -0.01, 0.07),
    "ankle": (0.02, -0.03, 0.12),
    "elbow": (0.27, 0, 0),
    "wrist": (0.17, 0, 0),
}
_PELVIS_HEIGHT = 0.95
_ARM_DROP = {"T": 0, "A": 45, "down": 78, "random": 30}


@dataclass
class Builder:
    """Bones by head and tail, parents first; ``armature`` turns them into matrices."""

    rng: np.random.Generator
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    heads: list[np.ndarray] = field(default_factory=list)
    tails: list[np.ndarray] = field(default_factory=list)

    def add(self, name: str, parent: str | None, head: Iterable[float], tail: Iterable[float]) -> str:
        """A new bone's name; a name that is taken gets the bone that has it."""
        if name not in self.names:
            self.names.append(name)
            self.parents.append(-1 if parent is None else self.names.index(parent))
            self.heads.append(np.array(head, float))
            self.tails.append(np.array(tail, float))
        return name

    def chain(self, names: Iterable[str], parent: str | None, points: np.ndarray) -> str | None:
        """Bones in a row through the points (N + 1, 3); the last one's name."""
        for name, head, tail in zip(names, points[:-1], points[1:], strict=True):
            parent = self.add(name, parent, head, tail)
        return parent

    def armature(
        self,
        scale: float = 1.0,
        axes: tuple[str, str] = ("z", "-y"),
        tags: frozenset[str] = frozenset(),
        rename: Mapping[str, str] | None = None,
    ) -> Armature:
        """The bones with a random roll each, in the given unit and axes."""
        basis = basis_of(axes)
        rest = np.tile(np.eye(4), (len(self.names), 1, 1))
        lengths = np.zeros(len(self.names))
        for i, (head, tail) in enumerate(zip(self.heads, self.tails, strict=True)):
            direction = basis @ (tail - head)
            lengths[i] = scale * np.linalg.norm(direction)
            rest[i, :3, :3] = _frame(direction, self.rng.uniform(-np.pi, np.pi))
            rest[i, :3, 3] = scale * (basis @ head)
        names = tuple(rename[n] if rename else n for n in self.names)
        deform = (True,) * len(names)
        return Armature(names, tuple(self.parents), rest, lengths, deform, tags=tags)


def make_armature(
    profile: str | Profile | Mapping[str, tuple[str, ...]],
    *,
    rest: str = "T",
    seed: int = 0,
    scale: float = 1.0,
    axes: tuple[str, str] = ("z", "-y"),
    extra: Iterable[str] = (),
    drop: Iterable[str] = (),
    destroy: float = 0.0,
    rename: Callable[[str], str] | None = None,
) -> tuple[Armature, Truth]:
    """A standard body on the bones of a rig family.

    Args:
        profile: a profile, its name, or plainly the bones by joint name.
        rest: one of ``RESTS``: arms level, at 45 degrees, hanging, or all joints slightly turned.
        seed: of the rolls, the random rest pose, the proportions (0: the standard ones), and
            the destroyed names.
        scale: units a metre.
        axes: (up, forward) of the armature, such as ``("y", "z")``.
        extra: kinds of clutter, of ``EXTRAS``.
        drop: joints to leave out, with their bones.
        destroy: share of the bones whose names become random letters.
        rename: makes the final name of each bone that keeps its name.

    Returns:
        The armature and the true bones of each joint that it has (the groups to read).
    """
    if not isinstance(profile, Profile):
        profile = profile_named(profile) if isinstance(profile, str) else Profile("custom", dict(profile))
    rng = np.random.default_rng(seed)
    joints = {j: profile.joints[j] for j in JOINT_NAMES if j in profile.joints and j not in set(drop)}
    body = _Body.at_rest(rest, rng, vary=seed != 0)
    builder = Builder(rng)
    root = builder.chain(
        profile.roots,
        None,
        np.linspace([0, 0, 0], [0, 0.02 * len(profile.roots), 0.1], len(profile.roots) + 1),
    )
    for joint in joints:
        _add_joint(builder, profile, body, joints, joint, root=root)
    if profile.is_control_rig:
        _add_controls(builder, profile, body, joints, root)
    for fingerprint in profile.fingerprint:
        name = fingerprint.split("|")[0]
        if not any(n.endswith(name) for n in builder.names):
            builder.add(name, root, [0, 0.1, 0], [0, 0.2, 0])
    for kind in extra:
        _ADD_EXTRA[kind](builder, profile, body, joints)

    final = _final_names(builder.names, destroy, rename, rng)
    truth = {joint: tuple(final[b] for b in group) for joint, group in joints.items()}
    if "spine3" not in truth and "spine2" in truth:  # the bone that carries the collars is spine3
        truth["spine3"] = truth.pop("spine2")
    return builder.armature(scale, axes, profile.tags, final), truth


def basis_of(axes: tuple[str, str]) -> np.ndarray:
    """(3, 3) columns: the body's left, up and forward in armature axes."""
    up, forward = (_axis(a) for a in axes)
    return np.stack([np.cross(up, forward), up, forward], axis=1)


def _axis(name: str) -> np.ndarray:
    vector = np.zeros(3)
    vector["xyz".index(name[-1])] = -1 if name.startswith("-") else 1
    return vector


def _frame(direction: np.ndarray, roll: float) -> np.ndarray:
    y = direction / np.linalg.norm(direction)
    x = np.cross(y, np.eye(3)[np.argmin(abs(y))])
    x /= np.linalg.norm(x)
    z = np.cross(x, y)
    turned = np.cos(roll) * x + np.sin(roll) * z
    return np.stack([turned, y, np.cross(turned, y)], axis=1)


@dataclass(frozen=True)
class _Body:
    """Joint positions (22, 3) and world rotations (22, 3, 3) of the body in its rest pose, y up."""

    positions: np.ndarray
    world: np.ndarray

    @classmethod
    def at_rest(cls, rest: str, rng: np.random.Generator, *, vary: bool) -> _Body:
        offsets = STANDARD_OFFSETS.copy()
        offsets[JOINT_INDEX["spine1"]] = [0, 0.05, -0.004]
        offsets[JOINT_INDEX["spine2"]] -= [0, 0.05, -0.004]
        if vary:
            factors = rng.uniform(0.93, 1.07, 22)
            pairs = [JOINT_INDEX.get(n.replace("right_", "left_"), i) for i, n in enumerate(JOINT_NAMES)]
            offsets *= factors[pairs][:, None]
        rotvec = np.zeros((22, 3))
        if rest == "random":
            rotvec += rng.normal(0, 0.12, (22, 3))
        drop = np.deg2rad(_ARM_DROP[rest])
        rotvec[JOINT_INDEX["left_shoulder"], 2] -= drop
        rotvec[JOINT_INDEX["right_shoulder"], 2] += drop
        world, positions = forward_kinematics(from_rotvec(rotvec), offsets)
        return cls(positions + np.array([0, _PELVIS_HEIGHT, 0]), world)

    def at(self, joint: str) -> np.ndarray:
        return self.positions[JOINT_INDEX[joint]]

    def point(self, joint: str, offset: Iterable[float]) -> np.ndarray:
        """A point given in the joint's frame, x mirrored on the right side."""
        local = np.array(offset, float) * ([-1, 1, 1] if joint.startswith("right") else [1, 1, 1])
        return self.at(joint) + self.world[JOINT_INDEX[joint]] @ local

    def end(self, joint: str, joints: Mapping[str, tuple[str, ...]]) -> np.ndarray:
        """Where the joint's bones end: at the next joint of its chain, or at the limb's tip."""
        chain = next(c for c in _CHAINS if joint in c)
        later = [j for j in chain[chain.index(joint) + 1 :] if j in joints]
        if later:
            return self.at(later[0])
        return self.point(joint, _TIPS.get(joint.rpartition("_")[2], (0, 0.1, 0)))


def _parent(joint: str, joints: Mapping[str, tuple[str, ...]]) -> str | None:
    index = PARENTS[JOINT_INDEX[joint]]
    while index >= 0 and JOINT_NAMES[index] not in joints:
        index = PARENTS[index]
    return JOINT_NAMES[index] if index >= 0 else None


def _next(joint: str, joints: Mapping[str, tuple[str, ...]]) -> str | None:
    chain = next(c for c in _CHAINS if joint in c)
    return next((j for j in chain[chain.index(joint) + 1 :] if j in joints), None)


def _add_joint(
    builder: Builder,
    profile: Profile,
    body: _Body,
    joints: Mapping[str, tuple[str, ...]],
    joint: str,
    *,
    root: str | None,
) -> None:
    group = joints[joint]
    above = _parent(joint, joints)
    parent = joints[above][-1] if above else root
    if above and joint in profile.between:
        between = profile.between[joint]
        if _next(above, joints) == joint:  # they were laid out with the parent's own bones
            parent = between[-1]
        else:
            ways = np.linspace(body.at(above), body.at(joint), len(between) + 1)
            parent = builder.chain(between, parent, ways)
    following = _next(joint, joints)
    own = group + (profile.between.get(following, ()) if following else ())
    builder.chain(own, parent, np.linspace(body.at(joint), body.end(joint, joints), len(own) + 1))


def _add_controls(
    builder: Builder,
    profile: Profile,
    body: _Body,
    joints: Mapping[str, tuple[str, ...]],
    root: str | None,
) -> None:
    """Controls at their joints, turned at random; handles and poles at the limb's end and bend."""
    for joint in joints:
        for control in profile.write.get(joint, ()):
            above = _parent(joint, joints)
            while above and not profile.write.get(above):
                above = _parent(above, joints)
            parent = profile.write[above][-1] if above else root
            tail = body.at(joint) + 0.2 * _direction(builder.rng)
            builder.add(control, parent, body.at(joint), tail)
    for joint, handle in profile.handles.items():
        if joint not in joints:
            continue
        bend = body.at(JOINT_NAMES[PARENTS[JOINT_INDEX[joint]]])
        for bone, place in ((handle.bone, body.at(joint)), (handle.pole, bend), (handle.swing, bend)):
            if bone:
                builder.add(bone, root, place, place + 0.1 * _direction(builder.rng))
        if handle.switch:
            builder.add(handle.switch[0], root, bend, bend + [0, 0.1, 0])


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def _final_names(
    names: list[str], destroy: float, rename: Callable[[str], str] | None, rng: np.random.Generator
) -> dict[str, str]:
    gone = rng.random(len(names)) < destroy
    final = {}
    for name, destroyed in zip(names, gone, strict=True):
        if destroyed:
            final[name] = "".join(rng.choice(list(string.ascii_lowercase), 9))
        else:
            final[name] = rename(name) if rename else name
    return final


def _limbs(joints: Mapping[str, tuple[str, ...]], *parts: str) -> list[str]:
    return [f"{side}_{part}" for part in parts for side in ("left", "right") if f"{side}_{part}" in joints]


def _sided(name: str, joint: str) -> str:
    return flip_name(name) if joint.startswith("right") else name


def _fingers(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    del profile
    for joint in _limbs(joints, "wrist"):
        for i, finger in enumerate(("thumb", "index", "middle", "ring", "pinky")):
            start = (0.03, 0, 0.03) if finger == "thumb" else (0.09, 0, 0.03 - 0.02 * i)
            way = (0.02, 0, 0.025) if finger == "thumb" else (0.03, 0, 0)
            points = [body.point(joint, np.array(start) + k * np.array(way)) for k in range(4)]
            names = [_sided(f"{finger}_0{k}_l", joint) for k in (1, 2, 3)]
            builder.chain(names, joints[joint][-1], np.array(points))


def _twist(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    for joint in _limbs(joints, "hip", "knee", "shoulder", "elbow"):
        names = profile.twist.get(joint) or (f"{joints[joint][0]}_twist_01",)
        start, end = body.at(joint), body.end(joint, joints)
        for k, name in enumerate(names):
            head = start + (k + 1) / (len(names) + 1) * (end - start)
            builder.add(name, joints[joint][0], head, head + 0.25 * (end - start))


def _leaf(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    del profile
    for joint in ["head", *_limbs(joints, "wrist", "foot")]:
        if joint in joints:
            tip = body.end(joint, joints)
            builder.add(
                f"{joints[joint][-1]}_end", joints[joint][-1], tip, tip + 0.02 * _direction(builder.rng)
            )


def _face(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    del profile
    if "head" in joints:
        for name, start, end in (
            ("jaw", (0, 0.02, 0.03), (0, -0.02, 0.1)),
            ("eye_l", (0.03, 0.07, 0.08), (0.03, 0.07, 0.1)),
            ("eye_r", (-0.03, 0.07, 0.08), (-0.03, 0.07, 0.1)),
        ):
            builder.add(name, joints["head"][-1], body.point("head", start), body.point("head", end))


def _hair(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    del profile
    if "head" in joints:
        for i, x in enumerate((-0.06, 0, 0.06)):
            points = [body.point("head", (x, 0.17 - 0.09 * k, -0.1 - 0.02 * k)) for k in range(6)]
            names = [f"hair_{i}_{k}" for k in range(5)]
            builder.chain(names, joints["head"][-1], np.array(points))


def _skirt(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    del profile
    for i in range(6):
        angle = i * np.pi / 3 + 0.1
        out = np.array([np.sin(angle), 0, np.cos(angle)])
        points = [body.point("pelvis", (0.12 + 0.03 * k) * out - [0, 0.02 + 0.14 * k, 0]) for k in range(5)]
        builder.chain([f"skirt_{i}_{k}" for k in range(4)], joints["pelvis"][-1], np.array(points))


def _weapon(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    del profile
    if "right_wrist" in joints:
        points = [body.point("right_wrist", (0.08, 0, z)) for z in (0, 0.2, 0.9)]
        builder.chain(["sword", "sword_blade"], joints["right_wrist"][-1], np.array(points))


def _ik(builder: Builder, profile: Profile, body: _Body, joints: Mapping[str, tuple[str, ...]]) -> None:
    root = profile.roots[0] if profile.roots else None
    for joint in _limbs(joints, "wrist", "ankle"):
        name = _sided("ik_hand_l" if "wrist" in joint else "ik_foot_l", joint)
        builder.add(name, root, body.at(joint), body.at(joint) + [0, 0.1, 0])


_ADD_EXTRA = {
    "fingers": _fingers,
    "twist": _twist,
    "leaf": _leaf,
    "face": _face,
    "hair": _hair,
    "skirt": _skirt,
    "weapon": _weapon,
    "ik": _ik,
}


def mirrored(armature: Armature) -> Armature:
    """The same bones and names seen in a mirror at x = 0, which swaps the sides in the default axes."""
    flip = np.diag([-1.0, 1, 1, 1])  # once more on the right: frames stay right-handed, y along the bone
    return replace(armature, rest=flip @ armature.rest @ flip)


def shuffled(armature: Armature, seed: int = 0) -> Armature:
    """The same bones listed in another order, parents still first."""
    rng = np.random.default_rng(seed)
    depth = np.array([len(armature.ancestors(b)) for b in range(len(armature.names))])
    order = sorted(range(len(depth)), key=lambda b: (depth[b], rng.random()))
    place = {bone: i for i, bone in enumerate(order)}
    return replace(
        armature,
        names=tuple(armature.names[b] for b in order),
        parents=tuple(place.get(armature.parents[b], -1) for b in order),
        rest=armature.rest[order],
        lengths=armature.lengths[order],
        deform=tuple(armature.deform[b] for b in order) if armature.deform else (),
    )


def joined(first: Armature, second: Armature, offset: Iterable[float]) -> Armature:
    """Both armatures' bones in one, the second one moved; its names get Blender's ``.001``."""
    rest = second.rest.copy()
    rest[:, :3, 3] += np.array(offset, float)
    count = len(first.names)
    return Armature(
        first.names + tuple(f"{n}.001" for n in second.names),
        first.parents + tuple(p if p < 0 else p + count for p in second.parents),
        np.concatenate([first.rest, rest]),
        np.concatenate([first.lengths, second.lengths]),
        first.deform + second.deform,
    )
