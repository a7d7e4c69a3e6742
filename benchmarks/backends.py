# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prior can run on, and whether this machine has it."""

from __future__ import annotations

import importlib.util
from typing import TypeVar

from contrapposto.priors.diffpose import DiffPose
from contrapposto.priors.gfpose import GFPose
from contrapposto.priors.lifting import Lifting
from contrapposto.priors.motion import MotionPrior
from contrapposto.priors.pose import PosePrior
from contrapposto.priors.sequence_lifter import SequenceLifter

Prior = TypeVar("Prior", PosePrior, MotionPrior, GFPose, DiffPose, Lifting, SequenceLifter)

BACKENDS = ("numpy", "torch", "torch-cuda")


def absent(backend: str) -> str:
    """Why this machine cannot run a backend; nothing if it can."""
    if backend == "numpy":
        return ""
    if importlib.util.find_spec("torch") is None:
        return "no torch; pip install torch"
    import torch

    return "no GPU" if backend == "torch-cuda" and not torch.cuda.is_available() else ""


def on_backend(prior: Prior, backend: str) -> Prior:
    """The prior, its arrays where the backend wants them."""
    if backend == "numpy":
        return prior
    import torch

    return prior.on(torch.zeros((), device="cuda" if backend == "torch-cuda" else "cpu"))
