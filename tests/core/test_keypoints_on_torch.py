# SPDX-License-Identifier: GPL-3.0-or-later
"""Projection, triangulation and the mapping of sets are one code on NumPy and torch."""

from __future__ import annotations

import numpy as np
import torch
from footage import four_cameras, points_of, seen_by, swing

from contrapposto.keypoints.points import to_joints
from contrapposto.keypoints.sets import SETS
from contrapposto.keypoints.triangulate import triangulate


def test_torch_triangulates_and_maps_as_numpy_does():
    cameras, points = four_cameras(3), points_of(swing(4), "coco_17")
    seen = seen_by(cameras, points) + np.random.default_rng(0).normal(0, 5, (3, 4, 17, 2))
    confidence = np.random.default_rng(1).uniform(0, 1, (3, 4, 17)).round()
    here = triangulate(cameras, seen, confidence)
    there = triangulate(cameras, torch.tensor(seen), torch.tensor(confidence))
    for name, value in vars(here).items():
        np.testing.assert_allclose(getattr(there, name).numpy(), value, atol=1e-8, err_msg=name)
    sure = np.isfinite(here.points[..., 0]).astype(float)
    for a, b in zip(
        to_joints(here.points, sure, SETS["coco_17"]),
        to_joints(there.points, torch.tensor(sure), SETS["coco_17"]),
        strict=True,
    ):
        np.testing.assert_allclose(b.numpy(), a, atol=1e-8)
