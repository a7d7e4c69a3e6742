# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete Pose in core, with the weights that ship."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contrapposto import limits
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.priors.pose import load
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import (
    JOINT_INDEX,
    MIRROR,
    NUM_JOINTS,
    forward_kinematics,
    mirror,
)
from contrapposto.soles import Soles
from contrapposto.tasks.alternatives import draw
from contrapposto.tasks.complete import complete_pose
from contrapposto.tasks.given import told
from contrapposto.tasks.naturalness import naturalness
from contrapposto.tasks.reach import approach
from contrapposto.tasks.sample import sample_poses

TURN = Rotation.from_euler("y", 70, degrees=True).as_matrix()


def some_pose(seed: int = 0, height: float = 0.95) -> Pose:
    rng = np.random.default_rng(seed)
    rotations = from_rotvec(0.25 * rng.standard_normal((NUM_JOINTS, 3)))
    rotations[0] = TURN @ from_rotvec(0.1 * rng.standard_normal(3))
    return Pose(rotations, np.array([1.5, height, -2.0]))


AWKWARD = Target(
    "left_wrist",
    some_pose().transl + np.array([0.35, 0.3, 0.35]),
    from_rotvec(np.array([0.0, 1.0, 0.0])),
)
"""A hand turned so that some of the arms that reach it break."""

ARMS_KNOWN = Known.of("pelvis", "left_shoulder", "left_elbow", "right_shoulder", "head")


def test_same_seed_same_result_and_another_seed_another():
    a, b = (complete_pose(some_pose(), ARMS_KNOWN, seed=4) for _ in range(2))
    c = complete_pose(some_pose(), ARMS_KNOWN, seed=5)
    assert np.array_equal(a.poses.rotations, b.poses.rotations)
    assert not np.array_equal(a.poses.rotations, c.poses.rotations)


def test_known_joints_keep_every_bit_in_every_alternative():
    pose = some_pose()
    result = complete_pose(pose, ARMS_KNOWN, hypotheses=5)
    for alternative in result.poses.rotations:
        assert np.array_equal(alternative[ARMS_KNOWN.joints], pose.rotations[ARMS_KNOWN.joints])


@pytest.mark.parametrize("count", [1, 3, 8, 20])
def test_there_are_as_many_different_alternatives_as_asked_for(count):
    result = complete_pose(some_pose(), ARMS_KNOWN, hypotheses=count)
    assert result.poses.rotations.shape == (count, NUM_JOINTS, 3, 3)
    assert result.energy.shape == result.reach_mm.shape == (count,)
    knees = result.poses.rotations[:, JOINT_INDEX["left_knee"]].reshape(count, -1)
    assert len(np.unique(knees.round(6), axis=0)) == count


def test_alternatives_for_a_single_hand_differ_in_its_direction():
    known = ~np.isin(np.arange(NUM_JOINTS), JOINT_INDEX["left_wrist"])
    hands = complete_pose(some_pose(), Known(known)).poses.rotations[:, JOINT_INDEX["left_wrist"]]
    angles = geodesic_angle(hands[:, None], hands[None])
    assert np.degrees(angles.max()) > 15


def test_results_are_rotations():
    R = complete_pose(some_pose(), ARMS_KNOWN).poses.rotations
    np.testing.assert_allclose(R @ np.swapaxes(R, -1, -2), np.broadcast_to(np.eye(3), R.shape), atol=1e-5)


def test_what_a_joint_that_is_not_known_was_before_only_ranks():
    pose = some_pose()
    rotations = pose.rotations.copy()
    rotations[~ARMS_KNOWN.joints] = np.eye(3)
    a = complete_pose(pose, ARMS_KNOWN).poses.rotations
    b = complete_pose(Pose(rotations, pose.transl), ARMS_KNOWN).poses.rotations
    match = [np.abs(b - one).max(axis=(1, 2, 3)).min() for one in a]
    assert max(match) < 1e-6


def test_turning_the_character_turns_the_result():
    pose = some_pose()
    turned = pose.rotations.copy()
    turned[0] = TURN @ turned[0]
    a = complete_pose(pose, ARMS_KNOWN).poses.rotations
    b = complete_pose(Pose(turned, pose.transl), ARMS_KNOWN).poses.rotations
    np.testing.assert_allclose(b[:, 1:], a[:, 1:], atol=1e-3)


