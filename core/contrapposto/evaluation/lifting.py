# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifting protocol: image keypoints of one camera, find the joints in space.

Poses of people never trained on stand in front of virtual cameras (``lift_cases``); a method is
told the points of a set with their confidence, the camera's lens and how it leans, and answers
with joint positions about the pelvis, in the camera's axes.

Errors are mean distances over the 21 joints beside the pelvis, as they are (MPJPE) and after
the best similarity (PA-MPJPE). Of real footage, each camera's view by itself is lifted, and its
arms and legs are compared with those that all cameras together triangulate.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from contrapposto.evaluation import lift_baselines, lift_gfpose
from contrapposto.evaluation.lift_cases import (
    CASES,
    CLIP_CASES,
    Method,
    Sighting,
    clips_to_lift,
    joined,
    look,
    look_at_clip,
)
from contrapposto.evaluation.metrics import aligned, joint_errors_mm
from contrapposto.evaluation.poses import TEST_STRIDE, poses_of, spread_evenly
from contrapposto.files.mocap import read_split
from contrapposto.keypoints.footage import Footage, read_footage
from contrapposto.keypoints.sets import sides
from contrapposto.keypoints.sight import Seen
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.priors.gfpose import GFPose
from contrapposto.priors.pose import PosePrior
from contrapposto.rotation import transpose
from contrapposto.skeleton import JOINT_INDEX

POINTS = "coco_17"
"""The set of points that poses are told as."""

POSES, QUICK_POSES = 100, 24
CLIPS, QUICK_CLIPS = 16, 2
TRAIN_STRIDE = 20

FEW, MANY = 10, 200
"""Hypotheses of GFPose."""

SLOW = ("pose_prior_fit", f"gfpose_{MANY}")
"""Methods that are not asked for every frame of clips."""

ENOUGH = 20
"""Hypotheses from which a covariance is worth something."""

CHI_SQUARE = 6.251
"""What 90 % of three squared normal deviates together stay below."""

LIMB_JOINTS = sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_LIMBS = [JOINT_INDEX[joint] for joint in LIMB_JOINTS]
FRAME_STRIDE = 6
"""Of real footage, the joints that are compared, and every how many frames."""

Record = dict[str, str | float | int]


def score(found: np.ndarray, true: np.ndarray, hidden: np.ndarray) -> dict[str, float]:
    """Errors of a method's answer.

    Args:
        found: (N, B, 22, 3), the best first.
        true: (B, 22, 3).
        hidden: (B, 22) bool, joints that were taken away.

    Returns:
        ``mpjpe_mm`` and ``pa_mpjpe_mm`` of the first hypothesis, and ``hidden_mpjpe_mm`` of its hidden
        joints if there are any. Of several: ``mpjpe_min_mm`` and ``pa_mpjpe_min_mm`` of the best,
        ``mpjpe_mean_mm`` of all, and ``mpjpe_of_mean_mm`` and ``pa_mpjpe_of_mean_mm`` of their mean.
        Of ``ENOUGH``, by their covariance: ``inside_90``, the share of true joints within the ellipsoid
        that should hold 90 %, the same of hidden ones, and the deviation ``spread_mm`` of both.
    """
    errors = joint_errors_mm(found, true)[..., 1:]
    after = joint_errors_mm(aligned(found, np.broadcast_to(true, found.shape)), true)[..., 1:]
    record = {"mpjpe_mm": float(errors[0].mean()), "pa_mpjpe_mm": float(after[0].mean())}
    hidden = hidden[:, 1:]
    if hidden.any():
        record["hidden_mpjpe_mm"] = float(errors[0][hidden].mean())
    if len(found) == 1:
        return record
    mean = found.mean(axis=0)
    of_mean, of_mean_after = joint_errors_mm(mean, true)[:, 1:], joint_errors_mm(aligned(mean, true), true)
    record |= {
        "mpjpe_min_mm": float(errors.mean(axis=-1).min(axis=0).mean()),
        "pa_mpjpe_min_mm": float(after.mean(axis=-1).min(axis=0).mean()),
        "mpjpe_mean_mm": float(errors.mean()),
        "mpjpe_of_mean_mm": float(of_mean.mean()),
        "pa_mpjpe_of_mean_mm": float(of_mean_after[:, 1:].mean()),
    }
    if hidden.any():
        record["hidden_mpjpe_of_mean_mm"] = float(of_mean[hidden].mean())
    if len(found) < ENOUGH:
        return record
    about = found - mean
    covariance = np.einsum("nbji,nbjk->bjik", about, about) / (len(found) - 1)
    return record | _calibration(covariance, true - mean, hidden)


def _calibration(covariance: np.ndarray, away: np.ndarray, hidden: np.ndarray) -> dict[str, float]:
    """Whether the truth lies as far away (B, 22, 3) as covariances (B, 22, 3, 3) say."""
    covariance, away = covariance[:, 1:], away[:, 1:]
    solved = np.linalg.solve(covariance + 1e-8 * np.eye(3), away[..., None])[..., 0]
    inside = np.sum(away * solved, axis=-1) < CHI_SQUARE
    spread = 1000 * np.sqrt(np.trace(covariance, axis1=-2, axis2=-1))
    record = {"inside_90": float(inside.mean()), "spread_mm": float(spread[~hidden].mean())}
    if hidden.any():
        record |= {
            "hidden_inside_90": float(inside[hidden].mean()),
            "hidden_spread_mm": float(spread[hidden].mean()),
        }
    return record


def acceleration_error_mm(found: np.ndarray, true: np.ndarray) -> float:
    """Mean size of the difference of second differences of joints (T, 22, 3), mm a frame squared."""
    away = np.diff(found - true, n=2, axis=0)[:, 1:]
    return float(1000 * np.linalg.norm(away, axis=-1).mean())


