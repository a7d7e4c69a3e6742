# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet on a ground plane: the body is set down where feet stand, they stay there, and nothing sinks.

The plane is at the height that standing feet have over the clip. Where a foot stands, the body is
moved up or down so that the sole lies on the plane; in between, the move changes evenly. Then feet
are held where they stand (``contacts``), and frames in which a foot is below the plane are raised.
"""

from __future__ import annotations

import numpy as np

from contrapposto.keypoints.body import Body
from contrapposto.motion import Pose
from contrapposto.skeleton import forward_kinematics
from contrapposto.soles import TOES, Soles
from contrapposto.tasks.contacts import hold_feet, standing
from contrapposto.tasks.reconstruct import smoothed

FARTHEST = 0.15
"""Metres by which a body is set down or raised; a foot that stands further off stands on something."""


def on_ground(body: Body, pose: Pose, contacts: np.ndarray, fps: float) -> Pose:
    """The motion with its standing feet on one plane, without sliding or sinking.

    Args:
        body: whose motion it is.
        pose: T poses.
        contacts: (T, 2) probability that the left and the right foot stand.
        fps: frames a second.

    Returns:
        T poses; as they were if no foot ever stands.
    """
    soles = Soles.of(body.offsets)
    world, joints = forward_kinematics(pose.rotations, body.offsets)
    stand = standing(contacts, joints[:, list(TOES)] + pose.transl[:, None], fps)
    if not stand.any():
        return pose
    heights = soles.heights(world, joints) + pose.transl[:, 1:2]
    plane = float(np.median(heights[stand]))
    off = np.where(stand & (np.abs(heights - plane) < FARTHEST), plane - heights, np.nan)
    known = np.isfinite(off).any(axis=1)
    if not known.any():
        return pose
    frames = np.arange(len(off))
    move = np.interp(frames, frames[known], np.nanmean(off[known], axis=1))
    place = pose.transl.copy()
    place[:, 1] += smoothed(move, fps)
    rotations, _ = hold_feet(pose.rotations, place, stand, fps, offsets=body.offsets)
    heights = soles.heights(*forward_kinematics(rotations, body.offsets)) + place[:, 1:2]
    sunk = np.clip(plane - heights.min(axis=1), 0, FARTHEST)
    place[:, 1] += np.maximum(sunk, smoothed(sunk, fps))
    return Pose(rotations, place)
