# SPDX-License-Identifier: GPL-3.0-or-later
"""The generation protocol: samples of a prior, nothing known, beside real poses.

APD says how much the samples differ, FID how far their Gaussian is from that of the
training poses, precision how many look like training poses, recall how many training
poses they cover, dNN how far they are from what was seen. After DPoser-X: raw
axis-angle vectors of the 21 body joints, the training split as the reference. Real
poses of people never trained on are the ceiling: a prior whose samples score better than
they do has learnt the training people, not people.

Two things differ from the published protocol. Samples are ``SAMPLES`` for every row
instead of 50,000, so that 1000-step sampling ends on a processor; FID is biased upwards
by that, alike in all rows (the row ``train`` shows by how much). And a prior is trained
on poses drawn by weight and mirrored, not on frames as they come: the row
``train_weighted`` is what a perfect one would score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from contrapposto.arrays import Array, like, to_numpy
from contrapposto.diffusion.sampler import EULER_MARUYAMA_STEPS, Denoiser, ddim, euler_maruyama
from contrapposto.diffusion.schedule import SubVP, uniform_times
from contrapposto.evaluation.baselines import Gaussian
from contrapposto.evaluation.metrics import (
    apd_cm,
    body_rows,
    frechet_distance,
    mean_and_covariance,
    nearest_distance_rad,
    precision_recall,
)
from contrapposto.evaluation.poses import poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.priors.pose import STATE, Condition, PosePrior
from contrapposto.skeleton import NUM_JOINTS, forward_kinematics, mirror
from contrapposto.tasks.alternatives import draw
from contrapposto.training.corpus import Corpus

Method = Callable[[int, np.random.Generator], np.ndarray]
"""Makes (count, 22, 3, 3) local rotations, nothing known, from a generator."""

SAMPLES = 2000
QUICK_SAMPLES = 250
APD_SAMPLES = 500
REFERENCES = 10_000
QUICK_REFERENCES = 2000
"""Poses: a row's samples; those of them that APD and dNN look at; training poses of
precision and recall."""

CHUNK = 1000
DDIM_STEPS = 10

Sampler = Callable[[Denoiser, Array, SubVP, np.random.Generator], Array]
"""Turns noise (N, D) into states, as the papers do it."""


def slow(denoiser: Denoiser, z: Array, schedule: SubVP, rng: np.random.Generator) -> Array:
    """States from noise by 1000 steps of Euler and Maruyama."""
    return euler_maruyama(denoiser, z, schedule, uniform_times(EULER_MARUYAMA_STEPS), rng=rng)


def fast(denoiser: Denoiser, z: Array, schedule: SubVP, _rng: np.random.Generator) -> Array:
    """States from noise by 10 DDIM steps."""
    return ddim(denoiser, z, schedule, uniform_times(DDIM_STEPS))


def _nothing_known(prior: PosePrior, count: int) -> Condition:
    rotations = np.tile(np.eye(3, dtype=np.float32), (count, NUM_JOINTS, 1, 1))
    return Condition.of(rotations, np.zeros((count, NUM_JOINTS), dtype=bool)).on(prior.mean)


def _in_chunks(sample: Method) -> Method:
    """The method, called for no more than ``CHUNK`` poses at a time."""

    def chunks(count: int, rng: np.random.Generator) -> np.ndarray:
        sizes = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
        return np.concatenate([sample(size, rng) for size in sizes])

    return chunks


def samplers(prior: PosePrior) -> dict[str, Method]:
    """The prior sampled as the product does it, and as the papers do it.

    ``contrapposto``: the few-step draws of Complete Pose, half of them mirrored.
    ``euler_maruyama_1000`` and ``ddim_10``: uniform steps in time, from noise.
    """

    def shipped(count: int, rng: np.random.Generator) -> np.ndarray:
        even = count + count % 2
        drawn = draw(prior, _nothing_known(prior, 1), even, int(rng.integers(2**31)))
        return to_numpy(drawn)[:count, 0]

    def published(sample: Sampler) -> Method:
        def drawn(count: int, rng: np.random.Generator) -> np.ndarray:
            denoiser = prior.denoiser(_nothing_known(prior, count))
            z = like(rng.standard_normal((count, STATE)), prior.mean)
            return to_numpy(prior.decode(sample(denoiser, z, prior.schedule, rng)))

        return _in_chunks(drawn)

    return {
        "contrapposto": _in_chunks(shipped),
        "euler_maruyama_1000": published(slow),
        "ddim_10": published(fast),
    }


def _real(poses: np.ndarray) -> Method:
    """Real poses as a method: evenly taken from those there are, never one twice."""

    def taken(count: int, _: np.random.Generator) -> np.ndarray:
        return spread_evenly(poses, count)

    return taken


def _weighted(corpus: Corpus) -> Method:
    """Training poses as training draws them: by weight, half of them mirrored."""

    def drawn(count: int, rng: np.random.Generator) -> np.ndarray:
        poses = corpus.rotations[rng.choice(len(corpus), size=count, p=corpus.weight)]
        return np.where(rng.random((count, 1, 1, 1)) < 0.5, mirror(poses), poses)

    return drawn


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
    samples: int | None = None,
    methods: Mapping[str, Method] | None = None,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: whose real poses are the ceiling; the reference is ``train``.
        prior: what ``contrapposto`` runs, on NumPy or torch.
        quick: ``QUICK_SAMPLES`` samples; FID and recall then say little.
        seed: of all samples.
        tell: receives a line on what is being done.
        samples: of each row; ``SAMPLES`` if None. A row of real poses has no more than there are.
        methods: further rows, by name.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    count = samples or (QUICK_SAMPLES if quick else SAMPLES)
    tell(f"reading {data}")
    clips = read_split(data, "train")
    train = poses_of(clips, 1)
    seen, unseen = train[::2], train[1::2]  # dNN looks among the former, the row ``train`` is of the latter
    mean, covariance = mean_and_covariance(body_rows(train))
    references = _real(seen)(QUICK_REFERENCES if quick else REFERENCES, np.random.default_rng())
    reference_rows = body_rows(references)
    rows: dict[str, Method] = {
        **samplers(prior),
        **(methods or {}),
        "gaussian": Gaussian(seen, np.zeros((len(seen), 0))).sample,
        split if split != "train" else "train_split": _real(poses_of(read_split(data, split), 1)),
        "train": _real(unseen),
        "train_weighted": _weighted(Corpus.of(clips)),
    }
    for method, sample in rows.items():
        tell(f"{method}: {count} samples")
        began = time.perf_counter()
        made = np.asarray(sample(count, np.random.default_rng(seed)), dtype=np.float64)
        seconds = time.perf_counter() - began
        made_rows = body_rows(made)
        few = spread_evenly(made, APD_SAMPLES)
        few[:, 0] = np.eye(3)  # the body as it stands upright: the protocol has no root
        precision, recall = precision_recall(reference_rows, made_rows)
        yield {
            "task": "generation",
            "case": "nothing_known",
            "method": method,
            "apd_cm": apd_cm(forward_kinematics(few)[1]),
            "fid": frechet_distance(*mean_and_covariance(made_rows), mean, covariance),
            "precision": precision,
            "recall": recall,
            "dnn_rad": nearest_distance_rad(few, seen),
            "samples": len(made),
            "reference_poses": len(references),
            "seconds": seconds,
        }
