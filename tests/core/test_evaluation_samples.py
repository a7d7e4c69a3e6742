# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol of Sample Poses says that the claim holds where it does, and only there."""

from __future__ import annotations

import types

import numpy as np
import pytest
from people import gaussian_prior, write_people

from contrapposto.evaluation import samples
from contrapposto.evaluation.poses import poses_of
from contrapposto.files.mocap import read_split
from contrapposto.motion import Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.naturalness import calibrated

COUNT = 48


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "QUICK_SAMPLES", COUNT)
    return write_people(tmp_path)


def records(data, monkeypatch, make):
    """The protocol's records of samples (N, 22, 3, 3) that ``make(diversity, count, seed)`` returns."""
    asked = []

    def sample_poses(pose, known, *, count, seed, diversity, prior):
        asked.append((pose, known))
        return types.SimpleNamespace(poses=Pose(make(diversity, count, seed), np.zeros((count, 3))))

    monkeypatch.setattr(samples, "sample_poses", sample_poses)
    some = from_rotvec(0.1 * np.random.default_rng(0).standard_normal((60, NUM_JOINTS, 3)))
    found = list(samples.evaluate(data, "val", calibrated(gaussian_prior(), some), quick=True))
    return found, asked


def test_samples_that_differ_more_and_are_as_real_hold_the_claim(data, monkeypatch):
    seen = poses_of(read_split(data, "train"), 1)[::2]

    def make(diversity, count, seed):
        others = count if diversity else 2
        rows = np.random.default_rng(seed).choice(len(seen), others)
        return np.repeat(seen[rows], count // others, axis=0)

    found, _ = records(data, monkeypatch, make)
    told = [record["claim"] for record in found if record["method"] == "contrapposto"]
    assert told == ["holds"] * 3
    assert all(record["precision"] > 0.95 for record in found if record["case"] == "free")


def test_bodies_that_tip_over_are_counted(data, monkeypatch):
    def make(diversity, count, seed):
        rng = np.random.default_rng(seed)
        poses = from_rotvec(0.05 * rng.standard_normal((count, NUM_JOINTS, 3)))
        poses[: count // 4 if diversity else 0, 0] = from_rotvec(np.array([0.7, 0.0, 0.0]))
        return poses

    found, _ = records(data, monkeypatch, make)
    leaning = {record["method"]: record["leaning_percent"] for record in found if record["case"] == "free"}
    assert leaning == {"contrapposto_drawn": 0.0, "contrapposto": 25.0}


def test_samples_that_differ_more_and_are_no_poses_do_not(data, monkeypatch):
    seen = poses_of(read_split(data, "train"), 1)[::2]

    def make(diversity, count, seed):
        rng = np.random.default_rng(seed)
        broken = from_rotvec(2 * rng.standard_normal((count, NUM_JOINTS, 3)))
        return broken if diversity else seen[rng.choice(len(seen), count)]

    found, _ = records(data, monkeypatch, make)
    spread_out = [record for record in found if record["method"] == "contrapposto"]
    assert all(record["apd_rise"] > 0.25 for record in spread_out)
    assert {record["claim"] for record in spread_out} == {"does not hold"}


def test_what_two_sets_cannot_tell_from_a_loss_is_said_not_to_be_told_apart(data, monkeypatch):
    seen = poses_of(read_split(data, "train"), 1)[::2]

    def make(diversity, count, seed):
        rng = np.random.default_rng(seed)
        others = count if diversity else 2
        made = np.repeat(seen[rng.choice(len(seen), others)], count // others, axis=0)
        if diversity and seed == 1:
            made[::2] = from_rotvec(2 * rng.standard_normal((count // 2, NUM_JOINTS, 3)))
        return made

    found, _ = records(data, monkeypatch, make)
    spread_out = [record for record in found if record["method"] == "contrapposto"]
    assert all(record["apd_rise"] > 0.25 and record["precision_change"] < -0.2 for record in spread_out)
    assert {record["claim"] for record in spread_out} == {"not told apart"}


def test_every_row_has_as_many_samples_and_real_poses_are_the_ceiling(data, monkeypatch):
    def make(_diversity, count, seed):
        return from_rotvec(0.1 * np.random.default_rng(seed).standard_normal((count, NUM_JOINTS, 3)))

    found, asked = records(data, monkeypatch, make)
    assert {record["samples"] for record in found} == {COUNT}
    assert [record["method"] for record in found if record["case"] == "real"] == ["val", "train"]
    assert len(asked) == 3 * 2 * COUNT // samples.SIZE
    kept = {(int(known.joints.sum()), len(known.targets)) for _, known in asked}
    assert kept == {(0, 0), (9, 0), (0, 1)}