@pytest.mark.parametrize("diversity", [0.0, 1.0])
def test_a_mirrored_pose_is_completed_to_the_mirror_image(diversity):
    pose = some_pose()
    reflect = np.array([-1.0, 1.0, 1.0])
    mirrored = Pose(mirror(pose.rotations), pose.transl * reflect)
    known = Known(ARMS_KNOWN.joints[list(MIRROR)])
    a = mirror(complete_pose(pose, ARMS_KNOWN, diversity=diversity).poses.rotations)
    b = complete_pose(mirrored, known, diversity=diversity).poses.rotations
    match = [np.abs(b - one).max(axis=(1, 2, 3)).min() for one in a]
    assert max(match) < 5e-3


def test_targets_within_reach_are_met_within_a_millimetre():
    pose = some_pose(height=0.8)
    upper = TURN @ np.array([0.25, 0.35, 0.35])
    targets = (
        Target("left_wrist", pose.transl + upper, TURN),
        Target("right_ankle", pose.transl + TURN @ np.array([-0.15, -0.7, 0.1])),
    )
    result = complete_pose(pose, Known.of("pelvis", "head", targets=targets))
    assert np.max(result.reach_mm) < 1.0
    world, positions = forward_kinematics(result.poses.rotations)
    for target in targets:
        there = positions[:, JOINT_INDEX[target.joint]] + result.poses.transl
        assert np.max(np.linalg.norm(there - target.position, axis=1)) < 1e-3
    assert np.max(geodesic_angle(world[:, JOINT_INDEX["left_wrist"]], TURN)) < 1e-4


def test_a_joint_of_which_only_the_direction_is_known_keeps_it_in_the_world():
    pose = some_pose()
    world, _ = forward_kinematics(pose.rotations)
    head = Target("head", None, world[JOINT_INDEX["head"]])
    result = complete_pose(pose, Known.of("pelvis", targets=(head,)))
    found, _ = forward_kinematics(result.poses.rotations)
    assert np.max(geodesic_angle(found[:, JOINT_INDEX["head"]], head.rotation)) < 1e-6
    assert np.max(geodesic_angle(found[:, JOINT_INDEX["spine3"]], world[JOINT_INDEX["spine3"]])) > 0.05
    assert not result.reach_mm.any()


def test_a_head_that_the_pelvis_carries_turns_with_it():
    pose = some_pose()
    pelvis, head = JOINT_INDEX["pelvis"], JOINT_INDEX["head"]
    world, _ = forward_kinematics(pose.rotations)
    target = Target("head", None, world[head], carrier="pelvis")
    result = complete_pose(pose, Known.of("left_elbow", targets=(target,)))
    found, _ = forward_kinematics(result.poses.rotations)
    assert np.max(geodesic_angle(found[:, pelvis], world[pelvis])) > 0.05
    apart = np.swapaxes(found[:, pelvis], -1, -2) @ found[:, head]
    assert np.max(geodesic_angle(apart, world[pelvis].T @ world[head])) < 1e-6


def test_a_stiff_joint_keeps_its_bits():
    pose = some_pose()
    known = Known.of("pelvis", "left_elbow")
    stiff = Known(known.joints, stiff=("spine1",))
    soft, hard = (complete_pose(pose, k, hypotheses=1, seed=3).poses.rotations[0] for k in (known, stiff))
    spine1 = JOINT_INDEX["spine1"]
    assert np.array_equal(hard[spine1], pose.rotations[spine1])
    assert geodesic_angle(soft[spine1], pose.rotations[spine1]) > 0.02


def test_a_joint_that_is_stiff_where_all_others_are_known_leaves_nothing_to_complete():
    known = Known(np.arange(NUM_JOINTS) != JOINT_INDEX["spine1"], stiff=("spine1",))
    with pytest.raises(ValueError, match="nothing to complete"):
        complete_pose(some_pose(), known)


def test_what_is_drawn_beyond_its_limit_comes_back_to_it():
    low = Known.of("head", targets=(Target("pelvis", np.array([1.5, 0.25, -2.0])),))
    assert not complete_pose(some_pose(), low, hypotheses=24).broken.any()


