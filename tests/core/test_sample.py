# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample Poses in core, with the weights that ship."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contrapposto.limits import beyond
from contrapposto.motion import Pose
from contrapposto.observations import Known, Target
from contrapposto.rotation import from_rotvec, geodesic_angle, split_heading
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, STANDARD_OFFSETS, forward_kinematics, mirror
from contrapposto.soles import Soles
from contrapposto.tasks import sample
from contrapposto.tasks.alternatives import FALLS
from contrapposto.tasks.balance import overhang
from contrapposto.tasks.complete import complete_pose
from contrapposto.tasks.sample import sample_poses
from contrapposto.tasks.standing import FLESH, SINKS

HEADING = from_rotvec(np.array([0.0, 1.2, 0.0]))
LEGS = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot"))


def crouch() -> Pose:
    """Bent knees, arms down, turned about the vertical, on the floor."""
    rotvec = np.zeros((NUM_JOINTS, 3))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        rotvec[JOINT_INDEX[f"{side}_hip"]] = [-0.9, 0, 0]
        rotvec[JOINT_INDEX[f"{side}_knee"]] = [1.5, 0, 0]
        rotvec[JOINT_INDEX[f"{side}_ankle"]] = [-0.6, 0, 0]
        rotvec[JOINT_INDEX[f"{side}_shoulder"]] = [0, 0, 1.2 * sign]
    rotations = from_rotvec(rotvec)
    rotations[0] = HEADING
    height = -Soles.of().heights(*forward_kinematics(rotations)).min()
    return Pose(rotations, np.array([1.0, height, -2.0]))


def joints(poses: Pose) -> np.ndarray:
    return forward_kinematics(poses.rotations)[1] + poses.transl[..., None, :]


def moved_mm(poses: Pose, pose: Pose) -> float:
    return 1000 * float(np.linalg.norm(joints(poses) - joints(pose), axis=-1).mean())


def spread(poses: Pose) -> float:
    places = joints(poses)
    return float(np.linalg.norm(places[:, None] - places[None], axis=-1).mean())


def test_free_samples_need_nothing_and_are_as_many_as_asked_for():
    found = sample_poses(count=5)
    assert found.poses.rotations.shape == (5, NUM_JOINTS, 3, 3)
    assert np.all((found.naturalness >= 0) & (found.naturalness <= 100))
    turns = found.poses.rotations
    np.testing.assert_allclose(
        turns @ np.swapaxes(turns, -1, -2), np.broadcast_to(np.eye(3), turns.shape), atol=1e-5
    )


def test_same_seed_same_samples_and_another_seed_others():
    a, b, c = (sample_poses(count=3, seed=seed).poses.rotations for seed in (4, 4, 5))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_samples_stand_where_the_pose_stands_and_face_where_it_faces():
    pose = crouch()
    found = sample_poses(pose, count=4)
    np.testing.assert_allclose(found.poses.transl[:, [0, 2]], np.tile([1.0, -2.0], (4, 1)))
    headings = split_heading(found.poses.rotations[:, 0])[0]
    np.testing.assert_allclose(headings, np.tile(HEADING, (4, 1, 1)), atol=0.02)


@pytest.mark.parametrize("diversity", [0.0, 1.0])
def test_bodies_rest_on_the_floor_from_whatever_height_they_came(diversity):
    found = sample_poses(
        Pose(np.tile(np.eye(3), (NUM_JOINTS, 1, 1)), np.array([0, 2.5, 0])), count=24, diversity=diversity
    )
    places = joints(found.poses)
    soles = (
        Soles.of().heights(*forward_kinematics(found.poses.rotations)).min(axis=1) + found.poses.transl[:, 1]
    )
    parts = np.min([places[:, joint, 1] - depth for joint, depth in FLESH.items()], axis=0)
    lowest = np.minimum(soles, parts + SINKS)
    assert np.abs(np.minimum(soles, parts)).max() < 0.03
    assert lowest.min() > -0.01


@pytest.mark.parametrize("distance", [0.0, 0.05])
def test_samples_near_a_pose_keep_a_joint_that_is_beyond_its_limit(distance):
    pose, elbow = crouch(), JOINT_INDEX["left_elbow"]
    rotations = pose.rotations.copy()
    rotations[elbow] = from_rotvec(np.array([0.0, 0.8, 0.0]))
    assert np.degrees(beyond(rotations))[elbow] > 20
    found = sample_poses(Pose(rotations, pose.transl), count=4, distance=distance, keep_feet_on_floor=False)
    turned = np.degrees(geodesic_angle(found.poses.rotations[:, elbow], rotations[elbow]))
    assert turned.max() < (0.5 if distance == 0 else 15)


def test_distance_goes_from_the_pose_itself_to_free_samples():
    pose = crouch()
    at = {
        d: sample_poses(pose, count=8, distance=d, keep_feet_on_floor=False).poses for d in (0, 0.15, 0.4, 1)
    }
    far = {d: moved_mm(poses, pose) for d, poses in at.items()}
    assert far[0] < 0.5
    assert far[0] < far[0.15] < far[0.4] < far[1]
    assert far[0.15] < 60 < far[1]


@pytest.mark.parametrize("diversity", [0.0, 1.0])
def test_bodies_on_the_floor_do_not_fall_over(diversity):
    found = sample_poses(count=24, diversity=diversity)
    assert np.mean(overhang(found.poses.rotations, Soles.of()) > FALLS + 0.02) < 0.05
    anywhere = sample_poses(count=24, diversity=diversity, keep_feet_on_floor=False)
    assert np.mean(overhang(anywhere.poses.rotations, Soles.of()) > FALLS + 0.02) > 0.05


