# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand-written poses are what their names say, and being dragged is measured as it is defined."""

from __future__ import annotations

import numpy as np
import pytest

from contrapposto.evaluation.unusual import HIDDEN, Trial
from contrapposto.evaluation.unusual_poses import POSES, unusual_pose
from contrapposto.rotation import from_rotvec, to_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics, mirror


def places(name: str) -> dict[str, np.ndarray]:
    """Joint positions over the lowest joint."""
    _, positions = forward_kinematics(unusual_pose(name))
    positions = positions - [0, positions[:, 1].min(), 0]
    return {joint: positions[index] for joint, index in JOINT_INDEX.items()}


@pytest.mark.parametrize("name", POSES)
def test_every_pose_is_made_of_rotations_and_bends_hinges_their_own_way(name):
    R = unusual_pose(name)
    np.testing.assert_allclose(R @ np.swapaxes(R, -1, -2), np.broadcast_to(np.eye(3), R.shape), atol=1e-12)
    turns = np.degrees(to_rotvec(R))
    for side in ("left", "right"):
        assert turns[JOINT_INDEX[f"{side}_knee"], 0] >= 0


@pytest.mark.parametrize("name", ["downward dog", "handstand", "plank", "crawling", "bridge"])
def test_hands_are_on_the_floor_and_the_pelvis_above_the_head_or_level(name):
    joint = places(name)
    assert max(joint["left_wrist"][1], joint["right_wrist"][1]) < 0.25
    assert joint["pelvis"][1] > joint["head"][1] - 0.35


def test_lying_is_flat_and_sitting_is_low():
    for name in ("lying on the back", "lying on the side"):
        assert max(point[1] for point in places(name).values()) < 0.5
    assert places("cross-legged")["pelvis"][1] < 0.3
    assert places("squat")["pelvis"][1] < places("lunge")["pelvis"][1] < places("warrior")["head"][1]
    assert places("handstand")["left_foot"][1] > 1.5


def test_a_pair_of_bones_is_written_once_and_mirrored():
    legs = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "knee")]
    R = unusual_pose("cross-legged")
    np.testing.assert_allclose(mirror(R)[legs], R[legs], atol=1e-12)


def test_the_truth_is_not_dragged_standing_is_and_halfway_is_half():
    hidden = np.zeros(NUM_JOINTS, dtype=bool)
    hidden[[JOINT_INDEX[joint] for joint in HIDDEN["legs"]]] = True
    truth = unusual_pose("sitting on a chair")
    standing = np.where(hidden[:, None, None], np.eye(3), truth)
    found = {"contrapposto": np.stack([truth, standing]), "mean_pose": standing[None]}
    trial = Trial("sitting on a chair", "legs", hidden, truth, found)
    np.testing.assert_allclose(trial.dragged("contrapposto"), [0, 1], atol=1e-12)
    assert trial.errors_mm("contrapposto")[0] == 0
    assert trial.errors_mm("contrapposto")[1] > 300


def test_what_stands_already_cannot_be_dragged():
    hidden = np.zeros(NUM_JOINTS, dtype=bool)
    hidden[JOINT_INDEX["left_knee"]] = True
    rest = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    bent = rest.copy()
    bent[JOINT_INDEX["left_knee"]] = from_rotvec(np.array([0.1, 0.0, 0.0]))
    trial = Trial("", "", hidden, bent, {"contrapposto": bent[None], "mean_pose": rest[None]})
    assert trial.dragged("contrapposto") is None
