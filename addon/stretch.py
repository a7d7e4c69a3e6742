# SPDX-License-Identifier: GPL-3.0-or-later
"""Limbs on IK as long as they are at rest.

A control rig stretches a limb whose control is out of its reach, as a hand control often is
before the back is bent, and shortens one that it bends far: Rigify's by up to 4 %, which lifts
the feet of a crouch by 2 cm. What is to come is thought out for the limb at its own length.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np

from contrapposto.rig.joints import mapped_ancestor
from contrapposto.skeleton import DESCENDANTS, JOINT_INDEX

from .rig import Rig


def unstretched(rig: Rig, ends: Collection[str]) -> np.ndarray:
    """(B, 4, 4) the rig's matrices, the bones below each stretched part of the limbs moved back."""
    matrices = np.array(rig.matrices, dtype=float)
    joints, index = rig.rigmap.joints, rig.armature.index
    for end in ends:
        present = [joint for joint in rig.limbs[end].joints if joint in joints]
        size = _size(rig, present[0])
        for upper, lower in itertools.pairwise(present):
            a, b = (index[joints[joint].read[0]] for joint in (upper, lower))
            step = matrices[b, :3, 3] - matrices[a, :3, 3]
            length = size * np.linalg.norm(rig.armature.heads[b] - rig.armature.heads[a])
            shift = step * (length / max(float(np.linalg.norm(step)), 1e-12) - 1)
            below = [
                index[name]
                for joint in joints
                if DESCENDANTS[JOINT_INDEX[lower], JOINT_INDEX[joint]]
                for name in joints[joint].read
            ]
            matrices[below, :3, 3] += shift
    return matrices


def _size(rig: Rig, joint: str) -> float:
    """How much the pose scales the body where the limb begins."""
    above = mapped_ancestor(joint, rig.rigmap.joints)[0] or "pelvis"
    linear = rig.matrices[rig.armature.index[rig.rigmap.joints[above].read[-1]], :3, :3]
    return float(np.cbrt(abs(np.linalg.det(linear))))
