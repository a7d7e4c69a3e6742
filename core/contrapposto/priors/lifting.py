# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships for lifting: a lifter and the DiffPose that goes with it, of images or of clips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from contrapposto.arrays import Array
from contrapposto.priors import diffpose, sequence_lifter
from contrapposto.priors.diffpose import DiffPose
from contrapposto.priors.lifter import Lifter
from contrapposto.priors.sequence_lifter import SequenceLifter


@dataclass(frozen=True, eq=False)
class Lifting:
    """A lifter, and DiffPose that was trained on its answers; of the same array library.

    Attributes:
        lifter: of single frames, or over time.
        refine: None where the lifter's own answer is wanted.
    """

    lifter: Lifter | SequenceLifter
    refine: DiffPose | None

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
