# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a set's points are on a body: the standard one, or the one that was measured.

Detectors mark some points on a joint and others on the skin. Each is a spot that moves with
one joint. How far a detector's hip is from SMPL's differs between detectors and people, so
with a body's motion known, spots are moved to where its points were seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from contrapposto.arrays import Array, like
from contrapposto.keypoints.sets import LIMB_PARTS, SIDES, mirrored, sides
from contrapposto.rotation import transpose
from contrapposto.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, STANDARD_OFFSETS, forward_kinematics

SCALES = (0.3, 3.0)
"""A body is so many times the size of the standard one; else its calibration has another unit."""

ENOUGH_FRAMES = 10.0
"""A spot that was seen in so many frames, on both sides, is moved half the way."""

Spot = tuple[str, tuple[float, float, float]]
"""The joint that a point moves with, and its place from there, metres, in the joint's frame."""

Span = tuple[tuple[str, ...], tuple[str, ...]]
"""From the middle of some points to the middle of others."""

_HIPS, _COLLARS = STANDARD_OFFSETS[[1, 2]], STANDARD_OFFSETS[[13, 14]] + STANDARD_OFFSETS[[16, 17]]


def _on_both_sides(spots: Mapping[str, Spot]) -> dict[str, Spot]:
    """Spots of the left side, with their mirror images."""
    found: dict[str, Spot] = {}
    for name, (joint, (x, y, z)) in spots.items():
        found[f"left_{name}"] = (joint, (x, y, z))
        found[f"right_{name}"] = (joint.replace("left", "right"), (-x, y, z))
    return found


ON_BODY: Mapping[str, Spot] = {
    **{joint: (joint, (0.0, 0.0, 0.0)) for joint in JOINT_NAMES},
    "mid_hip": ("pelvis", (0.0, float(_HIPS[0, 1]), float(_HIPS[0, 2]))),
    "mid_shoulder": ("spine3", (0.0, float(_COLLARS[0, 1]), float(_COLLARS[0, 2]))),
    "upper_neck": ("neck", (0.0, 0.01, 0.01)),
    "nose": ("head", (0.0, 0.045, 0.11)),
    "head_top": ("head", (0.0, 0.18, 0.0)),
    **_on_both_sides(
        {
            "eye": ("head", (0.032, 0.075, 0.09)),
            "ear": ("head", (0.075, 0.05, 0.005)),
            "heel": ("left_ankle", (0.0, -0.045, -0.05)),
            "big_toe": ("left_foot", (-0.02, -0.015, 0.055)),
            "small_toe": ("left_foot", (0.045, -0.015, 0.01)),
            "toes": ("left_foot", (0.0, -0.015, 0.05)),
        }
    ),
}
"""The points that are on a body; others (fingers, mouth) are not used."""


def usable(names: tuple[str, ...]) -> list[int]:
    """Which points of a set are on a body."""
    return [index for index, name in enumerate(names) if name in ON_BODY]


_ALL, _WIDTH = [0, 1, 2], [0]
_TRUNK = ("spine1", "spine2", "spine3", "neck", "head", *sides("hip", "collar", "shoulder"))
_PARTS: tuple[tuple[tuple[Span, ...], tuple[str, ...], list[int]], ...] = (
    (((sides("hip"), sides("shoulder")),), _TRUNK, _ALL),
    (((("left_hip",), ("right_hip",)),), sides("hip"), _WIDTH),
    (((("left_shoulder",), ("right_shoulder",)),), sides("collar", "shoulder"), _WIDTH),
    *(
        (tuple(((f"{side}_{upper}",), (f"{side}_{lower}",)) for side in SIDES), sides(lower), _ALL)
        for upper, lower in LIMB_PARTS
    ),
)
"""What is measured, the joints whose offsets it scales, and along which axes."""


def part_masks() -> np.ndarray:
    """(7, 22, 3) which numbers of a body's offsets each of its parts scales, 0 or 1."""
    masks = np.zeros((len(_PARTS), NUM_JOINTS, 3))
    for mask, (_, joints, axes) in zip(masks, _PARTS, strict=True):
        mask[np.ix_([JOINT_INDEX[joint] for joint in joints], axes)] = 1
    return masks


