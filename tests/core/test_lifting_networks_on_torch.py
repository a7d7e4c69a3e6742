# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting networks on torch, and their training commands from motion to weights."""

from __future__ import annotations

from pathlib import Path

import lifting
import numpy as np
import pytest
import torch
from people import write_people
from test_training import swinging_clip

from contrapposto.__main__ import main
from contrapposto.evaluation.lifters import refined_as_released
from contrapposto.keypoints.sight import FEATURES, NUM_LIFTED
from contrapposto.priors import diffpose, diffpose_released, lifter, sequence_lifter
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.lift import lift
from contrapposto.training.sighted_clips import LENGTHS, SightedClips, hidden_spans
from contrapposto.training.sights import rated
from contrapposto.training.windows import Windows

ON_TORCH = torch.zeros(())


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("people"))


def train(people: Path, output: Path, prior: str, *options: str) -> None:
    arguments = ["--data", str(people), "--output", str(output), "--blocks", "1", "--width", "16"]
    assert main(["train", prior, *arguments, "--steps", "2", "--every", "1", *options]) == 0


@pytest.fixture(scope="module")
def weights(people, tmp_path_factory) -> Path:
    """A folder with a lifter of a few steps."""
    output = tmp_path_factory.mktemp("run")
    train(people, output, "lifter", "--batch", "8")
    return output / "lifter.npz"


@pytest.mark.parametrize("network", [lifting.lifter(), lifting.lifter(plain=True), lifting.over_time()])
def test_torch_lifts_what_numpy_lifts(network):
    here = lifting.seen(10)
    a = lift(here, network, lifting.diffpose())
    b = lift(here, network.on(ON_TORCH), lifting.diffpose().on(ON_TORCH))
    assert np.allclose(a.positions, b.positions, atol=2e-4)
    assert np.allclose(a.covariance, b.covariance, atol=1e-4)


def test_a_lifter_is_trained_and_learns_deviations(weights):
    network = lifter.read(weights)
    assert not network.plain
    found = lift(lifting.seen(), network)
    assert found.positions.shape == (6, NUM_LIFTED, 3)


def test_a_plain_lifter_tells_the_spread_of_all_poses(people, tmp_path):
    train(people, tmp_path, "lifter", "--batch", "8", "--plain")
    network = lifter.read(tmp_path / "lifter.npz")
    assert network.plain
    assert np.allclose(lift(lifting.seen(), network).deviation, network.scale, rtol=1e-3)


def test_a_lifter_over_time_keeps_the_lifter_that_it_corrects(people, weights, tmp_path):
    train(people, tmp_path, "sequence-lifter", "--batch", "1", "--width", "32", "--lifter", str(weights))
    network = sequence_lifter.read(tmp_path / "sequence_lifter.npz")
    frame = lifter.read(weights)
    assert all(np.array_equal(network.frame.weights[name], value) for name, value in frame.weights.items())
    assert lift(lifting.seen(20), network).positions.shape == (20, NUM_LIFTED, 3)


@pytest.mark.parametrize(
    ("objective", "start"), [("diffusion", "gmm"), ("stacked", "gaussian"), ("one_step", "normal")]
)
def test_diffpose_is_trained_on_a_lifter(people, weights, tmp_path, objective, start):
    options = ("--batch", "8", "--lifter", str(weights), "--objective", objective, "--start", start)
    train(people, tmp_path, "diffpose", *options)
    prior = diffpose.read(tmp_path / "diffpose.npz")
    assert (prior.objective, prior.start) == (objective, start)
    assert np.isfinite(lift(lifting.seen(), lifter.read(weights), prior).positions).all()


def test_diffpose_is_trained_on_a_lifter_over_time(people, weights, tmp_path):
    train(
        people, tmp_path / "a", "sequence-lifter", "--batch", "1", "--width", "32", "--lifter", str(weights)
    )
    over_time = tmp_path / "a" / "sequence_lifter.npz"
    train(people, tmp_path / "b", "diffpose", "--batch", "8", "--sequence", "--lifter", str(over_time))
    prior = diffpose.read(tmp_path / "b" / "diffpose.npz")
    found = lift(lifting.seen(9), sequence_lifter.read(over_time), prior)
    assert np.isfinite(found.positions).all()


def test_the_released_diffpose_is_trained_and_refines_on_both_libraries(people, weights, tmp_path):
    train(people, tmp_path, "diffpose-released", "--batch", "8", "--lifter", str(weights))
    prior, network = diffpose_released.read(tmp_path / "diffpose_released.npz"), lifter.read(weights)
    on_torch = refined_as_released(prior.on(ON_TORCH), network.on(ON_TORCH))(lifting.seen())
    assert np.allclose(refined_as_released(prior, network)(lifting.seen()), on_torch, atol=1e-4)
    assert on_torch.shape == (1, 6, NUM_JOINTS, 3)


def test_clips_are_as_long_as_there_is_motion():
    clips = SightedClips(Windows.of([swinging_clip()], LENGTHS[0][0]), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        sight, positions = clips.batch(generator, 3)
        assert positions.shape[1] in [frames for frames, _ in LENGTHS]
        assert sight.features().shape == (*positions.shape[:2], FEATURES)
        assert torch.isfinite(sight.features()).all()
        assert torch.isfinite(positions).all()
        assert positions[..., 0, :].abs().max() < 1e-6


def test_parts_are_hidden_for_a_while():
    rng = np.random.default_rng(0)
    known = np.stack([hidden_spans(40, rng) for _ in range(200)])
    assert known[:, 0].mean() > 0.9
    assert 0.02 < (~known).any(axis=(1, 2)).mean() < 0.8
    assert (known.any(axis=2).sum(axis=1) >= 30).all()


def test_a_lifter_can_begin_from_another_of_its_size(people, weights, tmp_path, capsys):
    train(people, tmp_path, "lifter", "--batch", "8", "--start", str(weights))
    first, second = lifter.read(weights), lifter.read(tmp_path / "lifter.npz")
    assert np.array_equal(first.mean, second.mean)
    arguments = ["--data", str(people), "--output", str(tmp_path / "other"), "--width", "32", "--blocks", "1"]
    assert main(["train", "lifter", *arguments, "--start", str(weights)]) == 1
    assert "has width 16 and 1 blocks" in capsys.readouterr().err


def test_detectors_differ_in_how_they_tell_their_confidence():
    rng = np.random.default_rng(0)
    sure = np.linspace(0, 1, 11)
    told = np.array([rated(sure, rng) for _ in range(200)])
    assert (told[:, 0] == 0).all()
    assert (np.diff(told, axis=1) >= 0).all()
    assert 0.3 < np.mean([np.array_equal(one, sure) for one in told]) < 0.5
    assert told[:, 9].min() < 0.5
