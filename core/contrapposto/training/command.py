# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto train …``: from folders of motion to a weights file."""

from __future__ import annotations

import argparse
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from contrapposto.files.mocap import Clip, read_split
from contrapposto.files.motion_files import SUFFIXES, read_clips
from contrapposto.priors import diffpose as diffpose_prior
from contrapposto.priors import lifter as lifter_prior
from contrapposto.priors import motion as motion_prior
from contrapposto.priors import sequence_lifter as sequence_prior
from contrapposto.priors.pose import read
from contrapposto.training import (
    diffpose,
    diffpose_released,
    dposer,
    gfpose,
    lifter,
    motion,
    pose,
    sequence_lifter,
)
from contrapposto.training.corpus import Corpus
from contrapposto.training.run import Settings, Trainer, best_device
from contrapposto.training.sighted_clips import SightedClips
from contrapposto.training.sights import SightedPoses
from contrapposto.training.windows import Windows

logger = logging.getLogger(__name__)

VAL_SHARE = 10
"""Of a folder of loose files every tenth is held out to choose the weights by."""


def read_folder(folder: Path) -> tuple[list[Clip], list[Clip]]:
    """Clips to train on and clips to choose by.

    A folder with ``splits.json`` brings its own split. Of a folder of ``.bvh`` and
    AMASS-style ``.npz`` files, searched through its subfolders, every tenth file in
    the order of their paths is held out. Files that cannot be read are reported and
    left out.

    Raises:
        ValueError: if there is nothing to read.
    """
    if (folder / "splits.json").is_file():
        return read_split(folder, "train"), read_split(folder, "val")
    files: list[list[Clip]] = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        try:
            files.append(read_clips(path))
        except ValueError as error:
            logger.warning("%s is left out: %s", path, error)
    if len(files) < 2:
        raise ValueError(f"{folder} needs at least two readable .bvh or .npz files, or a splits.json")
    held_out = set(range(0, len(files), VAL_SHARE)) if len(files) >= VAL_SHARE else {len(files) - 1}
    train = [clip for number, clips in enumerate(files) if number not in held_out for clip in clips]
    return train, [clip for number in sorted(held_out) for clip in files[number]]


def _device(name: str | None) -> torch.device | None:
    """The torch device of that name; None for the default.

    Raises:
        ValueError: if this machine has none.
    """
    if name is None:
        return None
    try:
        return torch.zeros((), device=name).device
    except (RuntimeError, AssertionError) as error:  # torch raises either, by device
        raise ValueError(f"Torch finds no device '{name}' on this machine") from error


def train_pose(arguments: argparse.Namespace) -> None:
    """Train the pose prior and write ``pose.npz`` into the output folder."""
    device = _device(arguments.device)
    clips, corpora = _read(arguments.data)
    settings = pose.Settings(**_chosen(arguments, pose.Settings))
    start = read(arguments.start) if arguments.start else None
    task = pose.PoseTask(*corpora, settings, device, start=start)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "pose.npz"
    pose.export(trainer, task, weights, _facts(clips, corpora[0]))
    _tell_end(trainer, weights)


def train_dposer(arguments: argparse.Namespace) -> None:
    """Train DPoser and write ``dposer.npz`` into the output folder."""
    device = _device(arguments.device)
    clips, corpora = _read(arguments.data)
    settings = dposer.Settings(**_chosen(arguments, dposer.Settings))
    task = dposer.DPoserTask(*corpora, settings, device)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "dposer.npz"
    dposer.export(trainer, task, weights, _facts(clips, corpora[0]))
    _tell_end(trainer, weights)


def train_gfpose(arguments: argparse.Namespace) -> None:
    """Train GFPose and write ``gfpose.npz`` into the output folder."""
    device = _device(arguments.device)
    clips, corpora = _read(arguments.data)
    settings = gfpose.Settings(**_chosen(arguments, gfpose.Settings))
    start = lifter_prior.read(arguments.lifter) if arguments.lifter else None
    task = gfpose.GFPoseTask(*corpora, settings, device, lifter=start)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "gfpose.npz"
    gfpose.export(trainer, task, weights, _facts(clips, corpora[0]))
    _tell_end(trainer, weights)


def train_lifter(arguments: argparse.Namespace) -> None:
    """Train the lifter and write ``lifter.npz`` into the output folder."""
    device = _device(arguments.device)
    clips, corpora = _read(arguments.data)
    settings = lifter.Settings(**_chosen(arguments, lifter.Settings))
    start = lifter_prior.read(arguments.start) if arguments.start else None
    task = lifter.LifterTask(*corpora, settings, device, start=start)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "lifter.npz"
    lifter.export(trainer, task, weights, _facts(clips, corpora[0]))
    _tell_end(trainer, weights)


