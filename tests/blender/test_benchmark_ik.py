# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own IK runs as a method of the inverse kinematics protocol, and does what it can."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from contrapposto.evaluation import ik
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS

ROOT = Path(__file__).resolve().parents[2]
CASES = {case.name: case for case in ik.CASES}


def bent_limbs() -> np.ndarray:
    """(2, 22, 3, 3): nearly at rest, and with a raised knee and a bent elbow."""
    rotvec = np.zeros((2, NUM_JOINTS, 3))
    for joint, turn in (("left_hip", [-0.7, 0, 0]), ("left_knee", [0.9, 0, 0]), ("left_elbow", [0, -0.8, 0])):
        rotvec[1, JOINT_INDEX[joint]] = turn
    rotvec[:, JOINT_INDEX["right_knee"], 0] = 0.1
    return from_rotvec(rotvec)


@pytest.mark.parametrize(("case", "whole"), [("left_arm_hand", False), ("five_points", True)])
def test_blenders_ik_brings_limbs_to_their_targets_and_is_scored_like_every_method(monkeypatch, case, whole):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.blender_ik import blender_ik

    true = bent_limbs()
    problem = ik.Problem.of(CASES[case], true, np.random.default_rng(0))
    rest = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    solve = blender_ik(Path(sys.executable), rest, whole=whole, hinges=False)
    found = solve(problem, np.random.default_rng(0))
    assert found.shape == (1, 2, NUM_JOINTS, 3, 3)
    start = ik.score(problem, np.broadcast_to(rest, found.shape), true)["target_mm"]
    assert ik.score(problem, found, true)["target_mm"] < 0.2 * start
