# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rig did not reach: measured once, after everything is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from contrapposto.rig.similarity import Similarity
from contrapposto.rotation import geodesic_angle, project

from .plan import Plan
from .rig import Rig
from .rig_reader import read_matrices

_MOST_MM = 30.0
"""On a body of standard size. Rigify's IK shortens a limb that it bends far: the knees of a crouch
are 22 to 25 mm off."""

_MOST_DEG = 5.0


@dataclass(frozen=True)
class Residual:
    """How far a bone stays from where the completed pose has it.

    Attributes:
        mm: of its head, from the limb's root where it is part of a limb, as the scene measures.
        body_mm: the same on a body of standard size, whatever the size of the rig.
        degrees: of its rotation; 0 where IK decides it.
        joint: which of the 22 joints the bone belongs to.
        controls: what an animator would correct it with.
    """

    bone: str
    mm: float
    body_mm: float
    degrees: float
    joint: str
    controls: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For the animator."""
        is_off = self.body_mm / _MOST_MM > self.degrees / _MOST_DEG
        away = (
            f"ends {two_digits(self.mm)} mm off"
            if is_off
            else f"is turned {two_digits(self.degrees)} degrees off"
        )
        part = self.joint.replace("_foot", "_toe").replace("_", " ")
        which = "control" if len(self.controls) == 1 else "controls"
        return (
            f"The {part} {away} ({which} {', '.join(self.controls)}): the rig does not let it get there; "
            "look at it or try another alternative"
        )

    @property
    def share(self) -> float:
        """How many times the bound it is; above 1 it is worth telling."""
        return max(self.body_mm / _MOST_MM, self.degrees / _MOST_DEG)


def two_digits(value: float) -> str:
    """A number for a sentence: whole from ten on, below to two digits."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def worst_residual(
    rig: Rig, plan: Plan, desired: Mapping[str, np.ndarray], limbs: Collection[str]
) -> Residual | None:
    """The bone that is furthest off, None if all are near enough; the view layer is up to date.

    Args:
        limbs: ends of limbs on IK whose elbow or knee is compared.
    """
    matrices = read_matrices(rig.object, rig.armature)
    now = {name: matrices[rig.armature.index[name]] for name in desired}
    joints = rig.rigmap.joints
    turned = [*plan.turned, *(end for end in plan.handles if rig.limbs[end].turns_end)]
    world_mm = 1000 * Similarity.of(rig.to_world).scale
    body_mm = 1000 * rig.calibration.scale
    found = [
        Residual(bone, 0.0, 0.0, _apart_deg(now, desired, bone), joint, _controls(rig, plan, joint))
        for joint in turned
        for bone in joints[joint].read[-1:]
    ]
    for end in limbs:
        root, *others = (joint for joint in rig.limbs[end].joints if joint in joints)
        first = joints[root].read[0]
        found += [
            Residual(bone, world_mm * away, body_mm * away, 0.0, joint, _controls(rig, plan, joint))
            for joint in others
            for bone in joints[joint].read[:1]
            for away in [_apart(now, desired, bone, first)]
        ]
    worst = max(found, key=lambda residual: residual.share, default=None)
    return worst if worst is not None and worst.share > 1 else None


def _controls(rig: Rig, plan: Plan, joint: str) -> tuple[str, ...]:
    """What sets the joint: its own controls, or those of its limb's IK."""
    if joint in plan.turned:
        return plan.turned[joint]
    limb = next(limb for limb in rig.limbs.values() if joint in limb.joints)
    return (limb.handle.bone, *limb.aims)


def _apart_deg(now: Mapping[str, np.ndarray], desired: Mapping[str, np.ndarray], bone: str) -> float:
    a, b = (project(matrices[bone][:3, :3].astype(float)) for matrices in (now, desired))
    return float(np.degrees(geodesic_angle(a, b)))


def _apart(now: Mapping[str, np.ndarray], desired: Mapping[str, np.ndarray], bone: str, root: str) -> float:
    """In units of armature space."""
    arms = [matrices[bone][:3, 3] - matrices[root][:3, 3] for matrices in (now, desired)]
    return float(np.linalg.norm(arms[0] - arms[1]))
