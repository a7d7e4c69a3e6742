# SPDX-License-Identifier: GPL-3.0-or-later
"""From an armature as it stands to alternatives for it, checked before anything is written.

Bones become a pose and what is known of it, core makes alternatives, and each of them can be
told as places of bones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np

from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors.pose import PosePrior
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rotation import slerp
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS, forward_kinematics, mirror
from contrapposto.tasks.judgement import Completion

from . import checks, memory
from .following import kept_apart
from .known import Intent, read_intent
from .limbs import joints_through_ik
from .memory import Question, Remembered
from .plan import Plan, make_plan
from .rig import Rig, read_rig
from .settings import Settings
from .steps import Steps
from .stretch import unstretched
from .viewing import viewed_right
from .weights import own_prior


@dataclass(frozen=True, eq=False)
class Solved:
    """Alternatives for an armature.

    Attributes:
        rig: as it stood.
        intent: what is kept.
        plan: what takes an alternative.
        apart: joint that does not turn with the one above it -> what carries it.
        remembered: the alternatives, and the prior they are from.
        settings: what was asked for.
    """

    rig: Rig
    intent: Intent
    plan: Plan
    apart: Mapping[str, str | None]
    remembered: Remembered
    settings: Settings

    @property
    def completion(self) -> Completion:
        """The alternatives, best first."""
        return self.remembered.completion

    @property
    def prior(self) -> PosePrior | None:
        """The one they are from; None for the shipped one."""
        return self.remembered.prior

    def desired(self, index: int) -> dict[str, np.ndarray]:
        """Where the read bones have to be for an alternative, counted from 0."""
        return _desired(self.rig, self.plan, self.apart, self.completion.poses[index], self.settings)


def solve(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    settings: Settings,
    *,
    insert_keys: bool,
    recalled: Remembered | None = None,
) -> Solved:
    """Alternatives for the armature on the current frame; nothing is written.

    Args:
        context: gives scene and view layer.
        armature_object: the armature.
        settings: what the user chose.
        insert_keys: whether what is written later is to be keyed.
        recalled: take these alternatives; nothing is solved anew.

    Raises:
        Refusal: with one sentence.
    """
    asked = _ask(context, armature_object, settings, insert_keys=insert_keys)
    remembered = memory.completed(asked.question, recalled=recalled)
    return Solved(asked.rig, asked.intent, asked.plan, asked.apart, remembered, settings)


def solve_ahead(
    context: bpy.types.Context,
    armature_object: bpy.types.Object,
    settings: Settings,
    *,
    insert_keys: bool,
    pictured: bool,
) -> Steps[None]:
    """Have ``solve`` find its alternatives in memory; they are made on a thread of their own.

    Whatever becomes of the armature meanwhile, ``solve`` reads it again and trusts none that are for another
    pose.

    Args:
        context: gives scene and view layer.
        armature_object: the armature.
        settings: what the user chose.
        insert_keys: whether what is written later is to be keyed.
        pictured: whether the alternatives will be browsed, by pictures.

    Raises:
        Refusal: with one sentence.
    """
    asked = _ask(context, armature_object, settings, insert_keys=insert_keys)
    yield from memory.answered_elsewhere(asked.question, pictured=pictured)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is asked for an armature as it stands, checked."""

    rig: Rig
    intent: Intent
    plan: Plan
    apart: Mapping[str, str | None]
    question: Question


def _ask(
    context: bpy.types.Context, armature_object: bpy.types.Object, settings: Settings, *, insert_keys: bool
) -> _Asked:
    frame = context.scene.frame_current_final
    context.view_layer.update()
    checks.check_armature(armature_object, context.view_layer)
    rig = read_rig(armature_object)
    intent = read_intent(
        rig,
        settings.rule,
        frame=frame,
        named=settings.bones,
        refill_generated=settings.refill_generated,
    )
    if settings.needs_known:
        checks.check_something_known(rig, settings.rule, intent, frame)
    mirrored = _mirrored_joints(rig, intent) if settings.mirror else frozenset()
    plan = make_plan(rig, intent, move_pelvis=settings.keep_feet_on_floor)
    checks.check_something_to_fill(
        rig, plan, settings.rule, frame, refill_generated=settings.refill_generated
    )
    checks.check_fill(armature_object, plan, insert_keys=insert_keys)
    apart = kept_apart(rig, intent)
    rises = settings.keep_feet_on_floor and plan.moved is not None
    height_known = settings.keep_feet_on_floor and not rises
    pose, known = _problem(rig, intent, apart, mirrored, settings, height_known=height_known)
    prior = own_prior(settings.weights)
    question = memory.question(rig, plan, pose, known, settings, prior, viewed_right(context))
    return _Asked(rig, intent, plan, apart, question)