def footage_in(scene: Path) -> Footage:
    """The footage of a folder with ``Calib.qca.txt`` and ``pose/*_json``, by the numbers of its cameras.

    Raises:
        ValueError: as ``read_footage``.
    """

    def by_numbers(folder: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", folder.name)]

    return read_footage(sorted(scene.glob("pose/*_json"), key=by_numbers), scene / "Calib.qca.txt")


def views_of(footage: Footage) -> Iterator[tuple[str, Seen, np.ndarray]]:
    """Each camera of footage by itself: its name, what it saw, and the triangulated limbs in its axes.

    Yields:
        The limbs are (B, 12, 3) metres, joints in the order of ``LIMB_JOINTS``; frames in which all
        cameras together do not see them whole are left out.
    """
    found = triangulate(footage.cameras, footage.points, footage.confidence).points
    limbs = found[:, [footage.names.index(joint) for joint in LIMB_JOINTS]]
    frames = np.flatnonzero(np.isfinite(limbs).all(axis=(1, 2)))[::FRAME_STRIDE]
    for view, (points, sure) in enumerate(zip(footage.points, footage.confidence, strict=True)):
        cameras = footage.cameras[np.full(len(frames), view)]
        seen = Seen(cameras, footage.names, points[frames], sure[frames])
        yield f"camera_{view + 1}", seen, limbs[frames] @ transpose(cameras.rotation)


def evaluate(
    data: Path,
    split: str,
    prior: PosePrior,
    gfpose: GFPose | None = None,
    *,
    methods: Mapping[str, Method] | None = None,
    sequences: Mapping[str, Method] | None = None,
    doubts: Mapping[str, Method] | None = None,
    quick: bool = False,
    seed: int = 0,
    footage: Footage | None = None,
    tell: Callable[[str], object] = str,
) -> Iterator[Record]:
    """Yield one record a case and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: the split whose poses are sought; baselines look at ``train``.
        prior: what ``pose_prior_fit`` asks.
        gfpose: measured with 1, ``FEW`` and ``MANY`` hypotheses, and its one answer.
        methods: more of them, by name.
        sequences: methods for clips, told one clip at a time.
        doubts: of methods that tell the covariance (B, 22, 3, 3) of their answer, how.
        quick: ``QUICK_POSES`` poses and ``QUICK_CLIPS`` clips instead of ``POSES`` and ``CLIPS``.
        seed: of the cameras, the detector and the samples.
        footage: real views to lift, too.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    tell(f"reading {data}")
    clips = read_split(data, split)
    test = spread_evenly(poses_of(clips, TEST_STRIDE), QUICK_POSES if quick else POSES)
    moving = clips_to_lift(clips, QUICK_CLIPS if quick else CLIPS)
    train = poses_of(read_split(data, "train"), TRAIN_STRIDE)
    single: dict[str, Method] = {
        "mean_pose": lift_baselines.mean_pose(train),
        "nearest": lift_baselines.nearest_pose(train, POINTS, np.random.default_rng(seed + 1)),
        "pose_prior_fit": lift_baselines.fitted(prior, train),
        **(methods or {}),
    }
    if gfpose is not None:
        single["gfpose_one_answer"] = lift_gfpose.one_answer(gfpose)
        single |= {
            f"gfpose_{count}": lift_gfpose.hypotheses(gfpose, count, seed=seed) for count in (FEW, MANY)
        }
    for case, how in CASES.items():
        tell(f"{case}: {len(test)} poses")
        sighting = look(test, how, POINTS, np.random.default_rng(seed))
        for method, lift in single.items():
            yield _record(case, method, lift, [sighting], doubt=(doubts or {}).get(method))
    for case, how in CLIP_CASES.items():
        tell(f"{case}: {len(moving)} clips")
        rng = np.random.default_rng(seed)
        sightings = [look_at_clip(*clip, how, POINTS, rng) for clip in moving]
        for method, lift in {**single, **(sequences or {})}.items():
            if method not in SLOW:
                doubt = (doubts or {}).get(method)
                yield _record(case, method, lift, sightings, doubt=doubt, moving=True)
    for case, seen, true in views_of(footage) if footage else ():
        tell(f"{case}: {len(true)} frames")
        for method, lift in {**single, **(sequences or {})}.items():
            began = time.perf_counter()
            answer = lift(seen)
            middle = (answer[0] if len(answer) == 1 else answer.mean(axis=0))[:, _LIMBS]
            yield {
                "task": "lift",
                "case": case,
                "method": method,
                "pa_mpjpe_mm": float(joint_errors_mm(aligned(middle, true), true).mean()),
                "hypotheses": len(answer),
                "poses": len(true),
                "seconds": time.perf_counter() - began,
            }


def _record(
    case: str,
    method: str,
    lift: Method,
    sightings: list[Sighting],
    *,
    doubt: Method | None,
    moving: bool = False,
) -> Record:
    """What a method makes of a case."""
    began = time.perf_counter()
    answers = [lift(one.seen) for one in sightings]
    seconds = time.perf_counter() - began
    true, hidden = joined(sightings)
    found = np.concatenate(answers, axis=1)
    record: Record = {"task": "lift", "case": case, "method": method, **score(found, true, hidden)}
    if doubt:
        covariance = np.concatenate([doubt(one.seen) for one in sightings])
        record |= _calibration(covariance, true - found[0], hidden[:, 1:])
    if moving:
        errors = [
            acceleration_error_mm(answer.mean(axis=0), one.true)
            for answer, one in zip(answers, sightings, strict=True)
        ]
        record["acceleration_error_mm"] = float(np.mean(errors))
    return record | {"hypotheses": len(found), "poses": len(true), "seconds": seconds}