def test_poses_are_drawn_towards_what_is_placed():
    """The network alone takes a placed hand for a hint."""
    prior, pose = load(), some_pose()
    world, positions = forward_kinematics(pose.rotations)
    hand, free = JOINT_INDEX["right_wrist"], np.arange(NUM_JOINTS) > 0
    condition, placement = told(
        pose.rotations, pose.rotations, pose.transl, np.eye(3),
        Known(~free, (Target("right_wrist", pose.transl + positions[hand], world[hand]),)),
    )  # fmt: skip

    def away_mm(bring_home):
        drawn = draw(prior, condition.on(prior.mean), 32, 0, bring_home=bring_home)[:, 0]
        reached = forward_kinematics(drawn)[1][:, hand]
        return 1000 * np.linalg.norm(reached - positions[hand], axis=-1)

    def bring_home(rotations):
        return approach(rotations.reshape(-1, NUM_JOINTS, 3, 3), free, placement).reshape(rotations.shape)

    assert np.median(away_mm(None)) > 50
    assert np.median(away_mm(bring_home)) < 2


def test_a_pose_around_controls_is_as_natural_as_the_one_that_they_are_taken_from():
    """Hips, a hand and the head's direction are kept, as on a Rigify character with its stiff lower back."""
    sampled, known = sample_poses(count=12, seed=5).poses, Known.of("pelvis").joints
    hand, head = JOINT_INDEX["right_wrist"], JOINT_INDEX["head"]
    percent = []
    for rotations, transl in zip(sampled.rotations, sampled.transl, strict=True):
        world, positions = forward_kinematics(rotations)
        targets = (
            Target("right_wrist", transl + positions[hand], world[hand]),
            Target("head", None, world[head], carrier="pelvis"),
        )
        given = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
        given[0] = rotations[0]
        completed = complete_pose(
            Pose(given, transl), Known(known, targets, height_known=True, stiff=("spine1",)), seed=1
        )
        assert not completed.missed[0].any()
        percent.append(naturalness(completed.poses.rotations[0]).percentile)
    original = naturalness(sampled.rotations).percentile
    assert np.median(percent) > np.median(original) + 10


def test_a_target_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match="'head' has neither a position nor a rotation"):
        Target("head", None)


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (lambda: Target("head", np.zeros(2)), "The position of 'head' must be"),
        (lambda: Known.of(targets=(Target("head", np.zeros(3)),) * 2), "'head' has two targets"),
        (lambda: Known(np.zeros(NUM_JOINTS, dtype=bool), stiff=("spine9",)), "no joint named 'spine9'"),
    ],
)
def test_what_cannot_be_known_is_refused(known, sentence):
    with pytest.raises(ValueError, match=sentence):
        known()


def test_a_head_that_the_pelvis_carries_turns_along_with_it():
    pose = some_pose()
    world, _ = forward_kinematics(pose.rotations)
    carried = Target("head", None, world[JOINT_INDEX["head"]], carrier="pelvis")
    placed = Target("pelvis", None, TURN @ pose.rotations[0])
    found = complete_pose(pose, Known.of("spine1", "spine2", targets=(carried, placed))).poses
    turned, _ = forward_kinematics(found.rotations)
    wanted = TURN @ world[JOINT_INDEX["head"]]
    assert np.degrees(geodesic_angle(turned[:, JOINT_INDEX["head"]], wanted)).max() < 0.1


def test_an_arm_that_cannot_reach_says_by_how_much():
    pose = some_pose()
    far = Target("left_wrist", pose.transl + np.array([0.0, 0.4, 3.0]))
    result = complete_pose(pose, Known.of("pelvis", "spine1", "spine2", "spine3", targets=(far,)))
    assert np.min(result.reach_mm) > 1500


def test_a_low_pelvis_on_the_floor_bends_the_knees():
    def knee_angle(height: float) -> float:
        pose = Pose(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)), np.array([0.0, height, 0.0]))
        known = Known.of("pelvis", height_known=True)
        result = complete_pose(pose, known, keep_feet_on_floor=True)
        knees = result.poses.rotations[:, [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]]
        return float(np.degrees(geodesic_angle(knees, np.eye(3))).mean())

    assert knee_angle(0.45) > knee_angle(0.95) + 40