def _lengths(points: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Median length of each of the parts in points (T, K, 3), metres; NaN where never seen."""

    def middle(spots: tuple[str, ...]) -> np.ndarray:
        return points[:, [names.index(spot) for spot in spots]].mean(axis=1)

    found = []
    for pairs, _, _ in _PARTS:
        lengths = np.concatenate([np.linalg.norm(middle(a) - middle(b), axis=-1) for a, b in pairs])
        seen = lengths[np.isfinite(lengths)]
        found.append(np.median(seen) if len(seen) else np.nan)
    return np.array(found)


def part_lengths(body: Body) -> np.ndarray:
    """(7,) metres between a body's points: trunk, widths of hips and shoulders, parts of arms and legs."""
    at_rest = forward_kinematics(np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1)), body.offsets)
    return _lengths(body.points(*at_rest), body.names)


@dataclass(frozen=True, eq=False)
class Body:
    """A body's proportions, and where K points are on it.

    Attributes:
        names: of the points.
        offsets: (22, 3) joint positions in the parent's frame, metres.
        places: (K, 3) each point from its joint, metres, in the joint's frame.
    """

    names: tuple[str, ...]
    offsets: np.ndarray
    places: np.ndarray

    @classmethod
    def standard(cls, names: tuple[str, ...], scale: float = 1.0) -> Body:
        """The standard body, made larger by ``scale``.

        Raises:
            ValueError: if a point is not on a body, see ``usable``.
        """
        for name in names:
            if name not in ON_BODY:
                raise ValueError(f"There is no point '{name}' on a body")
        return cls(names, STANDARD_OFFSETS * scale, np.array([ON_BODY[name][1] for name in names]) * scale)

    @classmethod
    def measured(cls, points: np.ndarray, names: tuple[str, ...]) -> Body:
        """The body with the lengths that points (T, K, 3) have, metres, NaN where unknown.

        Left and right are alike. Lengths are medians over frames; what is never seen has
        the size of the rest.

        Raises:
            ValueError: with one sentence, if no length is seen or they are not a person's.
        """
        standard = cls.standard(names)
        rest = standard.points(*forward_kinematics(np.tile(np.eye(3), (1, NUM_JOINTS, 1, 1))))
        ratio = _lengths(points, names) / _lengths(rest, names)
        if not np.isfinite(ratio).any():
            raise ValueError("No arm, leg or trunk is seen whole in any frame")
        scale = float(np.nanmedian(ratio))
        if not SCALES[0] < scale < SCALES[1]:
            raise ValueError(
                f"The person is {scale:.2g} times as large as people are; is the calibration in another unit?"
            )
        scales = np.full((NUM_JOINTS, 3), scale)
        for (_, joints, axes), value in zip(_PARTS, np.where(np.isfinite(ratio), ratio, scale), strict=True):
            scales[np.ix_([JOINT_INDEX[joint] for joint in joints], axes)] = value
        return cls(names, STANDARD_OFFSETS * scales, standard.places * scale)

    @property
    def joints(self) -> list[int]:
        """The K joints that the points move with."""
        return [JOINT_INDEX[ON_BODY[name][0]] for name in self.names]

    def points(self, world: Array, positions: Array) -> Array:
        """Where the points are, (..., K, 3).

        Args:
            world: (..., 22, 3, 3) world rotations.
            positions: (..., 22, 3) joint positions, metres.
        """
        arm = world[..., self.joints, :, :] @ like(self.places, positions)[..., None]
        return positions[..., self.joints, :] + arm[..., 0]

    def with_spots_moved(
        self, world: np.ndarray, positions: np.ndarray, points: np.ndarray, weight: np.ndarray
    ) -> Body:
        """This body with its spots where points were seen, alike on both sides.

        Args:
            world, positions: (T, 22, 3, 3) and (T, 22, 3) of its motion.
            points: (T, K, 3) metres; anything where the weight is 0.
            weight: (T, K) 0 to 1.
        """
        away = np.where((weight > 0)[..., None], points - self.points(world, positions), 0)
        local = (transpose(world[:, self.joints]) @ away[..., None])[..., 0] * weight[..., None]
        partner = list(mirrored(self.names))
        move, count = local.sum(axis=0), weight.sum(axis=0)
        move = (move + move[partner] * [-1, 1, 1]) / 2
        count = (count + count[partner]) / 2
        return replace(self, places=self.places + move / (count + ENOUGH_FRAMES)[:, None])
