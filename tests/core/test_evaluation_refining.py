# SPDX-License-Identifier: GPL-3.0-or-later
"""DiffPose's ablations and claims, with networks of random weights."""

from __future__ import annotations

import lifting
from people import write_people

from contrapposto.evaluation import refining
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
