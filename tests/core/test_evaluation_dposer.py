# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser from its training command to each protocol's table, on two people and a tiny network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from motions import filters_alone
from people import write_people

from contrapposto.__main__ import main
from contrapposto.evaluation import ablation, dps, vae
from contrapposto.evaluation.claims import wants_larger
from contrapposto.evaluation.completion import CHOSEN_AS_A_SET
from contrapposto.evaluation.orders import ordered
from contrapposto.files.mocap import read_split
from contrapposto.priors import dposer
from contrapposto.priors import motion as motion_prior
from contrapposto.priors.dposer import body_of
from contrapposto.rotation import from_rotvec
from contrapposto.training.corpus import Corpus


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def weights(people, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("run")
    size = ["--width", "32", "--blocks", "1", "--batch", "32", "--steps", "4", "--every", "4"]
    assert main(["train", "dposer", "--data", str(people), "--output", str(output), *size]) == 0
    return output / "dposer.npz"


def records(tmp_path: Path, *command: str) -> list[dict]:
    path = tmp_path / "records.json"
    assert main(["evaluate", *command, "--json", str(path)]) == 0
    return json.loads(path.read_text())


def test_training_can_be_taken_up_again(people, weights, capsys):
    arguments = ["--data", str(people), "--output", str(weights.parent), "--steps", "6", "--every", "6"]
    size = ["--width", "32", "--blocks", "1", "--batch", "32"]
    assert main(["train", "dposer", *arguments, *size]) == 0
    assert "going on from step 4" in capsys.readouterr().out
    assert main(["train", "dposer", *arguments, *size, "--representation", "rot6d"]) == 1
    assert "other settings (representation)" in capsys.readouterr().err


def test_completion_has_a_row_for_dposer_and_its_replacement_where_nothing_is_placed(
    people, weights, tmp_path
):
    found = records(
        tmp_path, "completion", "--data", str(people), "--quick", "--stride", "60", "--dposer", str(weights)
    )
    cases = {record["case"] for record in found if record["method"] in ("dposer", "scoresde")}
    assert cases == {record["case"] for record in found} - {"ends_placed"}
    for record in found:
        asked_anew = record["method"] in (*CHOSEN_AS_A_SET, "gaussian_mean")
        assert asked_anew or record["mpjpe_min_mm"] <= record["mpjpe_min_of_5_mm"] + 1e-9


def test_denoising_has_a_row_with_and_without_the_prior(people, weights, tmp_path):
    motion_weights = tmp_path / "motion.npz"
    motion_prior.save(filters_alone(), motion_weights, {})
    arguments = ["--data", str(people), "--quick", "--dposer", str(weights), "--weights", str(motion_weights)]
    found = records(tmp_path, "denoise", *arguments, "--split", "train", "--only", "noise_20_mm")
    assert {"no_prior", "dposer", "contrapposto", "untouched"} <= {record["method"] for record in found}
    noisy = {r["case"]: r["mpjpe_mm"] for r in found if r["method"] == "no_prior" and "noise" in r["case"]}
    assert noisy["noise_20_mm"] < noisy["noise_40_mm"] < noisy["noise_100_mm"]


def test_the_ablation_ends_with_a_verdict_on_the_published_space(people, tmp_path):
    arguments = ["--data", str(people), "--quick", "--output", str(tmp_path / "runs"), "--steps", "2"]
    *found, verdict = records(tmp_path, "ablation", *arguments)
    assert len({record["method"] for record in found}) == 5
    means = {
        method: np.mean([r["mpjpe_min_mm"] for r in found if r["method"] == method])
        for method in {record["method"] for record in found}
    }
    best = min(means, key=lambda method: means[method])
    assert verdict["case"] == "D7"
    assert (verdict["holds"] == "holds") == (best == verdict["method"] == "rotvec_zscore")


def test_a_space_wins_only_by_more_than_the_spread_of_the_seeds():
    names = [f"{representation}_{normalisation}" for representation, normalisation in ablation.SPACES]
    clear = {name: [40.0, 41.0, 42.0] for name in names} | {names[0]: [30.0, 31.0, 32.0]}
    assert ablation.verdict(clear)["holds"] == "holds"
    assert ablation.verdict({**clear, names[3]: [29.0, 31.5, 34.0]})["holds"] == "does not hold"


def test_a_claim_says_what_counts_and_its_verdict_follows_from_its_values(people, weights, tmp_path):
    arguments = ["--data", str(people), "--quick", "--dposer", str(weights), "--only", "D8", "D5"]
    of_noise, of_gain = records(tmp_path, "claims", *arguments)
    assert (of_noise["case"], of_gain["case"]) == ("D8", "D5")
    gains = [float(gain) for gain in of_gain["values"].split()[1::2]]
    assert (of_gain["holds"] == "holds") == (gains[0] < gains[1] < gains[2] and gains[2] >= 0.3)
    words = of_noise["values"].split()
    errors = {name: float(error) for name, error in zip(words[::2], words[1::2], strict=True)}
    best = {
        noise: min((name for name in errors if name.startswith(noise)), key=errors.get).split("_")[2:]
        for noise in ("40", "100")
    }
    larger = all(float(a) >= float(b) for a, b in zip(best["100"], best["40"], strict=True))
    assert (of_noise["holds"] == "holds") == (larger and best["100"] != best["40"])
    assert "at its own noise" in of_noise["holds_if"]


def test_more_noise_wants_a_larger_range_only_if_each_is_best_at_its_own():
    small, large = (0.15, 0.05), (0.2, 0.1)
    good, bad = [1.0, 1.1], [2.0, 2.1]
    assert wants_larger({small: good, large: bad}, {small: bad, large: good})
    assert not wants_larger({small: bad, large: good}, {small: good, large: bad})
    assert not wants_larger({small: good, large: bad}, {small: good, large: bad})
    assert not wants_larger({small: good, large: [1.02, 1.12]}, {small: bad, large: good})


@pytest.mark.parametrize(
    ("claim", "sentence"), [("D77", "no claim 'D77', only D1"), ("D7", "evaluate ablation")]
)
def test_a_claim_that_is_not_tried_here_is_told(people, weights, capsys, claim, sentence):
    arguments = ["--data", str(people), "--quick", "--dposer", str(weights), "--only", claim]
    assert main(["evaluate", "claims", *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_an_order_must_be_wider_than_the_spread_of_the_seeds():
    assert ordered({"a": [1.0, 1.1], "b": [2.0, 2.1], "c": [3.0, 3.1]})
    assert not ordered({"a": [1.0, 1.5], "b": [1.2, 1.6]})
    assert not ordered({"a": [2.0, 2.0], "b": [1.0, 1.0]})


def test_dps_keeps_what_is_known(weights, monkeypatch):
    monkeypatch.setattr(dps, "EULER_MARUYAMA_STEPS", 20)
    prior = dposer.read(weights).on(torch.zeros(()))
    truth = torch.as_tensor(from_rotvec(0.3 * np.random.default_rng(0).standard_normal((3, 21, 3)))).float()
    hidden = np.arange(21) < 4
    for replace in (False, True):
        found = dps.complete(prior, truth, hidden, 2, 0, replace=replace)
        assert found.shape == (2, 3, 21, 3, 3)
        assert torch.equal(found[:, :, 4:], truth[None, :, 4:].expand(2, -1, -1, -1, -1))
        assert torch.isfinite(found).all()


def test_the_vae_learns_its_people_and_keeps_what_is_known(people):
    corpus = Corpus.of(read_split(people, "train"))
    body = body_of(corpus.rotations[:20])
    hidden = np.zeros(21, dtype=bool)
    hidden[0] = True
    errors = []
    for steps in (1, 150):
        found = vae.complete(vae.fit(corpus, steps), body, hidden, 2, 0)
        np.testing.assert_array_equal(found[:, :, 1:], np.broadcast_to(body[:, 1:], found[:, :, 1:].shape))
        errors.append(np.abs(found[:, :, 0] - body[:, 0]).mean())
    assert errors[1] < errors[0]


def test_what_needs_weights_of_dposer_says_so_in_a_sentence(people, tmp_path, capsys):
    missing = str(tmp_path / "none.npz")
    assert main(["evaluate", "denoise", "--data", str(people), "--dposer", missing]) == 1
    assert "'none.npz' is missing" in capsys.readouterr().err
