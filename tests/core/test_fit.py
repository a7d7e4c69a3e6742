# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting a body to what cameras saw: it finds a motion that is known, and does no harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from footage import four_cameras, points_of, seen_by, swing
from motions import joints_of

from contrapposto.keypoints.body import Body
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.sets import SETS, mirrored
from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, STANDARD_OFFSETS, forward_kinematics
from contrapposto.soles import TOES, Soles
from contrapposto.tasks.fit import fit
from contrapposto.tasks.fit_ground import on_ground
from contrapposto.tasks.fit_points import deviations, in_views, together
from contrapposto.tasks.fit_shape import fit_shape
from contrapposto.tasks.fit_start import Start

SET = "coco_17"
FRAMES = 16
MOTION = swing(FRAMES)
TRUE = joints_of(MOTION)


def footage(views: int, frames: int = FRAMES) -> Footage:
    cameras = four_cameras(views)
    points = seen_by(cameras, points_of(MOTION, SET)[:frames])
    return Footage((), cameras, SET, SETS[SET], points, np.ones(points.shape[:-1]))


def joints(found) -> np.ndarray:
    poses = found.motion.poses
    return forward_kinematics(poses.rotations, found.body.offsets)[1] + poses.transl[:, None]


def away_mm(found, true=TRUE) -> float:
    return float(1000 * np.linalg.norm(joints(found) - true, axis=-1).mean())


def pose_mm(found, true=TRUE) -> float:
    here = joints(found)
    return float(1000 * np.linalg.norm(here - here[:, :1] - true + true[:, :1], axis=-1).mean())


def true_start() -> Start:
    return Start(Body.standard(SETS[SET]), MOTION.poses)


def turned_start(radians: float) -> Start:
    turn = radians * np.random.default_rng(0).standard_normal((FRAMES, NUM_JOINTS, 3))
    return Start(
        Body.standard(SETS[SET]), Pose(from_rotvec(turn) @ MOTION.poses.rotations, MOTION.poses.transl)
    )


def test_four_views_give_the_motion_to_centimetres():
    found = fit(footage(4), 30.0)
    assert away_mm(found) < 30
    assert found.improved
    assert found.error.shape == (FRAMES,)
    assert np.median(found.error) < 5


def test_one_view_gives_the_pose():
    found = fit(footage(1), 30.0)
    assert pose_mm(found) < 90
    assert np.median(found.error) < 8


def test_single_images_are_fitted_each_for_itself():
    seen = footage(1, 2)
    both = fit(seen, 30.0)
    alone = fit(replace(seen, points=seen.points[:, 1:], confidence=seen.confidence[:, 1:]), 30.0)
    assert pose_mm(both, TRUE[:2]) < 120
    assert joints(both)[1] == pytest.approx(joints(alone)[0], abs=2e-3)


def test_rounds_bring_images_of_a_noisy_detector_no_further_from_the_truth():
    """Guided inversion followed the noise into depth: 3 mm worse than its start."""
    seen = footage(1, 7)
    points = seen.points + 6 * np.random.default_rng(3).standard_normal(seen.points.shape)
    noisy = replace(seen, points=points)
    begun, found = (fit(noisy, 30.0, strength=strength) for strength in (0, 1))
    assert pose_mm(found, TRUE[:7]) < pose_mm(begun, TRUE[:7]) + 0.5


@pytest.mark.parametrize("frames", [1, 3])
def test_images_of_several_views_are_not_lifted_out_of_the_first_alone(frames):
    seen = footage(2, frames)
    first_sees_little = seen.confidence.copy()
    first_sees_little[0, :, 5:] = 0
    first_sees_little[0, :, 11] = 1
    with pytest.raises(ValueError, match="No arm, leg or trunk"):
        fit(replace(seen, confidence=first_sees_little), 30.0)
    assert away_mm(fit(seen, 30.0), TRUE[:frames]) < 60


def test_frames_that_show_too_little_are_told_and_unsure():
    seen = footage(1)
    sure = seen.confidence.copy()
    sure[:, 6:9, 3:] = 0
    found = fit(replace(seen, confidence=sure), 30.0)
    assert np.flatnonzero(found.unseen).tolist() == [6, 7, 8]
    assert (found.deviation[found.unseen][:, JOINT_INDEX["left_elbow"]] > 0.99).all()
    assert (found.deviation[~found.unseen][:, JOINT_INDEX["left_elbow"]] < 0.9).all()


@pytest.mark.parametrize(("views", "frames"), [(1, 16), (2, 16), (1, 2)])
def test_progress_counts_up_from_the_very_beginning(views, frames):
    done = []
    fit(footage(views, frames), 30.0, callback=lambda step, steps: done.append(step / steps))
    assert done == sorted(done)
    assert done[0] == 0
    assert sum(share < 0.5 for share in done) >= 2  # while it looks for a start
    assert 0.5 <= done[-1] < 1


@pytest.mark.parametrize("views", [1, 2])
def test_a_good_start_is_not_made_worse(views):
    found = fit(footage(views), 30.0, start=true_start())
    assert pose_mm(found) < 30


def test_a_start_that_is_off_is_made_better():
    start = turned_start(0.15)
    found = fit(footage(2), 30.0, start=start)
    begun = joints(fit(footage(2), 30.0, start=start, strength=0))
    assert away_mm(found) < 0.6 * 1000 * np.linalg.norm(begun - TRUE, axis=-1).mean()


