# SPDX-License-Identifier: GPL-3.0-or-later
"""Training as a command: it learns, resumes to the bit, reads what studios have, writes weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from contrapposto.__main__ import POSE_EXAMPLES, main
from contrapposto.files.bvh import write_bvh
from contrapposto.files.mocap import Clip
from contrapposto.motion import Motion, Pose
from contrapposto.priors import pose as pose_prior
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, STANDARD_OFFSETS
from contrapposto.training import masks
from contrapposto.training import pose as pose_training
from contrapposto.training.augment import mirrored_half, recombine
from contrapposto.training.command import read_folder
from contrapposto.training.corpus import Corpus
from contrapposto.training.pose import PoseTask, Settings, denoising_loss, export
from contrapposto.training.run import Trainer

SMALL = Settings(width=48, blocks=1, batch=64, steps=60)


def swinging_clip(name: str = "swing", frames: int = 90, seed: int = 0) -> Clip:
    """Somebody who swings arms and legs in step, on a floor at y = 0."""
    phase = np.linspace(0, 6, frames)[:, None] + seed
    rotvec = np.zeros((frames, NUM_JOINTS, 3), dtype=np.float32)
    for joint, sign in (("left_hip", 1), ("right_hip", -1), ("left_shoulder", -1), ("right_shoulder", 1)):
        rotvec[:, JOINT_INDEX[joint], 0] = 0.5 * sign * np.sin(phase[:, 0])
    rotvec[:, JOINT_INDEX["left_knee"], 0] = 0.3 + 0.3 * np.cos(phase[:, 0])
    transl = np.tile(np.float32([0, 1.0, 0]), (frames, 1))
    bad = np.zeros(frames, dtype=bool)
    return Clip(name, f"people/{name}", rotvec, transl, bad, STANDARD_OFFSETS.astype(np.float32), 30.0)


def corpora() -> tuple[Corpus, Corpus]:
    return Corpus.of([swinging_clip(seed=i) for i in range(3)]), Corpus.of([swinging_clip(seed=9)])


def pose_run(
    folder: Path,
    settings: Settings = SMALL,
    device: str = "cpu",
    data: tuple[Corpus, Corpus] | None = None,
    start: pose_prior.PosePrior | None = None,
) -> Trainer:
    task = PoseTask(*(data or corpora()), settings, torch.device(device), start=start)
    return Trainer(task, folder, settings)


def quiet(line: str) -> None:
    assert "val" in line


class StoppedByUser(Exception):
    pass


def stop(line: str) -> None:
    raise StoppedByUser


def test_the_loss_on_poses_held_out_falls(tmp_path):
    trainer = pose_run(tmp_path, Settings(width=48, blocks=1, batch=64, steps=160))
    trainer.run(quiet, every=40)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [40, 80, 120, 160]
    assert rows[-1]["val_loss"] < 0.97 * rows[0]["val_loss"]


@pytest.mark.parametrize("able", [True, False])
def test_products_are_of_bfloat16_only_where_the_processor_has_instructions_for_them(
    tmp_path, monkeypatch, able
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able}, raising=False)
    trainer = pose_run(tmp_path)
    seen = []
    learnt = trainer.task.loss
    monkeypatch.setattr(
        trainer.task, "loss", lambda *given: seen.append(torch.is_autocast_enabled("cpu")) or learnt(*given)
    )
    with pytest.raises(StoppedByUser):
        trainer.run(stop, every=1)
    assert seen == [able]
    assert trainer.facts()["training"]["bfloat16"] == able
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": not able}, raising=False)
    again = pose_run(tmp_path)
    assert again.resume()
    assert again.bfloat16 == able  # a run ends as it began, on whatever machine it goes on


def test_a_run_that_was_stopped_ends_where_an_unbroken_one_ends(tmp_path):
    whole = pose_run(tmp_path / "whole")
    whole.run(quiet, every=30)
    with pytest.raises(StoppedByUser):
        pose_run(tmp_path / "parts").run(stop, every=30)
    second = pose_run(tmp_path / "parts")
    assert second.resume()
    assert second.step == 30
    second.run(quiet, every=30)
    for name, value in whole.average.items():
        assert torch.equal(value, second.average[name]), name


def test_a_checkpoint_of_other_settings_is_refused_by_name(tmp_path):
    trainer = pose_run(tmp_path, Settings(width=48, blocks=1, batch=64, steps=2))
    trainer.run(quiet, every=2)
    other = pose_run(tmp_path, Settings(width=48, blocks=1, batch=32, steps=2))
    with pytest.raises(ValueError, match=r"other settings \(batch\)"):
        other.resume()


def test_a_checkpoint_of_other_poses_is_refused(tmp_path):
    train, val = corpora()
    pose_run(tmp_path, Settings(width=48, blocks=1, batch=64, steps=2), data=(train, val)).run(quiet, every=2)
    grown = Corpus.of([swinging_clip(), swinging_clip("still", frames=2)])
    with pytest.raises(ValueError, match="other poses"):
        pose_run(tmp_path, Settings(width=48, blocks=1, batch=64, steps=2), data=(grown, val)).resume()


def test_a_step_mixes_no_devices(tmp_path):
    """Torch's meta device computes nothing, but refuses tensors of another device as a GPU does."""
    device = torch.device("meta")
    trainer = pose_run(tmp_path, device="meta")
    task = trainer.task
    rotations, condition = task.train.batch(trainer.generator, 8)
    assert {value.device for value in (rotations, *vars(condition).values())} == {device}
    arguments = (task.prior, rotations, condition, task.leverage, trainer.generator)
    assert denoising_loss(*arguments, drop=trainer.drop).device == device


