# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyed controls of a generated Rigify human, with the shipped prior: what they hold stays where it is."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from contrapposto.rotation import geodesic_angle, project

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "demo"))
import crouch


@pytest.fixture
def crouching(rigify_human):
    """The rig with hips, right hand and head keyed in a crouch."""
    crouch.key(rigify_human)
    return rigify_human


def matrices(rig) -> dict[str, np.ndarray]:
    bpy.context.view_layer.update()
    return {bone.name: np.array(bone.matrix, dtype=float) for bone in rig.pose.bones}


def moved_mm(before, after, bone: str) -> float:
    return 1000 * float(np.linalg.norm(after[bone][:3, 3] - before[bone][:3, 3]))


def turned_deg(before, after, bone: str) -> float:
    a, b = (project(matrix[bone][:3, :3]) for matrix in (before, after))
    return float(np.degrees(geodesic_angle(a, b)))


@pytest.mark.parametrize("on_floor", [False, True])
def test_keyed_hips_stay_where_they_are_and_the_back_bends_above_them(crouching, on_floor):
    before, bits = matrices(crouching), crouch.keyed_channels(crouching)
    for alternative in (1, 4):
        bpy.ops.contrapposto.complete_pose(keep_feet_on_floor=on_floor, alternative=alternative)
        after = matrices(crouching)
        assert crouch.keyed_channels(crouching) == bits
        assert moved_mm(before, after, "ORG-spine") < 0.5
        assert turned_deg(before, after, "ORG-spine") < 0.1
        assert turned_deg(before, after, "ORG-spine.003") > 5
