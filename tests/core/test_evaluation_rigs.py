# SPDX-License-Identifier: GPL-3.0-or-later
"""Mapping is measured on rigs of every make: what is right counts as right, and no joint is surely wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contrapposto.evaluation import rigs
from contrapposto.evaluation.armatures import make_armature
from contrapposto.evaluation.rig_families import families, real_rigs
from contrapposto.evaluation.rig_trials import CONDITIONS, generated, under, variations
from contrapposto.files.bvh import bvh_armature, read_bvh
from contrapposto.rig.mapping import NotHumanoid, map_armature
from contrapposto.rig.profile import load_profiles
from contrapposto.rig.rigmap import REQUIRED_JOINTS

FAMILIES = {family.name: family for family in families()}
MIXAMO = FAMILIES["Mixamo"]


def test_every_profile_and_every_make_is_measured_once():
    names = [family.name for family in families()]
    assert len(set(names)) == len(names)
    assert {profile.name for profile in load_profiles()} < set(names)


def test_a_record_has_no_empty_cell():
    record = rigs.of_family(MIXAMO, 1, 0)
    assert {f"{condition}_right_percent" for condition in CONDITIONS} < set(record)
    assert all(value not in ("", None) for value in record.values())
    assert record["joints"] == 22
    assert record["wrong_by_name"] == 0
    assert record["round_trip_deg"] < 0.1
    assert record["round_trip_mm"] < 0.1


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_joint_is_never_surer_than_nine_tenths(name):
    record = rigs.of_family(FAMILIES[name], 1, seed=list(FAMILIES).index(name))
    assert record["named_right_percent"] == 100
    assert record["renamed_right_percent"] == 100
    assert record["surest_wrong"] <= 0.9


def test_a_wrong_joint_and_one_that_is_not_there_count_as_wrong():
    armature, truth = make_armature("Mixamo")
    rigmap = map_armature(armature)
    false = {joint: bones for joint, bones in truth.items() if joint != "neck"} | {"head": truth["pelvis"]}
    score = rigs.Score()
    score.add(armature, false, rigmap, by_place=False)
    assert (score.right, score.wrong, score.missing) == (20, 2, 0)
    assert score.surest_wrong == 0.95
    score.add(armature, truth, None, by_place=False)
    assert score.missing == 22


def test_there_and_back_is_exact_whatever_is_not_mapped():
    armature, truth = make_armature("Mixamo", rest="A", seed=1)
    rigmap = map_armature(armature)
    assert max(rigs.round_trip(armature, rigmap, seed=0)) < 1e-6
    short = replace(rigmap, joints={j: b for j, b in rigmap.joints.items() if j != "left_elbow"})
    assert max(rigs.round_trip(armature, short, seed=0)) < 1e-6
    whole = rigmap.joints["spine2"]
    crooked = replace(whole, read=(*whole.read, truth["spine3"][0]))
    joints = {j: b for j, b in rigmap.joints.items() if j != "spine3"} | {"spine2": crooked}
    assert max(rigs.round_trip(armature, replace(rigmap, joints=joints), seed=0)) < 1e-6


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_changes_names_and_never_the_body(condition):
    rig = make_armature("Unreal Engine 5", rest="A")
    armature, truth = under(rig, condition, np.random.default_rng(0), as_it_stands=True)
    assert np.array_equal(armature.rest, rig[0].rest)
    assert armature.parents == rig[0].parents
    for joint, bones in truth.items():
        assert [armature.index[b] for b in bones] == [rig[0].index[b] for b in rig[1][joint]]
    assert (armature.names == rig[0].names) == (condition == "named")


def test_the_same_seed_gives_the_same_armatures():
    first, second = (list(generated(MIXAMO, "half_named", 3, 7)) for _ in range(2))
    for (a, _), (b, _) in zip(first, second, strict=True):
        assert a.names == b.names
        assert np.array_equal(a.rest, b.rest)


@pytest.mark.parametrize("name", [name for name in real_rigs() if name.endswith(".bvh")])
def test_the_joints_of_real_files_are_found(shared, name):
    path = shared / "data" / "bvh" / name
    if not path.is_file():
        pytest.skip("the file is not there")
    armature, truth = bvh_armature(read_bvh(path)), real_rigs()[name]
    assert {bone for bones in truth.values() for bone in bones} <= set(armature.names)
    record = rigs.of_rig(name, (armature, truth), 2, 0)
    assert record["named_right_percent"] == 100
    assert record["surest_wrong"] <= 0.9
    assert record["round_trip_deg"] < 0.1
    for nameless, true in variations((armature, truth), "nameless", 2, 0):
        if set(REQUIRED_JOINTS) <= set(truth):
            found = map_armature(nameless).joints
            assert [found[j].read[0] for j in REQUIRED_JOINTS] == [true[j][0] for j in REQUIRED_JOINTS]
        else:  # without hands, nothing tells its arms
            with pytest.raises(NotHumanoid):
                map_armature(nameless)