def test_a_run_without_a_length_is_refused():
    with pytest.raises(ValueError, match="needs a length"):
        Settings(minutes=0)


def test_masks_cover_all_kinds_of_knowledge():
    generator = torch.Generator().manual_seed(0)
    known = masks.known_joints(4000, generator)
    assert 0.02 < float((~known).all(dim=1).float().mean()) < 0.08
    assert float(known[:, 0].float().mean()) > 0.7
    rate = known[:, 1:].float().mean(dim=0)
    assert float(rate.min()) > 0.25
    assert float(rate.max()) < 0.75
    leg = [JOINT_INDEX[joint] for joint in masks.PARTS["left_leg"]]
    others = [j for j in range(NUM_JOINTS) if j not in leg]
    only_leg_hidden = (~known[:, leg]).all(dim=1) & known[:, others].all(dim=1)
    assert float(only_leg_hidden.float().mean()) > 0.002
    placed, oriented = masks.placed_joints(4000, generator)
    assert not placed[:, 0].any()
    assert not (oriented & ~placed).any()
    assert float(placed[:, JOINT_INDEX["left_wrist"]].float().mean()) > 0.1


def test_a_share_of_the_examples_knows_only_what_ik_controls_say():
    generator = torch.Generator().manual_seed(0)
    known = masks.known_joints(4000, generator)
    placed, oriented = masks.placed_joints(4000, generator)
    masks.controls_only(known, placed, oriented, generator)
    ends = [JOINT_INDEX[joint] for joint in masks.CONTROL_RATE]
    alone = known[:, 0] & ~known[:, 1:].any(dim=1)
    both_hands = alone & placed[:, [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]].all(dim=1)
    assert 0.03 < float(both_hands.float().mean()) < 0.08
    assert not (oriented & ~placed).any()
    assert float(placed[both_hands][:, ends].float().mean()) > 0.6


def test_training_can_begin_from_a_prior(tmp_path):
    first = pose_run(tmp_path / "a")
    first.run(quiet, every=60)
    export(first, first.task, tmp_path / "a.npz", {})
    start = pose_prior.read(tmp_path / "a.npz")
    second = pose_run(tmp_path / "b", start=start)
    loss = second.task.validation_loss(second.task.initial, torch.Generator().manual_seed(1))
    assert float(loss) == pytest.approx(first.best_loss, rel=0.02)
    with pytest.raises(ValueError, match="--width 48 --blocks 1"):
        pose_run(tmp_path / "c", Settings(width=32, blocks=1), start=start)


