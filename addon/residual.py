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
"""Rigify's IK shortens a limb that it bends far: the knees of a crouch are 22 to 25 mm off."""

_MOST_DEG = 5.0


@dataclass(frozen=True)
class Residual:
    """How far a bone stays from where the completed pose has it.

    Attributes:
        mm: of its head, from the limb's root where it is part of a limb.
        degrees: of its rotation; 0 where IK decides it.
    """

    bone: str
    mm: float
    degrees: float

    @property
    def sentence(self) -> str:
        """For the animator."""
        is_off = self.mm / _MOST_MM > self.degrees / _MOST_DEG
        away = f"{self.mm:.0f} mm" if is_off else f"{self.degrees:.0f} degrees"
        return (
            f"'{self.bone}' stays {away} from the completed pose, its controls do not let it get there; "
            "look at it or try another alternative"
        )

    @property
    def share(self) -> float:
        """How many times the bound it is; above 1 it is worth telling."""
        return max(self.mm / _MOST_MM, self.degrees / _MOST_DEG)


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
    turned = [joints[joint].read[-1] for joint in plan.turned]
    turned += [joints[end].read[-1] for end in plan.handles if rig.limbs[end].turns_end]
    found = [Residual(bone, 0.0, _apart_deg(now, desired, bone)) for bone in turned]
    for end in limbs:
        root, *others = (joints[joint].read[0] for joint in rig.limbs[end].joints if joint in joints)
        found += [Residual(bone, _apart_mm(rig, now, desired, bone, root), 0.0) for bone in others]
    worst = max(found, key=lambda residual: residual.share, default=None)
    return worst if worst is not None and worst.share > 1 else None


def _apart_deg(now: Mapping[str, np.ndarray], desired: Mapping[str, np.ndarray], bone: str) -> float:
    a, b = (project(matrices[bone][:3, :3].astype(float)) for matrices in (now, desired))
    return float(np.degrees(geodesic_angle(a, b)))


def _apart_mm(
    rig: Rig, now: Mapping[str, np.ndarray], desired: Mapping[str, np.ndarray], bone: str, root: str
) -> float:
    arms = [matrices[bone][:3, 3] - matrices[root][:3, 3] for matrices in (now, desired)]
    return 1000 * Similarity.of(rig.to_world).scale * float(np.linalg.norm(arms[0] - arms[1]))