@pytest.mark.parametrize("pelvis", [True, False], ids=["pelvis known", "pelvis free"])
def test_feet_kept_on_the_floor_stand_on_it_and_not_in_it(pelvis):
    pose = some_pose(height=0.8)
    known = Known.of("pelvis", "head", height_known=True) if pelvis else Known.of("head")
    result = complete_pose(pose, known, keep_feet_on_floor=True)
    soles = Soles.of().heights(*forward_kinematics(result.poses.rotations)) + result.poses.transl[:, 1:2]
    assert np.min(soles) > -2e-3
    assert np.max(soles.min(axis=1)) < 5e-3
    if pelvis:
        assert np.array_equal(result.poses.transl, np.tile(pose.transl, (8, 1)))


@pytest.mark.parametrize("height", [2.2, -3.0], ids=["in the air", "below"])
@pytest.mark.parametrize("pelvis", [True, False], ids=["pelvis known", "pelvis free"])
def test_a_body_that_is_not_on_this_floor_is_not_pulled_onto_it(height, pelvis):
    pose = some_pose(height=height)
    known = Known.of("pelvis", "head", height_known=True) if pelvis else Known.of("head")
    free, kept = (complete_pose(pose, known, keep_feet_on_floor=keep).poses for keep in (False, True))
    assert np.array_equal(kept.transl, free.transl)
    np.testing.assert_allclose(kept.rotations, free.rotations, atol=1e-6)


def test_knees_and_elbows_do_not_bend_backwards():
    """Flexion is positive about x at the knees, about -y and +y at the left and right elbow."""
    found = complete_pose(some_pose(), Known.of("pelvis", "head"), hypotheses=32).poses.rotations
    forward = np.array([0.0, 0.0, 1.0])
    for side in ("left", "right"):
        shin = found[:, JOINT_INDEX[f"{side}_knee"]] @ np.array([0.0, -1.0, 0.0])
        assert np.max(shin @ forward) < np.sin(np.radians(12))
        outward = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
        forearm = found[:, JOINT_INDEX[f"{side}_elbow"]] @ outward
        bend = np.degrees(np.arccos(np.clip(forearm @ outward, -1, 1)))
        backwards = (forearm @ forward < -np.sin(np.radians(15))) & (bend > 15)
        assert not np.any(backwards)


def test_progress_is_told_and_an_exception_stops_the_work():
    class Stop(Exception):
        pass

    def stop(step: int, steps: int) -> None:
        if step == 3:
            raise Stop

    with pytest.raises(Stop):
        complete_pose(some_pose(), ARMS_KNOWN, callback=stop)


@pytest.mark.parametrize("where", ["rotations", "transl"])
def test_values_that_are_not_finite_are_refused(where):
    pose = some_pose()
    values = {"rotations": pose.rotations.copy(), "transl": pose.transl.copy()}
    values[where].flat[0] = np.nan
    with pytest.raises(ValueError, match="not a finite number"):
        complete_pose(Pose(**values), ARMS_KNOWN)


def test_no_hypothesis_is_refused():
    with pytest.raises(ValueError, match="At least one hypothesis"):
        complete_pose(some_pose(), ARMS_KNOWN, hypotheses=0)


def test_a_pose_with_every_joint_known_is_refused():
    with pytest.raises(ValueError, match="nothing to complete"):
        complete_pose(some_pose(), Known(np.ones(NUM_JOINTS, dtype=bool)))


def test_known_joints_that_are_numbers_are_refused():
    with pytest.raises(ValueError, match="bool array"):
        Known(np.ones(NUM_JOINTS, dtype=int))


@pytest.mark.parametrize("joint", ["left_knee", "left_ankle", "left_foot"])
def test_keeping_the_feet_on_the_floor_does_not_move_a_leg_off_its_target(joint):
    pose = some_pose(height=0.9)
    _, positions = forward_kinematics(pose.rotations)
    target = Target(joint, pose.transl + positions[JOINT_INDEX[joint]])
    known = Known.of("pelvis", targets=(target,), height_known=True)
    assert np.max(complete_pose(pose, known, keep_feet_on_floor=True).reach_mm) < 1.0


def test_a_placed_pelvis_is_where_it_was_placed():
    pose = some_pose()
    there = np.array([0.4, 0.7, -1.0])
    result = complete_pose(pose, Known.of("head", targets=(Target("pelvis", there, TURN),)))
    assert np.array_equal(result.poses.transl, np.tile(there, (8, 1)))
    assert np.array_equal(result.poses.rotations[:, 0], np.tile(TURN, (8, 1, 1)))
    assert not result.missed.any()