def test_recombined_poses_are_made_of_whole_parts_of_two():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = torch.zeros(200, NUM_JOINTS, 3, 3), torch.ones(200, NUM_JOINTS, 3, 3)
    made, own_legs = recombine(ours, theirs, 0.5, generator)
    taken = made[:, :, 0, 0] == 1
    assert 0.3 < float(taken.any(dim=1).float().mean()) < 0.7
    for joints in masks.PARTS.values():
        part = taken[:, [JOINT_INDEX[joint] for joint in joints]]
        assert torch.equal(part.any(dim=1), part.all(dim=1))
    assert torch.equal(own_legs, ~taken[:, JOINT_INDEX["right_knee"]])


def test_broad_poses_are_only_made_for_the_examples_that_they_are_among(monkeypatch):
    made = []

    def counted(rng, count):
        made.append(count)
        return np.tile(np.float32(np.eye(3)), (count, NUM_JOINTS, 1, 1))

    monkeypatch.setattr(pose_training, "broad_poses", counted)
    train, val = corpora()
    PoseTask(train, val, replace(SMALL, broad=0.0))
    assert made == []
    PoseTask(train, val, SMALL)
    assert made == [max(pose_training.BROAD_FEWEST, len(train) // 2)]


@pytest.mark.parametrize("option", ["recombination", "pose-noise"])
def test_what_is_done_to_the_examples_can_be_chosen(tmp_path, option, capsys):
    write_folder(tmp_path / "data")
    arguments = ["train", "pose", "--data", str(tmp_path / "data"), "--output", str(tmp_path / "run")]
    arguments += ["--width", "32", "--blocks", "1", "--batch", "32", "--steps", "2", "--broad", "0"]
    assert main([*arguments, f"--{option}", "0.5"]) == 0
    assert main(arguments) == 1
    assert f"other settings ({option.replace('-', '_')})" in capsys.readouterr().err


def test_the_commands_defaults_are_those_of_the_settings():
    for name, value, _ in POSE_EXAMPLES:
        assert getattr(Settings(), name.replace("-", "_")) == value


def test_half_of_the_poses_are_mirrored():
    generator = torch.Generator().manual_seed(0)
    pose = torch.zeros(1000, NUM_JOINTS, 3, 3)
    pose[:, JOINT_INDEX["left_knee"], 0, 0] = 1
    made = mirrored_half(pose, generator)
    share = float(made[:, JOINT_INDEX["right_knee"], 0, 0].mean())
    assert 0.45 < share < 0.55


def test_bad_frames_and_headings_do_not_enter_the_corpus():
    clip = swinging_clip()
    turned = clip.rotvec.copy()
    turned[:, 0, 1] = np.linspace(0, 3, len(turned))
    bad = np.zeros(len(turned), dtype=bool)
    bad[10:50] = True
    corpus = Corpus.of([Clip(clip.name, clip.subject, turned, clip.transl, bad, clip.offsets, 30.0)])
    assert len(corpus) == len(turned) - 40
    np.testing.assert_allclose(corpus.rotations[:, 0], np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-5)


def test_pelvis_heights_count_from_the_ground_whatever_the_clip_calls_zero():
    clip = swinging_clip()
    sunk = Clip(
        clip.name,
        clip.subject,
        clip.rotvec,
        clip.transl - np.float32([0, 0.3, 0]),
        clip.bad,
        clip.offsets,
        30.0,
    )
    np.testing.assert_allclose(Corpus.of([sunk]).height, Corpus.of([clip]).height, atol=1e-5)


def test_long_clips_do_not_drown_short_ones():
    corpus = Corpus.of([swinging_clip("long", 400), swinging_clip("short", 100)])
    share = corpus.weight[corpus.clip == 1].sum()
    assert share == pytest.approx(1 / 3, abs=0.01)


def test_fast_takes_count_as_often_as_slow_ones():
    fast = swinging_clip(frames=400)
    fast = Clip(fast.name, fast.subject, fast.rotvec, fast.transl, fast.bad, fast.offsets, 120.0)
    assert len(Corpus.of([fast])) == 100


def write_folder(folder: Path) -> None:
    """Two BVH files and an AMASS-style npz, which has z up."""
    folder.mkdir()
    for seed in range(2):
        clip = swinging_clip(seed=seed)
        rotations = from_rotvec(clip.rotvec.astype(np.float64))
        motion = Motion(Pose(rotations, clip.transl.astype(np.float64)), 30.0)
        write_bvh(folder / f"take{seed}.bvh", motion)
    clip = swinging_clip(seed=2)
    poses = np.zeros((90, 156))
    poses[:, :66] = clip.rotvec.reshape(90, -1)
    poses[:, 0] = np.pi / 2
    trans = clip.transl[:, [0, 2, 1]]
    np.savez(folder / "take2.npz", poses=poses, trans=trans, mocap_framerate=30.0, betas=np.zeros(16))


def test_the_command_trains_on_bvh_and_amass_files(tmp_path, capsys):
    write_folder(tmp_path / "data")
    (tmp_path / "data" / "broken.bvh").write_text("HIERARCHY\nnonsense\n")
    arguments = ["train", "pose", "--data", str(tmp_path / "data"), "--output", str(tmp_path / "run")]
    arguments += ["--width", "32", "--blocks", "1", "--batch", "32", "--steps", "4", "--every", "2"]
    assert main(arguments) == 0
    assert "100.0%" in capsys.readouterr().out
    prior = pose_prior.read(tmp_path / "run" / "pose.npz")
    assert prior.width == 32
    assert main(arguments) == 0
    assert "going on from step 4" in capsys.readouterr().out


def test_a_file_of_several_clips_is_read_whole_and_held_out_whole(tmp_path):
    frames = 60
    shared_format = {
        "poses": np.zeros((frames, NUM_JOINTS, 3), dtype=np.int16),
        "scale": 1e-4,
        "trans": np.tile([0.0, 1.0, 0.0], (frames, 1)),
        "bad": np.zeros(frames, dtype=bool),
        "offsets": np.tile(STANDARD_OFFSETS, (2, 1, 1)),
        "clip_names": np.array(["one", "two"]),
        "clip_start": np.array([0, 20, frames]),
        "fps": 30.0,
    }
    for person in ("a", "b"):
        np.savez(tmp_path / f"{person}.npz", **shared_format)
    train, val = read_folder(tmp_path)
    assert [(clip.subject[-1], clip.name) for clip in train] == [("a", "one"), ("a", "two")]
    assert [(clip.subject[-1], clip.name) for clip in val] == [("b", "one"), ("b", "two")]


def test_a_device_that_is_not_there_gives_one_sentence(tmp_path, capsys):
    arguments = ["train", "pose", "--data", str(tmp_path), "--output", str(tmp_path / "run")]
    assert main([*arguments, "--device", "cuda:99"]) == 1
    assert capsys.readouterr().err == "contrapposto: Torch finds no device 'cuda:99' on this machine\n"


def test_the_command_trains_on_the_shared_data(tmp_path, capsys, shared):
    arguments = ["train", "pose", "--data", str(shared / "data" / "mocap"), "--output", str(tmp_path)]
    arguments += ["--width", "32", "--blocks", "1", "--batch", "32", "--steps", "2", "--every", "2"]
    assert main(arguments) == 0
    assert (tmp_path / "pose.npz").is_file()


def test_an_empty_folder_gives_one_sentence(tmp_path, capsys):
    assert main(["train", "pose", "--data", str(tmp_path), "--output", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert "at least two readable .bvh or .npz files" in error
    assert error.count("\n") == 1
