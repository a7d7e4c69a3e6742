# SPDX-License-Identifier: GPL-3.0-or-later
"""Every protocol runs by its command, on each backend that it offers, and its records fill the docs' tables.

On three people and tiny networks: what is measured means nothing, that it is measured is what counts.
"""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch  # noqa: F401 - half of the protocols need it
from people import gaussian_prior, write_people

from contrapposto.__main__ import main
from contrapposto.evaluation import (
    denoise,
    dps,
    generation,
    ik,
    leave_one_out,
    lift_ablation,
    lifting,
    poses,
    refining,
    samples,
    unusual,
)
from contrapposto.evaluation.command import MEASURES_OURS, NO_SPLIT, ON_NUMPY, OWN_SEEDS, TASKS
from contrapposto.priors import pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.dposer import completion, kinematics
from contrapposto.tasks.naturalness import calibrated

RESULTS = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "results.py"))

WITH_DPOSER = ("completion", "generation", "ik", "denoise", "claims")
ON_TORCH = tuple(task for task in MEASURES_OURS if task not in ON_NUMPY)
RUNS = [*((task, "numpy") for task in TASKS), *((task, "torch") for task in ON_TORCH)]
FILES = {
    "completion": ("completion", "completion_val", "completion_dposer"),
    "denoise": ("denoise_dposer", "denoise_val"),
    "rigs": ("rigs_without_blender",),
}
"""What the docs call a protocol's records, where not by its own name."""


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("people"), train=("people/one", "kaykit/toy"))


@pytest.fixture(scope="module")
def weights(people, tmp_path_factory) -> dict[str, Path]:
    """A pose prior and a DPoser, tiny."""
    folder = tmp_path_factory.mktemp("weights")
    some = from_rotvec(0.1 * np.random.default_rng(0).standard_normal((60, NUM_JOINTS, 3)))
    pose.save(calibrated(gaussian_prior(), some), folder / "pose.npz", {})
    size = ["--width", "32", "--blocks", "1", "--batch", "32", "--steps", "2"]
    assert main(["train", "dposer", "--data", str(people), "--output", str(folder), *size]) == 0
    return {"pose": folder / "pose.npz", "dposer": folder / "dposer.npz"}


@pytest.fixture
def short(monkeypatch) -> None:
    """A few poses and steps of what a quick run does."""
    for module in (poses, leave_one_out, ik, lifting, lift_ablation, refining):
        monkeypatch.setattr(module, "QUICK_POSES", 3)
    monkeypatch.setattr(samples, "QUICK_SAMPLES", 24)
    for module in (generation, completion, dps):
        monkeypatch.setattr(module, "EULER_MARUYAMA_STEPS", 10)
    for module in (completion, kinematics):
        monkeypatch.setattr(module, "STEPS", 2)
    for recipes in ("NOISY", "PARTIAL"):
        few = {name: replace(recipe, steps=2) for name, recipe in getattr(denoise, recipes).items()}
        monkeypatch.setattr(denoise, recipes, few)
    monkeypatch.setattr(unusual, "POSES", dict(list(unusual.POSES.items())[:2]))


def options(task: str, backend: str, people: Path, weights: dict[str, Path], folder: Path) -> list[str]:
    """What a task is asked for."""
    found = ["--data", str(people)] if task != "rigs" else []  # whose armatures are made, not read
    found += ["--quick"] if task != "unusual" else []
    found += ["--split", "val"] if task not in NO_SPLIT else []
    found += ["--seed", "1"] if task not in OWN_SEEDS else []
    found += ["--weights", str(weights["pose"])] if task in MEASURES_OURS else []
    found += ["--backend", backend] if task in ON_TORCH else []
    found += ["--dposer", str(weights["dposer"])] if task in WITH_DPOSER and backend == "numpy" else []
    found += {
        "ablation": ["--output", str(folder / "runs"), "--steps", "1"],
        "lift_ablation": ["--output", str(folder / "runs"), "--steps", "1"],
        "diffpose_ablation": ["--output", str(folder / "runs"), "--steps", "1"],
        "leave_one_out": ["--output", str(folder / "runs"), "--steps", "1", "--only", "kaykit"],
        "claims": ["--only", "D4"],
        "denoise": ["--only", "noise_20_mm"],
    }.get(task, [])
    return found


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("task", "backend"), RUNS)
def test_a_protocol_runs_and_its_records_fill_the_docs_tables(
    people, weights, tmp_path, capsys, task, backend
):
    path = tmp_path / "new" / "folder" / "records.json"
    assert (
        main(["evaluate", task, *options(task, backend, people, weights, tmp_path), "--json", str(path)]) == 0
    )
    records = json.loads(path.read_text())
    assert records
    assert all(isinstance(value, (str, int, float)) for record in records for value in record.values())
    assert capsys.readouterr().out.count("\n") > len(records)
    for name in FILES.get(task, (task,)):
        (tmp_path / f"{name}.json").write_bytes(path.read_bytes())
    for name, (sources, _) in RESULTS["TABLES"].items():
        told: list[str] = []
        text = RESULTS["filled"](f"<!-- table {name} -->\n<!-- end -->", tmp_path, told, [])
        if told:
            header, _, *rows = text.splitlines()[1:-1]
            assert rows, sources
            assert {row.count("|") for row in rows} == {header.count("|")}
            assert all(row.strip("| ") for row in rows)


@pytest.mark.parametrize(
    "arguments",
    [["claims", "--seed", "1"], ["ablation", "--seed", "1"], ["solvers", "--backend", "torch"]],
)
def test_an_option_that_would_do_nothing_is_not_offered(people, capsys, arguments):
    required = ["--data", str(people), "--dposer", "d.npz"] if arguments[0] == "claims" else ["--data", "d"]
    required += ["--output", "runs"] if arguments[0] == "ablation" else []
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *arguments, *required])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {' '.join(arguments[1:])}" in capsys.readouterr().err


def test_records_that_cannot_be_written_are_refused_before_anything_is_read(tmp_path, capsys):
    assert main(["evaluate", "completion", "--data", "nowhere", "--json", str(tmp_path)]) == 1
    assert "is a folder; name a file" in capsys.readouterr().err