def test_a_pelvis_that_gives_way_follows_a_hand_out_of_reach():
    pose = some_pose()
    far = Target("left_wrist", pose.transl + TURN @ np.array([0.2, 0.3, 1.3]))
    torso = ("pelvis", "spine1", "spine2", "spine3")
    firm, soft = (
        complete_pose(pose, Known.of(*torso, targets=(far, Target("pelvis", pose.transl, None, None, s))))
        for s in (1.0, 0.3)
    )
    assert firm.reach_mm.min() > 300
    assert np.array_equal(firm.poses.transl, np.tile(pose.transl, (8, 1)))
    assert soft.target_mm[:, 0].max() < 1.0
    assert np.linalg.norm(soft.poses.transl - pose.transl, axis=1).min() > 0.2


def test_a_chest_can_be_placed():
    pose = some_pose()
    chest = Target("spine3", pose.transl + TURN @ np.array([0.05, 0.2, 0.1]), TURN)
    result = complete_pose(pose, Known.of("pelvis", targets=(chest,)))
    assert result.target_mm.max() < 1.0
    assert result.target_deg.max() < 0.1


def test_alternatives_that_miss_a_target_or_break_a_joint_come_last_and_say_so():
    result = complete_pose(some_pose(), Known.of("pelvis", targets=(AWKWARD,)), hypotheses=24)
    assert 0 < np.count_nonzero(result.fails) < 24
    assert not np.any(result.fails[:-1] & ~result.fails[1:])
    fails = (
        (result.target_mm[:, 0] > 1) | (result.target_deg[:, 0] > 1) | (result.beyond_deg > 10).any(axis=1)
    )
    assert np.array_equal(result.fails, fails)


def test_what_is_told_of_an_alternative_is_true_of_its_pose():
    pose = some_pose()
    far = Target("left_wrist", pose.transl + np.array([0.0, 0.4, 3.0]))
    head = Target("head", None, TURN)
    result = complete_pose(pose, Known.of("pelvis", targets=(far, head)))
    assert result.missed.tolist() == [[True, False]] * 8
    _, positions = forward_kinematics(result.poses.rotations)
    away = positions[:, JOINT_INDEX["left_wrist"]] + result.poses.transl - far.position
    np.testing.assert_allclose(result.target_mm[:, 0], 1000 * np.linalg.norm(away, axis=1))
    excess = np.degrees(limits.beyond(result.poses.rotations))
    free = ~Known.of("pelvis").joints
    np.testing.assert_allclose(result.beyond_deg[:, free], excess[:, free])


def test_a_joint_that_the_animator_set_beyond_its_limit_is_no_failure():
    rotations = some_pose().rotations.copy()
    rotations[JOINT_INDEX["left_knee"]] = from_rotvec(np.array([-1.0, 0.0, 0.0]))
    known = ~np.isin(np.arange(NUM_JOINTS), JOINT_INDEX["head"])
    result = complete_pose(Pose(rotations, some_pose().transl), Known(known))
    assert not result.beyond_deg[:, JOINT_INDEX["left_knee"]].any()
    assert not result.broken[:, JOINT_INDEX["left_knee"]].any()


def test_no_alternative_fails_for_a_joint_that_the_figure_lacks():
    known = Known.of("pelvis", targets=(AWKWARD,))
    whole = complete_pose(some_pose(), known, hypotheses=24)
    lacking = whole.broken.any(axis=0)
    assert lacking.any()
    result = complete_pose(some_pose(), known, hypotheses=24, present=~lacking)
    assert not result.broken.any()
    assert np.array_equal(result.fails, result.missed.any(axis=1))
    assert {pose.tobytes() for pose in result.poses.rotations} == {
        pose.tobytes() for pose in whole.poses.rotations
    }


def test_joints_that_are_said_to_be_there_in_another_form_are_refused():
    with pytest.raises(ValueError, match="present must be a bool array"):
        complete_pose(some_pose(), ARMS_KNOWN, present=np.arange(3))


@pytest.mark.parametrize("stiffness", [0.0, -1.0, 1.5, np.nan])
def test_a_stiffness_that_is_none_is_refused(stiffness):
    with pytest.raises(ValueError, match="stiffness of 'head' must be above 0"):
        Target("head", np.zeros(3), None, None, stiffness)
