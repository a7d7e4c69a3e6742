# SPDX-License-Identifier: GPL-3.0-or-later
"""DPoser's motion protocols: clips of 60 frames with noisy, or with unseen, joints.

The root is dropped; errors are mean joint distances without alignment. Always beside the
same optimisation without the prior.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.arrays import like, to_numpy
from contrapposto.evaluation.metrics import joint_errors_mm
from contrapposto.files.mocap import read_split
from contrapposto.priors.dposer import BODY, DPoser, with_root
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, forward_kinematics
from contrapposto.tasks.dposer.motion import NOISY, PARTIAL, Recipe, denoise, smooth

FRAMES = 60
CLIPS, QUICK_CLIPS = 24, 2
UNSEEN = {
    "legs": ("left_knee", "right_knee", "left_ankle", "right_ankle", "left_foot", "right_foot"),
    "left_arm": ("left_elbow", "left_wrist"),
}
SMOOTHING = (5, 3.0, 2)
"""Window, sigma and untouched end frames of the partial task's last smoothing."""


def windows(data: Path, split: str, count: int) -> np.ndarray:
    """(count, 60, 22, 3) joint positions of windows spread evenly over a split's good frames."""
    found = []
    for clip in read_split(data, split):
        edges = np.flatnonzero(np.diff(np.concatenate([[True], clip.bad, [True]]).astype(int)))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            found += [clip.rotvec[i : i + FRAMES] for i in range(begin, end - FRAMES + 1, FRAMES)]
    if not found:
        raise ValueError(f"No clip of the split '{split}' has {FRAMES} good frames in a row")
    chosen = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
    body = from_rotvec(np.stack([found[i] for i in chosen]).astype(np.float64))[:, :, BODY]
    return forward_kinematics(with_root(body))[1].astype(np.float32)


def noisy_error_mm(prior: DPoser, clean: np.ndarray, noise_mm: int, recipe: Recipe, seed: int) -> float:
    """MPJPE after denoising clips (B, 60, 22, 3) that had noise of this deviation added."""
    noise = np.random.default_rng(seed + 1).standard_normal(clean.shape, dtype=np.float32)
    observed = like(clean + noise_mm / 1000 * noise, prior.space.mean)
    _, found = forward_kinematics(denoise(prior, observed, recipe, seed))
    return float(joint_errors_mm(to_numpy(found), clean).mean())


def evaluate(
    data: Path,
    split: str,
    prior: DPoser,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield one record a noise level, or unseen part, and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: the split that the clips are of.
        prior: what ``dposer`` runs.
        quick: ``QUICK_CLIPS`` clips.
        seed: of the noise and the solver.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    clean = windows(data, split, QUICK_CLIPS if quick else CLIPS)
    for noise_mm, recipe in NOISY.items():
        tell(f"noise of {noise_mm} mm: {len(clean)} clips")
        for method, solver in (("no_prior", replace(recipe, prior=0.0)), ("dposer", recipe)):
            began = time.perf_counter()
            yield {
                "task": "denoise",
                "case": f"noise_{noise_mm}_mm",
                "method": method,
                "mpjpe_mm": noisy_error_mm(prior, clean, noise_mm, solver, seed),
                "clips": len(clean),
                "seconds": time.perf_counter() - began,
            }
    for part, recipe in PARTIAL.items():
        tell(f"{part} unseen: {len(clean)} clips")
        seen = ~np.isin(np.arange(NUM_JOINTS), [JOINT_INDEX[joint] for joint in UNSEEN[part]])
        for method, solver in (("no_prior", replace(recipe, prior=0.0)), ("dposer", recipe)):
            began = time.perf_counter()
            rotations = denoise(prior, like(clean, prior.space.mean), solver, seed, seen=seen)
            found = smooth(forward_kinematics(to_numpy(rotations))[1], *SMOOTHING)
            errors = joint_errors_mm(found, clean)
            yield {
                "task": "partial_denoise",
                "case": f"{part}_unseen",
                "method": method,
                "mpjpe_mm": float(errors.mean()),
                "visible_mpjpe_mm": float(errors[..., seen].mean()),
                "occluded_mpjpe_mm": float(errors[..., ~seen].mean()),
                "clips": len(clean),
                "seconds": time.perf_counter() - began,
            }
