# SPDX-License-Identifier: GPL-3.0-or-later
"""Elbows and knees found in motion: which way a straight-resting limb really bends.

A rest pose with straight arms cannot tell how far the upper arm is twisted: CMU's
skeletons rest with it turned by 30 degrees, and bend their elbows about an axis that
is tilted by as much. In motion the axis shows: it is the one the limb bends about,
frame after frame.
"""

from __future__ import annotations

import numpy as np

from contrapposto.motion import Pose
from contrapposto.rig.alignment import LIMBS
from contrapposto.rig.calibration import Calibration
from contrapposto.rotation import normalize
from contrapposto.skeleton import JOINT_INDEX, STANDARD_OFFSETS

BENT_DEG = 15.0
"""Only frames where the limb is bent by more say where its axis is …"""
BENT_FRAMES = 10
"""… at least this many …"""
SPREAD_DEG = 10.0
"""… and they have to agree this well (circular standard deviation)."""
FURTHEST_DEG = 60.0
"""A larger twist is no rest pose's ambiguity but a bone mapped wrong; left alone."""


def hinge_twists(pose: Pose) -> dict[str, float]:
    """How far each hip and shoulder was read twisted off its elbow's or knee's axis.

    Args:
        pose: (T,) poses as ``Calibration.read`` gives them.

    Returns:
        Joint name to radians, for those limbs whose motion tells.
    """
    twists: dict[str, float] = {}
    for (root, middle, end), hinge in LIMBS.items():
        along = normalize(STANDARD_OFFSETS[JOINT_INDEX[middle]])
        lower = normalize(STANDARD_OFFSETS[JOINT_INDEX[end]])
        lower = (pose.rotations[:, JOINT_INDEX[middle]] @ lower[:, None])[..., 0]
        axis = np.cross(along, lower)
        across = hinge - (hinge @ along) * along
        angle = np.arctan2(np.cross(across, axis) @ along, axis @ across)
        bent = np.linalg.norm(axis, axis=-1) > np.sin(np.radians(BENT_DEG))
        if np.count_nonzero(bent) < BENT_FRAMES:
            continue
        mean = np.exp(1j * angle[bent]).mean()
        spread = np.sqrt(-2 * np.log(np.clip(abs(mean), 1e-12, 1)))
        if spread < np.radians(SPREAD_DEG) and abs(np.angle(mean)) < np.radians(FURTHEST_DEG):
            twists[root] = float(np.angle(mean))
    return twists


def calibrate_by_motion(calibration: Calibration, matrices: np.ndarray) -> Calibration:
    """The calibration with the hinges that a motion shows.

    Args:
        calibration: from the rest pose.
        matrices: (T, B, 4, 4) armature-space matrices of all bones over the motion.
    """
    twists = hinge_twists(calibration.read(matrices, np.eye(4)))
    return Calibration.of(calibration.armature, calibration.rigmap, twists) if twists else calibration