def train_sequence_lifter(arguments: argparse.Namespace) -> None:
    """Train the lifter over time and write ``sequence_lifter.npz`` into the output folder."""
    device = _device(arguments.device)
    train, val = _read_clips(arguments.data)
    settings = sequence_lifter.Settings(**_chosen(arguments, sequence_lifter.Settings))
    windows = sequence_lifter.windows_of(train, val)
    task = sequence_lifter.SequenceLifterTask(*windows, lifter_prior.read(arguments.lifter), settings, device)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "sequence_lifter.npz"
    facts = {"clips": len(train), "windows": len(windows[0]), "subjects": _subjects(train)}
    sequence_lifter.export(trainer, task, weights, facts)
    _tell_end(trainer, weights)


def train_diffpose(arguments: argparse.Namespace) -> None:
    """Train DiffPose on a lifter's answers, and write ``diffpose.npz`` into the output folder."""
    device = _device(arguments.device) or best_device()
    settings = diffpose.Settings(**_chosen(arguments, diffpose.Settings))
    train, val = _read_clips(arguments.data)
    if arguments.sequence:
        trained = sequence_prior.read(arguments.lifter)
        sources = [SightedClips(windows, device) for windows in sequence_lifter.windows_of(train, val)]
    else:
        trained = lifter_prior.read(arguments.lifter)
        sources = [SightedPoses(Corpus.of(clips), lifter.RATES, device) for clips in (train, val)]
    start = diffpose_prior.read(arguments.begin) if arguments.begin else None
    task = diffpose.DiffPoseTask(*sources, trained, settings, device, start=start)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "diffpose.npz"
    facts = {"clips": len(train), "sequence": arguments.sequence, "subjects": _subjects(train)}
    diffpose.export(trainer, task, weights, facts)
    _tell_end(trainer, weights)


def train_released_diffpose(arguments: argparse.Namespace) -> None:
    """Train DiffPose as released, and write ``diffpose_released.npz`` into the output folder."""
    device = _device(arguments.device)
    clips, corpora = _read(arguments.data)
    settings = diffpose_released.Settings(**_chosen(arguments, diffpose_released.Settings))
    trained = lifter_prior.read(arguments.lifter)
    task = diffpose_released.ReleasedTask(*corpora, trained, settings, device)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "diffpose_released.npz"
    diffpose_released.export(trainer, task, weights, _facts(clips, corpora[0]))
    _tell_end(trainer, weights)


def train_motion(arguments: argparse.Namespace) -> None:
    """Train the motion prior and write ``motion.npz`` into the output folder."""
    device = _device(arguments.device)
    train, val = _read_clips(arguments.data)
    settings = motion.Settings(**_chosen(arguments, motion.Settings))
    windows = Windows.of(train, settings.frames), Windows.of(val, settings.frames, speeds=(1.0,), stride=8)
    print(f"{len(windows[0])} windows of {len(train)} clips to train on, {len(windows[1])} to choose by")
    start = motion_prior.read(arguments.start) if arguments.start else None
    task = motion.MotionTask(*windows, settings, device, start=start)
    trainer = Trainer(task, arguments.output, settings)
    _run(trainer, arguments.every)
    weights = arguments.output / "motion.npz"
    facts = {"clips": len(train), "windows": len(windows[0]), "subjects": _subjects(train)}
    motion.export(trainer, task, weights, facts)
    _tell_end(trainer, weights)


def _read(folders: list[Path]) -> tuple[list[Clip], tuple[Corpus, Corpus]]:
    """The clips to train on, and the corpora to train on and to choose by."""
    train, val = _read_clips(folders)
    corpora = Corpus.of(train), Corpus.of(val)
    print(f"{len(corpora[0])} poses of {len(train)} clips to train on, {len(corpora[1])} to choose by")
    return train, corpora


def _read_clips(folders: list[Path]) -> tuple[list[Clip], list[Clip]]:
    """The clips of all folders to train on and to choose by."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train: list[Clip] = []
    val: list[Clip] = []
    for folder in folders:
        print(f"reading {folder}", flush=True)
        more_train, more_val = read_folder(folder)
        train += more_train
        val += more_val
    return train, val


def _chosen(arguments: argparse.Namespace, settings: type[Settings]) -> dict[str, Any]:
    """The options that are fields of the settings."""
    names = {field.name for field in fields(settings)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def _run(trainer: Trainer, every: int) -> None:
    if trainer.resume():
        print(f"going on from step {trainer.step}")
    trainer.run(lambda line: print(line, flush=True), every=every)


def _facts(clips: list[Clip], corpus: Corpus) -> dict[str, object]:
    return {"clips": len(clips), "poses": len(corpus), "subjects": _subjects(clips)}


def _subjects(clips: list[Clip]) -> list[str]:
    return sorted({clip.subject for clip in clips if clip.subject})


def _tell_end(trainer: Trainer, weights: Path) -> None:
    print(f"{weights}: best of step {trainer.best_step}, validation loss {trainer.best_loss:.4f}")
