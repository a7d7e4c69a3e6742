# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampled poses are the same on torch."""

from __future__ import annotations

import numpy as np
import torch

from contrapposto.priors.pose import load
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.sample import sample_poses


def test_torch_samples_what_numpy_samples():
    on_torch = load().on(torch.zeros(()))
    for distance in (0.2, 1.0):
        a = sample_poses(count=3, distance=distance, diversity=0.0)
        b = sample_poses(count=3, distance=distance, diversity=0.0, prior=on_torch)
        match = [np.abs(b.poses.rotations - one).max(axis=(1, 2, 3)).min() for one in a.poses.rotations]
        # Within the solver's tolerance, a leg that is nearly straight may bend a degree or two more.
        assert max(match) < 0.06
        assert isinstance(b.naturalness, np.ndarray)
        assert b.poses.rotations.shape == (3, NUM_JOINTS, 3, 3)
