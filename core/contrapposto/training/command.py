# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m contrapposto train pose``: from folders of motion to a weights file."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from contrapposto.files.mocap import Clip, read_split
from contrapposto.files.motion_files import SUFFIXES, read_clips
from contrapposto.priors.pose import read
from contrapposto.training.corpus import Corpus
from contrapposto.training.pose import Settings, Trainer

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
    """Train, printing a line now and then, and write ``pose.npz`` into the output folder."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    device = _device(arguments.device)
    train: list[Clip] = []
    val: list[Clip] = []
    for folder in arguments.data:
        print(f"reading {folder}", flush=True)
        more_train, more_val = read_folder(folder)
        train += more_train
        val += more_val
    corpora = Corpus.of(train), Corpus.of(val)
    print(f"{len(corpora[0])} poses of {len(train)} clips to train on, {len(corpora[1])} to choose by")
    settings = Settings(
        width=arguments.width,
        blocks=arguments.blocks,
        batch=arguments.batch,
        minutes=arguments.minutes,
        steps=arguments.steps,
        lr=arguments.lr,
        seed=arguments.seed,
    )
    start = read(arguments.start) if arguments.start else None
    trainer = Trainer(*corpora, arguments.output, settings, device, start=start)
    if trainer.resume():
        print(f"going on from step {trainer.step}")
    trainer.run(lambda line: print(line, flush=True), every=arguments.every)
    facts: dict[str, object] = {
        "clips": len(train),
        "poses": len(corpora[0]),
        "subjects": sorted({clip.subject for clip in train if clip.subject}),
    }
    weights = arguments.output / "pose.npz"
    trainer.export(weights, facts)
    print(f"{weights}: best of step {trainer.best_step}, validation loss {trainer.best_loss:.4f}")
