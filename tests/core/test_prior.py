# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose prior: one answer on NumPy and torch, and a clear word when its weights are no good."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from contrapposto.arrays import to_numpy
from contrapposto.networks import residual_mlp
from contrapposto.priors import container, pose
from contrapposto.priors.pose import CONTEXT, STATE, Condition, PosePrior
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS, mirror
from contrapposto.tasks.alternatives import Drawing, alternatives, draw
from contrapposto.tasks.ranking import energy


def random_prior(dtype=np.float64, width: int = 32, blocks: int = 2, seed: int = 0) -> PosePrior:
    rng = np.random.default_rng(seed)
    weights = {
        name: (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype)
        for name, shape in residual_mlp.shapes(STATE, CONTEXT, width, blocks).items()
    }
    mean = rng.standard_normal((NUM_JOINTS, 6)).astype(dtype)
    return PosePrior(weights, mean, np.full((NUM_JOINTS, 1), 0.5, dtype=dtype), width, blocks)


def some_condition(batch: int = 3, seed: int = 0, dtype=np.float64) -> Condition:
    rng = np.random.default_rng(seed)
    positions = rng.standard_normal((batch, NUM_JOINTS, 3))
    positions[rng.random((batch, NUM_JOINTS)) < 0.7] = np.nan
    rotations = from_rotvec(0.5 * rng.standard_normal((batch, NUM_JOINTS, 3)))
    orientations = rotations.copy()
    orientations[np.isnan(positions[..., 0])] = np.nan
    return Condition(
        rotations.astype(dtype),
        rng.random((batch, NUM_JOINTS)) < 0.5,
        np.array([0.9, np.nan, 0.4][:batch], dtype=dtype),
        positions.astype(dtype),
        orientations.astype(dtype),
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-4), (np.float64, 1e-10)])
def test_numpy_and_torch_draw_the_same_poses(dtype, tolerance):
    prior, condition = random_prior(dtype), some_condition(dtype=dtype)
    reference = torch.zeros((), dtype=torch.float32 if dtype == np.float32 else torch.float64)
    ours = draw(prior, condition, 8, seed=3)
    theirs = draw(prior.on(reference), condition.on(reference), 8, seed=3)
    assert isinstance(theirs, torch.Tensor)
    np.testing.assert_allclose(to_numpy(theirs), ours, atol=tolerance)


def test_numpy_and_torch_agree_on_the_energy_of_the_shipped_prior():
    prior = pose.load()
    rotations = from_rotvec(0.3 * np.random.default_rng(1).standard_normal((5, NUM_JOINTS, 3))).astype(
        np.float32
    )
    theirs = energy(prior.on(torch.zeros(())), torch.as_tensor(rotations))
    np.testing.assert_allclose(to_numpy(theirs), energy(prior, rotations), rtol=1e-3)


def test_drawing_mixes_no_devices():
    """Torch's meta device computes nothing, but refuses tensors of another device as a GPU does."""
    reference = torch.zeros((), device="meta")
    drawn = draw(random_prior(np.float32).on(reference), some_condition().on(reference), 8, seed=3)
    assert drawn.device == reference.device


def test_what_is_alike_on_both_sides_is_drawn_for_twice_and_not_copied():
    prior = random_prior()
    standing = np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1))
    drawn = draw(prior, Condition.of(standing, np.zeros((1, NUM_JOINTS), dtype=bool)), 8, seed=0)
    twins = np.abs(drawn[:, None] - mirror(drawn)[None]).max(axis=(2, 3, 4, 5))
    assert twins.min() > 0.1


def test_a_state_decodes_to_the_rotations_that_it_encodes():
    prior, condition = random_prior(), some_condition()
    decoded = prior.decode(prior.encode(condition.rotations))
    np.testing.assert_allclose(decoded, condition.rotations, atol=1e-12)


def test_known_joints_come_back_bit_by_bit():
    prior, condition = random_prior(), some_condition()
    drawn = draw(prior, condition, 6, seed=0)
    for k in range(6):
        assert np.array_equal(drawn[k][condition.known], condition.rotations[condition.known])


def test_what_is_not_known_has_no_influence():
    prior, condition = random_prior(), some_condition()
    other = np.where(condition.known[..., None, None], condition.rotations, np.eye(3))
    changed = Condition(other, condition.known, condition.height, condition.positions, condition.orientations)
    np.testing.assert_array_equal(prior.context(changed), prior.context(condition))
    a, b = draw(prior, condition, 4, seed=1), draw(prior, changed, 4, seed=1)
    hidden = ~condition.known
    for k in range(4):
        np.testing.assert_allclose(a[k][hidden], b[k][hidden], atol=1e-12)


