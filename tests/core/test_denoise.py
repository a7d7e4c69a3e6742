# SPDX-License-Identifier: GPL-3.0-or-later
"""Denoise Mocap, with a prior that only filters: what does not depend on what was learnt."""

from __future__ import annotations

import numpy as np
import pytest
from motions import apart_mm, filters_alone, jittered, joints_of, swinging

from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec, geodesic_angle
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS
from contrapposto.tasks.denoise import Denoised, denoise
from contrapposto.tasks.motion_windows import window_starts
from contrapposto.tasks.noise import point_noise, rotation_noise
from contrapposto.tasks.timeline import Timeline

PRIOR = filters_alone()
RATES = (12.0, 23.976, 24.0, 25.0, 29.97, 30.0, 33.3, 50.0, 60.0, 120.0)


def cleaned(motion: Motion, **options) -> Denoised:
    return denoise(motion, prior=PRIOR, **{"contacts": False, **options})


def changed(motion: Motion, joint: str, frames: slice | int, turn: np.ndarray) -> Motion:
    R = motion.poses.rotations.copy()
    R[frames, JOINT_INDEX[joint]] = R[frames, JOINT_INDEX[joint]] @ from_rotvec(np.asarray(turn, dtype=float))
    return Motion(Pose(R, motion.poses.transl), motion.fps)


def test_noise_falls_and_its_size_is_told():
    clip = swinging()
    noisy = jittered(clip, 4.0)
    found = cleaned(noisy)
    assert apart_mm(found.motion, clip).mean() < 0.6 * apart_mm(noisy, clip).mean()
    np.testing.assert_allclose(found.noise_deg[1:], 4.0, rtol=0.25)
    assert found.noise_deg[0] < 0.2
    np.testing.assert_allclose(found.moved_mm, apart_mm(found.motion, noisy).mean(axis=1))


def test_a_clean_clip_is_left_nearly_as_it_is():
    clip = swinging(hertz=1.5)
    found = cleaned(clip)
    assert apart_mm(found.motion, clip).max() < 1.0
    assert not found.replaced.any()
    assert not found.spikes.any()


@pytest.mark.parametrize("fps", RATES)
def test_no_frame_rate_moves_anything_in_time(fps):
    clip = swinging(round(4 * fps), fps)
    found = cleaned(clip)
    assert len(found.motion) == len(clip)
    assert found.motion.fps == fps
    assert apart_mm(found.motion, clip).max() < 4.0
    height, true = (joints_of(m)[:, JOINT_INDEX["left_wrist"], 1] for m in (found.motion, clip))
    assert true[np.argmax(height)] > true.max() - 1e-4


@pytest.mark.parametrize("fps", RATES)
def test_a_grid_that_was_not_changed_gives_back_the_clip(fps):
    clip = swinging(round(3 * fps), fps)
    line = Timeline(len(clip), fps)
    R = clip.poses.rotations
    grid, known = line.rotations_to_grid(R, np.ones(R.shape[:2], dtype=bool))
    assert known.all()
    assert np.degrees(geodesic_angle(line.rotations_from_grid(grid), R)).max() < 4.5
    points, _ = line.points_to_grid(clip.poses.transl, np.ones(len(clip), dtype=bool))
    np.testing.assert_allclose(line.points_from_grid(points), clip.poses.transl, atol=2e-3)


@pytest.mark.parametrize("fps", [60.0, 120.0])
def test_noise_of_fast_clips_falls_too(fps):
    clip = swinging(round(4 * fps), fps)
    noisy = jittered(clip, 3.0)
    found = cleaned(noisy)
    assert apart_mm(found.motion, clip).mean() < 0.5 * apart_mm(noisy, clip).mean()


def test_the_same_clip_comes_out_the_same():
    noisy = jittered(swinging(70), 3.0)
    first, second = cleaned(noisy, contacts=True), cleaned(noisy, contacts=True)
    np.testing.assert_array_equal(first.motion.poses.rotations, second.motion.poses.rotations)
    np.testing.assert_array_equal(first.motion.poses.transl, second.motion.poses.transl)


def test_no_seam_shows_where_windows_meet():
    clip = swinging(200)
    found = cleaned(jittered(clip, 4.0))
    step = np.linalg.norm(np.diff(joints_of(found.motion) - joints_of(clip), axis=0), axis=-1).max(axis=1)
    starts = window_starts(200, PRIOR.frames)[1:]
    assert len(starts) > 3
    assert step[starts - 1].max() <= 1.5 * np.sort(step)[-20]


def test_windows_grow_with_length_and_cover_every_frame():
    for count in (1, 31, 32, 33, 100, 1000):
        starts = window_starts(count, 32)
        covered = np.zeros(count, dtype=bool)
        for start in starts:
            covered[start : start + 32] = True
        assert covered.all()
    assert len(window_starts(10000, 32)) <= 10.1 * len(window_starts(1000, 32))


