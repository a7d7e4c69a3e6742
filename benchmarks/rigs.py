# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rig through the mapper, there and back, and through Complete Pose and Denoise Mocap in Blender.

Joins what ``evaluate rigs`` measures without Blender to what ``rigs_in_blender.py`` finds with the
operators: on an armature of each make, on the real files, and on the characters that Rigify builds.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from contrapposto.evaluation import rigs
from contrapposto.evaluation.rig_families import families, real_rigs

ROOT = Path(__file__).resolve().parent.parent
BLENDER = ROOT / ".venv" / "bpy-4.5" / "bin" / "python"

QUICK = ("Mixamo", "Unreal Engine 5", "Auto-Rig Pro", "MikuMikuDance", "fair_dab.bvh", "Knight.glb")

Record = dict[str, str | float | int]


def measure(
    data: Path,
    *,
    blender: Path = BLENDER,
    only: Sequence[str] = (),
    quick: bool = False,
    seed: int = 0,
    tell: Callable[[str], object] = str,
) -> Iterator[Record]:
    """Yield a record a rig, none with an empty cell.

    Args:
        data: a folder with ``bvh/`` and ``rigs/``.
        blender: a Python that can import bpy.
        only: names of rigs; all if empty.
        quick: a few rigs, few armatures each.
        seed: of the armatures and poses.
        tell: told of each rig.

    Raises:
        ValueError: with one sentence, if there is no Blender, no data, or no rig of that name.
        RuntimeError: if Blender ends before its last rig.
    """
    if not blender.is_file():
        raise ValueError(f"There is no Blender at {blender}; run make test-blender-4.5, which sets it up")
    for part in ("bvh", "rigs"):
        if not (data / part).is_dir():
            raise ValueError(f"There is no {data / part}; --data is a folder with bvh/ and rigs/")
    makes = {family.name: family for family in families()}
    names = [*makes, *real_rigs()]
    wanted = list(only or (QUICK if quick else names))
    if unknown := sorted(set(wanted) - set(names)):
        raise ValueError(f"There is no rig named '{unknown[0]}'; there are {', '.join(names)}")
    trials = rigs.QUICK_TRIALS if quick else rigs.TRIALS
    for name, found in _in_blender(blender, data, wanted, trials, seed):
        tell(name)
        yield (rigs.of_family(makes[name], trials, seed) if name in makes else {}) | found


def _in_blender(
    blender: Path, data: Path, wanted: Sequence[str], trials: int, seed: int
) -> Iterator[tuple[str, Record]]:
    """What the operators do on each rig, as Blender says it."""
    script = ROOT / "benchmarks" / "rigs_in_blender.py"
    # What Blender prints of its own comes in pieces: the results have a pipe to themselves.
    reading, writing = os.pipe()
    asked = {
        "data": str(data.resolve()),
        "rigs": list(wanted),
        "trials": trials,
        "seed": seed,
        "results": writing,
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            [str(blender), str(script), json.dumps(asked)], stdout=said, stderr=said, pass_fds=(writing,)
        )
        os.close(writing)
        left = list(wanted)
        with os.fdopen(reading, encoding="utf-8") as results:
            for line in results:
                yield left.pop(0), json.loads(line)
        if process.wait() or left:
            said.seek(0)
            raise RuntimeError(f"Blender ended before '{left[0] if left else 'its end'}':\n{said.read()}")