@pytest.mark.parametrize("field", ["height", "positions", "orientations", "known"])
def test_everything_that_is_known_has_an_influence(field):
    prior, condition = random_prior(), some_condition()
    values = dict(vars(condition))
    values[field] = ~values[field] if field == "known" else 1.1 * values[field]
    assert not np.array_equal(prior.context(Condition(**values)), prior.context(condition))


def test_a_mirrored_condition_gives_the_mirrored_poses():
    from contrapposto.skeleton import mirror

    prior, condition = random_prior(), some_condition()
    drawn = draw(prior, condition, 10, seed=2)
    of_mirror = draw(prior, condition.mirrored(), 10, seed=2)
    expected = mirror(np.concatenate([drawn[5:], drawn[:5]]))
    np.testing.assert_allclose(of_mirror, expected, atol=1e-9)


@pytest.mark.parametrize(("diversity", "outliers"), [(0.0, 0.0), (1.0, 0.1)])
def test_a_mirrored_condition_gives_the_mirrored_alternatives(diversity, outliers):
    prior, condition = random_prior(), some_condition(1)
    for seed in range(3):
        wanted = {"seed": seed, "diversity": diversity, "drawing": Drawing(outliers=outliers)}
        kept = mirror(alternatives(prior, condition, 8, **wanted))
        of_mirror = alternatives(prior, condition.mirrored(), 8, **wanted)
        match = [np.abs(of_mirror - one).max(axis=(1, 2, 3, 4)).min() for one in kept]
        assert max(match) < 1e-9


def test_the_shipped_weights_have_a_card_that_names_their_data():
    card = pose.WEIGHTS.with_suffix(".md").read_text(encoding="utf-8")
    assert pose.WEIGHTS.is_file()
    for word in ("mocap.cs.cmu.edu", "EIA-0196217", "ReActIdle", "val"):
        assert word in card


def test_saved_weights_come_back_as_half_precision_keeps_them(tmp_path):
    prior = random_prior(np.float32)
    pose.save(prior, tmp_path / "a.npz", {"note": "test"})
    again = pose.read(tmp_path / "a.npz")
    for name, value in prior.weights.items():
        np.testing.assert_allclose(again.weights[name], value, rtol=1e-3, atol=1e-4)
    assert (again.width, again.blocks) == (prior.width, prior.blocks)
    with np.load(tmp_path / "a.npz") as stored:
        assert set(stored.files) == {"header", "mean", "std", *prior.weights}
    assert not list(tmp_path.glob("*.part"))


def test_missing_weights_say_so(tmp_path):
    with pytest.raises(container.WeightsError, match=r"'pose\.npz' is missing; reinstall"):
        pose.read(tmp_path / "pose.npz")


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "object", "nan", "shape", "kind"])
def test_damaged_weights_give_one_sentence(tmp_path, damage):
    path = tmp_path / "pose.npz"
    prior = random_prior(np.float32)
    pose.save(prior, path, {})
    whole = path.read_bytes()
    header = {"format": container.FORMAT, "version": 1, "kind": "pose", "config": {"width": 32, "blocks": 2}}
    arrays = {**prior.weights, "mean": prior.mean, "std": prior.std}
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "noise":
        path.write_bytes(bytes(b ^ 0x5A for b in whole))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "object":
        np.savez(path, header=np.array([{"run": "me"}], dtype=object))
    elif damage == "nan":
        arrays["out.b"] = np.full_like(arrays["out.b"], np.nan)
        np.savez(path, header=np.array(json.dumps(header)), **arrays)
    elif damage == "shape":
        arrays["out.b"] = arrays["out.b"][:-1]
        np.savez(path, header=np.array(json.dumps(header)), **arrays)
    else:
        np.savez(path, header=np.array(json.dumps(header | {"kind": "motion"})), **arrays)
    with pytest.raises(container.WeightsError) as caught:
        pose.read(path)
    assert "pose.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_that_half_precision_cannot_hold_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="float16"):
        container.save(tmp_path / "a.npz", "pose", {}, {"w": np.array([1e9])})
    assert not list(tmp_path.iterdir())