def test_a_strength_of_zero_leaves_a_joint_to_the_bit():
    noisy = jittered(swinging(60), 4.0)
    strength = np.ones(NUM_JOINTS)
    kept = [0, JOINT_INDEX["left_elbow"], JOINT_INDEX["head"]]
    strength[kept] = 0
    found = cleaned(noisy, strength=strength)
    np.testing.assert_array_equal(found.motion.poses.rotations[:, kept], noisy.poses.rotations[:, kept])
    np.testing.assert_array_equal(found.motion.poses.transl, noisy.poses.transl)
    angle = geodesic_angle(found.motion.poses.rotations, noisy.poses.rotations)
    assert np.delete(angle, kept, axis=1).mean() > np.radians(1)
    nothing = cleaned(noisy, strength=0.0, contacts=True)
    np.testing.assert_array_equal(nothing.motion.poses.rotations, noisy.poses.rotations)


def test_half_the_strength_goes_half_the_way():
    noisy = jittered(swinging(60), 3.0)
    half, whole = (cleaned(noisy, strength=s).motion.poses.rotations for s in (0.5, 1.0))
    rest = geodesic_angle(half, whole)
    np.testing.assert_allclose(rest, geodesic_angle(half, noisy.poses.rotations), atol=1e-6)


def test_spikes_are_found_and_gone():
    clip = swinging()
    hurt = changed(clip, "left_shoulder", 40, [0, 0.7, 0])
    hurt = changed(changed(hurt, "head", 41, [0.5, 0, 0]), "right_knee", 90, [0, 0, 0.4])
    found = cleaned(hurt)
    assert {(f, j) for f, j in np.argwhere(found.replaced)} == {
        (40, JOINT_INDEX["left_shoulder"]),
        (41, JOINT_INDEX["head"]),
        (90, JOINT_INDEX["right_knee"]),
    }
    assert found.spikes.sum() == 3
    assert apart_mm(found.motion, clip).max() < 20


def test_a_flip_that_lasts_is_found_and_gone():
    clip = swinging()
    found = cleaned(changed(clip, "left_elbow", slice(60, 70), [np.pi, 0, 0]))
    assert found.replaced[60:70, JOINT_INDEX["left_elbow"]].all()
    assert found.replaced.sum() == 10
    assert found.spikes[JOINT_INDEX["left_elbow"]] == 10


def test_fast_movement_is_no_spike():
    assert not cleaned(swinging(hertz=3.0)).replaced.any()


def test_a_held_pose_and_stepped_keys_are_not_frozen():
    clip = swinging(60)
    held = np.repeat(np.arange(60), 6)
    stepped = Motion(Pose(clip.poses.rotations[held], clip.poses.transl[held]), 30.0)
    assert not cleaned(stepped).replaced.any()
    ease = np.concatenate([np.arange(30), np.full(20, 29)])
    still = Motion(Pose(clip.poses.rotations[ease], clip.poses.transl[ease]), 30.0)
    assert not cleaned(still).replaced.any()


def test_a_frozen_joint_that_catches_up_is_filled():
    clip = swinging()
    R = clip.poses.rotations.copy()
    arm = JOINT_INDEX["left_shoulder"]
    R[50:64, arm] = R[50, arm]
    found = cleaned(Motion(Pose(R, clip.poses.transl), 30.0))
    assert found.replaced[51:64, arm].all()
    assert found.replaced.sum() == 13


def test_gaps_are_filled_and_only_they():
    clip = swinging()
    missing = np.zeros((len(clip), NUM_JOINTS), dtype=bool)
    missing[30:45, JOINT_INDEX["left_shoulder"]] = True
    missing[100:104] = True
    R, place = clip.poses.rotations.copy(), clip.poses.transl.copy()
    R[missing], place[100:104] = np.nan, np.nan
    found = cleaned(Motion(Pose(R, place), 30.0), missing=missing)
    np.testing.assert_array_equal(found.replaced, missing)
    assert np.isfinite(found.motion.poses.rotations).all()
    away = apart_mm(found.motion, clip)
    assert away[~missing.any(axis=1)].max() < 2
    assert away.max() < 250
    kept = cleaned(Motion(Pose(R, place), 30.0), missing=missing, fill_gaps=False)
    assert np.isfinite(kept.motion.poses.rotations).all()
    assert np.isfinite(kept.motion.poses.transl).all()


def test_what_is_wrong_with_the_input_is_told_in_a_sentence():
    clip = swinging(20)
    R = clip.poses.rotations.copy()
    R[7, 3] = np.nan
    cases = (
        (Motion(clip.poses[:1], 30.0), {}, "at least 2 frames"),
        (Motion(Pose(R, clip.poses.transl), 30.0), {}, "Frame 7 has values that are not finite"),
        (Motion(clip.poses, np.nan), {}, "frame rate must be between 1 and 1000, not nan"),
        (Motion(clip.poses, 0.0), {}, "frame rate"),
        (Motion(clip.poses, 2000.0), {}, "frame rate"),
        (clip, {"strength": 1.5}, "strength must be a number from 0 to 1"),
        (clip, {"strength": np.ones(3)}, "strength"),
        (clip, {"missing": np.zeros((3, 22), dtype=bool)}, r"'missing' must be \(20, 22\)"),
    )
    for motion, options, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            cleaned(motion, **options)


