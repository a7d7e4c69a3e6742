# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion by replacement: known entries are set to their noisy truth after every step.

Works with any unconditional prior and any sampler that takes a ``constrain``. Known
and unknown entries only meet through the network, which is why it agrees less well
than a prior that was trained to be conditioned.

Source: Song et al. 2021, "Score-Based Generative Modeling …", appendix I.2
(imputation), at the noise level that the step has reached.
"""

from __future__ import annotations

import numpy as np

from contrapposto.arrays import Array, like, namespace
from contrapposto.diffusion.sampler import Constrain
from contrapposto.diffusion.schedule import SubVP


def replacement(clean: Array, known: Array, schedule: SubVP, rng: np.random.Generator) -> Constrain:
    """What to do with a state after each step so that it agrees with what is known.

    Args:
        clean: (..., D) the truth, read where ``known``.
        known: (..., D) bool.
        schedule: the sampler's.
        rng: source of the noise that the truth is given.
    """

    def constrain(x: Array, t: float) -> Array:
        xp = namespace(x)
        if t <= 0:
            return xp.where(known, clean, x)
        z = like(rng.standard_normal(tuple(x.shape), dtype=np.float32), x)
        return xp.where(known, float(schedule.a(t)) * clean + float(schedule.s(t)) * z, x)

    return constrain
