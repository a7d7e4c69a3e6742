# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left out is not trained on, is what is scored, and is not trained for twice."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from contrapposto.evaluation.cases import CASES
from contrapposto.evaluation.leave_one_out import SOURCES, evaluate
from contrapposto.priors import container
from contrapposto.skeleton import NUM_JOINTS, STANDARD_OFFSETS
from contrapposto.training.pose import Settings

FRAMES = 24
SHORT = Settings(width=16, blocks=1, batch=32, steps=2)


def write_data(folder, train: list[str], val: list[str]) -> None:
    for number, subject in enumerate(train + val):
        rng = np.random.default_rng(number)
        path = folder / "poses" / f"{subject}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            poses=rng.integers(-3000, 3000, (FRAMES, NUM_JOINTS, 3)).astype(np.int16),
            scale=np.float32(np.pi / 32767),
            trans=np.ones((FRAMES, 3), np.float32),
            bad=np.zeros(FRAMES, bool),
            offsets=STANDARD_OFFSETS[None].astype(np.float32),
            clip_names=np.array(["take"]),
            clip_start=np.array([0, FRAMES], np.int32),
            fps=np.float32(30),
        )
    (folder / "splits.json").write_text(json.dumps({"train": train, "val": val}))


def test_each_source_is_scored_by_weights_that_never_saw_it(tmp_path):
    write_data(tmp_path, ["kaykit/toy", "cmu/cmu001", "cmu/cmu005"], ["cmu/cmu035"])
    said: list[str] = []
    options = {"settings": SHORT, "sources": ("kaykit", "ballet"), "quick": True, "tell": said.append}
    records = list(evaluate(tmp_path, tmp_path / "runs", **options))
    assert [record["source"] for record in records[:: len(records) // 2]] == ["kaykit", "ballet"]
    assert {record["case"] for record in records} == {case.name for case in CASES}
    assert {"contrapposto", "gaussian", "nearest"} <= {record["method"] for record in records}
    assert {record["poses"] for record in records} == {FRAMES}
    config, _ = container.load(tmp_path / "runs" / "kaykit" / "pose.npz", "pose")
    assert config["clips"] == 2
    assert torch.load(tmp_path / "runs" / "ballet" / "checkpoint.pt", weights_only=True)["step"] == 2

    said.clear()
    again = list(evaluate(tmp_path, tmp_path / "runs", **options))
    assert not any("step" in line for line in said)
    errors = [[record["mpjpe_min_mm"] for record in run] for run in (records, again)]
    assert errors[0] == errors[1]
    assert {record["training_steps"] for record in records} == {2}


def test_weights_of_another_run_are_refused_and_not_scored(tmp_path):
    write_data(tmp_path, ["kaykit/toy", "cmu/cmu001"], ["cmu/cmu035"])
    options = {"sources": ("kaykit",), "quick": True, "tell": str}
    next(evaluate(tmp_path, tmp_path / "runs", settings=SHORT, **options))
    other = replace(SHORT, steps=4, seed=1)
    with pytest.raises(ValueError, match="other settings \\(steps 2 instead of 4, seed 0 instead of 1\\)"):
        next(evaluate(tmp_path, tmp_path / "runs", settings=other, **options))


def test_an_unknown_or_absent_source_is_told(tmp_path):
    write_data(tmp_path, ["cmu/cmu001"], ["cmu/cmu035"])
    with pytest.raises(ValueError, match="no source named 'swimming', only walking"):
        next(evaluate(tmp_path, tmp_path / "runs", settings=SHORT, sources=("swimming",)))
    with pytest.raises(ValueError, match="no clip of 'kaykit'"):
        next(evaluate(tmp_path, tmp_path / "runs", settings=SHORT, sources=("kaykit",)))


def test_no_subject_belongs_to_two_sources():
    names = [name for source in SOURCES.values() for name in source]
    assert len(names) == len(set(names))
