# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete Pose as one function: the button, the batch script and the tests all call it.

Bones become a pose and what is known of it, core completes the pose, and the chosen
alternative goes back into the bones that were not set. Everything is checked before
anything is written. The last completion is kept in memory under all that it was made
from, so that looking through the alternatives solves nothing anew.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import bpy
import numpy as np

from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors.pose import PosePrior
from contrapposto.rig.joints import mapped_ancestor
from contrapposto.rig.similarity import Similarity
from contrapposto.rotation import slerp
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS, forward_kinematics, mirror
from contrapposto.tasks.complete import Completion, complete_pose

from . import checks, keys, told
from .errors import Refusal
from .following import kept_apart
from .known import Intent, read_intent
from .limbs import controls
from .plan import Plan, make_plan
from .residual import Residual, worst_residual
from .rig import Rig, read_rig
from .settings import Settings
from .stretch import unstretched
from .weights import own_prior
from .writing import Writer

logger = logging.getLogger(__name__)

_REACHED_MM = 1.0


@dataclass(frozen=True)
class Report:
    """What was done.

    Attributes:
        armature: name of the object.
        frame: scene frame.
        completed: joint -> the bones that were written for it.
        kept: joint -> the bones that hold it.
        alternative, alternatives: which one was written, of how many.
        energy: how unnatural the prior finds it; lower is better.
        unreachable: IK control -> how far its limb stays away from it, mm.
        bent_too_far: completed joint -> how far it is beyond what a body can do, degrees.
        failing: how many of the alternatives miss a control or bend a joint too far; they come last.
        keyed_channels: how many channels got a key.
        residual: the bone that the rig left furthest from its place, None if all are near.
    """

    armature: str
    frame: float
    completed: Mapping[str, tuple[str, ...]]
    kept: Mapping[str, tuple[str, ...]]
    alternative: int
    alternatives: int
    energy: float
    unreachable: Mapping[str, float]
    bent_too_far: Mapping[str, float]
    failing: int
    keyed_channels: int
    residual: Residual | None = None

    @property
    def sentence(self) -> str:
        """For the status bar."""
        last = f", the last {self.failing} failing" if self.failing else ""
        return (
            f"Completed {_joints(len(self.completed))}, kept {len(self.kept)} "
            f"(alternative {self.alternative} of {self.alternatives}{last})"
        )

    @property
    def warning(self) -> str:
        """One sentence on the worst that went wrong with the pose that was written; empty if nothing did.

        A control that is out of reach, else a joint bent too far, else a bone that did not arrive.
        """
        if self.unreachable:
            worst = max(self.unreachable, key=lambda bone: self.unreachable[bone])
            return (
                f"The limb stays {self.unreachable[worst]:.0f} mm away from '{worst}', out of its reach; "
                "move the control closer to the body"
            )
        if self.bent_too_far:
            worst = max(self.bent_too_far, key=lambda joint: self.bent_too_far[joint])
            return (
                f"The {worst.replace('_', ' ')} ('{self.completed[worst][0]}') is turned "
                f"{self.bent_too_far[worst]:.0f} degrees further than a body can; {self._way_out}"
            )
        return self.residual.sentence if self.residual else ""

    @property
    def _way_out(self) -> str:
        sound = self.alternatives - self.failing
        if sound:
            return f"take one of the first {sound} alternatives" if sound > 1 else "take alternative 1"
        return "move what is keyed near it, or try another seed"


_last: tuple[str, PosePrior | None, Completion] | None = None
"""The last completion, under a digest of everything that it was made from, and its prior."""


def complete(
    context: bpy.types.Context,
    armature_object: bpy.types.Object | None = None,
    settings: Settings | None = None,
) -> Report:
    """Fill in the bones of an armature that are not set on the current frame.

    Args:
        context: gives scene, view layer and tool settings.
        armature_object: the armature; the active object if None.
        settings: what the user chose; the defaults if None.

    Raises:
        Refusal: with one sentence, and nothing has changed.
    """
    settings = settings or Settings()
    armature_object = armature_object or context.object
    frame = context.scene.frame_current_final
    insert = settings.insert_keys
    if insert is None:
        insert = context.scene.tool_settings.use_keyframe_insert_auto
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
    checks.check_something_known(rig, settings.rule, intent, frame)
    mirrored = _mirrored_joints(rig, intent) if settings.mirror else frozenset()
    plan = make_plan(rig, intent, move_pelvis=settings.keep_feet_on_floor)
    checks.check_something_to_fill(rig, plan, settings.rule, frame)
    checks.check_fill(armature_object, plan, insert_keys=insert)
    apart = kept_apart(rig, intent)
    rises = settings.keep_feet_on_floor and plan.moved is not None
    height_known = settings.keep_feet_on_floor and not rises
    pose, known = _problem(rig, intent, apart, mirrored, settings, height_known=height_known)
    completion = _solve(rig, pose, known, settings)
    chosen = completion.poses[settings.alternative - 1]
    writer = Writer(context.view_layer, armature_object, rig.calibration)
    desired = _desired(rig, plan, apart, chosen, settings)
    writer.write(plan, desired)
    # Part of the way, a placed hand is not where the limb's turned bones would have it.
    limbs = [end for end in rig.limbs if end in plan.handles or (end in plan.aims and settings.strength == 1)]
    keyed = 0
    if insert:
        try:
            keyed = keys.insert_keys(armature_object, writer.written, frame)
        except BaseException:
            writer.restore()
            raise
    completed, kept = _filled(rig, plan), _kept(rig, intent)
    report = Report(
        armature=armature_object.name,
        frame=frame,
        completed=completed,
        kept=kept,
        alternative=settings.alternative,
        alternatives=settings.hypotheses,
        energy=float(completion.energy[settings.alternative - 1]),
        unreachable=_unreachable(rig, completion, settings.alternative - 1),
        bent_too_far=_bent_too_far(completion, settings.alternative - 1, completed),
        failing=int(np.count_nonzero(completion.fails)),
        keyed_channels=keyed,
        residual=worst_residual(rig, plan, desired, limbs),
    )
    told.remember(armature_object, frame, report.warning)
    return report


