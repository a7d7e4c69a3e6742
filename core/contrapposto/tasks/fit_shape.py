# SPDX-License-Identifier: GPL-3.0-or-later
"""The proportions of a body that many frames share, found together with its poses.

Seven lengths (trunk, widths of hips and shoulders, the parts of arms and legs) are scaled. Where
joints are is linear in lengths, so that a length's derivative is the body with all others at 0. The
poses' own equations are solved for the poses and put into those of the lengths.

Source: Triggs et al. 2000, "Bundle Adjustment", section 6 (what each frame has for itself is
eliminated first).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from contrapposto.keypoints.body import Body, part_masks
from contrapposto.motion import Pose
from contrapposto.rotation import transpose
from contrapposto.skeleton import forward_kinematics
from contrapposto.tasks.fit_points import (
    Observation,
    Place,
    held_at_home,
    jacobian,
    moved,
    normal_equations,
    observed,
    way_home,
)

TALLER, LONGER = 0.03, 0.05
"""Deviation of the logarithm of a person's size, and of one length beside it."""

ALIKE_FRAMES = 10.0
"""So many frames say as much as one about lengths: what hides a limb's true length does so for a while."""


def fit_shape(
    body: Body,
    observe: Observation,
    start: Pose,
    home: np.ndarray,
    *,
    looseness: float | np.ndarray,
    place: Place | None = None,
    usual: np.ndarray,
    steps: int = 3,
) -> tuple[Body, Pose]:
    """The body, and its poses, whose points are where they were seen.

    Args:
        body: to begin from.
        observe, start, home, looseness, place: as ``fit_points`` has them.
        usual: (22, 3) offsets of the body that is expected.
        steps: of the solver.

    Returns:
        The body with its lengths, and T poses.
    """
    masks = part_masks()
    P = len(masks)
    expected = np.linalg.inv(TALLER**2 * np.ones((P, P)) + LONGER**2 * np.eye(P))
    pose, scale = start, _scale_of(body.offsets, usual, masks)
    hold = held_at_home(looseness, place, len(home))
    for _ in range(steps):
        world, positions, points, held, pull = observed(body, observe, pose)
        J = jacobian(body, world, positions, points)
        A, b = normal_equations(J, held, pull, hold, way_home(home, place, pose))
        lengths = np.stack(
            [_carried(pose.rotations, body.offsets * mask)[:, body.joints] for mask in masks], axis=-1
        )  # (T, K, 3, P)
        weighed = held @ lengths
        both = np.einsum("tkia,tkip->tap", J, weighed, optimize=True)
        C = np.einsum("tkip,tkiq->tpq", lengths, weighed, optimize=True)
        c = np.einsum("tkip,tki->tp", lengths, pull, optimize=True)
        solved = np.linalg.solve(A, np.concatenate([both, b[..., None]], axis=-1))
        S = (C - transpose(both) @ solved[..., :-1]).sum(axis=0) / ALIKE_FRAMES + expected
        r = (c - (transpose(both) @ solved[..., -1:])[..., 0]).sum(axis=0) / ALIKE_FRAMES
        longer = np.linalg.solve(S, r - expected @ scale)
        longer = np.clip(longer, -0.1, 0.1)
        move = solved[..., -1] - solved[..., :-1] @ longer
        scale = scale + longer
        offsets = body.offsets * np.exp(np.einsum("p,pji->ji", longer, masks))
        body = replace(body, offsets=offsets)
        pose, _ = moved(pose, move)
    return body, pose


def _carried(rotations: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(T, 22, 3) where joints are by these offsets alone."""
    return forward_kinematics(rotations, offsets)[1]


def _scale_of(offsets: np.ndarray, usual: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(P,) logarithm of how much longer each part is than usual."""
    sizes = [(np.linalg.norm(offsets * mask), np.linalg.norm(usual * mask)) for mask in masks]
    return np.array([np.log(now / before) for now, before in sizes])