@pytest.mark.parametrize("frames", [2, 3, 5, 7])
@pytest.mark.parametrize("fps", [1.0, 24.0, 30.0, 1000.0])
def test_the_shortest_clips_are_no_trouble(frames, fps):
    clip = swinging(frames, fps)
    found = denoise(clip, prior=PRIOR)
    assert np.isfinite(found.motion.poses.rotations).all()
    assert len(found.motion) == frames


def test_wholly_unknown_joints_and_frames_are_no_trouble():
    clip = swinging(50)
    missing = np.zeros((50, NUM_JOINTS), dtype=bool)
    missing[:, JOINT_INDEX["head"]] = True
    missing[0] = missing[-3:] = True
    R, place = clip.poses.rotations.copy(), clip.poses.transl.copy()
    R[missing], place[missing[:, 0]] = np.nan, np.nan
    found = cleaned(Motion(Pose(R, place), 24.0), missing=missing, contacts=True)
    assert np.isfinite(found.motion.poses.rotations).all()
    assert np.isfinite(found.motion.poses.transl).all()


class Stop(Exception):
    pass


def test_the_callback_counts_and_can_stop():
    clip, seen = swinging(600), []
    cleaned(clip, callback=lambda step, steps: seen.append((step, steps)))
    assert seen == sorted(seen)
    assert {step for step, _ in seen} == set(range(seen[-1][1]))
    assert len({steps for _, steps in seen}) == 1
    assert len(seen) > 2

    def stop(step: int, steps: int) -> None:
        if step == 1:
            raise Stop

    with pytest.raises(Stop):
        cleaned(clip, callback=stop)


def test_the_input_is_not_changed():
    noisy = jittered(swinging(50), 3.0)
    R, place = noisy.poses.rotations.copy(), noisy.poses.transl.copy()
    denoise(noisy, prior=PRIOR)
    np.testing.assert_array_equal(noisy.poses.rotations, R)
    np.testing.assert_array_equal(noisy.poses.transl, place)


def test_where_a_clip_is_and_faces_does_not_matter():
    noisy = jittered(swinging(80), 3.0)
    turn = from_rotvec(np.array([0.0, 2.0, 0.0]))
    R = noisy.poses.rotations.copy()
    R[:, 0] = turn @ R[:, 0]
    place = noisy.poses.transl @ turn.T + [5.0, 0.0, -3.0]
    here, there = cleaned(noisy).motion.poses, cleaned(Motion(Pose(R, place), 30.0)).motion.poses
    np.testing.assert_allclose(there.rotations[:, 1:], here.rotations[:, 1:], atol=2e-3)
    np.testing.assert_allclose(there.rotations[:, 0], turn @ here.rotations[:, 0], atol=2e-3)
    np.testing.assert_allclose(there.transl, here.transl @ turn.T + [5.0, 0.0, -3.0], atol=2e-3)


def test_the_estimate_of_noise_is_right_and_blind_to_movement_and_spikes():
    rng = np.random.default_rng(0)
    seconds = np.arange(300) / 30
    points = np.stack([np.sin(2 * np.pi * 3 * seconds)] * 3, axis=-1)[:, None] * [[[1.0]], [[1.0]]][0]
    everywhere = np.ones((300, 1), dtype=bool)
    assert point_noise(points, everywhere).max() < 0.01
    noisy = points + 0.05 * rng.standard_normal(points.shape)
    noisy[::50] += 3
    np.testing.assert_allclose(point_noise(noisy, everywhere), 0.05, rtol=0.3)
    R = from_rotvec(np.radians(2) * rng.standard_normal((300, 4, 3)))
    np.testing.assert_allclose(rotation_noise(R, np.ones((300, 4), dtype=bool)), np.radians(2), rtol=0.3)
    local = points.copy()
    local[150:] += 0.05 * rng.standard_normal(local[150:].shape)
    found = point_noise(local, everywhere)[:, 0]
    assert found[250] > 3 * found[30]


def test_a_long_gap_of_the_whole_body_is_bridged():
    clip = swinging(200)
    missing = np.zeros((200, NUM_JOINTS), dtype=bool)
    missing[50:150] = True
    R, place = clip.poses.rotations.copy(), clip.poses.transl.copy()
    R[missing], place[50:150] = np.nan, np.nan
    found = cleaned(Motion(Pose(R, place), 30.0), missing=missing)
    step = np.linalg.norm(np.diff(joints_of(found.motion), axis=0), axis=-1).max(axis=1)
    assert step.max() < 0.1
    assert np.linalg.norm(found.motion.poses.transl - clip.poses.transl, axis=-1).max() < 0.2


def test_it_can_be_stopped_before_the_first_window_and_after_the_last():
    heard = []
    cleaned(swinging(200), callback=lambda step, steps: heard.append((step, steps)))
    steps = {of for _, of in heard}
    assert len(steps) == 1
    assert heard == sorted(heard)
    assert heard.count((0, steps.pop())) > NUM_JOINTS  # noise, outliers and grid, a few joints at a time
    assert heard.count(heard[-1]) > NUM_JOINTS / 2
