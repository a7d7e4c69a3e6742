# SPDX-License-Identifier: GPL-3.0-or-later
"""How well bones are found on rigs of every make: joints right and wrong, how sure, and there and back.

A joint is right if its bones begin with the true one; on a control rig, whose layers lie on one
another, if they begin at the same place. A joint that the rig does not have is wrong. Where the
joints of a spine of more than three bones begin is a convention: without names, some of it is
counted as wrong here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contrapposto.evaluation.armatures import Truth
from contrapposto.evaluation.rig_families import Family, families, real_rigs
from contrapposto.evaluation.rig_trials import CONDITIONS, Rig, generated, variations
from contrapposto.files.bvh import bvh_armature, read_bvh
from contrapposto.files.table import Record
from contrapposto.rig.armature import Armature
from contrapposto.rig.calibration import Calibration
from contrapposto.rig.mapping import NotHumanoid, map_armature
from contrapposto.rig.profile import profile_named
from contrapposto.rig.rigmap import JointBones, RigMap
from contrapposto.rotation import from_rotvec, geodesic_angle, transpose
from contrapposto.skeleton import JOINT_NAMES

TRIALS, QUICK_TRIALS = 4, 2
"""Armatures of a family, or variations of a rig, under each condition."""

_SAME_PLACE = 0.01  # of the rig's size
_TURN = 0.4  # radians, deviation by component, of the poses that go there and back


@dataclass
class Score:
    """Joints of all trials under one condition.

    Attributes:
        right, wrong, missing: how many of them.
        confidences: of the right ones.
        surest_wrong: the highest confidence of a wrong one.
    """

    right: int = 0
    wrong: int = 0
    missing: int = 0
    confidences: list[float] = field(default_factory=list)
    surest_wrong: float = 0.0

    def add(self, armature: Armature, truth: Truth, rigmap: RigMap | None, *, by_place: bool) -> None:
        """Judge the map of one armature; None for one that was refused."""
        joints = rigmap.joints if rigmap else {}
        for joint in JOINT_NAMES:
            if (
                joint in joints
                and joint in truth
                and _is_right(armature, truth[joint], joints[joint], by_place)
            ):
                self.right += 1
                self.confidences.append(joints[joint].confidence)
            elif joint in joints:
                self.wrong += 1
                self.surest_wrong = max(self.surest_wrong, joints[joint].confidence)
            elif joint in truth:
                self.missing += 1

    @property
    def right_percent(self) -> float:
        """Of all joints that there are or that were claimed."""
        return 100 * self.right / max(1, self.right + self.wrong + self.missing)


def evaluate(
    data: Path | None,
    *,
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[Record]:
    """Yield a record a family and a BVH file.

    Args:
        data: a folder whose ``bvh/`` holds the files of ``real_rigs.json``; None for generated rigs alone.
        quick: few armatures each.
        seed: of the armatures.
        tell: told of each rig.

    Raises:
        ValueError: if the folder holds none of the files.
    """
    trials = QUICK_TRIALS if quick else TRIALS
    files = _bvh_files(data) if data else []
    for family in families():
        tell(family.name)
        yield of_family(family, trials, seed)
    for path in files:
        tell(path.name)
        armature = bvh_armature(read_bvh(path))
        yield of_rig(path.name, (armature, real_rigs()[path.name]), trials, seed)


def of_family(family: Family, trials: int, seed: int) -> Record:
    """The record of a family: many armatures under each condition."""
    return _record(
        family.name,
        "generated",
        lambda condition: generated(family, condition, trials, seed),
        is_control_rig=family.profile.is_control_rig,
    )


def of_rig(name: str, rig: Rig, trials: int, seed: int) -> Record:
    """The record of one real rig under each condition."""
    return _record(
        name,
        "real",
        lambda condition: variations(rig, condition, trials, seed),
        is_control_rig=_is_control_rig(rig[0]),
    )


def _record(
    name: str, source: str, rigs: Callable[[str], Iterator[Rig]], *, is_control_rig: bool
) -> dict[str, str | float | int]:
    record: dict[str, str | float | int] = {"task": "rigs", "case": name, "method": "contrapposto"}
    record["source"] = source
    scores: dict[str, Score] = {}
    there_and_back = [0.0, 0.0]
    for condition in CONDITIONS:
        score = scores[condition] = Score()
        for armature, truth in rigs(condition):
            rigmap = _mapped(armature)
            score.add(armature, truth, rigmap, by_place=is_control_rig)
            if condition == "named":
                record.setdefault("profile", rigmap.profile if rigmap else "refused")
                record.setdefault("bones", len(armature.names))
                record.setdefault("joints", len(truth))
                if rigmap:
                    there_and_back = np.maximum(there_and_back, round_trip(armature, rigmap, seed=0))
    for condition, score in scores.items():
        record[f"{condition}_right_percent"] = score.right_percent
    named = scores["named"]
    record["confidence"] = float(np.mean(named.confidences)) if named.confidences else 0.0
    record["wrong_by_name"] = named.wrong + scores["renamed"].wrong
    record["surest_wrong"] = max(score.surest_wrong for score in scores.values())
    record["round_trip_deg"], record["round_trip_mm"] = map(float, there_and_back)
    return record


def round_trip(armature: Armature, rigmap: RigMap, seed: int, poses: int = 4) -> tuple[float, float]:
    """How far bones are from where they were, once read as joints and written back.

    Returns:
        Degrees between the rotations of each joint's last bone, and millimetres, on a body of human
        size, between the places of the hips; the largest.
    """
    calibration = Calibration.of(armature, rigmap)
    rng = np.random.default_rng(seed)
    matrices = _bent(calibration, rng, poses)
    world = np.eye(4)
    world[:3, :3] = calibration.frame
    written = calibration.write(
        calibration.read(matrices, world), world, armature.rest, JOINT_NAMES, move_pelvis=True
    )
    last = [armature.names[bones[-1]] for bones in calibration.groups.values()]
    turns = [
        geodesic_angle(
            matrices[:, armature.index[name], :3, :3]
            @ transpose(calibration.rest[armature.index[name], :3, :3]),
            written[name][..., :3, :3] @ transpose(calibration.rest[armature.index[name], :3, :3]),
        ).max()
        for name in last
    ]
    hips = calibration.groups["pelvis"][0]
    moved = np.linalg.norm(written[armature.names[hips]][..., :3, 3] - matrices[:, hips, :3, 3], axis=-1)
    return float(np.degrees(max(turns))), float(1000 * calibration.scale * moved.max())


def _bent(calibration: Calibration, rng: np.random.Generator, poses: int) -> np.ndarray:
    """(poses, B, 4, 4) the bones of each joint turned since rest at random, the whole moved by metres."""
    armature = calibration.armature
    owner = {bone: joint for joint, bones in calibration.groups.items() for bone in bones}
    turn: dict[str, np.ndarray] = {
        joint: from_rotvec(rng.normal(0, _TURN, (poses, 3))) for joint in calibration.groups
    }
    matrices = np.tile(calibration.rest, (poses, 1, 1, 1))
    since = np.tile(np.eye(3), (poses, len(armature.names), 1, 1))
    for bone, parent in enumerate(armature.parents):
        if bone in owner:
            since[:, bone] = turn[owner[bone]]
        elif parent >= 0:
            since[:, bone] = since[:, parent]
        matrices[:, bone, :3, :3] = since[:, bone] @ calibration.rest[bone, :3, :3]
        if parent >= 0:
            step = armature.heads[bone] - armature.heads[parent]
            matrices[:, bone, :3, 3] = matrices[:, parent, :3, 3] + since[:, parent] @ step
    matrices[..., :3, 3] += rng.normal(0, 1 / calibration.scale, (poses, 1, 3))
    return matrices


def _mapped(armature: Armature) -> RigMap | None:
    try:
        return map_armature(armature)
    except NotHumanoid:
        return None


def _is_right(armature: Armature, true: Sequence[str], found: JointBones, by_place: bool) -> bool:
    if found.read[0] == true[0] or not by_place:
        return found.read[0] == true[0]
    heads = armature.heads
    apart = np.linalg.norm(heads[armature.index[found.read[0]]] - heads[armature.index[true[0]]])
    return bool(apart < _SAME_PLACE * np.max(np.ptp(heads, axis=0)))


def _is_control_rig(armature: Armature) -> bool:
    rigmap = _mapped(armature)
    try:
        return rigmap is not None and profile_named(rigmap.profile).is_control_rig
    except ValueError:  # found by structure
        return False


def _bvh_files(data: Path) -> list[Path]:
    files = [path for path in sorted((data / "bvh").glob("*.bvh")) if path.name in real_rigs()]
    if not files:
        raise ValueError(f"{data / 'bvh'} holds no BVH file that is listed in real_rigs.json")
    return files
