# SPDX-License-Identifier: GPL-3.0-or-later
"""A lifter and the DiffPose that goes with it; what ships, of images and of clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from contrapposto.arrays import Array, namespace
from contrapposto.keypoints.sight import Sight
from contrapposto.priors import diffpose, sequence_lifter
from contrapposto.priors.diffpose import DiffPose
from contrapposto.priors.lifter import Estimate, Lifter
from contrapposto.priors.sequence_lifter import SequenceLifter

SEED = 0
"""Of DiffPose's draws where their mean alone is wanted."""


@dataclass(frozen=True, eq=False)
class Lifting:
    """A lifter, and DiffPose that was trained on its answers; of the same array library.

    Attributes:
        lifter: of single frames, or over time.
        refine: None where the lifter's own answer is wanted.
    """

    lifter: Lifter | SequenceLifter
    refine: DiffPose | None

    def estimate(self, sight: Sight) -> Estimate:
        """The lifter's estimate of sights (B), with the mean of DiffPose's draws for its positions."""
        found = self.lifter.estimate(sight)
        if self.refine is None:
            return found
        draws = self.refine.sample(sight, found, np.random.default_rng(SEED))
        return replace(found, positions=namespace(draws).mean(draws, axis=0))

    def on(self, reference: Array) -> Lifting:
        """Both in the array library, dtype and device of ``reference``."""
        return Lifting(self.lifter.on(reference), self.refine and self.refine.on(reference))


@lru_cache(maxsize=1)
def of_images() -> Lifting:
    """For images, each by itself; NumPy, read on first use and kept.

    Raises:
        WeightsError: if the weights are missing or damaged.
    """
    return Lifting(sequence_lifter.read().frame, diffpose.read())


@lru_cache(maxsize=1)
def of_clips() -> Lifting:
    """For clips at 30 frames a second; NumPy, read on first use and kept.

    Raises:
        WeightsError: if the weights are missing or damaged.
    """
    return Lifting(sequence_lifter.read(), diffpose.read(diffpose.SEQUENCE_WEIGHTS))
