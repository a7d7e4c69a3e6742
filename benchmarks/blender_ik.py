# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own IK constraints on the targets of the inverse kinematics protocol.

``blender_ik`` is set up as an animator would: a constraint on every placed joint, its
chain up to the next placed joint but at most a limb's two bones, elbows and knees hinges
that are slightly bent at rest. ``blender_ik_mean`` is the same begun at the mean training
pose, elbows and knees free. ``blender_ik_whole`` has chains up to the pelvis, which Blender
solves as one tree, begun there too; only where few joints are placed, for it gets
worse the more there are. Read back and scored by the same code as every other method.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from contrapposto.evaluation import ik
from contrapposto.evaluation.poses import TRAIN_STRIDE, poses_of
from contrapposto.files.mocap import read_split
from contrapposto.priors.pose import PosePrior
from contrapposto.rotation import from_rotvec, project
from contrapposto.skeleton import (
    JOINT_INDEX,
    JOINT_NAMES,
    NUM_JOINTS,
    PARENTS,
    STANDARD_OFFSETS,
    forward_kinematics,
)

ROOT = Path(__file__).resolve().parent.parent
BLENDER = ROOT / ".venv" / "bpy-4.5" / "bin" / "python"

LIMB_CHAIN = 2
PRE_BEND = 0.2
"""Radians by which elbows and knees are bent before IK begins."""

AGREEMENT = 1e-3
"""Metres by which Blender's bones may differ from our forward kinematics of their rotations."""


def _depth(joint: int) -> int:
    """How many joints lie between one and the pelvis, which is not counted."""
    return 0 if PARENTS[joint] <= 0 else 1 + _depth(PARENTS[joint])


def _chain(joint: int, placed: tuple[int, ...]) -> int:
    """Bones up to the next placed joint above, at most a limb's two."""
    above, count = PARENTS[joint], 1
    while above > 0 and above not in placed and count < LIMB_CHAIN:
        above, count = PARENTS[above], count + 1
    return min(count, _depth(joint))


def _bent_rest() -> np.ndarray:
    """(22, 3, 3) rest with elbows and knees slightly bent."""
    rotvec = np.zeros((NUM_JOINTS, 3))
    for side, sign in (("left", -1), ("right", 1)):
        rotvec[JOINT_INDEX[f"{side}_knee"], 0] = PRE_BEND
        rotvec[JOINT_INDEX[f"{side}_elbow"], 1] = sign * PRE_BEND
    return from_rotvec(rotvec)


def blender_ik(blender: Path, start: np.ndarray, *, whole: bool, hinges: bool) -> ik.Method:
    """Blender's IK as a method of the protocol.

    Args:
        blender: a Python that can import bpy.
        start: (22, 3, 3) the pose that IK begins from.
        whole: chains up to the pelvis instead of limbs.
        hinges: elbows and knees turn about one axis.
    """

    def solve(problem: ik.Problem, _: np.random.Generator) -> np.ndarray:
        # Blender cannot place what hangs on the pelvis alone: a chain of no bones
        placed = [joint for joint in problem.case.placed if _depth(joint) > 0]
        kept = [problem.case.placed.index(joint) for joint in placed]
        chains = [_depth(j) if whole else _chain(j, problem.case.placed) for j in placed]
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "targets.npz", Path(folder) / "found.npz"
            np.savez(
                source,
                names=np.array(JOINT_NAMES),
                parents=np.array(PARENTS),
                offsets=STANDARD_OFFSETS,
                start=start,
                hinges=hinges,
                placed=np.array(placed),
                chains=np.array(chains),
                pelvis=problem.pelvis,
                targets=problem.targets[:, kept],
            )
            script = ROOT / "benchmarks" / "blender_ik_scene.py"
            command = [str(blender), str(script), str(source), str(target)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode or not target.exists():
                raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
            with np.load(target) as found:
                world, there = found["rotations"], found["positions"]
        local = world.copy()
        for joint in range(1, NUM_JOINTS):
            local[:, joint] = np.swapaxes(world[:, PARENTS[joint]], -1, -2) @ world[:, joint]
        local = project(local)
        _, positions = forward_kinematics(local)
        apart = float(np.abs(positions - there).max())
        if apart > AGREEMENT:
            raise RuntimeError(
                f"Blender's bones are {1000 * apart:.1f} mm from where their rotations put them"
            )
        return local[None]

    return solve


def measure(
    data: Path,
    split: str,
    prior: PosePrior,
    *,
    poses: int,
    seed: int = 0,
    blender: Path = BLENDER,
    tell: Callable[[str], object] = str,
) -> Iterator[dict[str, str | float | int]]:
    """Yield the records of ``evaluate ik`` with Blender's own IK among the methods.

    Raises:
        ValueError: with one sentence, if there is no Blender or the data is missing.
    """
    if not blender.is_file():
        raise ValueError(f"There is no Blender at {blender}; run make test-blender-4.5, which sets it up")
    mean = ik.mean_rotations(poses_of(read_split(data, "train"), TRAIN_STRIDE))
    limbs = {
        "blender_ik": blender_ik(blender, _bent_rest(), whole=False, hinges=True),
        "blender_ik_mean": blender_ik(blender, mean, whole=False, hinges=False),
    }
    whole = {"blender_ik_whole": blender_ik(blender, mean, whole=True, hinges=False)}
    for case in ik.CASES:
        if case.pelvis_known:
            methods = limbs | whole if case.placed == ik.FIVE else limbs
            yield from ik.evaluate(
                data, split, prior, seed=seed, poses=poses, cases=[case], methods=methods, tell=tell
            )
