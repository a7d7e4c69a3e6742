# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of Denoise Mocap chooses; light, so that drawing a panel imports no numerics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

PARTS: Mapping[str, tuple[str, ...]] = {
    "hips": ("pelvis",),
    "torso": ("spine1", "spine2", "spine3"),
    "head": ("neck", "head"),
    "arms": tuple(f"{s}_{j}" for j in ("collar", "shoulder", "elbow", "wrist") for s in ("left", "right")),
    "legs": tuple(f"{s}_{j}" for j in ("hip", "knee", "ankle", "foot") for s in ("left", "right")),
}
"""Body part -> its joints: each part has a strength of its own."""


class Source(Enum):
    """Which actions are denoised."""

    ACTIVE = "ACTIVE"
    STRIPS = "STRIPS"
    ALL = "ALL"
    NAMED = "NAMED"


class KeyMode(Enum):
    """Where the keys of the result lie."""

    KEEP = "KEEP"
    BAKE = "BAKE"


@dataclass(frozen=True)
class DenoiseSettings:
    """What the user chooses.

    Attributes:
        source: the active action, those of the selected NLA strips, all that move the armature's bones,
            or those named in ``actions``.
        actions: names, with ``Source.NAMED``.
        frame_range: first and last frame to change, frames of the action; None for the whole action.
        selected_only: write only into selected bones.
        strength: 0 changes nothing, 1 is what measures best.
        parts: body part (a key of ``PARTS``) -> what its strength is multiplied by; 1 where not given.
        preserve_contacts: keep feet that stand where they stand.
        fill_gaps: fill in what is missing, dropped or frozen.
        keys: write on the frames that have keys, or on each frame.
        reduce: leave out keys as far as the errors below allow.
        max_error_deg: of a bone's rotation, degrees.
        max_error_mm: of a bone's place, millimetres on a body of human size.
    """

    source: Source = Source.ACTIVE
    actions: tuple[str, ...] = ()
    frame_range: tuple[float, float] | None = None
    selected_only: bool = False
    strength: float = 1.0
    parts: Mapping[str, float] = field(default_factory=dict)
    preserve_contacts: bool = True
    fill_gaps: bool = True
    keys: KeyMode = KeyMode.KEEP
    reduce: bool = False
    max_error_deg: float = 0.5
    max_error_mm: float = 2.0