def _mirrored_joints(rig: Rig, intent: Intent) -> frozenset[str]:
    """Joints that are not kept but whose partner is; limbs on IK are placed, not turned."""
    through_ik = joints_through_ik(rig.limbs)
    return frozenset(
        joint
        for joint in rig.rigmap.joints
        if joint not in intent.joints
        and joint not in through_ik
        and JOINT_NAMES[MIRROR[JOINT_INDEX[joint]]] in intent.joints
    )


def _problem(
    rig: Rig,
    intent: Intent,
    apart: Mapping[str, str | None],
    mirrored: frozenset[str],
    settings: Settings,
    *,
    height_known: bool,
) -> tuple[Pose, Known]:
    """The pose as it stands, with mirrored joints set, and what is known of it."""
    rotations = rig.pose.rotations.copy()
    if mirrored:
        index = [JOINT_INDEX[joint] for joint in mirrored]
        rotations[index] = mirror(rig.pose.rotations)[index]
    fixed = (intent.joints | mirrored) - frozenset(apart)
    joints = np.array([joint in fixed for joint in JOINT_NAMES])
    # A joint that the rig lacks is part of its heirs: where they are all fixed, so is it.
    for joint in JOINT_NAMES:
        if joint not in rig.rigmap.joints:
            heirs = [j for j in rig.rigmap.joints if joint in mapped_ancestor(j, rig.rigmap.joints)[1]]
            joints[JOINT_INDEX[joint]] = bool(heirs) and all(j in fixed for j in heirs)
    targets = [_target(rig, end) for end in JOINT_NAMES if end in intent.placed]
    if settings.mirror:
        targets += [
            mirrored_target
            for target in targets
            if (mirrored_target := _mirrored_target(rig, target)).joint in set(rig.limbs) - intent.placed
        ]
    world, _ = forward_kinematics(rig.pose.rotations)
    targets += [Target(joint, None, world[JOINT_INDEX[joint]], carrier) for joint, carrier in apart.items()]
    known = Known(joints, tuple(targets), height_known, tuple(sorted(intent.stiff)))
    return Pose(rotations, rig.pose.transl), known


def _target(rig: Rig, end: str) -> Target:
    limb = rig.limbs[end]
    matrix = rig.matrices[rig.armature.index[limb.handle.bone]]
    target = rig.calibration.target_from_bone(end, matrix, limb.handle.bone, rig.to_world)
    return target if limb.turns_end else replace(target, rotation=None)


def _mirrored_target(rig: Rig, target: Target) -> Target:
    """The same on the other side of the body, as its pelvis stands now."""
    flip = np.diag([-1.0, 1.0, 1.0])
    pelvis = rig.pose.global_orient
    across = pelvis @ flip @ pelvis.T
    return Target(
        JOINT_NAMES[MIRROR[JOINT_INDEX[target.joint]]],
        rig.pose.transl + across @ (target.position - rig.pose.transl),
        None if target.rotation is None else across @ target.rotation @ flip,
    )


def _desired(
    rig: Rig, plan: Plan, apart: Mapping[str, str | None], chosen: Pose, settings: Settings
) -> dict[str, np.ndarray]:
    """Where the read bones have to be, part of the way if the strength is below 1."""
    rotations, transl = chosen.rotations, chosen.transl
    if settings.strength < 1:
        rotations = slerp(rig.pose.rotations, rotations, settings.strength)
        transl = rig.pose.transl + settings.strength * (transl - rig.pose.transl)
    return rig.calibration.write(
        Pose(_keep_apart(rig, apart, rotations), transl),
        rig.to_world,
        unstretched(rig, rig.limbs),
        free=(*plan.joints, *apart),
        move_pelvis=settings.keep_feet_on_floor and plan.moved is not None,
    )


def _keep_apart(rig: Rig, apart: Mapping[str, str | None], rotations: np.ndarray) -> np.ndarray:
    """The rotations with joints that do not turn with the one above where their controls leave them."""
    rotations = rotations.copy()
    before, _ = forward_kinematics(rig.pose.rotations)
    for joint in sorted(JOINT_INDEX[name] for name in apart):
        now, _ = forward_kinematics(rotations)
        wanted, carrier = before[joint], apart[JOINT_NAMES[joint]]
        if carrier is not None:
            above = JOINT_INDEX[carrier]
            wanted = now[above] @ before[above].T @ wanted
        rotations[joint] = now[PARENTS[joint]].T @ wanted
    return rotations
