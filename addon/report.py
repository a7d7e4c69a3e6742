# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done, as data and in sentences for an animator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from contrapposto.priors.pose import PosePrior
from contrapposto.rig.similarity import Similarity
from contrapposto.skeleton import JOINT_NAMES
from contrapposto.tasks.judgement import MISSED_DEG, MISSED_MM, Completion
from contrapposto.tasks.naturalness import percent_less_natural

from .known import Intent
from .limbs import controls
from .plan import Plan
from .residual import Residual, two_digits
from .rig import Rig
from .rig_reader import read_matrices


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
        naturalness: percent of real poses that are less natural than the one that the rig now has;
            None if the weights do not know how natural real poses are.
        unreachable: IK control -> how far its limb stays away from it, mm in the scene.
        short_of_turn: kept control -> how far the body stays from turning along with it, degrees.
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
    naturalness: float | None
    unreachable: Mapping[str, float]
    short_of_turn: Mapping[str, float]
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

        A control that is out of reach, else one that the body does not turn with, else a joint bent
        too far, else a bone that did not arrive.
        """
        if self.unreachable:
            worst, mm = _largest(self.unreachable)
            return (
                f"The limb stays {two_digits(mm)} mm away from '{worst}', out of its reach; "
                "move the control closer to the body"
            )
        if self.short_of_turn:
            worst, degrees = _largest(self.short_of_turn)
            return (
                f"The body stays {two_digits(degrees)} degrees short of the turn of '{worst}'; "
                f"{self._way_out}"
            )
        if self.bent_too_far:
            worst, degrees = _largest(self.bent_too_far)
            return (
                f"The {worst.replace('_', ' ')} ('{self.completed[worst][0]}') is turned "
                f"{two_digits(degrees)} degrees further than a body can; {self._way_out}"
            )
        return self.residual.sentence if self.residual else ""

    @property
    def _way_out(self) -> str:
        sound = self.alternatives - self.failing
        if sound:
            return f"take one of the first {sound} alternatives" if sound > 1 else "take alternative 1"
        return "move what is keyed near it, or try another seed"


def report_of(
    rig: Rig,
    plan: Plan,
    intent: Intent,
    completion: Completion,
    index: int,
    prior: PosePrior | None,
    *,
    frame: float,
    keyed_channels: int,
    residual: Residual | None,
) -> Report:
    """What was done to a rig, after everything is written; the view layer is up to date.

    Args:
        index: of the alternative that was written, from 0.
        prior: the one that completed it; the shipped one if None.
    """
    completed, kept = _filled(rig, plan), _kept(rig, intent)
    return Report(
        armature=rig.object.name,
        frame=frame,
        completed=completed,
        kept=kept,
        alternative=index + 1,
        alternatives=len(completion.energy),
        energy=float(completion.energy[index]),
        naturalness=naturalness_of(rig, prior),
        unreachable=_unreachable(rig, completion, index),
        short_of_turn=_short_of_turn(rig, kept, completion, index),
        bent_too_far=_bent_too_far(completion, index),
        failing=int(np.count_nonzero(completion.fails)),
        keyed_channels=keyed_channels,
        residual=residual,
    )


def why_failing(rig: Rig, intent: Intent, completion: Completion, index: int) -> str:
    """In a few words, the worst that an alternative, counted from 0, misses or breaks; empty if nothing."""
    if far := _unreachable(rig, completion, index):
        worst, mm = _largest(far)
        return f"'{worst}' is {two_digits(mm)} mm out of reach"
    if short := _short_of_turn(rig, _kept(rig, intent), completion, index):
        worst, degrees = _largest(short)
        return f"{two_digits(degrees)} degrees short of the turn of '{worst}'"
    if bent := _bent_too_far(completion, index):
        worst, degrees = _largest(bent)
        return f"{worst.replace('_', ' ').capitalize()} turned {two_digits(degrees)} degrees too far"
    return ""


def _filled(rig: Rig, plan: Plan) -> dict[str, tuple[str, ...]]:
    return {joint: plan.turned.get(joint) or _through(rig, joint) for joint in plan.joints}


def _kept(rig: Rig, intent: Intent) -> dict[str, tuple[str, ...]]:
    kept = {j: controls(rig.object, rig.rigmap, j) for j in rig.rigmap.joints if j in intent.joints}
    return kept | {end: (rig.limbs[end].handle.bone,) for end in rig.limbs if end in intent.placed}


def _through(rig: Rig, joint: str) -> tuple[str, ...]:
    """The IK controls that set a joint of a limb."""
    limb = next(limb for limb in rig.limbs.values() if joint in limb.joints)
    return (limb.handle.bone, *limb.aims)


def naturalness_of(rig: Rig, prior: PosePrior | None) -> float | None:
    """Percent of real poses that are less natural than the pose that the rig has now; None if not known."""
    pose = rig.calibration.read(read_matrices(rig.object, rig.armature), rig.to_world)
    percent = percent_less_natural(pose.rotations, prior=prior)
    return None if percent is None else float(percent)


def _unreachable(rig: Rig, completion: Completion, index: int) -> dict[str, float]:
    """Missed targets whose place is not reached; judged on the body, told as the scene measures."""
    scene_mm = Similarity.of(rig.to_world).scale / rig.calibration.scale
    found = zip(completion.targets, completion.missed[index], completion.target_mm[index], strict=True)
    return {
        rig.limbs[target.joint].handle.bone: float(mm * scene_mm)
        for target, missed, mm in found
        if missed and mm > MISSED_MM
    }


def _short_of_turn(
    rig: Rig, kept: Mapping[str, tuple[str, ...]], completion: Completion, index: int
) -> dict[str, float]:
    """Missed targets whose direction is not reached."""
    holders = {end: (limb.handle.bone,) for end, limb in rig.limbs.items()} | kept
    found = zip(completion.targets, completion.missed[index], completion.target_deg[index], strict=True)
    return {
        holders[target.joint][0]: float(degrees)
        for target, missed, degrees in found
        if missed and degrees > MISSED_DEG
    }


def _bent_too_far(completion: Completion, index: int) -> dict[str, float]:
    found = zip(JOINT_NAMES, completion.broken[index], completion.beyond_deg[index], strict=True)
    return {joint: float(degrees) for joint, broken, degrees in found if broken}


def _largest(found: Mapping[str, float]) -> tuple[str, float]:
    return max(found.items(), key=lambda item: item[1])


def _joints(count: int) -> str:
    return "1 joint" if count == 1 else f"{count} joints"
