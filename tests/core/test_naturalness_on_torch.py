# SPDX-License-Identifier: GPL-3.0-or-later
"""Naturalness says the same on torch."""

from __future__ import annotations

import numpy as np
import torch

from contrapposto.priors import pose
from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import NUM_JOINTS
from contrapposto.tasks.naturalness import naturalness


def test_numpy_and_torch_score_alike():
    rotations = from_rotvec(0.3 * np.random.default_rng(1).standard_normal((300, NUM_JOINTS, 3)))
    prior = pose.load()
    ours = naturalness(rotations, prior=prior)
    theirs = naturalness(torch.as_tensor(rotations), prior=prior.on(torch.zeros(())))
    assert isinstance(theirs.percentile, torch.Tensor)
    np.testing.assert_allclose(theirs.energy.numpy(), ours.energy, atol=2e-3)
    np.testing.assert_allclose(theirs.joints.numpy(), ours.joints, atol=0.5)
