# SPDX-License-Identifier: GPL-3.0-or-later
"""Hierarchical random masks: what a training example pretends to know.

Whole body, then body parts, then single joints, each dropped at random rates, so
that one network learns every subset (after GFPose's three mask levels). On top,
some limb ends are given as places and directions instead of joint rotations.
"""

from __future__ import annotations

import torch

from contrapposto.skeleton import JOINT_INDEX, NUM_JOINTS

PARTS = {
    "left_leg": ("left_hip", "left_knee", "left_ankle", "left_foot"),
    "right_leg": ("right_hip", "right_knee", "right_ankle", "right_foot"),
    "left_arm": ("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    "right_arm": ("right_collar", "right_shoulder", "right_elbow", "right_wrist"),
    "trunk": ("spine1", "spine2", "spine3"),
    "head": ("neck", "head"),
    "root": ("pelvis",),
}
ENDS = ("pelvis", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")

NOTHING_KNOWN = 0.04
ENDS_KNOWN = 0.07
JOINTS_ONLY = 0.25
ROOT_KNOWN = 0.75
PLACED = 0.4
HEIGHT_KNOWN = 0.4
CONTROLS_ONLY = 0.12
"""Shares of the examples: no joint known; only the ends known; no part structure;
the root known whatever the rest; some joints placed; the pelvis height known; only the
root known and some ends placed, as on a rig that is posed by its IK controls."""

MOST_PLACED = 0.06
"""Share of the examples of which the root is known and the places of all joints but those of some
parts, as from markers or another skeleton; and how often such an example lacks a part."""
PART_UNSEEN = 0.25

CONTROL_RATE = {"left_wrist": 0.65, "right_wrist": 0.65, "left_ankle": 0.65, "right_ankle": 0.65, "head": 0.3}
CONTROLS_ORIENTED = 0.8
"""Which ends such a rig places, and how often with their direction."""

PLACE_RATE = {
    "left_wrist": 0.5, "right_wrist": 0.5, "left_ankle": 0.5, "right_ankle": 0.5,
    "head": 0.15, "spine3": 0.1, "left_foot": 0.1, "right_foot": 0.1,
}  # fmt: skip
OTHER_PLACE_RATE = 0.03
ORIENTED = 0.6
"""How often a placed joint's direction is given, too."""


def _part_of_joint() -> torch.Tensor:
    table = torch.zeros(NUM_JOINTS, dtype=torch.long)
    for number, joints in enumerate(PARTS.values()):
        for joint in joints:
            table[JOINT_INDEX[joint]] = number
    return table


def known_joints(batch: int, generator: torch.Generator) -> torch.Tensor:
    """(batch, 22) bool, True where a joint's rotation is known."""

    def chance(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    parts = chance(batch, len(PARTS)) < chance(batch, 1)
    whole_parts = chance(batch, 1) < 0.5
    joints = chance(batch, NUM_JOINTS) < chance(batch, 1)
    known = parts[:, _part_of_joint()] & (joints | whole_parts)
    kind = chance(batch)
    known = torch.where((kind < JOINTS_ONLY)[:, None], chance(batch, NUM_JOINTS) < chance(batch, 1), known)
    ends = torch.zeros(NUM_JOINTS, dtype=torch.bool)
    ends[[JOINT_INDEX[joint] for joint in ENDS]] = True
    known = torch.where((kind > 1 - ENDS_KNOWN)[:, None], ends, known)
    known[:, 0] |= chance(batch) < ROOT_KNOWN
    known[chance(batch) < NOTHING_KNOWN] = False
    return known


def placed_joints(batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """(batch, 22) bool twice: joints whose position, and whose world rotation, is given."""
    rate = torch.full((NUM_JOINTS,), OTHER_PLACE_RATE)
    for joint, value in PLACE_RATE.items():
        rate[JOINT_INDEX[joint]] = value
    rate[0] = 0.0  # the pelvis is where positions are measured from
    placed = torch.rand(batch, NUM_JOINTS, generator=generator) < rate
    placed &= torch.rand(batch, 1, generator=generator) < PLACED
    oriented = placed & (torch.rand(batch, NUM_JOINTS, generator=generator) < ORIENTED)
    return placed, oriented


def controls_only(
    known: torch.Tensor, placed: torch.Tensor, oriented: torch.Tensor, generator: torch.Generator
) -> None:
    """Turn a share of the examples, in place, into ones of which only IK controls are known."""
    batch = len(known)
    rate = torch.zeros(NUM_JOINTS)
    for joint, value in CONTROL_RATE.items():
        rate[JOINT_INDEX[joint]] = value
    chosen = torch.rand(batch, 1, generator=generator) < CONTROLS_ONLY
    ends = torch.rand(batch, NUM_JOINTS, generator=generator) < rate
    turned = ends & (torch.rand(batch, NUM_JOINTS, generator=generator) < CONTROLS_ORIENTED)
    root = torch.arange(NUM_JOINTS) == 0
    for mask, value in ((known, root), (placed, ends), (oriented, turned)):
        mask.copy_(torch.where(chosen.to(mask.device), value.to(mask.device), mask))


def most_placed(
    known: torch.Tensor, placed: torch.Tensor, oriented: torch.Tensor, generator: torch.Generator
) -> None:
    """Turn a share of the examples, in place, into ones of which most joints' places are known."""
    batch = len(known)
    chosen = torch.rand(batch, 1, generator=generator) < MOST_PLACED
    seen = torch.rand(batch, len(PARTS), generator=generator) >= PART_UNSEEN
    root = torch.arange(NUM_JOINTS) == 0
    places = seen[:, _part_of_joint()] & ~root
    for mask, value in ((known, root), (placed, places), (oriented, torch.zeros_like(places))):
        mask.copy_(torch.where(chosen.to(mask.device), value.to(mask.device), mask))
