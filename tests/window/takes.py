# SPDX-License-Identifier: GPL-3.0-or-later
"""Two takes of a walk that tremble like cheap capture, as BVH files for `stage_denoise.py`.

    python tests/window/takes.py MOCAP_FOLDER OUTPUT_FOLDER

``Walk.bvh`` lasts five seconds; ``Long Walk.bvh`` goes to and fro for 10,000 frames.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from contrapposto.files.bvh import write_bvh
from contrapposto.files.mocap import read_split
from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import STANDARD_OFFSETS

SUBJECT, CLIP = "cmu/cmu049", "49_01"
FIRST, SHORT, LONG = 5, 150, 10_000
TREMBLE_DEG = 5.0
FPS = 30.0


def trembling(rows: np.ndarray, rotvec: np.ndarray, transl: np.ndarray) -> Motion:
    """Some frames of a clip, each joint off by some degrees, anew on each frame."""
    noise = np.random.default_rng(0).standard_normal((len(rows), *rotvec.shape[1:]))
    tremble = from_rotvec(np.radians(TREMBLE_DEG) / np.sqrt(3) * noise)
    return Motion(Pose(from_rotvec(rotvec[rows].astype(float)) @ tremble, transl[rows].astype(float)), FPS)


def main(mocap: Path, output: Path) -> None:
    """Write both files."""
    clip = next(c for c in read_split(mocap, "val") if (c.subject, c.name) == (SUBJECT, CLIP))
    there = np.arange(len(clip))
    to_and_fro = np.resize(np.concatenate([there, there[::-1]]), LONG)
    for name, rows in (("Walk", np.arange(FIRST, FIRST + SHORT)), ("Long Walk", to_and_fro)):
        write_bvh(output / f"{name}.bvh", trembling(rows, clip.rotvec, clip.transl), STANDARD_OFFSETS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
