# SPDX-License-Identifier: GPL-3.0-or-later
"""The denoising protocol: damaged clips cleaned by Denoise Mocap and by what else there is.

Clips of eight seconds of people never trained on, damaged by ``captures``, cleaned by every
method without knowing how; the filters have the setting that is best for the case in
hindsight. And the published protocol: noisy joint positions of 60 frames, root dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contrapposto.evaluation import denoise as published
from contrapposto.evaluation import filters
from contrapposto.evaluation.captures import CASES, Capture
from contrapposto.evaluation.metrics import joint_errors_mm
from contrapposto.files.mocap import Clip, read_split
from contrapposto.motion import Motion, Pose
from contrapposto.priors.motion import FPS, MotionPrior
from contrapposto.rotation import from_rot6d, from_rotvec, to_rot6d
from contrapposto.skeleton import (
    NUM_JOINTS,
    STANDARD_OFFSETS,
    forward_kinematics,
    leg_length,
    sole_height,
)
from contrapposto.tasks.denoise import denoise
from contrapposto.tasks.denoise_positions import denoise_positions
from contrapposto.tasks.gaps import bridged_points

FRAMES = 240
CLIPS, QUICK_CLIPS = 16, 3
QUICK_CASES = ("white_5_deg", "drift_5_deg", "spikes", "dropped_30_frames", "markerless", "clean")

CONTACT_METRES, CONTACT_SPEED = 0.06, 0.15
"""A foot of the clean clip stands when its sole is lower over the ground and its toe base slower, m/s."""

FASTEST = 0.05
"""Share of the frames of each joint in which its sharpness is measured."""

Record = dict[str, str | float | int]
Cleaned = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Take:
    """A clean clip of the standard body.

    Attributes:
        rotations, place: (T, 22, 3, 3) and (T, 3).
        joints: (T, 22, 3) in the world.
        contacts: (T, 2) bool, standing feet.
    """

    rotations: np.ndarray
    place: np.ndarray
    joints: np.ndarray
    contacts: np.ndarray


def _take(clip: Clip, begin: int) -> Take:
    frames = slice(begin, begin + FRAMES)
    R = from_rotvec(clip.rotvec[frames].astype(np.float64))
    place = clip.transl[frames].astype(np.float64) * leg_length(STANDARD_OFFSETS) / leg_length(clip.offsets)
    _, positions = forward_kinematics(R)
    joints = positions + place[:, None]
    soles = place[:, 1:2] + sole_height(positions)
    speed = np.linalg.norm(np.gradient(joints[:, [10, 11]], axis=0), axis=-1) * FPS
    contacts = (soles - np.percentile(soles.min(axis=-1), 5) < CONTACT_METRES) & (speed < CONTACT_SPEED)
    return Take(R, place, joints, contacts)


def takes(data: Path, split: str, count: int) -> list[Take]:
    """Clips of ``FRAMES`` frames spread evenly over a split's good frames.

    Raises:
        ValueError: if no clip has so many good frames in a row.
    """
    found = []
    for clip in read_split(data, split):
        edges = np.flatnonzero(np.diff(np.concatenate([[True], clip.bad, [True]]).astype(int)))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            found += [(clip, i) for i in range(begin, end - FRAMES + 1, FRAMES)]
    if not found:
        raise ValueError(f"No clip of the split '{split}' has {FRAMES} good frames in a row")
    chosen = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
    return [_take(*found[i]) for i in chosen]


def scores(take: Take, cleaned: Cleaned, damaged: np.ndarray) -> dict[str, float]:
    """Errors of a cleaned clip.

    Returns:
        ``mpjpe_mm`` in the world; ``damaged_mpjpe_mm`` of what was damaged by more than noise, NaN if
        nothing; ``acceleration_error_m_s2``; ``skate_cm_s`` of feet in true contact;
        ``sharpness`` speed by true speed where each joint is fastest.
    """
    _, positions = forward_kinematics(cleaned[0])
    joints = positions + cleaned[1][:, None]
    errors = joint_errors_mm(joints, take.joints)
    bend = np.diff(joints, n=2, axis=0) - np.diff(take.joints, n=2, axis=0)
    toes = np.linalg.norm(np.diff(joints[:, [10, 11]], axis=0)[..., [0, 2]], axis=-1) * FPS * 100
    both = take.contacts[1:] & take.contacts[:-1]
    return {
        "mpjpe_mm": float(errors.mean()),
        "damaged_mpjpe_mm": float(errors[damaged].mean()) if damaged.any() else np.nan,
        "acceleration_error_m_s2": float(np.linalg.norm(bend, axis=-1).mean() * FPS**2),
        "skate_cm_s": float(toes[both].mean()) if both.any() else np.nan,
        "sharpness": sharpness(joints, take.joints),
    }


def sharpness(joints: np.ndarray, true: np.ndarray) -> float:
    """Speed by true speed in the fastest frames of each joint; positions (T, J, 3)."""
    speed, true_speed = (np.linalg.norm(np.diff(value, axis=0), axis=-1) for value in (joints, true))
    count = max(1, round(FASTEST * len(true_speed)))
    fastest = np.argsort(true_speed, axis=0)[-count:]
    return float(
        np.take_along_axis(speed, fastest, axis=0).sum()
        / np.take_along_axis(true_speed, fastest, axis=0).sum()
    )


def bridged(capture: Capture) -> Cleaned:
    """The capture with what is missing on straight lines between what is known."""
    d = to_rot6d(capture.rotations)
    frames = np.arange(len(d))
    for joint in np.flatnonzero(capture.missing.any(axis=0)):
        known = np.flatnonzero(~capture.missing[:, joint])
        for entry in range(6):
            d[:, joint, entry] = np.interp(frames, known, d[known, joint, entry])
    return from_rot6d(d), bridged_points(capture.place, ~capture.missing[:, 0])


def _filtered(which: filters.Filter, setting: float, start: Cleaned) -> Cleaned:
    d = to_rot6d(start[0])
    d = which(d.reshape(len(d), -1), setting).reshape(d.shape)
    return from_rot6d(d), which(start[1], setting)


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    means = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {
        name: float(value[np.isfinite(value)].mean()) if np.isfinite(value).any() else np.nan
        for name, value in means.items()
    }


def evaluate(
    data: Path,
    split: str,
    prior: MotionPrior,
    *,
    quick: bool = False,
    seed: int = 0,
    only: tuple[str, ...] = (),
    tell: Callable[[str], object] = str,
) -> Iterator[Record]:
    """Yield one record a case and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: the split that the clips are of.
        prior: what ``contrapposto`` runs.
        quick: few clips, some of the cases.
        seed: of the damage.
        only: cases to run; all if empty.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    yield from _positions(data, split, prior, quick=quick, seed=seed, only=only, tell=tell)
    chosen = only or (QUICK_CASES if quick else tuple(CASES))
    cases = {case: damage for case, damage in CASES.items() if case in chosen}
    clips = takes(data, split, QUICK_CLIPS if quick else CLIPS) if cases else []
    for case, damage in cases.items():
        tell(f"{case}: {len(clips)} clips of {FRAMES} frames")
        rng = np.random.default_rng(seed)
        captures = [damage(take.rotations, take.place, rng) for take in clips]
        for method, cleaned, setting, seconds in _methods(captures, clips, prior):
            rows = [
                scores(take, result, capture.damaged)
                for take, result, capture in zip(clips, cleaned, captures, strict=True)
            ]
            yield {
                "task": "denoise",
                "case": case,
                "method": method,
                **_known({**_mean(rows), "setting": setting}),
                "clips": len(clips),
                "seconds": seconds,
            }


