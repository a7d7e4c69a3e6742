# SPDX-License-Identifier: GPL-3.0-or-later
"""Placed joints get where they belong, or as near as the body allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contrapposto import limits
from contrapposto.evaluation.poses import poses_of
from contrapposto.files.mocap import read_split
from contrapposto.rotation import from_rotvec, geodesic_angle, project, to_rotvec
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, MIRROR, NUM_JOINTS, PARENTS, forward_kinematics
from contrapposto.soles import Soles
from contrapposto.tasks.placement import Floor
from contrapposto.tasks.reach import USUAL_DEG, Placement, _orient, reach, solve

WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]


def poses(count: int, size: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return from_rotvec(size * rng.standard_normal((count, NUM_JOINTS, 3)))


def all_but(*names: str) -> np.ndarray:
    free = np.ones(NUM_JOINTS, dtype=bool)
    free[[JOINT_INDEX[name] for name in names]] = False
    return free


def test_what_another_pose_reaches_is_reached_within_a_millimetre():
    start, goal = poses(32, 0.3, 0), poses(32, 0.3, 1)
    start[:, 0] = goal[:, 0]
    _, there = forward_kinematics(goal)
    joints = WRISTS + ANKLES
    placement = Placement(joints, there[:, joints])
    found, gap = reach(start, all_but("pelvis"), placement)
    _, positions = forward_kinematics(found)
    away = np.linalg.norm(positions[:, joints] - there[:, joints], axis=-1)
    assert np.max(away) < 1e-3
    np.testing.assert_allclose(gap, away.max(axis=1), atol=1e-9)


def test_the_usual_turns_are_those_of_train(shared):
    poses = poses_of(read_split(shared / "data" / "mocap", "train"), 30).astype(np.float64)
    mean = project(poses.mean(axis=0))
    turns = to_rotvec(poses @ np.swapaxes(mean, -1, -2))
    deviation = np.degrees(np.sqrt(np.mean(turns**2, axis=0)))
    both_sides = (deviation + deviation[list(MIRROR)]) / 2
    for joint, name in enumerate(JOINT_NAMES):
        measured = both_sides[joint, ::2] if name == "pelvis" else both_sides[joint]
        usual = np.array(USUAL_DEG[name.split("_")[-1]])
        np.testing.assert_allclose(
            usual[::2] if name == "pelvis" else usual, measured, atol=2.0, err_msg=name
        )


def test_the_result_is_made_of_rotations():
    start = poses(8, 0.4, 2)
    placement = Placement(WRISTS, np.array([[0.2, 0.5, 0.4], [-0.3, 0.2, 0.3]]))
    found, _ = reach(start, all_but("pelvis"), placement)
    np.testing.assert_allclose(
        found @ np.swapaxes(found, -1, -2), np.broadcast_to(np.eye(3), found.shape), atol=1e-9
    )
    assert np.all(np.linalg.det(found) > 0)


def test_joints_that_are_not_free_keep_every_bit():
    start = poses(4, 0.4, 3)
    free = np.zeros(NUM_JOINTS, dtype=bool)
    free[[JOINT_INDEX["left_shoulder"], JOINT_INDEX["left_elbow"]]] = True
    placement = Placement(WRISTS[:1], np.array([[0.3, 0.4, 0.3]]))
    found, _ = reach(start, free, placement)
    assert np.array_equal(found[:, ~free], start[:, ~free])
    assert not np.array_equal(found[:, free], start[:, free])


def test_a_hand_also_takes_the_direction_that_is_asked_for():
    start = poses(6, 0.3, 4)
    turn = from_rotvec(np.array([0.5, -1.0, 0.3]))
    wrist = WRISTS[0]
    placement = Placement([wrist], np.array([[0.35, 0.45, 0.25]]), {wrist: turn})
    found, gap = reach(start, all_but("pelvis"), placement)
    world, _ = forward_kinematics(found)
    assert np.max(gap) < 1e-3
    assert np.max(geodesic_angle(world[:, wrist], turn)) < 1e-5


def test_out_of_reach_the_arm_stretches_towards_the_target():
    start = poses(4, 0.1, 5)
    start[:, 0] = np.eye(3)
    free = np.zeros(NUM_JOINTS, dtype=bool)
    free[[JOINT_INDEX["left_shoulder"], JOINT_INDEX["left_elbow"]]] = True
    target = np.array([[2.0, 0.5, 1.0]])
    found, gap = reach(start, free, Placement(WRISTS[:1], target))
    _, positions = forward_kinematics(found)
    shoulder = positions[:, PARENTS[PARENTS[WRISTS[0]]]]
    arm, wanted = positions[:, WRISTS[0]] - shoulder, target - shoulder
    cosine = np.sum(arm * wanted, axis=1) / np.linalg.norm(arm, axis=1) / np.linalg.norm(wanted, axis=1)
    assert np.min(cosine) > 0.99
    assert np.min(np.linalg.norm(arm, axis=1)) > 0.54
    assert np.min(gap) > 1.0


def test_a_pose_that_is_there_already_is_left_alone():
    start = poses(3, 0.3, 6)
    _, positions = forward_kinematics(start)
    found, gap = reach(start, all_but("pelvis"), Placement(WRISTS, positions[:, WRISTS]))
    np.testing.assert_allclose(found, start, atol=1e-12)
    assert np.max(gap) < 1e-9


def test_a_pose_that_points_there_already_is_left_alone_though_a_joint_is_beyond_its_limit():
    start = poses(3, 0.1, 6)
    ankle = JOINT_INDEX["left_ankle"]
    start[:, ankle] = from_rotvec(np.array([-1.6, 0.0, 0.0]))
    assert np.all(limits.beyond(start)[:, ankle] > 0.3)
    world, positions = forward_kinematics(start)
    head, foot = JOINT_INDEX["head"], JOINT_INDEX["left_foot"]
    placement = Placement([foot], positions[:, [foot]], {head: world[:, head], ankle: world[:, ankle]})
    found, gap = reach(start, all_but("pelvis"), placement)
    np.testing.assert_allclose(found, start, atol=1e-9)
    assert np.max(gap) < 1e-9


@pytest.mark.parametrize("axis", range(3))
def test_a_head_that_is_to_point_somewhere_shares_its_turn_with_the_back_as_people_do(axis):
    turn = np.zeros(3)
    turn[axis] = 0.4
    start = np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1))
    chain = [JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3", "neck", "head")]
    found, _ = reach(
        start, all_but("pelvis"), Placement([], np.zeros((0, 3)), {JOINT_INDEX["head"]: from_rotvec(turn)})
    )
    world, _ = forward_kinematics(found)
    np.testing.assert_allclose(world[0, JOINT_INDEX["head"]], from_rotvec(turn), atol=1e-9)
    shares = to_rotvec(found[0, chain])[:, axis] / 0.4
    usual = np.array([USUAL_DEG[name][axis] ** 2 for name in ("spine1", "spine2", "spine3", "neck", "head")])
    np.testing.assert_allclose(shares, usual / usual.sum(), atol=0.02)


@pytest.mark.parametrize(
    ("exact", "carriers"),
    [
        (("head",), {}),
        (("head",), {"head": "spine2"}),
        (("left_ankle", "left_foot"), {}),
        (("neck", "head"), {"neck": "pelvis"}),
    ],
)
def test_how_a_turn_bends_a_held_joint_is_what_comes_of_it(exact, carriers):
    rotations = poses(1, 0.3, 12)
    world, _ = forward_kinematics(rotations)
    index = JOINT_INDEX
    above = {index[joint]: index[carrier] for joint, carrier in carriers.items()}
    held = {
        index[joint]: np.swapaxes(world[:, above[index[joint]]], -1, -2) @ world[:, index[joint]]
        if index[joint] in above
        else world[:, index[joint]]
        for joint in exact
    }
    placement = Placement([], np.zeros((0, 3)), held, above)
    small = 1e-5 * np.array([0.3, -0.5, 0.8])
    for turned in set(range(NUM_JOINTS)) - set(held):
        frame = world[0, PARENTS[turned]] if turned else np.eye(3)
        other = rotations.copy()
        other[0, turned] = from_rotvec(frame.T @ small) @ other[0, turned]
        now = _orient(other, all_but(), placement)
        for joint in held:
            parent = world[0, PARENTS[joint]]
            bent = parent @ to_rotvec(now[0, joint] @ rotations[0, joint].T)
            np.testing.assert_allclose(bent, placement.bends(joint)[turned] * small, atol=1e-8)


@pytest.mark.parametrize("count", [1, 5])
def test_no_target_means_no_change(count):
    start = poses(count, 0.3, 8)
    found, gap = reach(start, all_but(), Placement([], np.zeros((0, 3))))
    assert np.array_equal(found, start)
    assert np.array_equal(gap, np.zeros(count))


def one_limb(side_joints: tuple[str, ...]) -> np.ndarray:
    return ~all_but(*side_joints)


def test_an_elbow_that_starts_bent_the_wrong_way_ends_bent_the_right_way():
    start = np.tile(np.eye(3), (4, NUM_JOINTS, 1, 1))
    start[:, JOINT_INDEX["left_elbow"]] = from_rotvec(np.array([[0, 0.05 * k, 0] for k in range(4)]))
    target = np.array([[0.35, 0.45, 0.2]])
    placement = Placement(WRISTS[:1], target)
    found, gap = reach(start, one_limb(("left_shoulder", "left_elbow")), placement)
    assert np.max(gap) < 1e-3
    assert np.degrees(limits.beyond(found)[:, JOINT_INDEX["left_elbow"]]).max() < 1


@pytest.mark.parametrize("joint", ["left_knee", "left_elbow"])
def test_limits_do_not_keep_a_limb_from_what_another_body_reaches(joint):
    rng = np.random.default_rng(9)
    start, goal = limits.sample(rng, 24), limits.sample(rng, 24)
    above, end = JOINT_INDEX[joint], DESCENDANTS_OF[joint]
    free = np.zeros(NUM_JOINTS, dtype=bool)
    free[[above, PARENTS[above]]] = True
    goal[:, ~free] = start[:, ~free]
    goal[:, above] = from_rotvec(FLEX[joint] * rng.uniform(0.4, 1.8, (24, 1)))
    _, there = forward_kinematics(goal)
    found, gap = reach(start, free, Placement([end], there[:, [end]]))
    assert np.max(gap) < 1e-3
    assert np.degrees(limits.beyond(found)[:, above]).max() < 2


DESCENDANTS_OF = {"left_knee": JOINT_INDEX["left_ankle"], "left_elbow": JOINT_INDEX["left_wrist"]}
FLEX = {"left_knee": np.array([1.0, 0, 0]), "left_elbow": np.array([0, -1.0, 0])}


def test_a_target_that_leaves_reach_slowly_drags_the_arm_without_a_jerk():
    start = np.tile(np.eye(3), (40, NUM_JOINTS, 1, 1))
    start[:, JOINT_INDEX["left_elbow"]] = from_rotvec(np.array([0, -0.6, 0]))
    away = np.array([0.17, 0.4, 0.0]) + np.linspace(0.35, 0.8, 40)[:, None] * np.array([0.6, 0.0, 0.8])
    free = one_limb(("left_shoulder", "left_elbow"))
    found, _ = reach(start, free, Placement(WRISTS[:1], away[:, None]))
    _, positions = forward_kinematics(found)
    steps = np.linalg.norm(np.diff(positions[:, [JOINT_INDEX["left_elbow"], WRISTS[0]]], axis=0), axis=-1)
    assert steps.max() < 0.06
    assert np.degrees(limits.beyond(found)).max() < 2


def test_a_softer_target_is_approached_less():
    start = poses(1, 0.2, 10)
    target = np.array([[0.2, 0.5, 0.4]])
    _, positions = forward_kinematics(start)
    before = np.linalg.norm(positions[0, WRISTS[0]] - target)
    left = []
    for stiffness in (1.0, 0.9, 0.5, 0.1):
        placement = Placement(WRISTS[:1], target, softness={WRISTS[0]: (1 - stiffness) / stiffness})
        found = solve(start, all_but("pelvis"), placement).rotations
        left.append(np.linalg.norm(forward_kinematics(found)[1][0, WRISTS[0]] - target) / before)
    assert left == sorted(left)
    assert left[0] < 0.01
    assert 0.02 < left[2] < 0.3
    assert left[3] > 0.6


def test_a_soft_target_gives_way_to_an_exact_one():
    start = poses(4, 0.2, 11)
    wrist, elbow = WRISTS[0], PARENTS[WRISTS[0]]
    places = np.array([[0.2, 0.5, 0.4], [0.9, 0.9, -0.5]])
    placement = Placement([wrist, elbow], places, softness={elbow: 1.0})
    solved = solve(start, all_but("pelvis"), placement)
    _, positions = forward_kinematics(solved.rotations)
    assert np.linalg.norm(positions[:, wrist] - places[0], axis=1).max() < 1e-3
    assert np.linalg.norm(positions[:, elbow] - places[1], axis=1).min() > 0.1


def test_a_pelvis_that_gives_way_moves_for_a_hand():
    start = poses(4, 0.1, 12)
    start[:, 0] = np.eye(3)
    far = np.array([[0.3, 0.4, 1.2]])
    stays = Placement(WRISTS[:1], far)
    moves = Placement(WRISTS[:1], far, pelvis_softness=2.0)
    assert not solve(start, all_but("pelvis"), stays).shift.any()
    solved = solve(start, all_but("pelvis"), moves)
    _, positions = forward_kinematics(solved.rotations)
    assert solved.gap.max() < 1e-3
    assert solved.shift[:, 2].min() > 0.1
    away = positions[:, WRISTS[0]] + solved.shift - far
    assert np.linalg.norm(away, axis=1).max() < 1e-3


@pytest.mark.parametrize("deeper", [0.0, 0.08], ids=["standard soles", "high heels"])
def test_a_foot_whose_knee_is_placed_low_stays_above_the_floor(deeper):
    start = np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1))
    knee, height = JOINT_INDEX["left_knee"], 0.7
    place = np.array([[0.15, -0.45, 0.2]])
    soles = Soles.of()
    down = np.array([0.0, deeper, 0.0])
    soles = replace(soles, heel=soles.heel - down, ball=soles.ball - down, tip=soles.tip - down)
    sunk, stood = (
        solve(start, all_but("pelvis"), Placement([knee], place, floor=floor)).rotations
        for floor in (None, Floor(-height, soles))
    )
    low, high = (soles.heights(*forward_kinematics(R))[0, 0] + height for R in (sunk, stood))
    assert low < -0.03
    assert high > -0.01
