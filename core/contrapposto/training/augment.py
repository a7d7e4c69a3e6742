# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples that the recordings lack: mirrored, recombined, broad, slightly turned poses.

Dice are thrown on the CPU, so that a seed means the same on every device; what
they decide happens where the poses are.
"""

from __future__ import annotations

import torch

from contrapposto.rotation import from_rotvec
from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS, mirror
from contrapposto.training.masks import PARTS

RECOMBINED = (
    ("left_arm",),
    ("right_arm",),
    ("left_arm", "right_arm"),
    ("head",),
    ("left_leg", "right_leg"),
    ("left_arm", "right_arm", "head", "trunk"),
)
"""Sets of parts that another pose may lend."""


def mirrored_half(rotations: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each pose (batch, 22, 3, 3) mirrored or not with even odds."""
    flip = (torch.rand(len(rotations), generator=generator) < 0.5).to(rotations.device)
    return torch.where(flip[:, None, None, None], mirror(rotations), rotations)


def recombine(
    rotations: torch.Tensor, others: torch.Tensor, rate: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Poses of which some carry parts of the ``others``, and which ones keep their own legs."""
    sets = torch.zeros(len(RECOMBINED), NUM_JOINTS, dtype=torch.bool)
    for number, parts in enumerate(RECOMBINED):
        for part in parts:
            sets[number, [JOINT_INDEX[joint] for joint in PARTS[part]]] = True
    batch = len(rotations)
    which = torch.randint(len(RECOMBINED), (batch,), generator=generator)
    take = sets[which] & (torch.rand(batch, 1, generator=generator) < rate)
    take = take.to(rotations.device)
    own_legs = ~take[:, JOINT_INDEX["left_hip"]]
    return torch.where(take[..., None, None], others, rotations), own_legs


def broaden(
    rotations: torch.Tensor,
    height: torch.Tensor,
    pool: torch.Tensor,
    rate: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch whose first examples give way to poses of a pool, and its heights.

    Args:
        rotations: (batch, 22, 3, 3) poses in random order.
        height: (batch,) their pelvis heights; NaN for those of the pool, which stand on no known floor.
        pool: (N, 22, 3, 3), from ``broad.broad_poses``.
        rate: share of the batch that is replaced.
        generator: of the dice.
    """
    count = round(rate * len(rotations))
    index = torch.randint(len(pool), (count,), generator=generator).to(pool.device)
    unknown = torch.full_like(height[:count], torch.nan)
    return torch.cat([pool[index], rotations[count:]]), torch.cat([unknown, height[count:]])


def turn_slightly(rotations: torch.Tensor, size: float, generator: torch.Generator) -> torch.Tensor:
    """Every joint turned by a random vector of up to ``size`` radians' deviation a pose."""
    batch = len(rotations)
    scale = size * torch.rand(batch, 1, 1, generator=generator)
    turns = scale * torch.randn(batch, NUM_JOINTS, 3, generator=generator)
    return rotations @ from_rotvec(turns.to(rotations.device))
