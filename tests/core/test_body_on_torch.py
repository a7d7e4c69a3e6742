# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies on torch: what NumPy gives, and gradients through it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bodies import random_body, random_poses

from contrapposto.body.skinning import pose_joints, pose_points, pose_vertices


@pytest.mark.parametrize("kind", ["SMPL", "SMPL-X"])
def test_torch_poses_a_body_as_numpy_does(kind):
    model, random = random_body(kind), np.random.default_rng(1)
    R, betas, transl = random_poses(3, 22), random.normal(size=(3, 6)), random.normal(size=(3, 3))
    on_torch = model.on(torch.zeros((), dtype=torch.float64))
    arguments = [torch.as_tensor(value) for value in (R, betas, transl)]
    assert np.allclose(
        pose_vertices(on_torch, *arguments).numpy(), pose_vertices(model, R, betas, transl), atol=1e-12
    )
    assert np.allclose(pose_points(on_torch, *arguments).numpy(), pose_points(model, R, betas, transl))
    assert np.allclose(pose_joints(on_torch, *arguments)[1].numpy(), pose_joints(model, R, betas, transl)[1])


def test_gradients_flow_from_vertices_to_rotations_shape_and_place():
    model = random_body().on(torch.zeros((), dtype=torch.float64))
    R = torch.as_tensor(random_poses(2, 24)).requires_grad_()
    betas = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    transl = torch.zeros((2, 3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: pose_points(model, *a), (R, betas, transl), fast_mode=True)
