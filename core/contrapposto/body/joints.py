# SPDX-License-Identifier: GPL-3.0-or-later
"""The joints of SMPL-family bodies, told apart by their number. The first 22 are those of ``skeleton``."""

from __future__ import annotations

from contrapposto.skeleton import JOINT_NAMES, PARENTS

_SIDES = ("left", "right")
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_HANDS = tuple(f"{side}_{finger}{part}" for side in _SIDES for finger in _FINGERS for part in (1, 2, 3))

SMPL_JOINTS = (*JOINT_NAMES, "left_hand", "right_hand")
SMPLH_JOINTS = (*JOINT_NAMES, *_HANDS)
SMPLX_JOINTS = (*JOINT_NAMES, "jaw", "left_eye", "right_eye", *_HANDS)


def _parents(names: tuple[str, ...]) -> tuple[int, ...]:
    """A finger's parts hang on each other and on the wrist, jaw and eyes on the head."""
    found: list[int] = list(PARENTS)
    for name in names[len(PARENTS) :]:
        side, _, part = name.partition("_")
        if name == "jaw" or part == "eye":
            found.append(names.index("head"))
        elif part == "hand" or part.endswith("1"):
            found.append(names.index(f"{side}_wrist"))
        else:
            found.append(names.index(f"{name[:-1]}{int(name[-1]) - 1}"))
    return tuple(found)


JOINTS_OF = {"SMPL": SMPL_JOINTS, "SMPL-H": SMPLH_JOINTS, "SMPL-X": SMPLX_JOINTS}
"""Joint names of each kind of model."""

PARENTS_OF = {kind: _parents(names) for kind, names in JOINTS_OF.items()}
"""The joint that each one hangs on, -1 for the pelvis."""
