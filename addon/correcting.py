# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn and move controls over a whole clip so that the joints stand as wanted.

From where bones are and where they should be follows what each joint lacks: a turn in armature space. Its
controls take that turn, less what their parents bring along already. On a plain skeleton the result is
exact at once. On a control rig, where a bone follows what constraints copy, it is a good guess: the rig is
played with it, and what is still lacking is corrected in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import bpy
import numpy as np

from contrapposto.rig.calibration import Calibration
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rig.rigmap import RigMap
from contrapposto.rig.similarity import rotation_and_scale
from contrapposto.rotation import from_rotvec, geodesic_angle, slerp, transpose
from contrapposto.skeleton import JOINT_INDEX

from .denoise_plan import Control, DenoisePlan, Role
from .following import carrier
from .limbs import IkLimb


class Change(NamedTuple):
    """How something rigid moves in armature space: ``x -> rotation @ x + shift``."""

    rotation: np.ndarray
    shift: np.ndarray

    def of(self, points: np.ndarray) -> np.ndarray:
        """Where points (..., 3) come to lie."""
        return _times(self.rotation, points) + self.shift


_NONE = Change(np.eye(3), np.zeros(3))


class Places(NamedTuple):
    """Bones over time: name -> (T, 3, 3) rotation and (T, 3) place of its head, armature space."""

    rotation: dict[str, np.ndarray]
    head: dict[str, np.ndarray]

    @classmethod
    def of(cls, matrices: Mapping[str, np.ndarray]) -> Places:
        """Of armature-space matrices (T, 4, 4).

        Raises:
            ValueError: naming the bone, if one is not finite, mirrored or scaled to nothing.
        """
        rotation = {
            name: rotation_and_scale(matrix[:, None, :3, :3], [name])[0][:, 0]
            for name, matrix in matrices.items()
        }
        return cls(rotation, {name: matrix[:, :3, 3] for name, matrix in matrices.items()})

    @classmethod
    def joined(cls, parts: Sequence[Places]) -> Places:
        """Samples that follow each other."""
        return cls(
            {n: np.concatenate([part.rotation[n] for part in parts]) for n in parts[0].rotation},
            {n: np.concatenate([part.head[n] for part in parts]) for n in parts[0].head},
        )

    def at(self, rows: np.ndarray | slice) -> Places:
        """Some of the samples."""
        return Places(
            {n: r[rows] for n, r in self.rotation.items()}, {n: h[rows] for n, h in self.head.items()}
        )


@dataclass(eq=False)
class Setting:
    """What a control's own channels hold.

    Attributes:
        rotation: (T, 3, 3) its rotation channels.
        location: (T, 3) its location channels.
        linear: (T, 3, 3) the axes of its location channels in armature space; None if it is not moved.
    """

    rotation: np.ndarray
    location: np.ndarray
    linear: np.ndarray | None

    @classmethod
    def joined(cls, parts: Sequence[Setting]) -> Setting:
        """Samples that follow each other."""
        linear = [part.linear for part in parts if part.linear is not None]
        return cls(
            np.concatenate([part.rotation for part in parts]),
            np.concatenate([part.location for part in parts]),
            np.concatenate(linear) if linear else None,
        )

    def at(self, rows: np.ndarray) -> Setting:
        """Some of the samples."""
        linear = None if self.linear is None else self.linear[rows]
        return Setting(self.rotation[rows], self.location[rows], linear)


def wanted_places(calibration: Calibration, now: Places, turns: np.ndarray, shift: np.ndarray) -> Places:
    """Where the read bones belong after each joint has turned.

    Args:
        calibration: the rig.
        now: where its read bones are.
        turns: (T, 22, 3, 3) in armature space, from how a joint's bones stand to how they should.
        shift: (T, 3) of the hips, armature space.

    Returns:
        The read bones. Where a joint has several, its turn beyond the joint above is spread over them by
        length; each carries along what follows.
    """
    names = calibration.armature.names
    wanted = Places({}, {})
    change: dict[str, Change] = {}
    for joint, group in calibration.groups.items():
        bones = [names[bone] for bone in group]
        turn = turns[:, JOINT_INDEX[joint]]
        ancestor = mapped_ancestor(joint, calibration.groups)[0]
        above = None if ancestor is None else names[calibration.groups[ancestor][-1]]
        lengths = np.maximum(np.asarray(calibration.armature.lengths, dtype=float)[group], 1e-9)
        ends = np.ones(len(group)) if above is None else np.cumsum(lengths) / np.sum(lengths)
        before = None if above is None else change[above].rotation
        for bone, end in zip(bones, ends, strict=True):
            part = turn if before is None or end > 1 - 1e-9 else slerp(before, turn, float(end))
            head = now.head[bone] + shift if above is None else change[above].of(now.head[bone])
            wanted.rotation[bone], wanted.head[bone] = part @ now.rotation[bone], head
            change[bone] = Change(part, head - _times(part, now.head[bone]))
            above = bone
    return wanted


