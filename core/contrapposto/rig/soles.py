# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rig's soles are: as deep below its ankles and toes as its rest pose stands above the floor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contrapposto.soles import ANKLES, HEEL_BEHIND_ANKLE, TIP_BEFORE_BALL, TOES, Soles

SIDES = ("left", "right")

ANKLE_HEIGHT = (0.02, 0.25)
"""Metres, on a body of standard size, that the ankles of a rest pose are above the floor it stands on."""

TOE_HEIGHT = (-0.02, 0.1)
"""The same for the toe bases."""

LONGEST_TOES = 0.15
"""Metres; a longer toe bone says nothing about where the toes end."""


def rig_soles(
    places: Mapping[str, np.ndarray],
    ends: Mapping[str, np.ndarray],
    alignments: np.ndarray,
    offsets: np.ndarray,
) -> Soles:
    """The soles of a rig whose rest pose stands on the floor of its own space.

    Args:
        places: mapped joint to its rest position (3,) in the body's axes, standard metres,
            the armature's origin on the floor.
        ends: toe joint to where its last bone ends, or the foot's where it has no toes.
        alignments: (22, 3, 3) what turns each joint from the T-pose to the rest pose.
        offsets: (22, 3) the rig's proportions.

    Returns:
        Its soles; those that a body of its proportions has by default, if the rest
        pose's feet are not near the floor.
    """
    if not all(_stands(places, side) for side in SIDES):
        return Soles.of(offsets)
    heel, ball, tip = np.zeros((3, 2, 3))
    for i, side in enumerate(SIDES):
        foot, toes = alignments[ANKLES[i]], alignments[TOES[i]]
        ankle = places[f"{side}_ankle"]
        toe_base = ankle + foot @ offsets[TOES[i]]
        heel[i] = foot.T @ (_floor(ankle - HEEL_BEHIND_ANKLE * foot[:, 2]) - ankle)
        ball[i] = foot.T @ (_floor(toe_base) - ankle)
        tip[i] = toes.T @ (_floor(toe_base) - toe_base)
        end = ends.get(f"{side}_foot")
        if f"{side}_foot" in places:
            length = 0.0 if end is None else float((end - toe_base) @ toes[:, 2])
            tip[i, 2] += length if 0 < length < LONGEST_TOES else TIP_BEFORE_BALL
        elif end is not None:  # a foot without toes is stiff to its end
            ball[i] = foot.T @ (_floor(end) - ankle)
    return Soles(heel, ball, offsets[list(TOES)], tip)


def _floor(place: np.ndarray) -> np.ndarray:
    """The point of the floor below a place."""
    return place * [1.0, 0.0, 1.0]


def _stands(places: Mapping[str, np.ndarray], side: str) -> bool:
    ankle, toes = places.get(f"{side}_ankle"), places.get(f"{side}_foot")
    if ankle is None or not ANKLE_HEIGHT[0] < ankle[1] < ANKLE_HEIGHT[1]:
        return False
    return toes is None or TOE_HEIGHT[0] < toes[1] < min(TOE_HEIGHT[1], ankle[1])
