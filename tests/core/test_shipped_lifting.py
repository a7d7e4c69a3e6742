# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting networks that ship: small, near the truth, and honest about what they cannot see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contrapposto.evaluation.filmed import film, with_nose
from contrapposto.evaluation.virtual import DetectorNoise, cameras_around, detect
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.sight import Seen
from contrapposto.priors import diffpose, sequence_lifter
from contrapposto.rotation import from_rotvec, transpose
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.lift import lift

CARD = sequence_lifter.WEIGHTS.with_name("lifting.md")
FILES = (sequence_lifter.WEIGHTS, diffpose.WEIGHTS, diffpose.SEQUENCE_WEIGHTS)


def standing(count: int, noise: DetectorNoise, seed: int = 0) -> tuple[Seen, np.ndarray]:
    """People who stand with their arms down and a bit of a bow, before cameras all around."""
    rng = np.random.default_rng(seed)
    rotvec = 0.08 * rng.standard_normal((count, NUM_JOINTS, 3))
    rotvec[:, JOINT_INDEX["left_shoulder"], 2] -= 1.2
    rotvec[:, JOINT_INDEX["right_shoulder"], 2] += 1.2
    rotvec[:, JOINT_INDEX["spine1"], 0] += 0.2
    world, joints = forward_kinematics(from_rotvec(rotvec))
    place = np.tile([0.0, 0.93, 0.0], (count, 1))
    cameras, body = cameras_around(place, rng), Body.standard(SETS["coco_17"])
    points, sure = detect(cameras, body, world, joints + place[:, None], rng, noise=noise)
    return Seen(cameras, body.names, points, sure), with_nose(world, joints) @ transpose(cameras.rotation)


def without(seen: Seen, side: str, *parts: str) -> Seen:
    gone = np.isin(seen.names, [f"{side}_{part}" for part in parts])
    return replace(seen, confidence=np.where(gone, 0, seen.confidence))


@pytest.fixture(scope="module")
def over_time():
    return sequence_lifter.read()


def test_weights_are_small_and_have_a_card():
    assert sum(path.stat().st_size for path in FILES) < 6_000_000
    card = CARD.read_text(encoding="utf-8")
    assert all(path.name in card for path in FILES)


def test_standing_people_are_found(over_time):
    seen, true = standing(40, DetectorNoise(jitter=0.1, missing=0, hidden_missing=0, swaps=0))
    for refine in (None, diffpose.read()):
        found = lift(seen, over_time.frame, refine)
        assert np.linalg.norm(found.positions - true, axis=-1).mean() < 0.08


def test_a_missing_arm_is_in_doubt_and_the_rest_is_not(over_time):
    seen, _ = standing(20, DetectorNoise(jitter=0.1, missing=0, hidden_missing=0, swaps=0))
    whole, less = (
        lift(what, over_time.frame, diffpose.read())
        for what in (seen, without(seen, "left", "shoulder", "elbow", "wrist"))
    )
    wrist, ankle = JOINT_INDEX["left_wrist"], JOINT_INDEX["right_ankle"]
    assert less.deviation[:, wrist].mean() > 2 * whole.deviation[:, wrist].mean()
    assert less.deviation[:, ankle].mean() < 1.5 * whole.deviation[:, ankle].mean()
    spread = [found.hypotheses.std(axis=0)[:, wrist].mean() for found in (less, whole)]
    assert spread[0] > spread[1]


def test_what_sees_nothing_is_honestly_wide(over_time):
    seen, _ = standing(5, DetectorNoise())
    nothing = replace(seen, confidence=0 * seen.confidence)
    only = np.arange(17) == seen.names.index("right_wrist")
    one = replace(seen, confidence=np.where(only & (seen.confidence >= 0), 1.0, 0))
    for what in (nothing, one):
        for network, refine in (
            (over_time.frame, diffpose.read()),
            (over_time, diffpose.read(diffpose.SEQUENCE_WEIGHTS)),
        ):
            found = lift(what, network, refine)
            assert np.isfinite(found.positions).all()
            assert found.deviation[:, JOINT_INDEX["left_wrist"]].min() > 0.1


def test_a_clip_is_steadier_than_its_frames(over_time):
    rotvec = np.zeros((60, NUM_JOINTS, 3))
    rotvec[:, JOINT_INDEX["left_shoulder"], 2] = -1.2 + 0.4 * np.sin(np.arange(60) / 8)
    rotvec[:, JOINT_INDEX["right_shoulder"], 2] = 1.2
    place = np.tile([0.0, 0.93, 0.0], (60, 1))
    body, rng = Body.standard(SETS["coco_17"]), np.random.default_rng(3)
    seen, true = film(from_rotvec(rotvec), place, body, DetectorNoise(), 30.0, rng)
    by_frame, by_clip = (lift(seen, network).positions - true for network in (over_time.frame, over_time))
    shake = [np.abs(np.diff(off, 2, axis=0)).mean() for off in (by_frame, by_clip)]
    assert shake[1] < 0.6 * shake[0]
    assert np.abs(by_clip).mean() < 1.05 * np.abs(by_frame).mean()