def needed_bones(armature_object: bpy.types.Object, rigmap: RigMap, plan: DenoisePlan) -> tuple[str, ...]:
    """The bones whose places correcting a plan's controls takes."""
    read = [bone for bones in rigmap.joints.values() for bone in bones.read]
    bones = armature_object.pose.bones
    swings = [bones[control.bone].parent for control in plan.controls.values() if control.role is Role.SWING]
    parents = [bone.name for bone in swings if bone is not None]
    return tuple(dict.fromkeys([*read, *plan.controls, *parents]))


class Corrector:
    """Works out new settings of a plan's controls.

    Attributes:
        needed: the bones whose places it has to be given.
    """

    def __init__(
        self, armature_object: bpy.types.Object, calibration: Calibration, plan: DenoisePlan
    ) -> None:
        self._object = armature_object
        self._bones = armature_object.pose.bones
        self._calibration = calibration
        self._plan = plan
        self.needed = needed_bones(armature_object, calibration.rigmap, plan)

    def correct(
        self, now: Places, wanted: Places, settings: Mapping[str, Setting], rows: np.ndarray, *, aim: bool
    ) -> dict[str, Setting]:
        """New settings of all controls.

        Args:
            now: where the needed bones are, with the settings as given.
            wanted: where the read bones belong.
            settings: control -> what its channels hold.
            rows: which samples of the clip these are.
            aim: whether elbows and knees are aimed; only useful once handles are in place.
        """
        memo: dict[str, Change] = {}
        done = {
            name: self._corrected(control, now, wanted, settings[name], rows, memo)
            for name, control in self._plan.controls.items()
            if control.role in {Role.TURN, Role.HANDLE}
        }
        for name, control in self._plan.controls.items():
            if control.role in {Role.POLE, Role.SWING}:
                done[name] = (
                    self._aimed(control, now, wanted, settings[name], rows) if aim else settings[name]
                )
        return done

    def off(self, now: Places, wanted: Places, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the rig is from what is wanted: (T,) degrees of turned joints, (T,) units of handles."""
        degrees, apart = np.zeros(len(rows)), np.zeros(len(rows))
        for control in self._plan.controls.values():
            if control.role is Role.POLE or control.role is Role.SWING:
                continue
            live = control.live[rows]
            if control.turns:
                last = self._read(control.joint)[-1]
                angle = np.degrees(geodesic_angle(now.rotation[last], wanted.rotation[last]))
                degrees = np.maximum(degrees, np.where(live, angle, 0))
            if control.moves:
                first = self._read(control.joint)[0]
                distance = np.linalg.norm(now.head[first] - wanted.head[first], axis=-1)
                apart = np.maximum(apart, np.where(live, distance, 0))
        return degrees, apart

    def _corrected(
        self,
        control: Control,
        now: Places,
        wanted: Places,
        setting: Setting,
        rows: np.ndarray,
        memo: dict[str, Change],
    ) -> Setting:
        base = self._parent_change(control.bone, now, wanted, rows, memo)
        mine = self._change(control.bone, now, wanted, rows, memo)
        here = now.rotation[control.bone]
        rotation, location = setting.rotation, setting.location
        if control.turns:
            rotation = rotation @ transpose(here) @ transpose(base.rotation) @ mine.rotation @ here
        if control.moves and setting.linear is not None:
            head = now.head[control.bone]
            without = head - _times(setting.linear, location)  # where the control would be at location 0
            axes = base.rotation @ setting.linear if self._is_local(control.bone) else setting.linear
            step = mine.of(head) - base.of(without)
            location = np.linalg.solve(axes, step[..., None])[..., 0]
        return Setting(rotation, location, setting.linear)

    def _change(
        self, bone: str, now: Places, wanted: Places, rows: np.ndarray, memo: dict[str, Change]
    ) -> Change:
        """How a bone of the rig will move: as it is set, or with what it follows."""
        if bone in memo:
            return memo[bone]
        memo[bone] = _NONE  # bones that follow each other in a circle end here
        control = self._plan.controls.get(bone)
        if control is None or control.role in {Role.POLE, Role.SWING}:
            followed = carrier(self._object, self._bones[bone])
            found = _NONE if followed is None else self._change(followed.name, now, wanted, rows, memo)
        else:
            base = self._parent_change(bone, now, wanted, rows, memo)
            turn = self._lacking(control, now, wanted) if control.turns else base.rotation
            head = now.head[bone]
            place = base.of(head)
            if control.moves:
                first = self._read(control.joint)[0]
                place = wanted.head[first] + _times(turn, head - now.head[first])
            live = control.live[rows]
            turn = np.where(live[:, None, None], turn, base.rotation)
            place = np.where(live[:, None], place, base.of(head))
            found = Change(turn, place - _times(turn, head))
        memo[bone] = found
        return found

    def _parent_change(
        self, bone: str, now: Places, wanted: Places, rows: np.ndarray, memo: dict[str, Change]
    ) -> Change:
        parent = self._bones[bone].parent
        if parent is None:
            return _NONE
        change = self._change(parent.name, now, wanted, rows, memo)
        return change if self._bones[bone].bone.use_inherit_rotation else Change(np.eye(3), change.shift)

    def _lacking(self, control: Control, now: Places, wanted: Places) -> np.ndarray:
        """The turn that a control's joint is away from where it should be."""
        read = self._read(control.joint)
        bone = control.bone if control.bone in read else read[-1]
        return wanted.rotation[bone] @ transpose(now.rotation[bone])

    def _aimed(
        self, control: Control, now: Places, wanted: Places, setting: Setting, rows: np.ndarray
    ) -> Setting:
        """Turn a pole or swing bone about the line from the limb's root to its end."""
        limb = self._plan.limbs[control.joint]
        swivel = self._swivel(limb, now, wanted)
        if swivel is None:
            return setting
        angle, axis, root = swivel
        about = from_rotvec(axis * np.where(control.live[rows], angle, 0.0)[:, None])
        bone = self._bones[control.bone]
        if control.role is Role.POLE:
            if setting.linear is None:
                return setting
            head = now.head[control.bone]
            step = root + _times(about, head - root) - head
            location = setting.location + np.linalg.solve(setting.linear, step[..., None])[..., 0]
            return Setting(setting.rotation, location, setting.linear)
        rest = np.array(bone.bone.matrix_local.to_3x3(), dtype=float)
        if bone.parent is not None:
            above = np.array(bone.parent.bone.matrix_local.to_3x3(), dtype=float)
            rest = now.rotation[bone.parent.name] @ (above.T @ rest)
        before = rest @ setting.rotation  # as it stands before IK bends it
        return Setting(
            setting.rotation @ transpose(before) @ about @ before, setting.location, setting.linear
        )

    def _swivel(
        self, limb: IkLimb, now: Places, wanted: Places
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """(T,) angle about (T, 3) axis through (T, 3) root that takes the elbow or knee to its side."""
        if any(joint not in self._calibration.rigmap.joints for joint in limb.joints):
            return None
        upper, middle, tip = (self._read(joint)[0] for joint in limb.joints)
        root = now.head[upper]
        axis = now.head[tip] - root
        axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-12)
        here, there = now.head[middle] - root, wanted.head[middle] - wanted.head[upper]
        here, there = (v - axis * np.sum(axis * v, axis=-1, keepdims=True) for v in (here, there))
        angle = np.arctan2(np.sum(axis * np.cross(here, there), axis=-1), np.sum(here * there, axis=-1))
        near = 0.01 / self._calibration.scale  # a nearly straight limb has no elbow to aim
        bent = np.minimum(np.linalg.norm(here, axis=-1), np.linalg.norm(there, axis=-1)) > near
        return np.where(bent, angle, 0.0), axis, root

    def _is_local(self, bone: str) -> bool:
        """Whether the bone's location follows the axes of its parent, not those of the armature."""
        return self._bones[bone].bone.use_local_location

    def _read(self, joint: str) -> tuple[str, ...]:
        return self._calibration.rigmap.joints[joint].read


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (matrix @ vector[..., None])[..., 0]
