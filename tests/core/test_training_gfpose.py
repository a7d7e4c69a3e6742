# SPDX-License-Identifier: GPL-3.0-or-later
"""GFPose from its training command to weights that lift, on two people and a tiny network."""

from __future__ import annotations

from pathlib import Path

import lifting
import numpy as np
import pytest
import torch
from people import write_people

from contrapposto.__main__ import main
from contrapposto.evaluation import lift_ablation
from contrapposto.evaluation.virtual import CLEAN
from contrapposto.files.mocap import read_split
from contrapposto.keypoints.body import Body
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.sight import LIFTED, NUM_LIFTED
from contrapposto.priors import gfpose as prior
from contrapposto.priors import lifter as lifter_prior
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS
from contrapposto.training import gfpose, sights
from contrapposto.training.corpus import Corpus
from contrapposto.training.masks import PARTS

SIZE = ["--width", "32", "--blocks", "1", "--batch", "16"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module", autouse=True)
def few_validation_poses():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gfpose, "VALIDATION_POSES", 16)
        yield


def test_the_command_writes_weights_that_a_stopped_run_goes_on_to(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "gfpose", "--data", str(people), "--output", str(tmp_path), *SIZE, "--every", "2"]
    assert main([*arguments, "--steps", "2", "--target", "noise"]) == 0
    assert main([*arguments, "--steps", "4", "--target", "noise"]) == 0
    assert "going on from step 2" in capsys.readouterr().out
    assert prior.read(tmp_path / "gfpose.npz").target == "noise"
    assert main([*arguments, "--steps", "4"]) == 1
    assert "other settings (target)" in capsys.readouterr().err


def test_the_loss_falls(people: Path) -> None:
    corpus = Corpus.of(read_split(people, "train"))
    settings = gfpose.Settings(width=64, blocks=1, batch=32, steps=1, lr=3e-3)
    task = gfpose.GFPoseTask(corpus, corpus, settings, torch.device("cpu"))
    weights = {name: value.clone().requires_grad_() for name, value in task.initial.items()}
    optimizer = torch.optim.Adam(weights.values(), lr=3e-3)

    def held_out() -> float:
        return float(task.validation_loss(weights, torch.Generator().manual_seed(1)).detach())

    before, generator = held_out(), torch.Generator().manual_seed(0)
    for _ in range(25):
        optimizer.zero_grad()
        task.loss(weights, generator, lambda h: h).backward()
        optimizer.step()
    assert held_out() < 0.9 * before


def test_a_run_on_a_lifter_begins_at_what_that_believes(people: Path, tmp_path: Path) -> None:
    lifter_prior.save(lifting.lifter(), tmp_path / "lifter.npz", {})
    arguments = ["train", "gfpose", "--data", str(people), "--output", str(tmp_path), *SIZE]
    on_lifter = [*arguments, "--lifter", str(tmp_path / "lifter.npz"), "--steps", "2"]
    assert main(on_lifter) == 0
    assert prior.read(tmp_path / "gfpose.npz").lifting is not None
    assert main([*on_lifter, "--target", "noise"]) == 1


@pytest.mark.parametrize(("option", "said"), [("11", "three digits"), ("1x1", "three digits")])
def test_masks_are_three_digits(option: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gfpose.Settings(masks=option)


def test_masks_take_people_parts_and_joints() -> None:
    rng = np.random.default_rng(0)
    people, parts, joints = (
        ~sights.hierarchical_mask(4000, rates, rng) for rates in ((0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1))
    )
    for hidden in (people, parts, joints):
        assert hidden.mean() == pytest.approx(0.1, abs=0.02)
    assert set(people.sum(axis=1)) == {0, NUM_JOINTS}
    for names in PARTS.values():
        members = parts[:, [JOINT_INDEX[name] for name in names]]
        assert (members == members[:, :1]).all()
    assert 1 in joints.sum(axis=1)


def test_what_is_seen_is_where_the_joints_are(people: Path) -> None:
    """Exact detectors of standard bodies: a wrist's point divided by its depth is where the wrist is."""
    corpus = Corpus.of(read_split(people, "train"))
    body, known = Body.standard(SETS["coco_17"]), np.ones((20, NUM_JOINTS), dtype=bool)
    known[:, JOINT_INDEX["left_knee"]] = False
    rotations = corpus.rotations[:20].astype(np.float64)
    sight, places = sights.look(rotations, known, body, CLEAN, np.random.default_rng(0))
    flat = places[..., :2] / places[..., 2:] / sight.size[:, None, None]
    wrist, knee = LIFTED.index("right_wrist"), LIFTED.index("left_knee")
    np.testing.assert_allclose(sight.points[:, wrist], flat[:, wrist], atol=1e-9)
    assert (sight.confidence[:, knee] == 0).all()
    assert places.shape == (20, NUM_LIFTED, 3)


def test_the_same_seed_draws_the_same_sights(people: Path) -> None:
    corpus = Corpus.of(read_split(people, "train"))
    poses = sights.SightedPoses(corpus, (0.0, 0.1, 0.1), torch.device("cpu"))
    (a, there), (b, again) = (poses.batch(torch.Generator().manual_seed(3), 12) for _ in range(2))
    assert torch.equal(a.features(), b.features())
    assert torch.equal(there, again)


def test_every_configuration_is_trained_and_lifts(people: Path, tmp_path: Path) -> None:
    records = list(lift_ablation.evaluate(people, "val", tmp_path, steps=2, quick=True, tell=lambda _: None))
    methods = {record["method"] for record in records if record["task"] == "lift_ablation"}
    assert methods == set(lift_ablation.CONFIGURATIONS)
    assert [record["case"] for record in records[-2:]] == ["G1", "G2"]
