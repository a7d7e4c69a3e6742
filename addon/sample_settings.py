# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of Sample Poses chooses; light, so that drawing a panel imports no numerics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from .errors import Refusal
from .settings import Settings

MOST_STEP = 1000
MOST_SPACING = 10.0


class Destination(Enum):
    """Where samples go."""

    POSE = "POSE"
    KEYS = "KEYS"
    ASSETS = "ASSETS"
    GHOSTS = "GHOSTS"


@dataclass(frozen=True)
class SampleSettings(Settings):
    """What the user chooses, checked; ``hypotheses`` is how many samples there are.

    Keys of the type Generated do not keep a bone: they are what this makes.

    Attributes:
        destination: the current pose, keys along the timeline, pose assets, or ghosts beside the character.
        distance: 0 is the current pose, 1 is free of it.
        mirrored: exchange left and right of every sample; nothing may be kept then.
        start, step: frame of the first keyed sample, None for the current one, and frames between two.
        name: of the pose assets, before their number.
        catalog: of the pose assets, parts of its path parted by slashes; none if empty.
        tags: of the pose assets.
        spacing: from one ghost to the next, in heights of the body.
        home: the .blend file that the pose assets will be saved in; the one that is open if empty.

    Raises:
        Refusal: if a number is out of its range or a name is empty.
    """

    needs_known: ClassVar[bool] = False
    plural: ClassVar[str] = "Samples"

    diversity: float = 1.0
    refill_generated: bool = True
    destination: Destination = Destination.POSE
    distance: float = 1.0
    mirrored: bool = False
    start: int | None = None
    step: int = 10
    name: str = "Sample"
    catalog: str = "Contrapposto"
    tags: tuple[str, ...] = ("contrapposto",)
    spacing: float = 1.0
    home: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.distance <= 1:
            raise Refusal(f"Distance must be 0 to 1, not {self.distance:g}")
        if not 1 <= self.step <= MOST_STEP:
            raise Refusal(f"Frames between two poses must be 1 to {MOST_STEP}, not {self.step}")
        if not 0 < self.spacing <= MOST_SPACING:
            raise Refusal(
                f"Spacing of ghosts must be above 0 and up to {MOST_SPACING:g}, not {self.spacing:g}"
            )
        if not self.name.strip():
            raise Refusal("Pose assets need a name; type one")
