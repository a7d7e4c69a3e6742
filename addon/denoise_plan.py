# SPDX-License-Identifier: GPL-3.0-or-later
"""Which controls of a rig a clean motion is written into, and which are left as they are, and why.

Only what the action animates is written: the rotation of controls of mapped joints, the location of the
hips, and where a limb is on IK its handle and what aims it. A switch from IK to FK may be animated: each
layer is written on the frames on which it is live.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import bpy
import numpy as np

from contrapposto.rig.rigmap import Handle, RigMap
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS

from .action_curves import ActionCurves, evaluate
from .denoise_settings import PARTS, DenoiseSettings
from .limbs import LIMB_ENDS, IkLimb, ik_is_live, live_ik_limbs
from .rotation_channels import CHANNELS
from .rotations import rotation_path
from .versions import is_selected
from .writable import Writable


class Role(Enum):
    """What a control does to its joint."""

    TURN = "TURN"
    HANDLE = "HANDLE"
    POLE = "POLE"
    SWING = "SWING"


@dataclass(frozen=True, eq=False)
class Control:
    """A bone that is written.

    Attributes:
        bone: its name.
        joint: the joint that it sets; the limb's end for handles, poles and swing bones.
        role: how.
        turns, moves: whether its rotation and its location are written.
        live: (T,) bool, the samples on which it has a say.
    """

    bone: str
    joint: str
    role: Role
    turns: bool
    moves: bool
    live: np.ndarray


@dataclass(eq=False)
class DenoisePlan:
    """What will be written.

    Attributes:
        controls: bone -> control.
        limbs: limb end -> the limb on IK, where IK is live on some sample.
        left: bone -> why its curves are left as they are.
    """

    controls: dict[str, Control] = field(default_factory=dict)
    limbs: dict[str, IkLimb] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def joints(self) -> frozenset[str]:
        """The joints that are set."""
        found: set[str] = set()
        for control in self.controls.values():
            if control.role is Role.TURN:
                found.add(control.joint)
            elif control.role is Role.HANDLE:
                limb = self.limbs[control.joint]
                found.update(limb.joints if control.turns else limb.joints[:2])
        return frozenset(found)

    def strength(self, settings: DenoiseSettings) -> np.ndarray:
        """(22,) how much each joint may change; 0 where it is not set."""
        strength = np.zeros(NUM_JOINTS)
        for part, joints in PARTS.items():
            for joint in joints:
                if joint in self.joints:
                    strength[JOINT_INDEX[joint]] = settings.strength * settings.parts.get(part, 1.0)
        return strength


def make_denoise_plan(
    armature_object: bpy.types.Object,
    rigmap: RigMap,
    curves: ActionCurves,
    frames: np.ndarray,
    settings: DenoiseSettings,
) -> DenoisePlan:
    """Settle what is written, before anything is."""
    planner = _Planner(armature_object, curves, settings)
    live = ik_live(armature_object, rigmap, curves, frames)
    planner.plan.limbs = {end: limb for end, (limb, on) in live.items() if on.any()}
    fk: dict[str, np.ndarray] = {}
    for end, (limb, on) in live.items():
        joints = limb.joints if limb.turns_end else limb.joints[:2]
        fk |= dict.fromkeys((*joints, end.replace("ankle", "foot")), ~on)
    everywhere = np.ones(len(frames), dtype=bool)
    is_control_rig = any(bones.read != bones.write for bones in rigmap.joints.values())
    for joint, bones in rigmap.joints.items():
        on = fk.get(joint, everywhere)
        if joint.endswith("_foot"):
            on = _plan_toes(planner, rigmap, joint, on) if is_control_rig else everywhere
        for bone in bones.write:
            moves = joint == "pelvis" and not any(c.moves for c in planner.plan.controls.values())
            planner.add(bone, joint, Role.TURN, on, turns=True, moves=moves)
    for end, limb in planner.plan.limbs.items():
        on = live[end][1]
        planner.add(limb.handle.bone, end, Role.HANDLE, on, turns=limb.turns_end, moves=True)
        if limb.handle.pole:
            planner.add(limb.handle.pole, end, Role.POLE, on, turns=False, moves=True)
        if limb.handle.swing:
            planner.add(limb.handle.swing, end, Role.SWING, on, turns=True, moves=False)
    return planner.plan


def written_channels(
    control: Control, bone: bpy.types.PoseBone, curves: ActionCurves
) -> dict[str, tuple[int, ...]]:
    """Property of a control -> those of its channels that are written.

    All of a rotation, but of a swing bone not those that the rig locks; of a location those with a curve.
    """
    written: dict[str, tuple[int, ...]] = {}
    if control.turns:
        written[rotation_path(bone)] = _free_channels(control, bone)
    if control.moves:
        channel = curves.channels[bone.name, "location"]
        written["location"] = tuple(index for index in sorted(channel) if index < 3)
    return written


def _free_channels(control: Control, bone: bpy.types.PoseBone) -> tuple[int, ...]:
    count = CHANNELS.get(bone.rotation_mode, 3)
    if control.role is Role.SWING and count == 3:
        return tuple(index for index in range(3) if not bone.lock_rotation[index])
    return tuple(range(count))


def ik_live(
    armature_object: bpy.types.Object, rigmap: RigMap, curves: ActionCurves, frames: np.ndarray
) -> dict[str, tuple[IkLimb, np.ndarray]]:
    """Limb end -> the limb and (T,) bool, on which samples IK places it."""
    found = {
        end: (limb, np.ones(len(frames), dtype=bool))
        for end, limb in live_ik_limbs(armature_object, rigmap).items()
    }
    for end, handle in rigmap.handles.items():
        if end in LIMB_ENDS and handle.bone in armature_object.pose.bones:
            found[end] = (IkLimb(handle, turns_end=True), _switched(armature_object, handle, curves, frames))
    return found


def _switched(
    armature_object: bpy.types.Object, handle: Handle, curves: ActionCurves, frames: np.ndarray
) -> np.ndarray:
    if handle.switch is not None:
        bone, name = (bpy.utils.escape_identifier(part) for part in handle.switch)
        curve = curves.properties.get(f'pose.bones["{bone}"]["{name}"]')
        if curve is not None:
            return evaluate(curve, frames) < 0.5
    return np.full(len(frames), ik_is_live(armature_object, handle))


def _plan_toes(planner: _Planner, rigmap: RigMap, joint: str, fk: np.ndarray) -> np.ndarray:
    """Toes of a control rig may have a control of their own on IK; where the FK toes are live."""
    handle = rigmap.handles.get(joint)
    if handle is not None and handle.bone in planner.bones and not fk.all():
        planner.add(handle.bone, joint, Role.TURN, ~fk, turns=True, moves=False)
    return fk


class _Planner:
    """Adds controls to a plan if the action animates them and nothing stands in the way."""

    def __init__(
        self,
        armature_object: bpy.types.Object,
        curves: ActionCurves,
        settings: DenoiseSettings,
    ) -> None:
        self.plan = DenoisePlan()
        self.bones = armature_object.pose.bones
        self._selected_only = settings.selected_only
        self._writable = Writable(armature_object, curves)

    def add(self, bone: str, joint: str, role: Role, live: np.ndarray, *, turns: bool, moves: bool) -> None:
        """Take the bone's rotation, its location or both into the plan, as far as they may be written."""
        if bone in self.plan.controls or bone not in self.bones or not live.any():
            return
        if self._selected_only and not is_selected(self.bones[bone]):
            return
        turns = turns and self._may_turn(self.bones[bone], role)
        moves = moves and self._may_move(self.bones[bone])
        if turns or moves:
            self.plan.controls[bone] = Control(bone, joint, role, turns, moves, live)

    def _may_turn(self, bone: bpy.types.PoseBone, role: Role) -> bool:
        led, swings = role is not Role.TURN, role is Role.SWING
        return self._note(bone, self._writable.why_not_turned(bone, led=led, partly_locked=swings))

    def _may_move(self, bone: bpy.types.PoseBone) -> bool:
        return self._note(bone, self._writable.why_not_moved(bone))

    def _note(self, bone: bpy.types.PoseBone, reason: str | None) -> bool:
        if reason:
            self.plan.left.setdefault(bone.name, reason)
        return reason is None
