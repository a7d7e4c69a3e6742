# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a pose, as the prior and the solver are told it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from contrapposto.observations import Known
from contrapposto.priors.pose import Condition
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.placement import Placement

HEIGHT_RANGE = 1.3
"""Metres above the floor up to which a pelvis' height says something about the legs."""

TOLD_SOFTNESS = 1.0
"""The prior is told of places that give way no more than this; it takes all for exact."""


def with_pelvis_placed(
    given: np.ndarray, transl: np.ndarray, known: Known
) -> tuple[np.ndarray, np.ndarray, Known]:
    """The pose and what is known of it with a pelvis that is a target where that has it."""
    for target in known.targets:
        if target.joint != "pelvis":
            continue
        if target.position is not None:
            transl = np.array(target.position, dtype=np.float64)
            known = replace(known, height_known=True)
        if target.rotation is not None and not known.joints[0]:
            given = np.concatenate([np.asarray(target.rotation, dtype=np.float64)[None], given[1:]])
            if target.stiffness == 1:
                known = replace(known, joints=known.joints | (np.arange(NUM_JOINTS) == 0))
    return given, transl, known


def fixed_joints(known: Known) -> np.ndarray:
    """(22,) bool, the joints whose local rotation is not to change."""
    fixed = np.array(known.joints)
    fixed[[JOINT_INDEX[joint] for joint in known.stiff]] = True
    return fixed


def told(
    before: np.ndarray, upright: np.ndarray, transl: np.ndarray, heading: np.ndarray, known: Known
) -> tuple[Condition, Placement]:
    """What the prior is told, a batch of one, and where joints must end up.

    Args:
        before: (22, 3, 3) the pose as it was, from which carriers carry on.
        upright: (22, 3, 3) the pose with its pelvis placed, without heading.
        transl: (3,) where the pelvis is placed.
        heading: (3, 3) of the pelvis as it is placed.
        known: what is known.
    """
    positions = np.full((NUM_JOINTS, 3), np.nan)
    orientations = np.full((NUM_JOINTS, 3, 3), np.nan)
    for target in known.targets:
        joint = JOINT_INDEX[target.joint]
        if target.position is not None and joint != 0:
            positions[joint] = heading.T @ (np.asarray(target.position) - transl)
        if target.rotation is not None:
            orientations[joint] = heading.T @ np.asarray(target.rotation)
    joints = [int(joint) for joint in np.flatnonzero(~np.isnan(positions[:, 0]))]
    oriented = {int(joint): orientations[joint] for joint in np.flatnonzero(~np.isnan(orientations[:, 0, 0]))}
    carriers = {JOINT_INDEX[t.joint]: JOINT_INDEX[t.carrier] for t in known.targets if t.carrier}
    if carriers:
        world, _ = forward_kinematics(before)
        wanted = {JOINT_INDEX[target.joint]: np.asarray(target.rotation) for target in known.targets}
        oriented |= {joint: world[above].T @ wanted[joint] for joint, above in carriers.items()}
    softness = {JOINT_INDEX[target.joint]: target.softness for target in known.targets}
    placement = Placement(
        joints,
        positions[joints],
        oriented,
        carriers,
        softness,
        max(
            (t.softness for t in known.targets if t.joint == "pelvis" and t.position is not None), default=0.0
        ),
    )
    vague = [joint for joint, value in softness.items() if value > TOLD_SOFTNESS]
    positions[vague], orientations[vague] = np.nan, np.nan
    says_something = known.height_known and 0 < transl[1] < HEIGHT_RANGE
    height = transl[1] if says_something else np.nan
    condition = Condition(
        upright[None],
        fixed_joints(known)[None],
        np.array([height]),
        positions[None],
        orientations[None],
    )
    return condition, placement