def test_no_strength_leaves_the_start_as_it_is():
    start = turned_start(0.1)
    found = fit(footage(2), 30.0, start=start, strength=0)
    assert found.motion.poses.rotations == pytest.approx(start.pose.rotations, abs=1e-9)
    assert found.motion.poses.transl == pytest.approx(start.pose.transl)


def test_exchanged_sides_and_missing_frames_and_outliers_hardly_matter():
    seen = footage(2)
    points, sure = seen.points.copy(), seen.confidence.copy()
    points[0, 4:6] = points[0, 4:6][:, list(mirrored(SETS[SET]))]
    points[1, 9, 3:9] += 300
    points[:, 12], sure[:, 12] = np.nan, 0
    found = fit(replace(seen, points=points, confidence=sure), 30.0)
    assert away_mm(found) < 70
    assert np.isnan(found.error[12])


def test_lengths_of_the_body_are_found_with_its_poses():
    longer = STANDARD_OFFSETS * 1.0
    longer[[4, 5, 7, 8]] *= 1.12  # thighs and shins
    body = Body.standard(SETS[SET])
    true = replace(body, offsets=longer)
    world, at = forward_kinematics(MOTION.poses.rotations, longer)
    cameras = four_cameras(2)
    points = seen_by(cameras, true.points(world, at + MOTION.poses.transl[:, None]))
    observe = in_views(cameras, points, np.ones(points.shape[:-1]))
    found, _ = fit_shape(
        body, observe, MOTION.poses, MOTION.poses.rotations, looseness=0.1, usual=body.offsets, steps=6
    )
    thigh = np.linalg.norm(found.offsets[4]) / np.linalg.norm(STANDARD_OFFSETS[4])
    arm = np.linalg.norm(found.offsets[18]) / np.linalg.norm(STANDARD_OFFSETS[18])
    assert thigh == pytest.approx(1.12, abs=0.045)
    assert arm == pytest.approx(1.0, abs=0.03)


def test_views_told_one_by_one_together_ask_for_what_both_at_once_do():
    seen, sure = footage(2), np.ones((2, FRAMES, len(SETS[SET])))
    each = [in_views(seen.cameras[[v]], seen.points[[v]], sure[[v]]) for v in range(2)]
    places = points_of(MOTION, SET) + 0.01
    for one, both in zip(
        together(*each)(places), in_views(seen.cameras, seen.points, sure)(places), strict=True
    ):
        np.testing.assert_allclose(one, both, rtol=1e-9)


def test_what_a_view_does_not_show_is_not_sure():
    cameras, seen = four_cameras(1), footage(1)
    sure = seen.confidence.copy()
    sure[..., [SETS[SET].index("left_elbow"), SETS[SET].index("left_wrist")]] = 0
    observe = in_views(cameras, seen.points, sure)
    level, place = deviations(Body.standard(SETS[SET]), observe, MOTION.poses, 0.5)
    assert level[:, 16] == pytest.approx(0.5, abs=1e-3)  # as unsure as before
    assert (level[:, 17] < 0.45).all()
    assert (place < 0.3).all()


def test_standing_feet_stay_on_one_plane():
    frames = 40
    sway = 0.02 * np.sin(np.arange(frames) / 6)
    pose = Pose(
        np.tile(np.eye(3), (frames, NUM_JOINTS, 1, 1)),
        np.stack([sway, 0.9 + sway, 0 * sway], axis=-1),
    )
    body = Body.standard(SETS[SET])
    found = on_ground(body, pose, np.ones((frames, 2)), 30.0)
    world, at = forward_kinematics(found.rotations)
    placed = at + found.transl[:, None]
    heights = Soles.of().heights(world, placed)
    assert np.ptp(heights[5:-5]) < 0.012
    assert np.ptp(placed[5:-5][:, list(TOES)], axis=0)[:, [0, 2]].max() < 0.005


@pytest.mark.parametrize(("fps", "strength"), [(0.0, 1.0), (np.nan, 1.0), (30.0, 1.5), (30.0, np.nan)])
def test_odd_numbers_are_refused(fps, strength):
    with pytest.raises(ValueError, match=r"frame rate|Strength"):
        fit(footage(1), fps, strength=strength)


def test_footage_that_shows_nobody_is_refused_in_a_sentence():
    seen = footage(1)
    with pytest.raises(ValueError, match="No frame shows"):
        fit(replace(seen, confidence=0 * seen.confidence), 30.0)


def test_it_can_be_stopped():
    def stop(step: int, steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(footage(1), 30.0, start=true_start(), callback=stop)


def test_keypoints_of_another_image_size_are_refused():
    seen = footage(1, 4)
    with pytest.raises(ValueError, match="outside the camera's image"):
        fit(replace(seen, points=3 * seen.points), 30.0)
    still = replace(seen, points=np.where(seen.confidence[..., None] > 0, seen.points[:, :1, :1], np.nan))
    with pytest.raises(ValueError, match="No frame shows 6 joints"):
        fit(still, 30.0)


def test_views_that_do_not_agree_are_refused():
    seen = footage(3)
    mixed = replace(seen, points=seen.points + np.array([0, 250, 0])[:, None, None, None])
    with pytest.raises(ValueError, match="does not show the person where the other cameras do"):
        fit(mixed, 30.0)