def _methods(
    captures: list[Capture], clips: list[Take], prior: MotionPrior
) -> Iterator[tuple[str, list[Cleaned], float, float]]:
    """Every method's name, results, chosen setting and seconds."""
    began = time.perf_counter()
    ours = []
    for capture in captures:
        found = denoise(
            Motion(Pose(capture.rotations, capture.place), FPS), missing=capture.missing, prior=prior
        )
        ours.append((found.motion.poses.rotations, found.motion.poses.transl))
    yield "contrapposto", ours, np.nan, time.perf_counter() - began
    starts = [bridged(capture) for capture in captures]
    yield "untouched", starts, np.nan, 0.0
    for name, (which, settings) in filters.FILTERS.items():
        best, least, chosen, seconds = starts, np.inf, np.nan, 0.0
        for setting in settings:
            began = time.perf_counter()
            results = [_filtered(which, setting, start) for start in starts]
            took = time.perf_counter() - began
            error = np.mean(
                [
                    joint_errors_mm(forward_kinematics(R)[1] + place[:, None], take.joints).mean()
                    for (R, place), take in zip(results, clips, strict=True)
                ]
            )
            if error < least:
                best, least, chosen, seconds = results, error, setting, took
        yield name, best, float(chosen), seconds


def _positions(
    data: Path,
    split: str,
    prior: MotionPrior,
    *,
    quick: bool,
    seed: int,
    only: tuple[str, ...],
    tell: Callable[[str], object],
) -> Iterator[Record]:
    """The published protocol: noise on the 22 joint positions of clips of 60 frames."""
    cases = [mm for mm in published.NOISY if not only or f"noise_{mm}_mm" in only]
    if not cases:
        return
    # the clips and the noise that the published solver gets
    clean = published.windows(data, split, published.QUICK_CLIPS if quick else published.CLIPS)
    for mm in cases:
        tell(f"noise of {mm} mm: {len(clean)} clips of 60 frames")
        noise = np.random.default_rng(seed + 1).standard_normal(clean.shape, dtype=np.float32)
        seen = clean + mm / 1000 * noise
        began = time.perf_counter()
        found = [denoise_positions(clip, prior=prior) for clip in seen.astype(np.float64)]
        seconds = time.perf_counter() - began
        for method, result in (
            ("contrapposto", [f.positions for f in found]),
            ("contrapposto_body", [f.joints for f in found]),
        ):
            yield _position_record(mm, method, np.stack(result), clean, np.nan, seconds)
        yield _position_record(mm, "untouched", seen, clean, np.nan, 0.0)
        for name, (which, settings) in filters.FILTERS.items():
            best, least, chosen = seen, np.inf, np.nan
            for setting in settings:
                flat = seen.reshape(*seen.shape[:2], NUM_JOINTS * 3)
                result = np.stack([which(clip, setting) for clip in flat]).reshape(seen.shape)
                error = joint_errors_mm(result, clean).mean()
                if error < least:
                    best, least, chosen = result, error, setting
            yield _position_record(mm, name, best, clean, float(chosen), 0.0)


def _position_record(
    mm: int, method: str, found: np.ndarray, clean: np.ndarray, setting: float, seconds: float
) -> Record:
    bend = np.diff(found, n=2, axis=1) - np.diff(clean, n=2, axis=1)
    return {
        "task": "denoise",
        "case": f"noise_{mm}_mm",
        "method": method,
        "mpjpe_mm": float(joint_errors_mm(found, clean).mean()),
        "acceleration_error_m_s2": float(np.linalg.norm(bend, axis=-1).mean() * FPS**2),
        "sharpness": float(np.mean([sharpness(a, b) for a, b in zip(found, clean, strict=True)])),
        **_known({"setting": setting}),
        "clips": len(clean),
        "seconds": seconds,
    }


def _known(values: dict[str, float]) -> dict[str, float]:
    """The values that there are."""
    return {name: value for name, value in values.items() if np.isfinite(value)}