def forget() -> None:
    """Drop the completion held in memory."""
    global _last  # noqa: PLW0603 - one completion is held, on purpose
    _last = None


def _mirrored_joints(rig: Rig, intent: Intent) -> frozenset[str]:
    """Joints that are not kept but whose partner is; limbs on IK are placed, not turned."""
    through_ik = {joint for limb in rig.limbs.values() for joint in limb.joints}
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


def _solve(rig: Rig, pose: Pose, known: Known, settings: Settings) -> Completion:
    """The completion, from memory if nothing that it depends on has changed.

    Raises:
        Refusal: if the prior's weights are missing or damaged.
    """
    global _last  # noqa: PLW0603 - one completion is held, on purpose
    prior = own_prior(settings.weights)
    digest = _digest(rig, pose, known, settings)
    if _last is not None and _last[0] == digest and _last[1] is prior:
        return _last[2]
    try:
        completion = complete_pose(
            pose,
            known,
            hypotheses=settings.hypotheses,
            seed=settings.seed,
            diversity=settings.diversity,
            offsets=rig.calibration.offsets,
            soles=rig.calibration.soles,
            keep_feet_on_floor=settings.keep_feet_on_floor,
            prior=prior,
        )
    except (ValueError, OSError) as error:
        raise Refusal(f"The pose of '{rig.object.name}' could not be completed: {error}") from error
    if not np.all(np.isfinite(completion.poses.rotations)):
        raise Refusal("The prior gave no finite pose; reinstall the extension, its weights may be damaged")
    _last = (digest, prior, completion)
    return completion


def _digest(rig: Rig, pose: Pose, known: Known, settings: Settings) -> str:
    digest = hashlib.sha256()
    soles = rig.calibration.soles
    arrays = [pose.rotations, pose.transl, known.joints, rig.calibration.offsets]
    arrays += [soles.heel, soles.ball, soles.toes, soles.tip]
    for target in known.targets:
        digest.update(repr((target.joint, target.carrier, target.stiffness)).encode())
        arrays += [np.zeros(0) if a is None else a for a in (target.position, target.rotation)]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    asked = (settings.hypotheses, settings.diversity, settings.seed, settings.keep_feet_on_floor)
    digest.update(repr((asked, known.height_known, known.stiff)).encode())
    return digest.hexdigest()


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


def _filled(rig: Rig, plan: Plan) -> dict[str, tuple[str, ...]]:
    return {joint: plan.turned.get(joint) or _through(rig, joint) for joint in plan.joints}


def _kept(rig: Rig, intent: Intent) -> dict[str, tuple[str, ...]]:
    kept = {j: controls(rig.object, rig.rigmap, j) for j in rig.rigmap.joints if j in intent.joints}
    return kept | {end: (rig.limbs[end].handle.bone,) for end in rig.limbs if end in intent.placed}


def _through(rig: Rig, joint: str) -> tuple[str, ...]:
    """The IK controls that set a joint of a limb."""
    limb = next(limb for limb in rig.limbs.values() if joint in limb.joints)
    return (limb.handle.bone, *limb.aims)


def _unreachable(rig: Rig, completion: Completion, index: int) -> dict[str, float]:
    mm_a_metre = Similarity.of(rig.to_world).scale / rig.calibration.scale
    away = completion.target_mm[index] * mm_a_metre
    return {
        rig.limbs[target.joint].handle.bone: float(mm)
        for target, mm in zip(completion.targets, away, strict=True)
        if target.position is not None and mm > _REACHED_MM
    }


def _bent_too_far(completion: Completion, index: int, completed: Iterable[str]) -> dict[str, float]:
    """Of the joints that were written; where the rig lacks one, nothing shows."""
    broken, degrees = completion.broken[index], completion.beyond_deg[index]
    return {joint: float(degrees[JOINT_INDEX[joint]]) for joint in completed if broken[JOINT_INDEX[joint]]}


def _joints(count: int) -> str:
    return "1 joint" if count == 1 else f"{count} joints"
