# SPDX-License-Identifier: GPL-3.0-or-later
"""The fitting protocol: scenes, starts, and methods that fit nearer than where they begin."""

from __future__ import annotations

import numpy as np
import pytest
from motions import swinging

from contrapposto.evaluation import fit_methods
from contrapposto.evaluation.fit_cases import VIEWS, Scene, scene, starts
from contrapposto.evaluation.fitting import _score
from contrapposto.priors import motion, pose

FRAMES = 10


@pytest.fixture(scope="module")
def filmed() -> Scene:
    poses = swinging(FRAMES).poses
    return scene(poses.rotations, poses.transl, np.random.default_rng(0))


@pytest.fixture(scope="module")
def begun(filmed):
    return dict(starts(filmed.views(2), pose.load(), np.random.default_rng(1)))


def test_a_scene_is_seen_by_four_cameras_of_which_fewer_can_be_told(filmed):
    assert filmed.footage.points.shape[:2] == (VIEWS, FRAMES)
    assert filmed.views(1).footage.points.shape[:2] == (1, FRAMES)
    images = filmed.images([0, 5])
    assert images.footage.points.shape[:2] == (1, 2)
    assert images.is_still
    assert not filmed.is_still
    np.testing.assert_array_equal(images.pose.transl, filmed.pose.transl[[0, 5]])


def test_a_good_start_is_nearer_to_the_truth_than_a_bad_one(filmed, begun):
    good, bad = (_score(filmed.views(2), begun[name]) for name in ("good", "bad"))
    assert 10 < good["mpjpe_mm"] < 0.6 * bad["mpjpe_mm"]


def test_the_start_itself_is_a_method_that_changes_nothing(filmed, begun):
    assert fit_methods.unmoved(filmed, begun["good"]) is begun["good"]


@pytest.mark.parametrize("name", ["gauss_newton", "gaussian", "proximal", "ours"])
def test_every_method_comes_nearer_to_what_was_seen(filmed, begun, name):
    method = {
        "gauss_newton": lambda: fit_methods.gauss_newton,
        "gaussian": lambda: fit_methods.gaussian(pose.load()),
        "proximal": lambda: fit_methods.proximal(pose.load()),
        "ours": lambda: fit_methods.ours(pose.load(), motion.load(), None),
    }[name]()
    two = filmed.views(2)
    found = _score(two, method(two, begun["bad"]))
    assert found["reprojection_px"] < 0.5 * _score(two, begun["bad"])["reprojection_px"]
    assert found["mpjpe_mm"] < _score(two, begun["bad"])["mpjpe_mm"]


def test_guided_inversion_as_published_comes_nearer_from_a_good_start(filmed, begun):
    images = filmed.images([0, 5])
    start = begun["good"]
    few = type(start)(start.body, start.pose[np.array([0, 5])])
    found = _score(images, fit_methods.score_hmr(pose.load())(images, few))
    assert found["reprojection_px"] < _score(images, few)["reprojection_px"]


def test_the_truth_of_real_footage_cannot_be_asked(filmed):
    with pytest.raises(ValueError, match="No one knows"):
        _ = Scene("street", filmed.footage, None).pose
