# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage that nobody filmed: cameras around a swinging body, their calibration file, keypoints as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from motions import joints_of, swinging

from contrapposto.keypoints.body import Body, usable
from contrapposto.keypoints.cameras import Camera
from contrapposto.keypoints.sets import SETS
from contrapposto.motion import Motion
from contrapposto.skeleton import forward_kinematics

Y_UP_TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def four_cameras(views: int = 4) -> Camera:
    """Cameras of one size, evenly around the origin."""
    turn = 2 * np.pi * np.arange(views) / max(views, 3) + 0.4
    centre = np.stack([5 * np.sin(turn), np.full(views, 1.6), 5 * np.cos(turn)], axis=-1)
    forward = [0, 0.9, 0] - centre
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=-2)
    intrinsics = np.tile([[1200.0, 0, 960], [0, 1200, 540], [0, 0, 1]], (views, 1, 1))
    return Camera(intrinsics, rotation, centre, np.tile([1920.0, 1080], (views, 1)))


def swing(frames: int = 40) -> Motion:
    """A body that swings in front of the cameras, at 30 frames a second."""
    return swinging(frames)


def points_of(motion: Motion, name: str) -> np.ndarray:
    """(T, K, 3) where a set's points are; those on no body at the pelvis."""
    names, joints = SETS[name], joints_of(motion)
    world, _ = forward_kinematics(motion.poses.rotations)
    found = np.repeat(joints[:, :1], len(names), axis=1)
    used = usable(names)
    found[:, used] = Body.standard(tuple(names[i] for i in used)).points(world, joints)
    return found


def seen_by(cameras: Camera, points: np.ndarray) -> np.ndarray:
    """(V, T, K, 2) pixels of points (T, K, 3)."""
    return cameras.project(points.reshape(1, -1, 3)).reshape(len(cameras), *points.shape[:-1], 2)


def write_calibration(path: Path, cameras: Camera) -> Path:
    """A Qualisys calibration of the cameras: z up, millimetres, 1/64 pixel."""
    parts = []
    for K, rotation, centre, size in zip(*vars(cameras).values(), strict=True):
        R = np.diag([1.0, -1, -1]) @ rotation @ Y_UP_TO_Z_UP.T
        x, y, z = 1000 * Y_UP_TO_Z_UP @ centre
        turn = " ".join(f'r{i + 1}{j + 1}="{float(R[i, j])!r}"' for i in range(3) for j in range(3))
        parts.append(
            f'<camera><fov_video left="0" top="0" right="{size[0] - 1:.0f}" bottom="{size[1] - 1:.0f}"/>'
            f'<transform {turn} x="{x}" y="{y}" z="{z}"/>'
            f'<intrinsic focalLengthU="{64 * K[0, 0]}" focalLengthV="{64 * K[1, 1]}" skew="0.0" '
            f'centerPointU="{64 * K[0, 2]}" centerPointV="{64 * K[1, 2]}"/></camera>'
        )
    path.write_text(f"<calibration><cameras>{''.join(parts)}</cameras></calibration>", encoding="utf-8")
    return path


def write_frames(folder: Path, people: np.ndarray, confidence: float = 0.8, first: int = 0) -> Path:
    """An OpenPose folder of people (T, P, K, 2) pixels, NaN where missing, files numbered from ``first``."""
    folder.mkdir(parents=True)
    for frame, seen in enumerate(people, start=first):
        rows = []
        for person in seen:
            sure = np.where(np.isfinite(person[:, :1]), confidence, 0)
            rows.append(np.concatenate([np.nan_to_num(person), sure], axis=1).ravel().tolist())
        content = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": row} for row in rows]}
        (folder / f"take_{frame:012d}_keypoints.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
