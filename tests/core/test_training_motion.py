# SPDX-License-Identifier: GPL-3.0-or-later
"""The motion prior from its training command to its protocol's table, on two people and a tiny network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from people import write_people
from test_training import swinging_clip

from contrapposto.__main__ import main
from contrapposto.priors import motion as motion_prior
from contrapposto.rotation import geodesic_angle
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.drift import CALIBRATION, FEATURES
from contrapposto.training import drift, motion
from contrapposto.training.corruption import corrupted
from contrapposto.training.windows import Windows, resampled

SIZE = ["--width", "16", "--blocks", "1", "--batch", "4", "--frames", "32"]


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module", autouse=True)
def few_windows_for_the_fit():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drift, "WINDOWS", 8)
        yield


@pytest.fixture(scope="module")
def weights(people, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("run")
    arguments = ["--data", str(people), "--output", str(output), *SIZE, "--steps", "4", "--every", "2"]
    assert main(["train", "motion", *arguments]) == 0
    return output / "motion.npz"


def windows(frames: int = 32) -> Windows:
    return Windows.of([swinging_clip(seed=i) for i in range(2)], frames)


def test_a_run_can_be_taken_up_again_and_begin_from_weights(people, weights, tmp_path, capsys):
    arguments = [
        "--data",
        str(people),
        "--output",
        str(weights.parent),
        *SIZE,
        "--steps",
        "6",
        "--every",
        "2",
    ]
    assert main(["train", "motion", *arguments]) == 0
    assert "going on from step 4" in capsys.readouterr().out
    start = ["--data", str(people), "--output", str(tmp_path), "--steps", "1", "--start", str(weights)]
    assert main(["train", "motion", *start, *SIZE]) == 0
    assert main(["train", "motion", *start, "--width", "32", "--blocks", "1", "--frames", "32"]) == 1
    assert "train with --width 16 --blocks 1 --frames 32" in capsys.readouterr().err


def test_the_weights_know_how_they_tell_drift(weights):
    fit = motion_prior.read(weights).calibration[CALIBRATION]
    assert fit.shape == (FEATURES,)
    assert np.abs(fit).max() > 0


def test_the_loss_falls():
    settings = motion.Settings(width=32, blocks=1, batch=8, frames=32, steps=1, lr=3e-3)
    task = motion.MotionTask(windows(), windows(), settings, torch.device("cpu"))
    weights = {name: value.clone().requires_grad_() for name, value in task.initial.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)

    def held_out() -> float:
        with torch.no_grad():
            return float(task.validation_loss(weights, torch.Generator().manual_seed(1)))

    before = held_out()
    for _ in range(25):
        optimizer.zero_grad()
        task.loss(weights, generator, lambda h: h).backward()
        optimizer.step()
    assert held_out() < 0.93 * before


def test_windows_keep_to_good_frames_of_one_clip():
    clip = swinging_clip(frames=90)
    bad = clip.bad.copy()
    bad[40] = True
    found = Windows.of([replace(clip, bad=bad), clip], 32, speeds=(1.0,))
    within = (found.start < 90) & (found.start <= 40) & (found.start + 32 > 40)
    assert not within.any()
    assert set(found.start) == {*range(9), *range(41, 59), *range(90, 149)}
    np.testing.assert_allclose(found.weight.sum(), 1)
    with pytest.raises(ValueError, match="100 good frames in a row"):
        Windows.of([clip], 100, speeds=(1.0,))


def test_resampling_keeps_time():
    clip = swinging_clip(frames=61)
    R, place, _ = resampled(clip, 60.0)
    assert len(R) == 121
    same, _, _ = resampled(clip, 30.0)
    assert geodesic_angle(R[::2], same).max() < 1e-6
    assert place.shape == (121, 3)


def test_damage_leaves_the_truth_alone_and_levels_tell_it_apart():
    found = windows(64)
    index = found.start[:64, None] + np.arange(64)
    R, place, contacts = (torch.as_tensor(v[index]) for v in (found.rotations, found.place, found.contacts))
    kept = R.clone()
    example = corrupted(R, place, contacts, torch.Generator().manual_seed(0))
    assert torch.equal(R, kept)
    seen = example.observed
    for value in (seen.rotations, seen.positions, seen.place):
        assert torch.isfinite(value).all()
    known = torch.isfinite(seen.rotation_level)
    assert 0.3 < known.float().mean() < 0.95
    off = geodesic_angle(seen.rotations, example.rotations)
    clear, noisy = known & (seen.rotation_level < 0.01), known & (seen.rotation_level > 0.1)
    assert off[clear].median() < 0.05 < off[noisy].median()
    by_positions = torch.isfinite(seen.position_level).any(-1).any(-1)
    assert 0.1 < by_positions.float().mean() < 0.5
    _, joints = forward_kinematics(example.rotations)
    rootless = ~example.placed
    assert torch.allclose(example.rotations[rootless, :, 0], torch.eye(3))
    assert (seen.positions - joints)[rootless][
        torch.isfinite(seen.position_level)[rootless]
    ].abs().mean() < 0.2


def test_the_protocol_has_a_row_for_every_method(people, weights, tmp_path):
    path = tmp_path / "records.json"
    arguments = ["--data", str(people), "--split", "train", "--quick", "--weights", str(weights)]
    cases = ["--only", "noise_40_mm", "white_5_deg", "dropped_5_frames"]
    assert main(["evaluate", "denoise", *arguments, *cases, "--json", str(path)]) == 0
    records = json.loads(path.read_text())
    assert {record["case"] for record in records} == set(cases[1:])
    for case in cases[1:]:
        methods = {record["method"] for record in records if record["case"] == case}
        assert methods >= {"contrapposto", "untouched", "butterworth", "gaussian", "savgol", "kalman"}
    untouched = {r["case"]: r["mpjpe_mm"] for r in records if r["method"] == "untouched"}
    np.testing.assert_allclose(untouched["noise_40_mm"], 64, rtol=0.05)  # 40 mm times sqrt(8 / pi)
    filled = [r for r in records if r["case"] == "dropped_5_frames"]
    assert all("damaged_mpjpe_mm" in record for record in filled)


def test_weights_of_another_kind_are_refused(people, tmp_path, capsys):
    weights = motion_prior.WEIGHTS.with_name("pose.npz")
    assert main(["evaluate", "denoise", "--data", str(people), "--weights", str(weights)]) == 1
    assert "holds pose weights" in capsys.readouterr().err
