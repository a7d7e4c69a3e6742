# SPDX-License-Identifier: GPL-3.0-or-later
"""In place of core's denoise: known turns instead of a prior's, to tell exactly what arrives on a rig.

Also the module that processes import in its place which a test has started (see ``stand_in``).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from contrapposto.motion import Motion, Pose
from contrapposto.rotation import from_rotvec

JOINTS = 22


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What core's denoise gives back."""

    motion: Motion
    noise_deg: np.ndarray
    replaced: np.ndarray
    spikes: np.ndarray
    contacts: np.ndarray
    moved_mm: np.ndarray


class Cleaner:
    """In place of core's denoise: turns every joint and moves the hips by something smooth and known.

    Attributes:
        calls: the motion and options of every call.
        results: what was given back.
    """

    def __init__(self, degrees: float = 8.0, metres: float = 0.02, seed: int = 0) -> None:
        self.degrees, self.metres, self.seed = degrees, metres, seed
        self.calls: list[dict] = []
        self.results: list[Cleaned] = []

    def __call__(self, motion, *, strength=1.0, missing=None, callback=None, **options):
        self.calls.append({"motion": motion, "strength": strength, "missing": missing, **options})
        count = len(motion)
        seconds = np.arange(count) / motion.fps
        rng = np.random.default_rng(self.seed)
        waves = np.sin(
            seconds[:, None, None] * rng.uniform(2, 6, (JOINTS, 3)) + rng.uniform(0, 6, (JOINTS, 3))
        )
        strength = np.broadcast_to(np.asarray(strength, dtype=float), (JOINTS,))
        if callback is not None:
            for step in range(4):
                callback(step, 4)
                time.sleep(float(os.environ.get("CLEANER_SECONDS", "0")) / 4)
        turns = from_rotvec(np.radians(self.degrees) * waves * strength[:, None])
        step = self.metres * strength[0] * np.sin(3 * seconds[:, None] + [0.0, 1.0, 2.0])
        poses = Pose(motion.poses.rotations @ turns, motion.poses.transl + step)
        contacts = np.zeros((count, 2), dtype=bool)
        contacts[count // 4 : count // 2, 0] = True
        self.results.append(
            Cleaned(
                Motion(poses, motion.fps),
                np.full(JOINTS, 1.5),
                np.zeros((count, JOINTS), dtype=bool) if missing is None else missing,
                np.arange(JOINTS),
                contacts,
                1000 * np.linalg.norm(step, axis=-1),
            )
        )
        return self.results[-1]


denoise = Cleaner()
