# SPDX-License-Identifier: GPL-3.0-or-later
"""DiffPose's ablations and claims, with networks of random weights."""

from __future__ import annotations

import lifting
import numpy as np
import pytest
from people import write_people

from contrapposto.evaluation import refining
from contrapposto.evaluation.lifters import clips_of, filmed, lifted_by
from contrapposto.evaluation.virtual import CLEAN
from contrapposto.priors.diffpose import OBJECTIVES
from contrapposto.skeleton import NUM_JOINTS


def alternatives():
    return {"stacked": lifting.diffpose(objective="stacked"), "one_step": lifting.diffpose(0.0, "one_step")}


def test_every_ablation_is_a_method():
    rows = refining.methods(lifting.lifter(), lifting.diffpose(), alternatives())
    assert {"lifter", "diffpose", "diffpose, 1 draw", "diffpose, stacked"} <= rows.keys()
    assert len(alternatives()) == len(OBJECTIVES) - 1
    here = lifting.seen(3)
    for method in rows.values():
        assert method(here).shape[1:] == (3, NUM_JOINTS, 3)


def test_claims_are_records(tmp_path):
    folder = write_people(tmp_path)
    found = list(
        refining.claims(folder, "val", lifting.lifter(), lifting.diffpose(), alternatives(), quick=True)
    )
    assert [record["case"] for record in found] == ["P1", "P2"]
    assert all(record["holds"] in ("holds", "does not hold") for record in found)
    only = refining.claims(folder, "val", lifting.lifter(), lifting.diffpose(), {}, quick=True)
    assert [record["case"] for record in only] == ["P2"]


def test_draws_that_do_not_differ_are_no_better_than_one(tmp_path):
    """A silent network, whose draws all are the lifter's answer."""
    folder = write_people(tmp_path)
    (record,) = refining.claims(folder, "val", lifting.lifter(), lifting.diffpose(0.0), {}, quick=True)
    assert record["holds"] == "does not hold"


def test_clips_are_filmed_each_by_a_camera_of_its_own(tmp_path):
    clips = clips_of(write_people(tmp_path), "val", count=3, frames=40)
    assert [clip.rotations.shape for clip in clips] == [(40, NUM_JOINTS, 3, 3)] * 3
    once, again = (list(filmed(clips, CLEAN, "coco_17", seed=4)) for _ in range(2))
    for (seen, true), (other, _) in zip(once, again, strict=True):
        assert np.array_equal(seen.points, other.points, equal_nan=True)
        assert true.shape == (40, NUM_JOINTS, 3)
        assert lifted_by(lifting.over_time())(seen).shape == (1, 40, NUM_JOINTS, 3)
        assert np.abs(seen.cameras.centre - seen.cameras.centre[0]).max() == 0
    assert np.abs(once[0][0].cameras.centre[0] - once[1][0].cameras.centre[0]).max() > 0.1
    with pytest.raises(ValueError, match="in a row"):
        clips_of(tmp_path, "val", frames=4000)
