# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of Complete Pose chooses; light, so that drawing a panel imports no numerics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import bpy

from .errors import Refusal
from .rule import Rule

MOST_HYPOTHESES = 64
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Settings:
    """What the user chooses, checked.

    Attributes:
        rule: which bones are known; with ``Rule.NAMED`` and ``Rule.KEYED_AND_NAMED``, those in ``bones``.
        bones: names of known bones.
        hypotheses: how many alternatives to make, 1 to 64.
        alternative: which one to write, from 1, best first.
        diversity: 0 for the likeliest alternatives, 1 for ones that differ as much as they can.
        seed: same seed, same result.
        strength: 0 leaves the pose as it is, 1 takes the completed one.
        mirror: give a bone that is not known its known partner's rotation, mirrored.
        keep_feet_on_floor: may move a pelvis that is not known up or down.
        insert_keys: key what is written; None follows Blender's auto-keying.
        refill_generated: Generated keys do not make a bone known.
        weights: file of the prior's weights; the shipped ones if empty.
        device: what it is computed on, ``CPU`` or ``GPU``.

    Raises:
        Refusal: if a number is out of its range.
    """

    needs_known: ClassVar[bool] = True
    plural: ClassVar[str] = "Alternatives"

    rule: Rule = Rule.KEYED
    bones: tuple[str, ...] = ()
    hypotheses: int = 8
    alternative: int = 1
    diversity: float = 0.0
    seed: int = 0
    strength: float = 1.0
    mirror: bool = False
    keep_feet_on_floor: bool = True
    insert_keys: bool | None = None
    refill_generated: bool = False
    weights: str = ""
    device: str = "CPU"

    def __post_init__(self) -> None:
        if not 1 <= self.hypotheses <= MOST_HYPOTHESES:
            raise Refusal(f"{self.plural} must be 1 to {MOST_HYPOTHESES}, not {self.hypotheses}")
        if not 1 <= self.alternative <= self.hypotheses:
            raise Refusal(
                f"There is no alternative {self.alternative} of {self.hypotheses}; "
                "choose a lower one or make more alternatives"
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            raise Refusal(f"Seed must be 0 to {LARGEST_SEED}, not {self.seed}")
        for name in ("diversity", "strength"):
            if not 0 <= getattr(self, name) <= 1:
                raise Refusal(f"{name.title()} must be 0 to 1, not {getattr(self, name):g}")


def preferred_weights(context: bpy.types.Context) -> str:
    """The weights file that the add-on's preferences name; empty for the shipped ones."""
    addon = context.preferences.addons.get(__package__.rpartition(".")[0])
    return addon.preferences.weights if addon and addon.preferences else ""
