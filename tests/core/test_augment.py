# SPDX-License-Identifier: GPL-3.0-or-later
"""Some examples give way to broad poses, the others stay as they are."""

from __future__ import annotations

import torch

from contrapposto.skeleton import NUM_JOINTS
from contrapposto.training.augment import broaden


def test_a_share_of_a_batch_gives_way_to_the_pool_and_forgets_its_height():
    poses = torch.eye(3).repeat(50, NUM_JOINTS, 1, 1)
    pool = torch.stack([torch.full((NUM_JOINTS, 3, 3), float(number)) for number in range(2, 30)])
    mixed, height = broaden(poses, torch.ones(50), pool, 0.2, torch.Generator().manual_seed(0))
    from_pool = (mixed[:, 0, 0, 0] > 1.5).tolist()
    assert sum(from_pool) == 10
    assert torch.isnan(height).tolist() == from_pool
    assert len(mixed[:10, 0, 0, 0].unique()) > 5
    assert torch.equal(mixed[10:], poses[10:])


def test_no_share_changes_nothing():
    poses, height = torch.rand(8, NUM_JOINTS, 3, 3), torch.rand(8)
    mixed, heights = broaden(poses, height, poses[:2], 0.0, torch.Generator().manual_seed(0))
    assert torch.equal(mixed, poses)
    assert torch.equal(heights, height)
