# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete a pose: some joints are known, the prior supplies the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from contrapposto.motion import Pose
from contrapposto.observations import Known


@dataclass(frozen=True, eq=False)
class Completion:
    """N alternatives for one pose, best first.

    Attributes:
        poses: (N, ...) the completed poses.
        energy: (N,) how unnatural the prior finds each one; lower is better.
        reach_mm: (N,) largest distance between a target and its joint.
    """

    poses: Pose
    energy: np.ndarray
    reach_mm: np.ndarray


def complete_pose(
    pose: Pose,
    known: Known,
    *,
    hypotheses: int = 8,
    seed: int = 0,
    offsets: np.ndarray | None = None,
    keep_feet_on_floor: bool = False,
    callback: Callable[[int, int], None] | None = None,
) -> Completion:
    raise NotImplementedError
