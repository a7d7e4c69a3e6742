# SPDX-License-Identifier: GPL-3.0-or-later
"""The fitting protocol: keypoints of one image, a clip, two views or four; find the body that moved so.

People never trained on, seen by virtual cameras with a detector's noise (``fit_cases``); ways to fit
(``fit_methods``) from a start that was found, a good one and a bad one. MPJPE and PA-MPJPE are of the
21 joints beside the pelvis; acceleration errors of the joints in the world; the reprojection error is the
median of all points that were seen. Of real footage, arms and legs are compared with those that all
views together triangulate. Seconds are the processor's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from contrapposto.evaluation import fit_methods
from contrapposto.evaluation.fit_cases import VIEWS, Scene, scene, starts
from contrapposto.evaluation.fit_methods import Method
from contrapposto.evaluation.lift_cases import clips_to_lift
from contrapposto.evaluation.lifting import FRAME_STRIDE, LIMB_JOINTS, acceleration_error_mm
from contrapposto.evaluation.metrics import aligned, joint_errors_mm
from contrapposto.files.mocap import read_split
from contrapposto.keypoints.exchanged import put_back
from contrapposto.keypoints.footage import Footage
from contrapposto.keypoints.triangulate import triangulate
from contrapposto.priors.dposer import DPoser
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.motion import MotionPrior
from contrapposto.priors.pose import PosePrior
from contrapposto.skeleton import JOINT_INDEX, forward_kinematics
from contrapposto.tasks.fit_start import Start, found_start, reprojection

CLIPS, QUICK_CLIPS = 4, 1
IMAGES = 4
"""Frames of each clip that are also told as images."""

FOOTAGE_FPS = 60.0

OURS = "contrapposto"
"""What ships, from a start that is given, and from the one that it finds by itself."""

SLOW = ("guided_inversion", "dposer")
ONE_VIEW_CASES = ("image", "clip_1")
"""Methods of hundreds of steps, and the cases that they are asked for."""

_LIMBS = [JOINT_INDEX[joint] for joint in LIMB_JOINTS]

Record = dict[str, str | float | int]


def evaluate(
    data: Path,
    split: str,
    pose_prior: PosePrior,
    motion_prior: MotionPrior,
    *,
    lifting: Lifting | None = None,
    dposer: DPoser | None = None,
    quick: bool = False,
    seed: int = 0,
    footage: Footage | None = None,
    tell: Callable[[str], object] = str,
) -> Iterator[Record]:
    """Yield one record a case, start and method.

    Args:
        data: a motion data folder with ``splits.json``.
        split: whose clips are fitted.
        pose_prior, motion_prior: what is measured.
        lifting: that single views begin from, too; what shipped on NumPy if None.
        dposer: the published regulariser, to compare with.
        quick: ``QUICK_CLIPS`` clips instead of ``CLIPS``.
        seed: of cameras, detector and starts.
        footage: real views to fit, too, at ``FOOTAGE_FPS``.
        tell: receives a line on what is being done.

    Raises:
        ValueError: with one sentence, if the data is missing or damaged.
    """
    tell(f"reading {data}")
    rng = np.random.default_rng(seed)
    clips = clips_to_lift(read_split(data, split), QUICK_CLIPS if quick else CLIPS)
    filmed = [scene(*clip, rng) for clip in clips]
    methods: dict[str, Method] = {
        "start": fit_methods.unmoved,
        "gauss_newton": fit_methods.gauss_newton,
        "gaussian": fit_methods.gaussian(pose_prior),
        **({"dposer": fit_methods.dposer(dposer)} if dposer else {}),
        "guided_inversion": fit_methods.score_hmr(pose_prior),
        "proximal_inversion": fit_methods.proximal(pose_prior),
        OURS: fit_methods.ours(pose_prior, motion_prior, lifting),
    }

    def finding(one: Scene) -> Start:
        footage, _ = put_back(one.footage, is_clip=not one.is_still)
        return found_start(footage, one.fps, motion_prior, pose_prior, lifting)

    cases = {
        "image": [one.images(_spread(len(one.pose.transl))) for one in filmed],
        **{f"clip_{count}": [one.views(count) for one in filmed] for count in (1, 2, VIEWS)},
    }
    for case, scenes in cases.items():
        tell(f"{case}: {len(scenes)}")
        yield from _of_case(case, scenes, methods, pose_prior, finding, seed)
    if footage is not None:
        yield from _of_footage(footage, methods, finding, tell)


def _spread(frames: int) -> list[int]:
    return np.linspace(0, frames - 1, IMAGES + 2)[1:-1].astype(int).tolist()


def _of_case(
    case: str,
    scenes: list[Scene],
    methods: Mapping[str, Method],
    pose_prior: PosePrior,
    finding: Callable[[Scene], Start],
    seed: int,
) -> Iterator[Record]:
    rng = np.random.default_rng(seed)
    begun: dict[str, list[tuple[Start, float]]] = {"found": [], "good": [], "bad": []}
    for one in scenes:
        began = time.process_time()
        found = finding(one)
        begun["found"].append((found, time.process_time() - began))
        for name, start in starts(one, pose_prior, rng):
            begun[name].append((start, 0.0))
    for name, given in begun.items():
        for method, apply in methods.items():
            if method in SLOW and case not in ONE_VIEW_CASES:
                continue
            began = time.process_time()
            told = [None if (method, name) == (OURS, "found") else start for start, _ in given]
            ended = [apply(one, start) for one, start in zip(scenes, told, strict=True)]
            seconds = time.process_time() - began + sum(took for _, took in given if method == "start")
            scores = [_score(one, end) for one, end in zip(scenes, ended, strict=True)]
            record: Record = {"task": "fit", "case": case, "start": name, "method": method}
            for key in scores[0]:
                record[key] = float(np.mean([score[key] for score in scores]))
            frames = sum(len(one.pose.transl) for one in scenes)
            yield record | {"scenes": len(scenes), "seconds": seconds, "frames": frames}


def _score(one: Scene, found: Start) -> dict[str, float]:
    _, joints = forward_kinematics(found.pose.rotations, found.body.offsets)
    _, true = forward_kinematics(one.pose.rotations)
    score = {
        "mpjpe_mm": float(joint_errors_mm(joints, true)[:, 1:].mean()),
        "pa_mpjpe_mm": float(joint_errors_mm(aligned(joints, true), true)[:, 1:].mean()),
    }
    if not one.is_still:
        there, here = joints + found.pose.transl[:, None], true + one.pose.transl[:, None]
        score["acceleration_error_mm"] = acceleration_error_mm(there, here)
    return score | {"reprojection_px": _pixels(one.footage, found)}


def _pixels(footage: Footage, found: Start) -> float:
    off = reprojection(footage.cameras, footage.points, found.body, found.pose)
    return float(np.nanmedian(off[footage.confidence > 0]))


def _of_footage(
    footage: Footage,
    methods: Mapping[str, Method],
    finding: Callable[[Scene], Start],
    tell: Callable[[str], object],
) -> Iterator[Record]:
    """All views of real footage together, and each by itself."""
    at = [footage.names.index(joint) for joint in LIMB_JOINTS]
    limbs = triangulate(footage.cameras, footage.points, footage.confidence).points[:, at]
    whole = np.flatnonzero(np.isfinite(limbs).all(axis=(1, 2)))[::FRAME_STRIDE]
    for case, views in {
        "all_cameras": list(range(len(footage.cameras))),
        **{f"camera_{view + 1}": [view] for view in range(len(footage.cameras))},
    }.items():
        tell(f"{case}: {footage.points.shape[1]} frames")
        seen = replace(
            footage,
            cameras=footage.cameras[np.array(views)],
            points=footage.points[views],
            confidence=footage.confidence[views],
        )
        one = Scene(case, seen, None, FOOTAGE_FPS)
        began = time.process_time()
        start = finding(one)
        took = time.process_time() - began
        for method, apply in methods.items():
            if method in SLOW:
                continue
            began = time.process_time()
            end = apply(one, None if method == OURS else start)
            seconds = time.process_time() - began + (took if method == "start" else 0)
            world, joints = forward_kinematics(end.pose.rotations, end.body.offsets)
            placed = joints + end.pose.transl[:, None]
            spots = end.body.points(world, placed)[:, at]
            limb = joints[whole][:, _LIMBS]
            yield {
                "task": "fit",
                "case": case,
                "start": "found",
                "method": method,
                "pa_mpjpe_mm": float(joint_errors_mm(aligned(limb, limbs[whole]), limbs[whole]).mean()),
                "limbs_mm": float(1000 * np.nanmean(np.linalg.norm(spots - limbs, axis=-1))),
                "reprojection_px": _pixels(seen, end),
                "frames": len(joints),
                "seconds": seconds,
            }
