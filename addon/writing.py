# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a completed pose into the bones: only into those that were asked for.

A plain skeleton is solved in closed form. A control rig answers for itself: controls are
set by depth, the view layer is updated after each level, and what the rig made of them is
measured and corrected until it stands as wanted. Where IK is live the handle is moved and
the elbow or knee aimed; the switch is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from contrapposto.rig.calibration import Calibration

from .limbs import IkLimb
from .plan import Plan
from .rotations import basis_matrix, posed_matrix, rotation_path, set_rotation

_EXACT_DEG = 0.01
_EXACT_M = 1e-4
_PASSES = 4
_AIM_PASSES = 8
_STRAIGHT = 0.09
"""An elbow or knee that bends by less than 10 degrees is off its limb's line by less than this share of the
upper bone."""

Desired = Mapping[str, np.ndarray]
"""Read bone -> (4, 4) wanted matrix in armature space."""


class Writer:
    """Writes one pose by a plan, and can take it back.

    Attributes:
        written: bone -> the properties that were written.
        before: (bone, property) -> what it held before it was first written.
    """

    def __init__(
        self, view_layer: bpy.types.ViewLayer, armature_object: bpy.types.Object, calibration: Calibration
    ) -> None:
        self.view_layer = view_layer
        self.bones = armature_object.pose.bones
        self.calibration = calibration
        self.written: dict[str, set[str]] = {}
        self.before: dict[tuple[str, str], tuple[float, ...]] = {}

    def write(self, plan: Plan, desired: Desired) -> None:
        """Bring the planned bones where ``desired`` has the joints, then update the view layer.

        Whatever goes wrong, every channel is put back before the error goes on.
        """
        try:
            if plan.plain:
                self._write_closed_form(plan, desired)
            else:
                self._write_controls(plan, desired)
                self._write_limbs(plan, desired)
                self._correct_controls(plan, desired)
            self.view_layer.update()
        except BaseException:
            self.restore()
            raise

    def restore(self) -> None:
        """Put every written channel back to the bit."""
        for (bone, path), value in self.before.items():
            setattr(self.bones[bone], path, value)
        self.written.clear()
        self.view_layer.update()

    # Channels

    def _rotate(self, name: str, rotation: Quaternion) -> None:
        bone = self.bones[name]
        path = rotation_path(bone)
        self._remember(name, path)
        set_rotation(bone, rotation)

    def _move(self, name: str, location: Vector) -> None:
        self._remember(name, "location")
        self.bones[name].location = location

    def _remember(self, name: str, path: str) -> None:
        self.before.setdefault((name, path), tuple(getattr(self.bones[name], path)))
        self.written.setdefault(name, set()).add(path)

    def _put(self, name: str, matrix: Matrix, *, turn: bool, move: bool) -> None:
        """Set a control's channels so that it lands on ``matrix``, given where its parent is now."""
        bone = self.bones[name]
        basis = basis_matrix(bone, matrix, bone.parent.matrix if bone.parent else None)
        if turn:
            self._rotate(name, basis.to_quaternion())
        if move:
            self._move(name, basis.translation)

    # Plain skeletons

    def _write_closed_form(self, plan: Plan, desired: Desired) -> None:
        """One pass from the root outward: each parent's new matrix is known before its children's."""
        turned = {name for bones in plan.turned.values() for name in bones}
        new: dict[str, Matrix] = {}
        for name in self.calibration.armature.names:
            bone = self.bones[name]
            parent = new[bone.parent.name] if bone.parent else None
            if name in turned:
                basis = basis_matrix(bone, Matrix(desired[name]), parent)
                self._rotate(name, basis.to_quaternion())
                if name == plan.moved:
                    self._move(name, basis.translation)
            new[name] = posed_matrix(bone, bone.matrix_basis, parent)

    # Control rigs, FK

    def _write_controls(self, plan: Plan, desired: Desired) -> None:
        """Set all controls from the rest offsets, then turn them by what the rig still lacks."""
        matrices = {
            name: self._control_matrix(joint, name, desired)
            for joint, names in plan.turned.items()
            for name in names
        }
        self._put_by_depth(matrices, plan.moved)
        self._correct_controls(plan, desired)

    def _correct_controls(self, plan: Plan, desired: Desired) -> None:
        """Measure, turn the controls of joints that are off with whatever hangs on them, measure again."""
        pairs = {
            name: joint
            for group in (plan.turned, plan.held)
            for joint, names in group.items()
            for name in names
        }
        # Of several controls of a joint the last one is the nearest to it.
        last = {joint: name for name, joint in pairs.items()}
        for _ in range(_PASSES):
            lacking = {joint: self._lacking(joint, desired) for joint in last}
            shift = self._pelvis_shift(plan, desired)
            off = {last[joint] for joint, turn in lacking.items() if _angle_deg(turn) > _EXACT_DEG}
            if shift.length > self._near:
                off.add(plan.moved)
            if not off:
                return
            matrices = {}
            for name, joint in pairs.items():
                bone = self.bones[name]
                if name in off or any(parent.name in off for parent in bone.parent_recursive):
                    turn = lacking[joint] if last[joint] == name else Matrix.Identity(4)
                    matrices[name] = turn @ _turn(bone)
                    matrices[name].translation = bone.matrix.translation
            if plan.moved in matrices:
                matrices[plan.moved].translation += shift
            self._put_by_depth(matrices, plan.moved)

    def _put_by_depth(self, matrices: Mapping[str, Matrix], moved: str | None) -> None:
        by_depth = sorted(matrices, key=self._depth)
        for _, level in groupby(by_depth, key=self._depth):
            for name in level:
                self._put(name, matrices[name], turn=True, move=name == moved)
            self.view_layer.update()

    def _depth(self, name: str) -> int:
        return len(self.bones[name].parent_recursive)

    def _control_matrix(self, joint: str, name: str, desired: Desired) -> Matrix:
        bones = self.calibration.rigmap.joints[joint]
        if name in bones.read:
            return Matrix(desired[name])
        return Matrix(self.calibration.bone_for(joint, name, desired[bones.read[0]]))

    def _lacking(self, joint: str, desired: Desired) -> Matrix:
        """The turn in armature space that the joint is still away from where it should be."""
        last = self.calibration.rigmap.joints[joint].read[-1]
        wanted = Matrix(desired[last]).to_quaternion()
        return (wanted @ self.bones[last].matrix.to_quaternion().inverted()).to_matrix().to_4x4()

    def _pelvis_shift(self, plan: Plan, desired: Desired) -> Vector:
        if plan.moved is None:
            return Vector((0, 0, 0))
        first = self.calibration.rigmap.joints["pelvis"].read[0]
        return Matrix(desired[first]).translation - self.bones[first].matrix.translation

    @property
    def _near(self) -> float:
        """A tenth of a millimetre on a body of standard size, in the rig's units."""
        return _EXACT_M / self.calibration.scale

    # Control rigs, IK

    def _write_limbs(self, plan: Plan, desired: Desired) -> None:
        for end in plan.handles:
            limb = plan.limbs[end]
            read = self.calibration.rigmap.joints[end].read[0]
            wanted = Matrix(desired[read])
            wanted.translation = self._wanted_end(limb, desired)
            matrix = Matrix(self.calibration.bone_for(end, limb.handle.bone, np.array(wanted)))
            self._put(limb.handle.bone, matrix, turn=limb.turns_end, move=True)
        self.view_layer.update()
        for _ in range(_PASSES):
            off = [end for end in plan.handles if self._is_off(plan.limbs[end], desired)]
            if not off:
                break
            for end in off:
                self._correct_handle(plan, end, desired)
            self.view_layer.update()
        for _ in range(_AIM_PASSES):
            turned = [self._correct_aim(plan, end, desired) for end in plan.aims]
            if not any(turned):
                break
            self.view_layer.update()

    def _wanted_end(self, limb: IkLimb, desired: Desired) -> Vector:
        """Where the limb's end belongs: feet in the world, hands relative to the shoulder as it came out."""
        joints = self.calibration.rigmap.joints
        root, _, end = limb.joints
        place = Matrix(desired[joints[end].read[0]]).translation
        if not end.endswith("wrist") or root not in joints:
            return place
        shoulder = joints[root].read[0]
        return place + self.bones[shoulder].matrix.translation - Matrix(desired[shoulder]).translation

    def _is_off(self, limb: IkLimb, desired: Desired) -> bool:
        end = limb.handle.joint
        first = self.calibration.rigmap.joints[end].read[0]
        apart = self._wanted_end(limb, desired) - self.bones[first].matrix.translation
        turn = _angle_deg(self._lacking(end, desired)) if limb.turns_end else 0.0
        return turn > _EXACT_DEG or apart.length > self._near

    def _correct_handle(self, plan: Plan, end: str, desired: Desired) -> None:
        limb = plan.limbs[end]
        first = self.calibration.rigmap.joints[end].read[0]
        handle = self.bones[limb.handle.bone]
        turn = self._lacking(end, desired) if limb.turns_end else Matrix.Identity(4)
        pivot = self.bones[first].matrix.translation
        matrix = turn @ _turn(handle)
        arm = turn @ (handle.matrix.translation - pivot)
        matrix.translation = self._wanted_end(limb, desired) + arm
        self._put(handle.name, matrix, turn=limb.turns_end, move=True)

    def _correct_aim(self, plan: Plan, end: str, desired: Desired) -> bool:
        """Turn the pole or swing about the line from the limb's root to its end; whether it had to be."""
        limb = plan.limbs[end]
        joints = self.calibration.rigmap.joints
        if any(joint not in joints for joint in limb.joints):
            return False
        upper, middle, tip = (joints[joint].read[0] for joint in limb.joints)
        root = self.bones[upper].matrix.translation
        axis = (self.bones[tip].matrix.translation - root).normalized()
        now = self.bones[middle].matrix.translation - root
        wanted_root = Matrix(desired[upper]).translation
        wanted = Matrix(desired[middle]).translation - wanted_root
        now, wanted = now - axis * now.dot(axis), wanted - axis * wanted.dot(axis)
        angle = math.atan2(axis.dot(now.cross(wanted)), now.dot(wanted))
        is_straight = min(now.length, wanted.length) < self._near
        if is_straight or wanted.length < _STRAIGHT * self.bones[upper].length:
            # No joint is aimed backwards that is stretched a little too far, or straight: there, the
            # upper bone's own turn about the line says where the joint faces.
            turn = self._lacking(limb.joints[0], desired).to_quaternion()
            facing = math.remainder(2 * math.atan2(Vector(turn[1:]).dot(axis), turn.w), math.tau)
            if is_straight or abs(math.remainder(angle - facing, math.tau)) > math.pi / 2:
                angle = facing
        if abs(math.degrees(angle)) < _EXACT_DEG:
            return False
        aim = self.bones[plan.aims[end]]
        about = Matrix.Translation(root) @ Matrix.Rotation(angle, 4, axis) @ Matrix.Translation(-root)
        if aim.name == limb.handle.pole:
            self._put(aim.name, about @ aim.matrix, turn=False, move=True)
        else:
            self._swing(aim, about)
        return True

    def _swing(self, aim: bpy.types.PoseBone, about: Matrix) -> None:
        """Turn the swing bone as it stands before IK bends it; its locked Euler channels stay."""
        before = tuple(aim.rotation_euler)
        parent = aim.parent.matrix if aim.parent else None
        basis = basis_matrix(aim, about @ posed_matrix(aim, aim.matrix_basis, parent), parent)
        self._rotate(aim.name, basis.to_quaternion())
        if rotation_path(aim) == "rotation_euler":
            aim.rotation_euler = [
                old if locked else new
                for old, new, locked in zip(before, aim.rotation_euler, aim.lock_rotation, strict=True)
            ]


def _turn(bone: bpy.types.PoseBone) -> Matrix:
    return bone.matrix.to_quaternion().to_matrix().to_4x4()


def _angle_deg(turn: Matrix) -> float:
    angle = math.degrees(turn.to_quaternion().angle)
    return min(angle, 360 - angle)