def test_samples_near_a_pose_that_leans_may_lean_as_it_does():
    pose = crouch()
    rotations = pose.rotations.copy()
    rotations[0] = HEADING @ from_rotvec(np.array([0.7, 0.0, 0.0]))
    height = -Soles.of().heights(*forward_kinematics(rotations)).min()
    run = Pose(rotations, np.array([1.0, height, -2.0]))
    assert overhang(rotations, Soles.of()) > 2 * FALLS
    near = sample_poses(run, count=12, distance=0.2)
    assert overhang(near.poses.rotations, Soles.of()).max() > 1.5 * FALLS


def test_a_pose_that_is_near_and_in_the_air_stays_in_the_air():
    pose = crouch()
    above = Pose(pose.rotations, pose.transl + [0, 0.6, 0])
    near = sample_poses(above, count=3, distance=0.1).poses.transl[:, 1]
    free = sample_poses(above, count=3).poses.transl[:, 1]
    assert np.all(near == above.transl[1])
    assert np.all(free < 1.1)


def test_kept_joints_stay_to_the_bit_at_any_distance():
    pose = crouch()
    kept = Known.of("pelvis", *LEGS, height_known=True)
    for distance in (0.3, 1.0):
        found = sample_poses(pose, kept, count=4, distance=distance)
        for rotations in found.poses.rotations:
            assert np.array_equal(rotations[kept.joints], pose.rotations[kept.joints])
        assert np.all(found.poses.transl == pose.transl)


def test_targets_are_reached():
    pose = crouch()
    place = pose.transl + HEADING @ [0.3, 0.3, 0.35]
    found = sample_poses(pose, Known.of("pelvis", targets=(Target("left_wrist", place),)), count=4)
    assert np.all(found.reach_mm < 1)


def test_diversity_spreads_samples_and_leaves_the_least_natural_out():
    likely, spread_out = (
        sample_poses(count=16, diversity=d, seed=2, keep_feet_on_floor=False) for d in (0, 1)
    )
    assert spread(spread_out.poses) > 1.1 * spread(likely.poses)
    assert np.median(spread_out.naturalness) > 5


def test_no_two_of_many_samples_are_nearly_the_same():
    places = forward_kinematics(sample_poses(count=64, keep_feet_on_floor=False).poses.rotations)[1]
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1).mean(axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.03


def test_mirrored_samples_are_the_mirror_images():
    pose = crouch()
    a, b = (sample_poses(pose, count=4, mirrored=m) for m in (False, True))
    upright = split_heading(a.poses.rotations[:, 0])[1]
    seen = mirror(np.concatenate([upright[:, None], a.poses.rotations[:, 1:]], axis=1))
    np.testing.assert_allclose(b.poses.rotations[:, 1:], seen[:, 1:])
    np.testing.assert_allclose(split_heading(b.poses.rotations[:, 0])[1], seen[:, 0], atol=1e-5)
    assert np.array_equal(a.naturalness, b.naturalness)


def test_mirrored_samples_around_something_known_are_refused():
    with pytest.raises(ValueError, match="Mirrored samples would not agree with what is known"):
        sample_poses(crouch(), Known.of("head"), mirrored=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"count": 0}, "At least one pose has to be sampled, not 0"),
        ({"distance": 1.5}, "Distance must be 0 to 1, not 1.5"),
        ({"diversity": -1}, "Diversity must be 0 to 1, not -1"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        sample_poses(**options)


def test_more_samples_than_a_batch_differ_between_the_batches_and_count_their_steps_up(monkeypatch):
    monkeypatch.setattr(sample, "BATCH", 5)
    seen = []
    found = sample_poses(
        count=12, keep_feet_on_floor=False, callback=lambda step, steps: seen.append((step, steps))
    )
    assert len(found.energy) == len(np.unique(found.poses.rotations[:, 1:].round(4), axis=0)) == 12
    assert np.all(np.diff(found.fails.astype(int)) >= 0)
    assert seen == [(step, seen[0][1]) for step in range(seen[0][1])]


def test_no_failing_sample_is_taken_while_another_batch_has_sound_ones(monkeypatch):
    monkeypatch.setattr(sample, "BATCH", 4)
    broken = iter((2, 0))

    def completed(pose, known, *, hypotheses, **options):
        found = complete_pose(pose, known, hypotheses=hypotheses, **options)
        beyond_deg = np.zeros((hypotheses, NUM_JOINTS))
        beyond_deg[hypotheses - next(broken) :] = 90.0
        return replace(found, beyond_deg=beyond_deg)

    monkeypatch.setattr(sample, "complete_pose", completed)
    assert not np.any(sample_poses(count=8).fails)


def test_a_callback_can_stop_the_work():
    class Stop(Exception):
        pass

    seen = []

    def callback(step, steps):
        seen.append((step, steps))
        if step == 2:
            raise Stop

    with pytest.raises(Stop):
        sample_poses(count=2, callback=callback)
    assert [step for step, _ in seen] == [0, 1, 2]


def test_a_body_of_other_proportions_rests_on_the_floor_too():
    found = sample_poses(count=4, offsets=1.4 * STANDARD_OFFSETS, diversity=0.0)
    assert found.poses.transl[:, 1].max() > 1.2
